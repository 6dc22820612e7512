// The payloads of one batch, each read once from the array that was given. That array may be a
// proxy, have getters, or change in between: what was checked must be what is appended. One is used
// again and again, so that a batch allocates nothing.
import { invalidArgument, type WalError } from '../../errors.js';
import { FRAME_HEADER_BYTES } from '../../segment/frame.js';
import { payloadBytesOf } from './payload.js';

/** What a payload leaves behind: an array that is kept must not keep it alive. */
const NOTHING = new Uint8Array(0);

export class Batch {
  /** More than a batch can have, empty as they may be. */
  readonly #mostPayloads: number;
  readonly #payloads: Uint8Array[] = [];
  readonly #payloadBytes: number[] = [];
  count = 0;
  /** Bytes that all frames take in the ring. */
  span = 0;
  longestBytes = 0;

  /** @param limitBytes what frames of a batch may take in all */
  constructor(limitBytes: number) {
    this.#mostPayloads = Math.floor(limitBytes / FRAME_HEADER_BYTES) + 1;
  }

  payload(index: number): Uint8Array {
    return this.#payloads[index] as Uint8Array;
  }

  payloadBytes(index: number): number {
    return this.#payloadBytes[index] as number;
  }

  /**
   * Takes the payloads, or the first of so many that no batch holds them. Code of the application
   * may run here, and append as well.
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
   */
  take(payloads: readonly Uint8Array[]): void {
    const length: unknown = isArray(payloads) ? payloads.length : 0;
    if (typeof length !== 'number' || !(length >= 1)) throw notArray();
    const count = Math.min(Math.floor(length), this.#mostPayloads);
    const taken = this.#payloads;
    for (let index = 0; index < count; index++) taken[index] = payloads[index] as Uint8Array;
    // Behind that loop, in which a getter may have given away a buffer that was read before it.
    const lengths = this.#payloadBytes;
    let span = 0;
    let longestBytes = 0;
    for (let index = 0; index < count; index++) {
      const payloadBytes = payloadBytesOf(taken[index] as Uint8Array);
      lengths[index] = payloadBytes;
      if (payloadBytes > longestBytes) longestBytes = payloadBytes;
      span += (payloadBytes + FRAME_HEADER_BYTES + 7) & ~7;
    }
    this.count = count;
    this.span = span;
    this.longestBytes = longestBytes;
  }

  clear(): void {
    const taken = this.#payloads;
    for (let index = 0; index < this.count; index++) taken[index] = NOTHING;
    this.count = 0;
  }
}

/** As Array.isArray, which throws at a proxy that was revoked. */
function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function notArray(): WalError {
  return invalidArgument('A batch must be an array of at least one payload.');
}
