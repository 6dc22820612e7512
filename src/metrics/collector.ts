// The port through which metrics leave: exporters implement these few calls.
import type { HistogramReading } from './latency-histogram.js';

/** A metric, apart from its value. */
export interface CollectedMetric {
  /** For instance `<prefix>_get_next_segment_seconds`: snake case, unit last, counters `_total`. */
  readonly name: string;
  /** One sentence without its full stop. */
  readonly help: string;
}

/** A bucket of a histogram. */
export interface CollectedBucket {
  /** Upper bound, inclusive, in the unit of the name. */
  readonly le: number;
  /** Number of values up to the bound: cumulative and exact. */
  readonly count: number;
}

/** A histogram's values. */
export interface CollectedHistogram {
  /** In the unit of the name. */
  readonly sum: number;
  /** Number of all values. */
  readonly count: number;
  /** Ascending; without the bucket that has no bound. */
  readonly buckets: readonly CollectedBucket[];
  /**
   * What the buckets were made of, with 16 cells in each power of two, for formats that have room
   * for that: whole nanoseconds where the name is in seconds.
   */
  readonly reading?: HistogramReading;
}

/**
 * Receives metrics: implement it to export them to another system. A label applies to everything
 * that is collected between `pushLabel` and `popLabel`. Values are numbers, exact below 2^53.
 *
 * @example
 * import { Wal } from 'flashstrike';
 * import type { Collector } from 'flashstrike/telemetry';
 *
 * const lines: string[] = [];
 * const add = ({ name }: { name: string }, value: unknown) => {
 *   lines.push(`${name} ${JSON.stringify(value)}`);
 * };
 * const collector: Collector = {
 *   pushLabel: (name, value) => lines.push(`${name}=${value}:`),
 *   popLabel: () => lines.push(''),
 *   counter: add,
 *   gauge: add,
 *   summary: add,
 *   histogram: add,
 * };
 * await using wal = await Wal.open('./orders');
 * wal.telemetry.collect('orders', collector);
 */
export interface Collector {
  /**
   * Whether metrics that the reference (the FlashStrike engine) has are handed over in its way as
   * well: summaries in nanoseconds (`…_ns`) with shortest, mean, jitter and rate, and the labels
   * `system` and `subsystem`. Default: no.
   */
  readonly referenceNames?: boolean;
  /** Begins a label. */
  pushLabel(name: string, value: string): void;
  /** Ends the label that was pushed last. */
  popLabel(): void;
  /**
   * Whether a label of this name applies now. A log's telemetry brings labels of its own, and none
   * that there is already; without this method it assumes that there is none.
   */
  hasLabel?(name: string): boolean;
  /** A count that only increases. */
  counter(metric: CollectedMetric, value: number): void;
  /** A value that may also decrease. */
  gauge(metric: CollectedMetric, value: number): void;
  /** Sum and number of the values. */
  summary(metric: CollectedMetric, value: { readonly sum: number; readonly count: number }): void;
  /** How values are distributed. */
  histogram(metric: CollectedMetric, value: CollectedHistogram): void;
}
