// The judgement on made-up intervals: each cause from the times that tell it, and what must not be
// taken for it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../../test/support/properties.js';
import { STALL_CAUSES, type StallCause } from './causes.js';
import {
  INTERVAL_FIELDS,
  INTERVAL_MARKS,
  type Interval,
  type IntervalField,
  intervalOf,
  WRITER_DOES,
} from './interval.js';
import { judgeStall } from './judge-stall.js';

const START_MS = 1_700_000_000_000;
const STEP_MS = 100;

/** An interval in which nothing happened, but for what is given; the first ends at START + 100. */
function interval(number: number, fields: Partial<Record<IntervalField, number>> = {}): Interval {
  const nothing = intervalOf(number, START_MS + number * STEP_MS, new Int32Array(32));
  return { ...nothing, lengthUs: STEP_MS * 1000, marks: INTERVAL_MARKS.threadTimes, ...fields };
}

type Waited = Partial<Parameters<typeof judgeStall>[0]['longestUs']>;

function windowOf(lengthMs: number, waits: Waited, lateUs = 0): Parameters<typeof judgeStall>[0] {
  const longestUs = { append: 0, durable: 0, segment: 0, ...waits };
  const endMs = START_MS + lengthMs;
  const segmentUs = longestUs.segment;
  return { startMs: START_MS, endMs, longestUs, segmentUs, lateUs, toldMs: endMs + 300 };
}

const sumOf = (shares: Readonly<Record<StallCause, number>>): number =>
  STALL_CAUSES.reduce((sum, cause) => sum + shares[cause], 0);

