// Ways of doing the same take turns in one run, so that the moods of machine and disk hit all of
// them; the order is turned round each time, so that none always runs behind the same other.
import { Latencies } from './latencies.js';
import type { Row } from './result.js';
import { median } from './statistics.js';

export interface Sample {
  /** By column. */
  readonly values: { readonly [column: string]: number };
  readonly latencies?: Latencies;
}

export interface Way {
  readonly name: string;
  /** Why it cannot run here. */
  readonly missing?: string | undefined;
  run(round: number): Promise<Sample> | Sample;
}

export async function takeTurns(ways: readonly Way[], rounds: number): Promise<Row[]> {
  const samples = new Map<Way, Sample[]>(ways.map((way) => [way, []]));
  const running = ways.filter(({ missing }) => missing === undefined);
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 === 0 ? running : running.toReversed()) {
      samples.get(way)?.push(await way.run(round));
    }
  }
  return ways.map((way) => rowOf(way, samples.get(way) ?? []));
}

function rowOf({ name, missing }: Way, samples: readonly Sample[]): Row {
  if (missing !== undefined) return { way: name, skipped: missing, values: {} };
  const columns = new Set(samples.flatMap(({ values }) => Object.keys(values)));
  const values = Object.fromEntries(
    [...columns].map((column) => [
      column,
      samples.map((sample) => sample.values[column] ?? Number.NaN),
    ]),
  );
  const all = new Latencies();
  const withLatencies = samples.flatMap(({ latencies }) => latencies ?? []);
  for (const latencies of withLatencies) all.add(latencies);
  return { way: name, values, ...(withLatencies.length > 0 && { latency: all.summary() }) };
}

/** The median of the ratios of each round, which one odd round does not move; NaN if unknown. */
export function ratioOf(row: Row | undefined, base: Row | undefined, column: string): number {
  const divisors = base?.values[column] ?? [];
  const ratios = (row?.values[column] ?? []).map((value, at) => value / (divisors[at] ?? NaN));
  return median(ratios);
}
