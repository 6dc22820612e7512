// The terminal while `top` is live: the alternate screen, no cursor, keys without Enter. Whatever
// ends the command, the terminal is as it was before.

import type { Writable } from 'node:stream';
import { writeText } from '../output.js';
import { CLEAR_BELOW, overLine } from './text-line.js';

const ALTERNATE_SCREEN = '\u001b[?1049h';
const MAIN_SCREEN = '\u001b[?1049l';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';
const HOME = '\u001b[H';

const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

/** The part of `process.stdin` that gives keys. */
interface KeyStream {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (chunk: Buffer | string) => void): unknown;
  removeListener(event: 'data', listener: (chunk: Buffer | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface ScreenStream extends Writable {
  readonly columns?: number;
  readonly rows?: number;
}

/** `resize`: the terminal has another size, or shows the screen again. */
type ScreenEvent = 'tick' | 'resize' | 'interrupt' | { readonly key: string };

export class LiveScreen {
  readonly #stdout: ScreenStream;
  readonly #stdin: KeyStream;
  readonly #events: ScreenEvent[] = [];
  #isShown = false;
  #wake: () => void = () => undefined;

  constructor(stdout: ScreenStream, stdin: KeyStream) {
    this.#stdout = stdout;
    this.#stdin = stdin;
    this.#enter();
    stdout.on('resize', this.#onResize);
    process.on('SIGCONT', this.#onContinue);
    process.on('exit', this.#leave);
  }

  /** A terminal that does not know its size says 0. */
  get columns(): number {
    return this.#stdout.columns || 80;
  }

  get rows(): number {
    return this.#stdout.rows || 24;
  }

  /** Shows `lines` instead of what was shown: one write, nothing is blanked first. */
  async draw(lines: readonly string[]): Promise<void> {
    if (!this.#isShown) return;
    const { columns } = this;
    const text = lines.map((line) => overLine(line, columns)).join('\r\n');
    await writeText(this.#stdout, HOME + text + CLEAR_BELOW);
  }

  /** What happens first: `waitMs` pass (`tick`), a key, another size, or `signal` (`interrupt`). */
  async next(waitMs: number, signal: AbortSignal): Promise<ScreenEvent> {
    if (signal.aborted) return 'interrupt';
    if (this.#events.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#wake = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', this.#wake);
          resolve();
        };
        signal.addEventListener('abort', this.#wake, { once: true });
      });
      signal.removeEventListener('abort', this.#wake);
    }
    return signal.aborted ? 'interrupt' : (this.#events.shift() ?? 'tick');
  }

  /** Gives the terminal back. Idempotent. */
  close(): void {
    this.#stdout.removeListener('resize', this.#onResize);
    process.removeListener('SIGCONT', this.#onContinue);
    process.removeListener('exit', this.#leave);
    this.#leave();
  }

  #enter(): void {
    this.#isShown = true;
    this.#stdout.write(ALTERNATE_SCREEN + HIDE_CURSOR + NO_WRAP);
    if (this.#stdin.isTTY !== true) return;
    this.#stdin.setRawMode?.(true);
    this.#stdin.on('data', this.#onKeys);
    this.#stdin.resume();
  }

  readonly #leave = (): void => {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#stdout.write(WRAP + SHOW_CURSOR + MAIN_SCREEN);
    if (this.#stdin.isTTY !== true) return;
    this.#stdin.removeListener('data', this.#onKeys);
    this.#stdin.setRawMode?.(false);
    this.#stdin.pause();
  };

  readonly #onResize = (): void => this.#tell('resize');

  /** Without Enter means without signals as well: Ctrl-C and Ctrl-Z arrive as keys. */
  readonly #onKeys = (chunk: Buffer | string): void => {
    for (const key of String(chunk)) {
      if (key === CTRL_C) this.#tell('interrupt');
      else if (key === CTRL_Z) this.#suspend();
      else this.#tell({ key });
    }
  };

  #suspend(): void {
    this.#leave();
    // The whole job, as the terminal itself would do it: npx may stand above this process.
    process.kill(0, 'SIGTSTP');
  }

  readonly #onContinue = (): void => {
    if (!this.#isShown) this.#enter();
    this.#tell('resize');
  };

  #tell(event: ScreenEvent): void {
    this.#events.push(event);
    this.#wake();
  }
}
