// Up to when everything that was appended is durable: from then on an event may be waiting. The
// writer does not know when an event was appended (its timestamp may be coarse, and follows the
// wall clock), but it knows when it looked at the ring, and what was there then.
//
//   look 1 sees ──►┐            look 2 sees ──────►┐
//   | block | block | block     | block | block    |  …
//                   └ all that look 1 saw is taken: the rest was appended after look 1

/** Positions as in the ring: modulo 2^32. */
export class LagHorizon {
  #seenNs: number;
  #seen: number;
  #takenUntilNs: number;
  #durableUntilNs: number;

  /** @param position of a ring that is empty at `nowNs` */
  constructor(nowNs: number, position: number) {
    this.#seenNs = nowNs;
    this.#takenUntilNs = nowNs;
    this.#durableUntilNs = nowNs;
    this.#seen = position;
  }

  /** All that was appended before was durable when the last sync ended. */
  get durableUntilNs(): number {
    return this.#durableUntilNs;
  }

  /** Goes on with another ring, of which everything up to `position` is taken. */
  moveTo(position: number): void {
    this.#seen = position;
  }

  /** A look found `appended` in the ring, and `taken` taken of it. `nowNs`: just before it. */
  onLook(nowNs: number, appended: number, taken: number): void {
    this.onTaken(taken);
    if (((taken - this.#seen) | 0) < 0) return;
    this.#seen = appended;
    this.#seenNs = nowNs;
    this.onTaken(taken);
  }

  /** Everything before the position `taken` has left the ring. */
  onTaken(taken: number): void {
    if (((taken - this.#seen) | 0) >= 0) this.#takenUntilNs = this.#seenNs;
  }

  /** All that was taken is durable. */
  onDurable(): void {
    this.#durableUntilNs = this.#takenUntilNs;
  }
}
