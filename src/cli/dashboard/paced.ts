// What is asked of the disk for the page, no more often than it costs little: a folder with
// thousands of files takes longer to read, and is read less often.

/** Of the time, at most. */
const SHARE = 0.02;

export class Paced<Value> {
  readonly #leastMs: number;
  #value: { readonly of: Value } | undefined;
  #nextMs = Number.NEGATIVE_INFINITY;

  /** @param leastMs from one reading to the next, also where it costs nothing */
  constructor(leastMs: number) {
    this.#leastMs = leastMs;
  }

  /** What `read` gives, or gave a while ago. */
  get(nowMs: number, read: () => Value): Value {
    if (this.#value !== undefined && nowMs < this.#nextMs) return this.#value.of;
    const startMs = performance.now();
    const of = read();
    const tookMs = performance.now() - startMs;
    this.#value = { of };
    this.#nextMs = nowMs + Math.max(this.#leastMs, tookMs / SHARE);
    return of;
  }

  /** The next one is read, unless it would cost too much. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#nextMs;
  }
}
