// Copies of payloads, for `apply` to keep. An ArrayBuffer costs several times what a small event
// costs otherwise, so small ones share them, as Node's own Buffers do.
import threads from 'node:worker_threads';

const SHARED_BUFFER_BYTES = 8192;
const SHARED_PAYLOAD_BYTES_MAX = SHARED_BUFFER_BYTES / 2;

export class PayloadCopies {
  #buffer = new ArrayBuffer(0);
  #used = 0;

  /** @param byteCount of the payload */
  of(payload: Uint8Array, byteCount: number): Uint8Array {
    const copy =
      byteCount > SHARED_PAYLOAD_BYTES_MAX ? new Uint8Array(byteCount) : this.#take(byteCount);
    copy.set(payload);
    return copy;
  }

  #take(byteCount: number): Uint8Array {
    // So it is, too, where the application gave its memory away.
    if (this.#used + byteCount >= this.#buffer.byteLength) {
      this.#buffer = untransferable(new ArrayBuffer(SHARED_BUFFER_BYTES));
      this.#used = 0;
    }
    const taken = new Uint8Array(this.#buffer, this.#used, byteCount);
    // Whole words: each may be looked at as doubles.
    this.#used += (byteCount + 7) & -8;
    return taken;
  }
}

/** Nobody can give away with one payload the memory of others, where the runtime knows of that. */
function untransferable(buffer: ArrayBuffer): ArrayBuffer {
  try {
    threads.markAsUntransferable(buffer);
  } catch {
    // Some others than Node do not. To transfer it is forbidden all the same.
  }
  return buffer;
}