describe('what a stall was', () => {
  const lengthUs = 400e3;
  const durable = windowOf(400, { durable: lengthUs });
  const idle = [1, 2, 3].map((number) => interval(number));

  test('a sync that took it, told where it ended', () => {
    const last = interval(4, { syncs: 1, syncUs: 390e3, writes: 1, writeUs: 2e3 });
    const { cause, shares } = judgeStall(durable, [...idle, last]);
    assert.equal(cause, 'sync');
    assert.deepEqual([shares.sync, shares.write, shares.unknown], [390e3, 2e3, 8e3]);
  });

  test('a sync and a rotation that have not ended', () => {
    for (const what of ['sync', 'rotation'] as const) {
      const writerDoes = WRITER_DOES.indexOf(what);
      const stuck = interval(4, { writerDoes, writerInUs: 395e3 });
      assert.equal(judgeStall(durable, [...idle, stuck]).cause, 'sync', what);
    }
  });

  test('a write', () => {
    const last = interval(4, { writes: 1, writeUs: 350e3, syncs: 1, syncUs: 20e3 });
    assert.equal(judgeStall(durable, [...idle, last]).cause, 'write');
  });

  test('the writer was ready, and had no processor: not the sync that it was in', () => {
    const busy = [1, 2, 3, 4].map((number) => interval(number, { writerReadyUs: 90e3 }));
    const ended = { ...(busy[3] as Interval), syncs: 1, syncUs: 380e3 };
    const { cause, shares } = judgeStall(durable, [...busy.slice(0, 3), ended]);
    assert.equal(cause, 'scheduler');
    assert.deepEqual([shares.scheduler, shares.sync], [360e3, 40e3]);
  });

  test('the next segment was being made', () => {
    const waits = { durable: lengthUs, segment: 390e3 };
    const making = interval(4, { preparerUs: 380e3, writes: 1, writeUs: 1e3 });
    assert.equal(judgeStall(windowOf(400, waits), [...idle, making]).cause, 'preparer');
    const notRun = interval(4, { preparerReadyUs: 300e3 });
    assert.equal(judgeStall(windowOf(400, waits), [...idle, notRun]).cause, 'scheduler');
    const elsewhere = interval(4, { preparerAtOthersUs: 300e3 });
    assert.equal(judgeStall(windowOf(400, waits), [...idle, elsewhere]).cause, 'neighbour');
    const full = interval(4, { marks: INTERVAL_MARKS.noSpace });
    assert.equal(judgeStall(windowOf(400, waits), [...idle, full]).cause, 'space');
  });

  test('of several waits without a pause, all that they waited for counts', () => {
    const window = windowOf(1200, { durable: 300e3, segment: 290e3 });
    const all = Array.from({ length: 12 }, (_, at) => interval(at + 1, { preparerUs: 95e3 }));
    const { cause, shares } = judgeStall({ ...window, segmentUs: 1150e3 }, all);
    assert.deepEqual([cause, shares.preparer], ['preparer', 1150e3]);
  });

  test('the writer was at another log', () => {
    const last = interval(4, { writerAtOthersUs: 370e3, syncs: 1, syncUs: 5e3 });
    const { cause, shares } = judgeStall(durable, [...idle, last]);
    assert.deepEqual([cause, shares.sync], ['neighbour', 5e3]);
  });

  test('what was waited for was there: the collector, the application, or no processor', () => {
    const late = windowOf(400, { durable: lengthUs }, 395e3);
    const commit = { syncs: 1, syncUs: 4e3 };
    const judged = (fields: Partial<Record<IntervalField, number>>): StallCause =>
      judgeStall(late, [interval(1, commit), ...idle.slice(1), interval(4, fields)]).cause;
    assert.equal(judged({ collectorUs: 300e3, applicationRunUs: 390e3 }), 'collector');
    assert.equal(judged({ applicationRunUs: 390e3 }), 'application');
    assert.equal(judged({ applicationReadyUs: 300e3 }), 'scheduler');
    const behind = interval(6, { collectorUs: 300e3 });
    const told = judgeStall(late, [...idle, interval(4), interval(5), behind]);
    assert.equal(told.cause, 'collector', 'which tells it once the event loop turns');
    const later = interval(9, { collectorUs: 300e3 });
    const other = judgeStall(late, [...idle, interval(4), interval(5), later]);
    assert.equal(other.cause, 'application', 'that one came when all was told');
  });

  test('nobody had asked the writer: the application was busy before it could', () => {
    const last = interval(4, { applicationRunUs: 380e3, syncs: 1, syncUs: 4e3 });
    assert.equal(judgeStall(durable, [...idle, last]).cause, 'application');
    const collected = interval(4, { collectorUs: 380e3, applicationRunUs: 380e3 });
    assert.equal(judgeStall(durable, [...idle, collected]).cause, 'collector');
  });

  test('threads slept longer than they had asked for, and were not ready: stopped', () => {
    const stopped = windowOf(3000, { durable: 3000e3 });
    const gap = { ...interval(30), lengthUs: 2990e3, helperOversleptUs: 2850e3 };
    const judged = (fields: Partial<Interval>) => judgeStall(stopped, [{ ...gap, ...fields }]);
    const { cause, shares } = judged({});
    assert.deepEqual([cause, shares.stopped], ['stopped', 2850e3]);
    const inCall = judged({ syncs: 1, syncUs: 2900e3 });
    assert.equal(inCall.cause, 'stopped', 'also of a call that it was in meanwhile');
    const writer = judged({ helperOversleptUs: 0, writerOversleptUs: 2800e3 });
    assert.deepEqual([writer.cause, writer.shares.stopped], ['stopped', 2800e3]);
    const starved = judged({
      writerOversleptUs: 2800e3,
      writerReadyUs: 2790e3,
      helperReadyUs: 2840e3,
    });
    assert.equal(starved.cause, 'scheduler', 'it was ready, and had no processor');
    assert.equal(starved.shares.stopped, 10e3);
    const unknown = judged({ marks: 0 });
    assert.equal(unknown.cause, 'unknown', 'the times are not known');
  });

  test('stopped on a busy machine: all threads are ready for long once it goes on', () => {
    const stopped = windowOf(3400, { durable: 3400e3 });
    const ready = { writerReadyUs: 400e3, helperReadyUs: 300e3, preparerReadyUs: 400e3 };
    const ran = { writerRunUs: 60e3, applicationRunUs: 90e3, applicationReadyUs: 500e3 };
    const slept = { helperOversleptUs: 3100e3, writerOversleptUs: 2900e3 };
    const gap = { ...interval(32), lengthUs: 3390e3, ...ready, ...ran, ...slept };
    const { cause, shares } = judgeStall(stopped, [gap]);
    assert.deepEqual([cause, shares.stopped, shares.scheduler], ['stopped', 2800e3, 600e3]);
  });

  test('many calls, none of them long, while an append waited: the ring', () => {
    const full = windowOf(400, { append: lengthUs });
    const busy = [1, 2, 3, 4].map((number) =>
      interval(number, { writes: 30, writeUs: 60e3, syncs: 3, syncUs: 39e3 }),
    );
    assert.equal(judgeStall(full, busy).cause, 'ring');
    const one = interval(4, { writes: 30, writeUs: 10e3, syncs: 1, syncUs: 380e3 });
    const first = interval(1, { writes: 90, writeUs: 30e3, syncs: 9, syncUs: 9e3 });
    assert.equal(judgeStall(full, [first, ...idle.slice(1), one]).cause, 'sync', 'one was long');
    assert.equal(judgeStall(durable, busy).cause, 'write', 'nobody waited for the ring');
  });

  test('a full disk', () => {
    const full = interval(4, { marks: INTERVAL_MARKS.noSpace });
    assert.equal(judgeStall(durable, [...idle, full]).cause, 'space');
  });

  test('nothing that was recorded explains it: unknown', () => {
    assert.equal(judgeStall(durable, idle).cause, 'unknown');
    assert.equal(judgeStall(durable, []).cause, 'unknown');
    assert.equal(judgeStall(windowOf(400, { append: lengthUs }), []).cause, 'unknown');
  });

  test('what lies before or behind it does not count', () => {
    const before = { ...interval(0), syncs: 1, syncUs: 390e3 };
    const behind = interval(7, { syncs: 1, syncUs: 390e3 });
    const { cause, shares } = judgeStall(durable, [before, ...idle, interval(4), behind]);
    assert.deepEqual([cause, shares.sync], ['unknown', 0]);
  });

  test('the shares are its length, whatever the numbers are', () => {
    const number = fc.nat(10_000_000);
    const fields = fc.record(
      Object.fromEntries(Object.keys(INTERVAL_FIELDS).map((name) => [name, number])),
    ) as fc.Arbitrary<Record<IntervalField, number>>;
    const waits = fc.record({ append: number, durable: number, segment: number });
    fc.assert(
      fc.property(fc.array(fields), waits, fc.nat(5000), number, (all, longest, ms, lateUs) => {
        const intervals = all.map((each, at) => interval(at, { ...each, marks: each.marks % 4 }));
        const { cause, shares } = judgeStall(windowOf(ms, longest, lateUs), intervals);
        assert.ok(Math.abs(sumOf(shares) - ms * 1000) < 1, JSON.stringify(shares));
        for (const each of STALL_CAUSES)
          assert.ok(shares[each] >= 0 && shares[each] <= shares[cause]);
      }),
    );
  });
});
