// How times are spread, over time: each column is a second or ten, each cell a range of times, and
// the darker it is the more there were. The lines are p50 and p99, the dots the longest.

import type uPlot from 'uplot';
import { formatNs } from '../../diagnosis/quantity.js';
import type { Bucket, SpreadName } from '../bucket.js';
import { mergedSpread, percentileNs, rowStartNs, rowsOf, type Spread } from '../spread.js';
import type { Window } from './model.js';
import { colour } from './palette.js';
import type { ChartKind, Figure } from './time-chart.js';
import { NOTHING, short } from './words.js';

const FAINTEST = 0.1;
/** The axis has at least three decades: below that, chance would look like a trend. */
const LEAST_RATIO = 1_000;

interface HeatOptions {
  readonly height?: number;
  /** Draws what else stands in the chart. */
  readonly drawMore?: (chart: uPlot, window: Window) => void;
}

export function heatChart(
  name: SpreadName,
  title: string,
  hint: string,
  { height = 168, drawMore }: HeatOptions = {},
): ChartKind {
  let bounds: [number, number] = [100, 1e8];
  const spreadIn = ({ spreads }: Bucket): Spread | undefined => spreads[name];
  const percentileIn = (percent: number) => (bucket: Bucket) => {
    const spread = spreadIn(bucket);
    return spread === undefined ? null : percentileNs(spread, percent);
  };
  return {
    title,
    hint,
    height,
    values(buckets) {
      bounds = boundsOf(buckets, name);
      return [
        buckets.map(percentileIn(50)),
        buckets.map(percentileIn(99)),
        buckets.map((bucket) => spreadIn(bucket)?.maxNs ?? null),
      ];
    },
    series: [
      line('ink', 1, [3, 3]),
      line('ink', 1.25),
      {
        stroke: () => colour('muted'),
        paths: () => null,
        points: { show: true, size: 3, width: 0, fill: () => colour('muted') },
      },
    ],
    scale: { distr: 3, range: () => bounds },
    axis: {
      splits: (_chart, _axis, min, max) => decades(min, max),
      // By itself the library leaves out the names of some.
      filter: (_chart, splits) => splits,
      values: (_chart, splits) => splits.map((ns) => short(formatNs(ns))),
    },
    figures(buckets) {
      const spreads = buckets.flatMap((bucket) => spreadIn(bucket) ?? []);
      return figuresOf(spreads.reduce<Spread | undefined>(mergedSpread, undefined));
    },
    draw(chart, window) {
      drawHeat(chart, window, spreadIn);
      drawMore?.(chart, window);
    },
  };
}

const line = (name: 'ink', width: number, dash: number[] = []): uPlot.Series => ({
  stroke: () => colour(name),
  width,
  dash,
  points: { show: false },
});

function figuresOf(spread: Spread | undefined): readonly Figure[] {
  const text = (ns: number): string => (spread === undefined ? NOTHING : formatNs(ns));
  return [
    { key: 'p50', name: 'p50', text: text(spread === undefined ? 0 : percentileNs(spread, 50)) },
    { key: 'p99', name: 'p99', text: text(spread === undefined ? 0 : percentileNs(spread, 99)) },
    { key: 'longest', name: 'longest', text: text(spread?.maxNs ?? 0) },
  ];
}

/** Whole decades around all that is shown. */
function boundsOf(buckets: readonly Bucket[], name: SpreadName): [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const { spreads, waitingNs } of buckets) {
    const spread = spreads[name];
    if (name === 'next') most = Math.max(most, waitingNs);
    if (spread === undefined) continue;
    least = Math.min(least, rowStartNs(spread.rows[0] ?? 0));
    most = Math.max(most, spread.maxNs);
  }
  if (most === 0) return [1e3, 1e6];
  const low = 10 ** Math.floor(Math.log10(Math.max(1, Math.min(least, most / 10))));
  return [low, Math.max(low * LEAST_RATIO, 10 ** Math.ceil(Math.log10(most)))];
}

function decades(min: number, max: number): number[] {
  const all: number[] = [];
  for (let at = min; at <= max * 1.01; at *= 10) all.push(at);
  // Many would stand too close.
  return all.length > 6 ? all.filter((_at, index) => index % 2 === 0) : all;
}

function drawHeat(
  chart: uPlot,
  { buckets, stepSeconds }: Window,
  spreadIn: (bucket: Bucket) => Spread | undefined,
): void {
  const most = mostInACell(buckets, spreadIn);
  const { ctx } = chart;
  const edges: number[] = [];
  const edgeOf = (row: number): number => {
    edges[row] ??= Math.round(chart.valToPos(rowStartNs(row), 'y', true));
    return edges[row];
  };
  clipped(chart, () => {
    ctx.fillStyle = colour('heat');
    for (const bucket of buckets) {
      const left = Math.round(chart.valToPos(bucket.at, 'x', true));
      const right = Math.round(chart.valToPos(bucket.at + stepSeconds, 'x', true));
      for (const [row, count] of rowsOf(spreadIn(bucket))) {
        const top = edgeOf(row + 1);
        ctx.globalAlpha = FAINTEST + ((1 - FAINTEST) * Math.log1p(count)) / Math.log1p(most);
        ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, edgeOf(row) - top));
      }
    }
  });
}

function mostInACell(
  buckets: readonly Bucket[],
  spreadIn: (bucket: Bucket) => Spread | undefined,
): number {
  let most = 1;
  for (const bucket of buckets) {
    for (const [, count] of rowsOf(spreadIn(bucket))) most = Math.max(most, count);
  }
  return most;
}

/** Draws within the axes, and leaves the canvas as it was. */
export function clipped(chart: uPlot, draw: () => void): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw();
  ctx.restore();
}
