// Medians of rounds, and the hash of what a benchmark computed.

/** The middle value; of an even number the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * A hash (FNV-1a) of what was computed. It is printed, so that no compiler can leave out work whose
 * result nobody needs, and it is the same in each run of the same size on any machine.
 */
export class ResultHash {
  #state = FNV_OFFSET;
  #count = 0;

  add(value: number | string): void {
    this.#count++;
    for (const unit of String(value)) {
      this.#state = Math.imul(this.#state ^ (unit.codePointAt(0) ?? 0), FNV_PRIME) >>> 0;
    }
    this.#state = Math.imul(this.#state ^ 0x1f, FNV_PRIME) >>> 0;
  }

  /** undefined when nothing was added: what is computed differs from run to run. */
  get text(): string | undefined {
    if (this.#count === 0) return undefined;
    return this.#state.toString(16).padStart(8, '0');
  }
}
