// Lines that are drawn over themselves among a terminal's other lines. No mode of the terminal is
// changed and the cursor stays in sight, below them: whatever ends the command, there is nothing
// to give back.

import type { TextStream } from '../terminal.js';
import { moreRows } from './more-rows.js';
import { CLEAR_BELOW, cutText, overLine } from './text-line.js';

const lineUp = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A`);

export interface PanelStream extends TextStream {
  readonly rows?: number | undefined;
}

export class InlinePanel {
  readonly #stream: PanelStream;
  /** Lines above the cursor that the next drawing takes the place of. */
  #shownLines = 0;
  #shownSize = '';

  constructor(stream: PanelStream) {
    this.#stream = stream;
  }

  /** A terminal that does not know its size says 0. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  get #rows(): number {
    return this.#stream.rows || 24;
  }

  /** Draws `lines`, or as many as there are rows for, over the last ones; until `leave`. */
  draw(lines: readonly string[]): void {
    if (this.#shownLines === 0) process.on('SIGCONT', this.#onContinue);
    // What has scrolled out of the terminal could not be drawn over.
    const room = this.#rows - 1;
    if (lines.length <= room || room < 2) this.#write(lines.slice(0, room));
    else this.#write([...lines.slice(0, room - 1), this.#more(lines.length - room + 1)]);
  }

  /** Draws all of `lines` over the last ones, and leaves them there. */
  finish(lines: readonly string[]): void {
    this.#write(lines);
    this.leave();
  }

  #more(rows: number): string {
    return cutText(moreRows(rows), this.columns);
  }

  /** What was drawn stays, and whatever follows stands below it. Idempotent. */
  leave(): void {
    process.removeListener('SIGCONT', this.#onContinue);
    this.#shownLines = 0;
  }

  #write(lines: readonly string[]): void {
    const { columns } = this;
    const size = `${columns} x ${this.#rows}`;
    // Another size may have moved what was drawn: it is left, rather than what is above it lost.
    const overLines = size === this.#shownSize ? this.#shownLines : 0;
    const text = lines.map((line) => `${overLine(line, columns)}\n`).join('');
    this.#stream.write(`\r${lineUp(overLines)}${text}${CLEAR_BELOW}`);
    this.#shownLines = lines.length;
    this.#shownSize = size;
  }

  /** While it was stopped, the shell has written below. */
  readonly #onContinue = (): void => {
    this.#shownSize = '';
  };
}
