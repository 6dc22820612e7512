// Lines into a log, one event each: cut, turned into payloads, appended. What cannot be an event is
// told by the number of its line.
import { invalidOption, messageOf, printable, WalError } from '../errors.js';
import { MIB } from '../units.js';
import type { Appender } from './appender.js';
import { LineSplitter, LineTooLong } from './line-splitter.js';

/** No event is larger, so longer lines are refused before they are in memory whole. */
const LINE_BYTES_MAX = MIB;

/** Options of whatever takes lines. */
export interface LineOptions {
  /** A longer line is refused: 1 … 1,048,576 bytes. Default: 1,048,576, as no event is longer. */
  readonly maxLineBytes?: number | undefined;
  /**
   * Makes the payload of a line, which has no `\n`; the buffer is valid during the call. What it
   * throws refuses the line. Default: the bytes of the line.
   */
  readonly encode?: ((line: Buffer) => Uint8Array) | undefined;
  /** What messages call the input. Default `the input`. */
  readonly name?: string | undefined;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function checkLineOptions({ maxLineBytes, encode, name }: LineOptions): void {
  const isLength =
    Number.isSafeInteger(maxLineBytes) && Number(maxLineBytes) >= 1 && Number(maxLineBytes) <= MIB;
  if (maxLineBytes !== undefined && !isLength) {
    throw invalidOption(`maxLineBytes must be a whole number from 1 to ${LINE_BYTES_MAX}.`);
  }
  if (encode !== undefined && typeof encode !== 'function') {
    throw invalidOption('encode must be a function.');
  }
  if (name !== undefined && typeof name !== 'string') {
    throw invalidOption('name must be a string.');
  }
}

/** What is wrong with a payload, and not with the log. */
const OF_PAYLOADS: ReadonlySet<string> = new Set([
  'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
  'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
]);

export class LineIntake {
  readonly appender: Appender;
  readonly #splitter: LineSplitter;
  readonly #encode: ((line: Buffer) => Uint8Array) | undefined;
  readonly #name: string;

  constructor(appender: Appender, { maxLineBytes, encode, name }: LineOptions) {
    this.appender = appender;
    this.#splitter = new LineSplitter(maxLineBytes ?? LINE_BYTES_MAX);
    this.#encode = encode;
    this.#name = name ?? 'the input';
  }

  /**
   * Appends the lines that end in `chunk`.
   * @param put what is done with one for which the ring has no room
   * @throws WalError ERR_FLASHSTRIKE_INPUT naming the line; what appending throws
   */
  async take(chunk: Buffer, put: (payload: Uint8Array) => Promise<void>): Promise<void> {
    this.#splitter.feed(chunk);
    while (this.#next()) {
      const payload = this.#payload();
      if (!this.#tryPut(payload)) await put(payload);
    }
  }

  /** Appends a last line that no `\n` ends; resolves to whether there was one. */
  async finish(put: (payload: Uint8Array) => Promise<void>): Promise<boolean> {
    if (!this.#splitter.finish()) return false;
    const payload = this.#payload();
    if (!this.#tryPut(payload)) await put(payload);
    return true;
  }

  #next(): boolean {
    try {
      return this.#splitter.next();
    } catch (error) {
      throw error instanceof LineTooLong ? this.#refused(error) : error;
    }
  }

  #payload(): Uint8Array {
    const { bytes, start, end } = this.#splitter;
    const line = bytes.subarray(start, end);
    if (this.#encode === undefined) return line;
    try {
      return this.#encode(line);
    } catch (error) {
      throw this.#refused(error);
    }
  }

  #tryPut(payload: Uint8Array): boolean {
    try {
      return this.appender.tryPut(payload);
    } catch (error) {
      const isOfLine = error instanceof WalError && OF_PAYLOADS.has(error.code);
      throw isOfLine ? this.#refused(error) : error;
    }
  }

  #refused(cause: unknown): WalError {
    const line = (this.appender.events + 1).toLocaleString('en-US');
    const message =
      `line ${line} of ${this.#name} was not recorded: ${printable(messageOf(cause))}; the lines ` +
      'before it are kept, those after it were not read';
    return new WalError('ERR_FLASHSTRIKE_INPUT', message, { path: this.#name, cause });
  }
}
