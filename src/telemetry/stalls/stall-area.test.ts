import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STALL_AREA_BYTES } from './area-layout.js';
import { STALL_CAUSES, WAIT_KINDS } from './causes.js';
import { INTERVAL_FIELDS, type IntervalField } from './interval.js';
import { newFields } from './interval-records.js';
import { StallArea } from './stall-area.js';
import type { StallRecord } from './stall-records.js';

const newArea = (): StallArea => {
  const area = new StallArea(new SharedArrayBuffer(STALL_AREA_BYTES), 0);
  area.begin(100);
  return area;
};

const NAMES = Object.keys(INTERVAL_FIELDS) as IntervalField[];
const fieldsOf = (value: number): Record<IntervalField, number> =>
  Object.fromEntries(NAMES.map((name, at) => [name, value + at])) as Record<IntervalField, number>;

/** As they are put. */
const wordsOf = (fields: Record<IntervalField, number>): Float64Array => {
  const words = newFields();
  for (const name of NAMES) words[INTERVAL_FIELDS[name]] = fields[name];
  return words;
};

const stallAt = (startMs: number): Omit<StallRecord, 'number'> => ({
  startMs,
  durationMs: 250.5,
  causeAt: 2,
  isOver: true,
  events: 3,
  writes: 4,
  syncs: 5,
  waitingBytesMax: 6,
  ringBytes: 7,
  waits: WAIT_KINDS.map((_, at) => ({ count: at, longestUs: 100 * at })),
  shares: STALL_CAUSES.map((_, at) => 1000 + at),
});

