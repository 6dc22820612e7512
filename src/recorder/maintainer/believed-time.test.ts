import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { BelievedTime } from './believed-time.js';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const START_MS = 1_700_000_000_000;

class Bench {
  readonly clock = new FakeClock();
  wallMs = START_MS;
  readonly time: BelievedTime;

  /** @param lastMs the log's last event; 0: a new log */
  constructor(lastMs = 0) {
    this.time = new BelievedTime(this.clock, () => this.wallMs, BigInt(lastMs) * 1_000_000n);
  }

  get ms(): number {
    return Number(this.time.nowNs(0) / 1_000_000n) - START_MS;
  }

  pass(ms: number): this {
    this.clock.advanceNs(ms * 1e6);
    this.wallMs += ms;
    return this;
  }
}

test('follows a clock that runs as it should', () => {
  const bench = new Bench();
  assert.equal(bench.ms, 0);
  assert.equal(bench.pass(HOUR_MS).ms, HOUR_MS);
  assert.equal(new Bench(START_MS - 1).pass(1).ms, 1);
});

test('a clock that jumps ten years ahead makes nothing ten years old: ten hours in an hour', () => {
  const bench = new Bench();
  bench.wallMs += 10 * YEAR_MS;
  assert.equal(bench.ms, 0);
  assert.equal(bench.pass(HOUR_MS).ms, 10 * HOUR_MS);
  // Set right again: at once.
  bench.wallMs -= 10 * YEAR_MS;
  assert.equal(bench.ms, HOUR_MS);
  bench.wallMs -= 10 * YEAR_MS;
  assert.equal(bench.ms, HOUR_MS - 10 * YEAR_MS);
});

test('a clock that is wrong when the log is opened is believed as slowly', () => {
  const clock = new FakeClock();
  const wallMs = START_MS + 10 * YEAR_MS;
  const time = new BelievedTime(clock, () => wallMs, BigInt(START_MS) * 1_000_000n);
  clock.advanceNs(HOUR_MS * 1e6);
  assert.equal(Number(time.nowNs(0) / 1_000_000n), START_MS + 10 * HOUR_MS);
});

test('a log that was closed for a week needs 19 hours to catch up', () => {
  const bench = new Bench(START_MS - 168 * HOUR_MS);
  assert.equal(bench.ms, -168 * HOUR_MS);
  assert.ok(bench.pass(17 * HOUR_MS).ms < 17 * HOUR_MS);
  assert.equal(bench.pass(2 * HOUR_MS).ms, 19 * HOUR_MS);
});

test('events from a time that is yet to come are young until it comes', () => {
  const bench = new Bench(START_MS + YEAR_MS);
  assert.equal(bench.ms, 0);
  assert.equal(bench.pass(HOUR_MS).ms, HOUR_MS);
});

test('the first oldest segment is not old, and from there on time is as slow', () => {
  const bench = new Bench();
  bench.wallMs += 10 * YEAR_MS;
  // The log's last event is of the wrong time as well.
  const time = new BelievedTime(bench.clock, () => bench.wallMs, BigInt(bench.wallMs) * 1_000_000n);
  const msOf = (ageMs: number): number => Number(time.nowNs(ageMs) / 1_000_000n) - START_MS;
  time.meetOldest(BigInt(START_MS) * 1_000_000n);
  assert.deepEqual([msOf(HOUR_MS), msOf(5000)], [HOUR_MS, 5000]);
  bench.pass(HOUR_MS);
  // That it goes, and another is the oldest, brings nothing forward.
  time.meetOldest(BigInt(START_MS + YEAR_MS) * 1_000_000n);
  assert.deepEqual([msOf(HOUR_MS), msOf(5000)], [11 * HOUR_MS, 10 * HOUR_MS + 5000]);
  bench.wallMs -= 10 * YEAR_MS;
  assert.equal(msOf(HOUR_MS), HOUR_MS, 'set right: at once');
});

test('it holds nothing back that is old by a clock that is right', () => {
  const bench = new Bench(START_MS);
  bench.time.meetOldest(BigInt(START_MS - HOUR_MS) * 1_000_000n);
  assert.equal(Number(bench.time.nowNs(HOUR_MS) / 1_000_000n), START_MS);
});
