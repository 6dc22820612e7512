// Events on their way to stdout: gathered into big writes; the caller waits for each when its batch
// is full, so memory stays bounded however slow the reader is.

import type { Writable } from 'node:stream';
import { codeOf, printable } from '../errors.js';
import { KIB } from '../units.js';
import { TextBuffer } from './formats/text-buffer.js';
import { OutputClosed, toWalError } from './report-error.js';

/** Writes of this size cost little per event and still reach a pager at once. */
const FLUSH_BYTES = 256 * KIB;

const writeWhole = (stream: Writable, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === null || error === undefined) resolve();
      else if (isClosed(error)) reject(new OutputClosed('the reader of stdout has closed it'));
      else reject(toWalError(error, 'stdout'));
    });
  });

const isClosed = (error: unknown): boolean => {
  const code = codeOf(error);
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ECONNRESET';
};

/**
 * Writes `text` as it is and waits until the system has it. @throws OutputClosed when nobody reads
 */
export const writeText = (stream: Writable, text: string): Promise<void> =>
  writeWhole(stream, Buffer.from(text));

/** Whether a person's terminal shows what is written, and obeys the escape sequences in it. */
export const isTerminal = (stream: Writable): boolean => 'isTTY' in stream && stream.isTTY === true;

/** Lines of text that steer no terminal, whatever they hold. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

/** Writes lines of text that may hold names of files and the like: harmless on a terminal. */
export const writeLines = (stream: Writable, text: string): Promise<void> =>
  writeText(stream, isTerminal(stream) ? printableLines(text) : text);

export class Output extends TextBuffer {
  readonly #stream: Writable;
  #spare = new Uint8Array(0);
  #inFlight: Promise<void> = Promise.resolve();

  constructor(stream: Writable) {
    super();
    this.#stream = stream;
  }

  get isFull(): boolean {
    return this.length >= FLUSH_BYTES;
  }

  /** Resolves when the stream has taken all that was gathered up to this call. */
  async flush(): Promise<void> {
    if (this.length === 0) return this.#inFlight;
    const batch = this.bytes;
    const filled = this.length;
    // The stream may hold on to the batch: what comes meanwhile is gathered elsewhere.
    this.bytes = this.#spare;
    this.#spare = new Uint8Array(0);
    this.length = 0;
    this.#inFlight = writeWhole(this.#stream, batch.subarray(0, filled));
    await this.#inFlight;
    this.#spare = batch;
  }
}
