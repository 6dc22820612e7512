// Latencies as a plot: nanoseconds over percentiles, with as much room for 99 to 99.9 as for 90 to
// 99, because that is where the interesting things are.
import type { Plot, Table } from '../harness/result.js';

/** How many of so many samples are slower: 10 at p90, 1000 at p99.9. */
const slowness = (percent: number): number => 100 / (100 - percent);

const TICK_TEXTS: Readonly<{ [tick: string]: string }> = {
  1: 'p0',
  10: 'p90',
  100: 'p99',
  1000: 'p99.9',
  10000: 'p99.99',
  100000: 'p99.999',
};

/** undefined for a table without latencies. */
export function percentilePlot(table: Table): Plot | undefined {
  const lines = table.rows.flatMap(({ way, latency }) =>
    latency === undefined
      ? []
      : [
          {
            name: way,
            points: latency.percentilesNs
              .filter(([percent]) => latency.samples * (1 - percent / 100) >= 1)
              .map(([percent, ns]) => [slowness(percent), ns] as const),
          },
        ],
  );
  if (lines.length === 0) return undefined;
  return {
    title: table.title,
    x: { label: 'percentile', isLogarithmic: true, tickTexts: TICK_TEXTS },
    y: { label: 'nanoseconds', isLogarithmic: true },
    lines,
  };
}
