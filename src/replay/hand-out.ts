// The memory of the fast ways to read: a consumer may write into it, transfer it or hold it. So it
// is never what a reader verifies or steps through; it holds a copy of one payload at a time.
import { MAX_BLOCK_BYTES } from '../segment/block-header.js';
import { alignUp } from '../units.js';

/**
 * More than a payload of most logs: so that `bytes` stays one object. A larger one gets memory of
 * its size, which stays until the consumer has given it away.
 */
const HAND_OUT_BYTES = MAX_BLOCK_BYTES;
/** Up to here a loop is faster than a view of the source and `set`. */
const LOOP_BYTES_MAX = 512;

export class HandOut {
  #buffer = new ArrayBuffer(HAND_OUT_BYTES);
  // Views that nobody else has: what a consumer does to an object of his own tells nothing.
  #target = new Uint8Array(this.#buffer);
  #words = new Int32Array(this.#buffer);
  /** All of it; another object after the consumer gave the memory away, or for a large payload. */
  bytes = new Uint8Array(this.#buffer);

  /**
   * Puts `byteCount` bytes of `source` from `start` on, a multiple of 8, at the start of the
   * memory.
   * @param sourceWords `source` as words; it continues to the next multiple of 8
   */
  put(source: Uint8Array, sourceWords: Int32Array, start: number, byteCount: number): void {
    // Whoever transfers the memory leaves views without length.
    if (this.#words.length === 0) this.#renew(HAND_OUT_BYTES);
    if (byteCount > this.#target.length) this.#renew(alignUp(byteCount, 8));
    if (byteCount > LOOP_BYTES_MAX) {
      this.#target.set(source.subarray(start, start + byteCount));
      return;
    }
    const words = this.#words;
    const wordCount = ((byteCount + 7) & -8) >> 2;
    let from = start >> 2;
    let to = 0;
    for (; to + 4 <= wordCount; to += 4, from += 4) {
      words[to] = sourceWords[from] as number;
      words[to + 1] = sourceWords[from + 1] as number;
      words[to + 2] = sourceWords[from + 2] as number;
      words[to + 3] = sourceWords[from + 3] as number;
    }
    if (to === wordCount) return;
    words[to] = sourceWords[from] as number;
    words[to + 1] = sourceWords[from + 1] as number;
  }

  /** A view of what was put there. */
  view(byteCount: number): Uint8Array {
    return new Uint8Array(this.#buffer, 0, byteCount);
  }

  #renew(bytes: number): void {
    this.#buffer = new ArrayBuffer(bytes);
    this.#target = new Uint8Array(this.#buffer);
    this.#words = new Int32Array(this.#buffer);
    this.bytes = new Uint8Array(this.#buffer);
  }
}
