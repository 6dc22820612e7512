import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecentStall } from '../diagnosis/look.js';
import { SeenStalls } from './seen-stalls.js';

const stallAt = (startMs: number, more: Partial<RecentStall> = {}): RecentStall => ({
  startMs,
  durationMs: 200,
  end: 'over',
  waits: { durable: { count: 1, longestUs: 200e3 } },
  cause: 'sync',
  sharesUs: { sync: 150e3, scheduler: 50e3 },
  events: 1,
  writes: 1,
  syncs: 1,
  waitingBytesMax: 100,
  ringBytes: 65_536,
  intervals: [],
  agoMs: 0,
  ...more,
});

const startsOf = (seen: SeenStalls, count = 50): number[] =>
  seen.latest(count).map(({ startMs }) => startMs);

test('stalls are shown in words, the latest first, and stay when the log is closed', () => {
  const seen = new SeenStalls();
  seen.update([stallAt(1000), stallAt(5000)]);
  seen.update([stallAt(1000), stallAt(5000), stallAt(7000)]);
  assert.deepEqual(startsOf(seen), [7000, 5000, 1000]);
  assert.deepEqual(startsOf(seen, 2), [7000, 5000]);
  seen.update([]);
  assert.deepEqual(startsOf(seen), [7000, 5000, 1000]);
  assert.deepEqual(seen.latest(1), [
    {
      startMs: 7000,
      durationMs: 200,
      lasts: false,
      waited: 'durable',
      cause: 'sync',
      wentTo: 'sync 150 ms (75 %), scheduler 50.0 ms (25 %)',
      remedy: 'The disk is slow, or busy with other writes: see dmesg, iostat.',
    },
  ]);
});

test('one that lasts comes first, with what it has taken so far, and is there once', () => {
  const seen = new SeenStalls();
  const lasting = (durationMs: number) => stallAt(9000, { end: 'lasts', durationMs });
  seen.update([stallAt(1000), lasting(300)]);
  seen.update([stallAt(1000), lasting(800)]);
  const [first, ...others] = seen.latest(50);
  assert.deepEqual([first?.lasts, first?.durationMs, others.length], [true, 800, 1]);
  seen.update([stallAt(1000), stallAt(9000)]);
  assert.deepEqual(startsOf(seen), [9000, 1000]);
  assert.equal(seen.latest(1)[0]?.lasts, false);
});

test('there are as many as a log has', () => {
  const seen = new SeenStalls();
  for (let ms = 1; ms <= 100; ms++) seen.update([stallAt(ms)]);
  assert.equal(startsOf(seen, 1000).length, 40);
  assert.equal(startsOf(seen)[0], 100);
});
