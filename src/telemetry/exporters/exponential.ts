// A histogram of ours, 16 cells of equal width in each power of two, as an exponential histogram of
// OpenTelemetry and a native one of Prometheus have it: buckets of equal ratio, here 2^(1/8).
//
// Not exact: the edges of the two differ. All values of a cell go into the bucket of the largest
// that belongs to the cell, so the upper end of a bucket is never below a value in it: 15.9 % above
// at the most (6.25 % for the cell, 9.05 % for the bucket). Their number and their sum are exact.
// Values out of range (2^36 and more: 69 s) go into the bucket of 2^36.
import { type HistogramReading, RANGE_BITS } from '../../metrics/latency-histogram.js';
import type { ExponentialBuckets } from './metric-data.js';

/** Eight buckets in each power of two. */
const SCALE = 3;
const BUCKETS_PER_OCTAVE = 2 ** SCALE;

interface Spread {
  /** Number of all values: what the buckets and `zeroCount` sum up to. */
  readonly count: number;
  readonly scale: number;
  readonly zeroCount: number;
  readonly positive: ExponentialBuckets;
}

/** The bucket of a value above 0. */
const bucketOf = (value: number): number => Math.ceil(Math.log2(value) * BUCKETS_PER_OCTAVE) - 1;

/**
 * @param unit how many whole values of the reading make one of the unit: 1e9 for nanoseconds in
 * seconds
 */
export function exponentialOf({ cells, outOfRange }: HistogramReading, unit: number): Spread {
  const counts = new Map<number, number>();
  let zeroCount = 0;
  let count = 0;
  const add = (largest: number, more: number): void => {
    count += more;
    if (largest === 0) {
      zeroCount += more;
      return;
    }
    const bucket = bucketOf(largest / unit);
    counts.set(bucket, (counts.get(bucket) ?? 0) + more);
  };
  for (const { to, count: more } of cells) add(to, more);
  if (outOfRange > 0) add(2 ** RANGE_BITS, outOfRange);
  return { count, scale: SCALE, zeroCount, positive: bucketsOf(counts) };
}

function bucketsOf(counts: ReadonlyMap<number, number>): ExponentialBuckets {
  if (counts.size === 0) return { offset: 0, bucketCounts: [] };
  const first = Math.min(...counts.keys());
  const last = Math.max(...counts.keys());
  const length = last - first + 1;
  const bucketCounts = Array.from({ length }, (_, index) => counts.get(first + index) ?? 0);
  return { offset: first, bucketCounts };
}
