// Bounds the work that forged headers cause. The blocks of a recorder do not overlap, so those of a
// segment whose payloads turn out broken have together at most its bytes. Only headers that were
// made to overlap announce more: from some point on their payloads are not read, and count as
// broken.

/** A segment's bytes, so many times over. */
const FACTOR = 8;

export class PayloadBudget {
  #bytesLeft: number;

  constructor(segmentBytes: number) {
    this.#bytesLeft = FACTOR * segmentBytes;
  }

  get isSpent(): boolean {
    return this.#bytesLeft <= 0;
  }

  /** A payload of `bytes` was read in vain. */
  spend(bytes: number): void {
    this.#bytesLeft -= bytes;
  }
}
