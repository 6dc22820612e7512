// The slowest of many, with what was seen at each.
import type { Slow } from './evidence.js';

export class Worst {
  readonly #kept: Slow[] = [];
  /** What a sample must exceed to be among them. */
  thresholdNs: number;

  constructor(
    readonly count: number,
    leastNs: number,
  ) {
    this.thresholdNs = leastNs;
  }

  add(slow: Slow): void {
    this.#kept.push(slow);
    this.#kept.sort((one, other) => other.ns - one.ns);
    if (this.#kept.length <= this.count) return;
    this.#kept.length = this.count;
    this.thresholdNs = this.#kept.at(-1)?.ns ?? this.thresholdNs;
  }

  /** The slowest first. */
  get all(): readonly Slow[] {
    return this.#kept;
  }
}
