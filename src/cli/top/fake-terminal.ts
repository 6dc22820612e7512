// A terminal that tests can look at: what stands on it after all that was written.

import { stripVTControlCharacters } from 'node:util';

const ESCAPE = '\u001b';
/** Behind the escape: `[2A`. */
const SEQUENCE = /^\[(\d*)([A-Za-z])/;

export class FakeTerminal {
  readonly isTTY = true;
  columns: number;
  rows: number;
  readonly writes: string[] = [];
  /** With what has scrolled out, which the cursor cannot reach. */
  readonly #lines: string[][] = [[]];
  /** The first line that the cursor can reach. */
  #top = 0;
  #row = 0;
  #column = 0;

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): boolean {
    this.writes.push(text);
    const [shown = '', ...sequences] = text.split(ESCAPE);
    for (const char of shown) this.#show(char);
    for (const sequence of sequences) {
      const [taken = '', count, letter] = SEQUENCE.exec(sequence) ?? [];
      this.#obey(letter, count === '' ? 1 : Number(count));
      for (const char of sequence.slice(taken.length)) this.#show(char);
    }
    return true;
  }

  get #width(): number {
    return this.columns || 80;
  }

  #show(char: string): void {
    if (char === '\r') this.#column = 0;
    else if (char === '\n') {
      this.#row += 1;
      this.#column = 0;
      if (this.#row === this.#lines.length) this.#lines.push([]);
      this.#top = Math.max(this.#top, this.#row + 1 - (this.rows || 24));
    } else {
      if (this.#column >= this.#width) this.#show('\n');
      this.#line[this.#column] = char;
      this.#column += 1;
    }
  }

  get #line(): string[] {
    return this.#lines[this.#row] ?? [];
  }

  #obey(letter: string | undefined, count: number): void {
    // A full line's cursor stands on its last column.
    const column = Math.min(this.#column, this.#width - 1);
    if (letter === 'A') {
      this.#row = Math.max(this.#top, this.#row - count);
    } else if (letter === 'K') {
      this.#line.length = Math.min(this.#line.length, column);
    } else if (letter === 'J') {
      this.#line.length = Math.min(this.#line.length, column);
      this.#lines.length = this.#row + 1;
    } else if (letter !== 'm') {
      throw new Error(`no sequence that a panel needs: ${letter}`);
    }
  }

  /** From the first one ever written. */
  get lines(): readonly string[] {
    return this.#lines.map((line) => Array.from(line, (char) => char ?? ' ').join(''));
  }

  /** All that was written, without colours and the like. */
  get text(): string {
    return stripVTControlCharacters(this.writes.join(''));
  }
}
