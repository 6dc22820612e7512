// The port through which metrics leave: whoever exports implements these few calls.

/** What a collector is told of a metric besides its value. */
export interface CollectedMetric {
  /** `<prefix>_get_next_segment_ns`: snake case, the unit last, `_total` behind a counter's. */
  readonly name: string;
  /** One sentence without its full stop. */
  readonly help: string;
}

export interface CollectedBucket {
  /** Upper bound, inclusive, in the unit of the name. */
  readonly le: number;
  /** Values up to the bound: cumulative, and exact. */
  readonly count: number;
}

/**
 * Receives metrics. Labels that are pushed apply to all that is collected until they are popped.
 * Every value is a number: exact below 2^53.
 */
export interface Collector {
  pushLabel(name: string, value: string): void;
  popLabel(): void;
  counter(metric: CollectedMetric, value: number): void;
  gauge(metric: CollectedMetric, value: number): void;
  summary(metric: CollectedMetric, value: { readonly sum: number; readonly count: number }): void;
  /** `count` is that of all values; the bucket that has no bound is not among `buckets`. */
  histogram(
    metric: CollectedMetric,
    value: {
      readonly sum: number;
      readonly count: number;
      readonly buckets: readonly CollectedBucket[];
    },
  ): void;
}
