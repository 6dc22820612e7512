// What is said to a person. Colour and a moving line only where a terminal shows them; in a pipe
// or a file the same words arrive as plain lines.

import { fitLine } from './help-text.js';

const ESCAPE = '\u001b[';

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Environment {
  readonly NO_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

const PROGRESS_INTERVAL_MS = 100;

/** Below it, words on lines of their own are no easier to read than what the terminal cuts. */
const FITTED_COLUMNS_MIN = 20;

/** The words that fit whole: a number that is cut short is another number. */
function cutAtWord(text: string, columns: number): string {
  if (text.length <= columns) return text;
  const end = columns < 2 ? -1 : text.lastIndexOf(' ', columns - 2);
  return end > 0 ? `${text.slice(0, end).trimEnd()} …` : '…'.slice(0, Math.max(0, columns));
}

export class Terminal {
  readonly #stream: TextStream;
  readonly #colour: boolean;
  readonly #moving: boolean;
  #progressShown = false;
  #progressAtMs = 0;

  constructor(stream: TextStream, environment: Environment = process.env) {
    const { NO_COLOR, TERM } = environment;
    this.#stream = stream;
    this.#moving = stream.isTTY === true && TERM !== 'dumb';
    // no-color.org: present and not empty, whatever its value.
    this.#colour = this.#moving && (NO_COLOR === undefined || NO_COLOR === '');
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `${ESCAPE}${code}m${text}${ESCAPE}0m` : text;
  }
  readonly bold = (text: string): string => this.#paint(1, text);
  readonly dim = (text: string): string => this.#paint(2, text);
  readonly red = (text: string): string => this.#paint(31, text);
  readonly green = (text: string): string => this.#paint(32, text);
  readonly yellow = (text: string): string => this.#paint(33, text);
  readonly cyan = (text: string): string => this.#paint(36, text);

  /** Whether {@link progress} shows anything. */
  get showsProgress(): boolean {
    return this.#moving;
  }

  /** On a terminal that is narrower than the text it goes on below, at a word. */
  line(text = ''): void {
    this.clearProgress();
    const { columns } = this.#stream;
    const isFitted = this.#moving && columns !== undefined && columns >= FITTED_COLUMNS_MIN;
    const lines = text.split('\n').flatMap((line) => (isFitted ? fitLine(line, columns) : [line]));
    this.#stream.write(`${lines.join('\n')}\n`);
  }

  /** Replaces the moving line, ten times a second at most; nothing where there is no terminal. */
  progress(describe: () => string, nowMs: number = performance.now()): void {
    if (!this.#moving || nowMs - this.#progressAtMs < PROGRESS_INTERVAL_MS) return;
    this.#progressAtMs = nowMs;
    this.#progressShown = true;
    const columns = this.#stream.columns ?? 80;
    // A line that wraps could not be taken back.
    this.#stream.write(`\r${cutAtWord(describe(), columns - 1)}${ESCAPE}K`);
  }

  clearProgress(): void {
    if (!this.#progressShown) return;
    this.#progressShown = false;
    this.#stream.write(`\r${ESCAPE}K`);
  }
}
