import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { TimestampSource } from '../../clock/timestamp-source.js';
import { structAccess, takeFrom } from '../../metrics/metrics-struct.js';
import { MemorySource } from '../../metrics/snapshot.js';
import { Manager, ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { Signals } from '../threads/signals.js';
import { WallClockWatch } from './wall-clock-watch.js';

const UNIX_NS = 1_700_000_000_000_000_000n;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

let clock: FakeClock;
let startNs: number;
/** What the wall clock was moved by, beside the other one. */
let steppedMs: number;
let manager: Manager;
let timestamps: TimestampSource;
let watch: WallClockWatch;
let coarseWatch: WallClockWatch;
let looks: number;
/** What happens between the two clocks of a look. */
let interruptionNs: number;

beforeEach(() => {
  clock = new FakeClock();
  startNs = clock.nowNs();
  steppedMs = 0;
  looks = 0;
  interruptionNs = 0;
  manager = new Manager();
  const { wallLatch } = new Signals();
  const anchor = { unixNs: UNIX_NS, monotonicNs: startNs };
  timestamps = new TimestampSource(clock, anchor, 0n, wallLatch);
  const updater = new ManagerUpdater(manager, clock);
  const watching = (keepsTime: boolean): WallClockWatch =>
    new WallClockWatch(clock, wallClockMs, wallLatch, updater, anchor, keepsTime);
  watch = watching(false);
  coarseWatch = watching(true);
});

function wallClockMs(): number {
  looks++;
  clock.advanceNs(interruptionNs);
  return Number(UNIX_NS / 1_000_000n) + (clock.nowNs() - startNs) / 1e6 + steppedMs;
}

function lookAfterMs(ms: number): void {
  clock.advanceNs(ms * 1e6);
  watch.look(clock.nowNs() - startNs);
}

/** How far the timestamps are behind the wall clock. */
const behindMs = (): number => wallClockMs() - Number(timestamps.nowNs() / 1000n) / 1e3;

describe('a look at the wall clock', () => {
  test('is taken ten times a second at the most', () => {
    for (let ms = 0; ms < 1000; ms++) lookAfterMs(1);
    assert.equal(looks, 10);
  });

  test('finds nothing while both clocks go alike, whole milliseconds and jitter included', () => {
    const jitterMs = [0, -0.999, 0.999, -5, 5, 9.9, -9.9];
    for (const ms of jitterMs) {
      steppedMs = ms;
      lookAfterMs(100);
    }
    assert.equal(manager.wallClockSteps, 0);
  });

  for (const [name, ms] of [
    ['8 hours', 8 * HOUR_MS],
    ['10 years', 10 * YEAR_MS],
    ['20 ms', 20],
  ] as const) {
    test(`follows a step of ${name} forward, and counts it once`, () => {
      lookAfterMs(100);
      steppedMs = ms;
      lookAfterMs(100);
      assert.ok(Math.abs(behindMs()) < 1);
      for (let more = 0; more < 20; more++) lookAfterMs(100);
      assert.equal(manager.wallClockSteps, 1);
      assert.ok(Math.abs(behindMs()) < 1);
    });

    test(`a step of ${name} back is counted once, and no timestamp goes back`, () => {
      lookAfterMs(100);
      const last = timestamps.nowNs();
      steppedMs = -ms;
      for (let more = 0; more < 20; more++) lookAfterMs(100);
      assert.equal(manager.wallClockSteps, 1);
      assert.ok(timestamps.nowNs() >= last);
      steppedMs = 0;
      lookAfterMs(100);
      assert.equal(manager.wallClockSteps, 2);
      assert.ok(Math.abs(behindMs()) < 1);
    });
  }

  test('follows a slow drift before it is as much as a step and a look', () => {
    for (let look = 0; look < 1000; look++) {
      steppedMs += 1;
      lookAfterMs(100);
      assert.ok(Math.abs(behindMs()) <= 11, `${behindMs()} ms`);
    }
    assert.ok(manager.wallClockSteps >= 90 && manager.wallClockSteps <= 100);
  });

  test('that was interrupted between the two clocks tells nothing; the next one does', () => {
    interruptionNs = 50e6;
    lookAfterMs(100);
    assert.equal(manager.wallClockSteps, 0);
    interruptionNs = 0;
    steppedMs = HOUR_MS;
    lookAfterMs(100);
    assert.equal(manager.wallClockSteps, 1);
  });
});

describe('coarse time', () => {
  const refreshAfterMs = (ms: number): void => {
    clock.advanceNs(ms * 1e6);
    coarseWatch.look(clock.nowNs() - startNs);
  };

  /** In ms; as a copy shows it, whose clock stands still. */
  function shown(): { ageMs: number; longestMs: number } {
    const copy = new Manager();
    const { words, start } = structAccess(manager).memory;
    takeFrom(copy, new MemorySource(words, start), false, undefined, clock.nowNs());
    return { ageMs: copy.coarseTimeAge / 1e6, longestMs: copy.coarseTimeAgeRecentMax / 1e6 };
  }

  test('is as old as its last refresh, and was as old as the longest gap between two', () => {
    refreshAfterMs(1);
    assert.deepEqual(shown(), { ageMs: 0, longestMs: 0 });
    refreshAfterMs(87);
    refreshAfterMs(1);
    clock.advanceNs(3e6);
    assert.deepEqual(shown(), { ageMs: 3, longestMs: 87 });
  });

  test('is told of nowhere while the application reads the clock itself', () => {
    lookAfterMs(5);
    lookAfterMs(5);
    assert.deepEqual(shown(), { ageMs: 0, longestMs: 0 });
  });
});