describe('the area of stalls', () => {
  test('is none before it has begun, and of zeros', () => {
    const area = new StallArea(new SharedArrayBuffer(STALL_AREA_BYTES), 0);
    assert.equal(area.isKnown, false);
    assert.deepEqual([area.intervals.all(), area.past.all(), area.waits.unfiled(0)], [[], [], []]);
    area.begin(100);
    assert.equal(area.isKnown, true);
    assert.equal(area.word('thresholdMs'), 100);
  });

  test('an interval comes back as it was put; what is too large is the most that fits', () => {
    const area = newArea();
    const put = { ...fieldsOf(7), lengthUs: 2 ** 40, syncUs: Number.NaN, events: -1 };
    area.intervals.put(1234.5, wordsOf(put));
    const expected = { ...fieldsOf(7), lengthUs: 2 ** 32 - 1, syncUs: 0, events: 0 };
    assert.deepEqual(area.intervals.all(), [{ number: 1, endMs: 1234.5, ...expected }]);
  });

  test('the newest intervals are there, and those that were kept for longer', () => {
    const area = newArea();
    for (let ms = 1; ms <= 20; ms++) area.intervals.put(ms, wordsOf(fieldsOf(ms)));
    area.intervals.keepSince(11);
    area.intervals.keepSince(11);
    for (let ms = 21; ms <= 60; ms++) area.intervals.put(ms, wordsOf(fieldsOf(ms)));
    const ends = area.intervals.all().map(({ endMs }) => endMs);
    const range = (first: number, last: number): number[] =>
      Array.from({ length: last - first + 1 }, (_, at) => first + at);
    assert.deepEqual(ends, [...range(11, 20), ...range(37, 60)]);
  });

  test('stalls come back as they were put, the newest 40 of them', () => {
    const area = newArea();
    for (let ms = 1; ms <= 100; ms++) area.past.put(ms, stallAt(ms));
    const stalls = area.past.all();
    assert.equal(stalls.length, 40);
    assert.deepEqual(stalls.at(-1), { number: 100, ...stallAt(100) });
    assert.deepEqual(stalls[0], { number: 61, ...stallAt(61) });
  });

  test('a record whose writer was killed in the middle is passed over', () => {
    const area = newArea();
    area.past.put(1, stallAt(1));
    area.intervals.put(1, wordsOf(fieldsOf(1)));
    area.past.put(2, stallAt(2));
    area.intervals.put(2, wordsOf(fieldsOf(2)));
    // The newest of each, without the number at its end.
    const words = new Int32Array(area.bytes.buffer);
    const [stall, interval] = [21504 / 4 + 2 * 32, 2048 / 4 + 2 * 32];
    for (const slot of [stall, interval]) {
      assert.equal(words[slot], 2);
      words[slot + 31] = 0;
    }
    assert.deepEqual([area.past.all().length, area.intervals.all().length], [1, 1]);
    assert.equal(area.past.all()[0]?.startMs, 1);
  });

  test('waits that overlap are one; one that follows is another', () => {
    const area = newArea();
    area.waits.put('durable', 1000, 1200, 5);
    area.waits.put('durable', 1100, 1400, 7);
    area.waits.put('durable', 1500, 1600, 9);
    area.waits.put('append', 1500, 1600, 0);
    const [first, second, ...others] = area.waits.unfiled(WAIT_KINDS.indexOf('durable'));
    assert.deepEqual(others, []);
    const { number, ...merged } = first ?? assert.fail();
    assert.deepEqual(merged, {
      count: 2,
      startMs: 1000,
      endMs: 1400,
      longestUs: 300e3,
      lateUs: 7,
    });
    assert.equal(second?.startMs, 1500);
    area.waits.setFiled(1, number);
    assert.equal(area.waits.unfiled(1).length, 1, 'that one is part of a stall');
    area.waits.setFiled(1, number + 1);
    area.waits.put('durable', 1550, 1700, 0);
    assert.deepEqual(
      area.waits.unfiled(1).map(({ count }) => count),
      [1],
      'nothing is added to what was recorded',
    );
  });

  test('of many waits the newest are there', () => {
    const area = newArea();
    for (let at = 1; at <= 50; at++) area.waits.put('segment', at * 1000, at * 1000 + 150, 0);
    const waits = area.waits.unfiled(2);
    assert.equal(waits.length, 16);
    assert.equal(waits.at(-1)?.startMs, 50_000);
  });

  test('the lock is had by one, and passes from one that has died', () => {
    const area = newArea();
    const first = area.tryLock(1000, 5000);
    assert.notEqual(first, 0);
    for (const nowMs of [999, 1000, 1001, 1100]) assert.equal(area.tryLock(nowMs, 5000), 0);
    const second = area.tryLock(7000, 5000);
    assert.notEqual(second, 0, 'it was had for longer than anybody needs');
    area.unlock(first);
    assert.equal(area.tryLock(7001, 5000), 0, 'only who has it gives it back');
    area.unlock(second);
    assert.notEqual(area.tryLock(7001, 5000), 0);
  });

  test('the next opening goes on with what is there, and counts anew', () => {
    const area = newArea();
    area.past.put(1, stallAt(1));
    area.addCount(2);
    area.intervals.put(5, wordsOf(fieldsOf(1)));
    area.waits.put('append', 1000, 1200, 0);
    assert.notEqual(area.tryLock(1000, 5000), 0);
    area.setTime('dueMs', 12);
    const next = StallArea.copyOf(area.bytes);
    next.begin(50);
    assert.deepEqual([next.past.all().length, next.intervals.all().length], [1, 1]);
    assert.deepEqual([next.count(2), next.time('dueMs'), next.word('thresholdMs')], [0, 0, 50]);
    assert.notEqual(next.tryLock(1000, 5000), 0, 'nobody has it');
    next.past.put(2, stallAt(2));
    assert.deepEqual(
      next.past.all().map(({ number }) => number),
      [1, 2],
    );
  });

  test('memory that somebody has overwritten gives records or none, and no error', () => {
    const area = newArea();
    for (let seed = 1; seed <= 20; seed++) {
      area.bytes.forEach((_, at) => {
        area.bytes[at] = (at * seed * 2_654_435_761) >>> 13;
      });
      for (const { startMs, durationMs, causeAt } of area.past.all()) {
        assert.ok(Number.isFinite(startMs) && durationMs >= 0 && causeAt < STALL_CAUSES.length);
      }
      for (const { endMs } of area.intervals.all()) assert.ok(Number.isFinite(endMs));
      for (let kind = 0; kind < WAIT_KINDS.length; kind++) {
        for (const { startMs, endMs } of area.waits.unfiled(kind)) assert.ok(endMs >= startMs);
      }
    }
  });
});
