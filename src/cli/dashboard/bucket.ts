// What a log did in a second, or in ten: what the charts are drawn from. Shared by the server,
// which fills them, and the page, which goes on where the server's history ended.

import { mergedSpread, type Spread } from './spread.js';

/** The times that have a chart, in the order of an event's way. */
const SPREAD_NAMES = ['append', 'durable', 'commit', 'sync', 'next'] as const;
export type SpreadName = (typeof SPREAD_NAMES)[number];

/** The stages of preparing a segment, in their order. */
export const STAGES = ['create', 'allocate', 'zero', 'sync'] as const;
export type Stage = (typeof STAGES)[number];

/** What happened, which is added up. */
interface Sums {
  /** For how long the log was looked at while it ran. */
  readonly seconds: number;
  readonly events: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly syncs: number;
  /** How calls for the next segment ended. */
  readonly ready: number;
  readonly waited: number;
  readonly failed: number;
  readonly hurried: number;
  /** Runs of events that a stream has confirmed, and the nanoseconds that this took. */
  readonly confirmed: number;
  readonly confirmedNs: number;
}

/** What was seen at the looks, of which the largest counts. */
interface Peaks {
  readonly ringBytes: number;
  readonly lagEvents: number;
  readonly lagBytes: number;
  readonly lagNs: number;
  /** What a stream lacked, and the age of the oldest event that was on its way to it. */
  readonly streamLagEvents: number;
  readonly streamLagNs: number;
  /** A wait for a segment that had not ended. */
  readonly waitingNs: number;
  /** 1: something was not as it should be; 2: something was wrong. */
  readonly severity: number;
}

export interface Bucket extends Sums, Peaks {
  /** When it begins, in whole seconds since 1970. */
  readonly at: number;
  /** The fewest segments that were ready at a look. */
  readonly preparedLow: number;
  /** Nanoseconds that each stage of preparing took. */
  readonly stages: Readonly<Record<Stage, number>>;
  /** Without what was not timed. */
  readonly spreads: Readonly<Partial<Record<SpreadName, Spread>>>;
}

const SUMS = [
  'seconds',
  'events',
  'bytes',
  'blocks',
  'syncs',
  'ready',
  'waited',
  'failed',
  'hurried',
  'confirmed',
  'confirmedNs',
] as const satisfies readonly (keyof Sums)[];

const PEAKS = [
  'ringBytes',
  'lagEvents',
  'lagBytes',
  'lagNs',
  'streamLagEvents',
  'streamLagNs',
  'waitingNs',
  'severity',
] as const satisfies readonly (keyof Peaks)[];

const each = <Name extends string>(
  names: readonly Name[],
  of: (name: Name) => number,
): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, number>;

/** Both together, as one that begins at `at`. */
export function mergedBucket(first: Bucket, second: Bucket, at: number = first.at): Bucket {
  const spreads: Partial<Record<SpreadName, Spread>> = {};
  for (const name of SPREAD_NAMES) {
    const spread = mergedSpread(first.spreads[name], second.spreads[name]);
    if (spread.count > 0) spreads[name] = spread;
  }
  return {
    at,
    ...each(SUMS, (name) => first[name] + second[name]),
    ...each(PEAKS, (name) => Math.max(first[name], second[name])),
    preparedLow: Math.min(first.preparedLow, second.preparedLow),
    stages: each(STAGES, (name) => first.stages[name] + second.stages[name]),
    spreads,
  };
}
