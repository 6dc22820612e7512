// Events on their way to stdout: gathered into big writes, one in flight at a time, so memory stays
// bounded however slow the reader is.

import type { Writable } from 'node:stream';
import { systemCode } from '../errors.js';
import { OutputClosed, toWalError } from './report-error.js';

/** Writes of this size cost little per event and still reach a pager at once. */
export const FLUSH_BYTES = 256 * 1024;
/** Room for the event that crosses that line, mostly; `reserve` makes more. */
const BATCH_BYTES = FLUSH_BYTES * 2;

const writeWhole = (stream: Writable, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === null || error === undefined) resolve();
      else if (isClosed(error)) reject(new OutputClosed('the reader of stdout is gone'));
      else reject(toWalError(error, 'stdout'));
    });
  });

const isClosed = (error: unknown): boolean => {
  const code = systemCode(error);
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ECONNRESET';
};

/** Writes `text` and waits until the system has it. @throws OutputClosed when nobody reads */
export const writeText = (stream: Writable, text: string): Promise<void> =>
  writeWhole(stream, Buffer.from(text));

export class Output {
  readonly #stream: Writable;
  #spare = new Uint8Array(BATCH_BYTES);
  #inFlight: Promise<void> = Promise.resolve();
  /** The batch being gathered; replaced by {@link reserve} and {@link flush}. */
  bytes = new Uint8Array(BATCH_BYTES);
  /** Bytes of it that are filled. */
  length = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  get isFull(): boolean {
    return this.length >= FLUSH_BYTES;
  }

  /** Makes room for `more` bytes behind `length`. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, BATCH_BYTES, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  append(part: Uint8Array): void {
    this.reserve(part.length);
    this.bytes.set(part, this.length);
    this.length += part.length;
  }

  /** Resolves when the stream has taken all that was gathered up to this call. */
  async flush(): Promise<void> {
    if (this.length === 0) return this.#inFlight;
    const batch = this.bytes;
    const filled = this.length;
    const before = this.#inFlight;
    // The spare may still be on its way out: take it only when it is not.
    const free = this.#spare;
    this.bytes = free;
    this.#spare = new Uint8Array(0);
    this.length = 0;
    const written = before.then(() => writeWhole(this.#stream, batch.subarray(0, filled)));
    this.#inFlight = written;
    await written;
    if (this.#spare.length === 0) this.#spare = batch;
  }
}
