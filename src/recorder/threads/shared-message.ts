// An error that one thread leaves for others in shared memory: readable while the reader's event
// loop is blocked, which a posted message is not.
import { deserializeError, type SerializedError, serializeError } from '../../errors.js';

const HEADER_BYTES = 8;

export class SharedMessage {
  /** Word 0: generation, 0 = nothing yet, odd = being written. Word 1: bytes of the text. */
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, byteLength: number) {
    this.#words = new Int32Array(buffer, byteOffset, 2);
    this.#bytes = new Uint8Array(buffer, byteOffset + HEADER_BYTES, byteLength - HEADER_BYTES);
  }

  write(error: unknown): void {
    const text = fit(serializeError(error), this.#bytes.length);
    // Odd from here on, also where a writer died in the middle: the next one must not end odd.
    const writing = Atomics.or(this.#words, 0, 1) | 1;
    this.#bytes.set(text);
    this.#words[1] = text.length;
    Atomics.store(this.#words, 0, (writing + 1) | 0);
  }

  /** The last error written, or undefined: nothing was, or it is being written just now. */
  read(): Error | undefined {
    const generation = Atomics.load(this.#words, 0);
    if (generation === 0 || (generation & 1) === 1) return undefined;
    const copy = Uint8Array.from(this.#bytes.subarray(0, this.#words[1]));
    if (Atomics.load(this.#words, 0) !== generation) return undefined;
    return deserializeError(JSON.parse(new TextDecoder().decode(copy)) as SerializedError);
  }
}

/** The error as JSON in at most `limit` bytes: a long message loses its end, not its meaning. */
function fit(error: SerializedError, limit: number): Uint8Array {
  const encoder = new TextEncoder();
  let text = encoder.encode(JSON.stringify(error));
  for (let keep = 400; text.length > limit && keep >= 25; keep >>>= 1) {
    text = encoder.encode(JSON.stringify(shorten(error, keep)));
  }
  return text;
}

function shorten(error: SerializedError, keep: number): SerializedError {
  const { cause, path } = error;
  return {
    ...error,
    message: error.message.slice(0, keep),
    path: path === undefined ? undefined : path.slice(-keep),
    cause:
      cause === undefined ? undefined : { code: cause.code, message: cause.message.slice(0, keep) },
  };
}
