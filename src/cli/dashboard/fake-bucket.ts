// A second in which little happened, for tests.
import type { Bucket } from './bucket.js';
import { spreadOf } from './spread.js';

export const bucketAt = (at: number, changes: Partial<Bucket> = {}): Bucket => ({
  at,
  seconds: 1,
  events: 10,
  bytes: 1000,
  blocks: 2,
  syncs: 1,
  ready: 0,
  waited: 0,
  failed: 0,
  hurried: 0,
  confirmed: 0,
  confirmedNs: 0,
  ringBytes: at % 7,
  lagEvents: 0,
  lagBytes: 0,
  lagNs: 0,
  streamLagEvents: 0,
  streamLagNs: 0,
  waitingNs: 0,
  severity: 0,
  preparedLow: 2,
  stages: { create: 1, allocate: 0, zero: 5, sync: 9 },
  spreads: { sync: spreadOf([{ from: 1000 + at, count: 1 }], 0, 1000 + at) },
  ...changes,
});
