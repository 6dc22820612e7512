// One value over time.

import type { Bucket } from '../bucket.js';
import { colour } from './palette.js';
import type { ChartKind } from './time-chart.js';
import { NOTHING, short } from './words.js';

const HEIGHT = 118;

interface LineOptions {
  readonly title: string;
  readonly hint: string;
  /** Undefined where the log was not seen to run. */
  readonly value: (bucket: Bucket) => number | undefined;
  readonly format: (value: number) => string;
  /** Whether the figure beside the title is the highest, or the mean. */
  readonly figure: 'mean' | 'highest';
}

export function lineChart({ title, hint, value, format, figure }: LineOptions): ChartKind {
  let highest = 0;
  const known = (buckets: readonly Bucket[]): number[] =>
    buckets.flatMap((bucket) => (bucket.seconds > 0 ? (value(bucket) ?? []) : []));
  return {
    title,
    hint,
    height: HEIGHT,
    values(buckets) {
      highest = Math.max(0, ...known(buckets));
      return [buckets.map((bucket) => (bucket.seconds > 0 ? (value(bucket) ?? null) : null))];
    },
    series: [
      {
        stroke: () => colour('accent'),
        width: 1.5,
        fill: () => colour('accent-soft'),
        points: { show: false },
      },
    ],
    scale: { range: () => [0, highest === 0 ? 1 : highest * 1.1] },
    axis: {
      space: 36,
      values: (_chart, splits) => splits.map((value) => (value === 0 ? '0' : short(format(value)))),
    },
    figures(buckets) {
      const values = known(buckets);
      const sum = values.reduce((total, value) => total + value, 0);
      const value = figure === 'mean' ? sum / values.length : Math.max(...values);
      const name = buckets.length === 1 ? '' : figure;
      return [{ key: 'value', name, text: values.length === 0 ? NOTHING : format(value) }];
    },
  };
}
