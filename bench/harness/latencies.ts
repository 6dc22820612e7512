// Latencies in Node's own HdrHistogram (perf_hooks), three significant digits from 1 ns to 100 s:
// percentiles stay exact enough at any number of samples, and nothing needs to be installed.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

const HIGHEST_NS = 100e9;
const FIGURES = 3;

/** The percentiles that are printed. */
export const PRINTED = [50, 90, 99, 99.9, 99.99] as const;
/** The percentiles that are kept, for plots. */
const KEPT = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100];

/** What a result file keeps of latencies: pairs of a percentile and its value in nanoseconds. */
export interface LatencySummary {
  readonly samples: number;
  readonly percentilesNs: readonly (readonly [percent: number, ns: number])[];
}

export class Latencies {
  readonly #histogram: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: HIGHEST_NS,
    figures: FIGURES,
  });

  record(ns: number): void {
    this.#histogram.record(Math.min(HIGHEST_NS, Math.max(1, Math.round(ns))));
  }

  /** For hot loops, which write into an array and hand it over when the clock is stopped. */
  recordAll(samplesNs: Float64Array): this {
    for (const ns of samplesNs) this.record(ns);
    return this;
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  /** The value in nanoseconds below or at which `percent` of the samples lie. */
  percentileNs(percent: number): number {
    if (percent === 0) return this.#histogram.min;
    return percent === 100 ? this.#histogram.max : this.#histogram.percentile(percent);
  }

  get count(): number {
    return this.#histogram.count;
  }

  summary(): LatencySummary {
    return {
      samples: this.count,
      percentilesNs: KEPT.map((percent) => [percent, this.percentileNs(percent)]),
    };
  }
}
