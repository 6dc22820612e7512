// Percentiles as exact as the figures beside a histogram allow: a cell's edge is up to 6.25 % above
// the values in it, and the shortest, the longest and the sum of all are known exactly.

import type { HistogramReading } from '../../telemetry.js';

/** What is known of the values in a histogram besides their cells, in nanoseconds. */
export interface Bounds {
  /** None is shorter. */
  readonly minNs: number;
  /** None is longer. */
  readonly maxNs: number;
}

/**
 * The value that `percent` of all values do not exceed: never too low, and exact where the bounds,
 * or the sum of all values, leave no choice.
 */
export function percentileWithin(
  histogram: HistogramReading,
  percent: number,
  bounds: Bounds,
): number {
  if (histogram.count === 0) return 0;
  const longest = longestWithin(histogram, bounds);
  const edge = histogram.percentile(percent);
  // The edge of values out of range is below them.
  const isOutOfRange = edge > (histogram.cells.at(-1)?.to ?? 0);
  return isOutOfRange ? longest : Math.min(longest, Math.max(edge, bounds.minNs));
}

/** The longest value: at most its cell's edge, the bound, and what all others leave of the sum. */
function longestWithin({ cells, count, total, outOfRange }: HistogramReading, bounds: Bounds) {
  if (outOfRange > 0) return bounds.maxNs;
  const top = cells.at(-1);
  if (top === undefined) return 0;
  const atLeast = cells.reduce(
    (sum, { from, count }) => sum + count * Math.max(from, bounds.minNs),
    0,
  );
  // Of values that are all the same, this is the value itself: so is it of a single one.
  const left = count === 1 ? total : total - (atLeast - Math.max(top.from, bounds.minNs));
  return Math.max(top.from, Math.min(top.to, bounds.maxNs, left));
}
