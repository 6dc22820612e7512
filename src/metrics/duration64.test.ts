import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { CLOCK_STEP, DROPPED, recordOutcome, recordTime } from '../../test/support/records.js';
import { Duration64, DurationReading } from './duration64.js';
import { Operation64, OperationReading } from './operation64.js';

const LINE = Duration64.size / Uint32Array.BYTES_PER_ELEMENT;
/** A line between two others, which must stay as they are. */
const AT = LINE;

const threeLines = (): Uint32Array => new Uint32Array(3 * LINE).fill(7, 0, AT).fill(7, AT + LINE);

function assertNeighbours(words: Uint32Array): void {
  const around = [...words.subarray(0, AT), ...words.subarray(AT + LINE)];
  assert.ok(around.every((word) => word === 7));
}

/** Above 2^52 the half nanosecond that is added before rounding is lost: even numbers stay. */
const elapsed = fc.oneof(
  fc.constantFrom(DROPPED, CLOCK_STEP, 0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 2),
  fc.nat(1000),
  fc.integer({ min: 0, max: 2 ** 52 }),
);
const isDropped = (each: number): boolean => Number.isNaN(each);

interface Oracle {
  readonly samples: number;
  readonly totalNs: bigint;
  readonly minNs: number;
  readonly maxNs: number;
  readonly clockSteps: number;
  readonly dropped: number;
}

function oracleOf(all: readonly number[]): Oracle {
  const taken = all.filter((each) => !isDropped(each)).map((each) => Math.max(0, each));
  return {
    samples: taken.length,
    totalNs: taken.reduce((sum, each) => sum + BigInt(each), 0n),
    minNs: taken.length === 0 ? 0 : Math.min(...taken),
    maxNs: Math.max(0, ...taken),
    clockSteps: all.filter((each) => each === CLOCK_STEP).length,
    dropped: all.filter(isDropped).length,
  };
}

describe('duration64', () => {
  test('tells what an array of all values tells', () => {
    fc.assert(
      fc.property(fc.array(elapsed, { maxLength: 40 }), (all) => {
        const words = threeLines();
        for (const each of all) recordTime(words, AT, each);
        const { totalNs, ...oracle } = oracleOf(all);
        const reading = new DurationReading(words, AT);
        assert.deepEqual({ ...reading }, { ...oracle, totalNs: Number(totalNs) });
        assert.equal(reading.jitterNs, oracle.maxNs - oracle.minNs);
        assert.equal(reading.avgNs, oracle.samples && Number(totalNs) / oracle.samples);
        assertNeighbours(words);
      }),
    );
  });

  test('is little-endian 64-bit values at the offsets of its layout', () => {
    const words = new Uint32Array(LINE);
    recordTime(words, 0, 2 ** 40 + 3);
    recordTime(words, 0, 5);
    recordTime(words, 0, CLOCK_STEP);
    recordTime(words, 0, DROPPED);
    const view = new DataView(words.buffer);
    const at = Duration64.offset;
    assert.equal(view.getUint32(at.ended, true), 4);
    assert.equal(view.getBigUint64(at.samples, true), 3n);
    assert.equal(view.getBigUint64(at.totalNs, true), 2n ** 40n + 8n);
    assert.equal(view.getBigUint64(at.minNs, true), 0n);
    assert.equal(view.getBigUint64(at.maxNs, true), 2n ** 40n + 3n);
    assert.equal(view.getUint32(at.clockSteps, true), 1);
    assert.equal(view.getUint32(at.dropped, true), 1);
    assert.equal(view.getUint32(at.begun, true), 4);
  });

  test('counts on past 2^32 samples, where the first of all is not first again', () => {
    const words = new Uint32Array(LINE);
    const view = new DataView(words.buffer);
    view.setBigUint64(Duration64.offset.samples, 2n ** 32n - 1n, true);
    view.setBigUint64(Duration64.offset.minNs, 10n, true);
    recordTime(words, 0, 20);
    recordTime(words, 0, 30);
    const { samples, minNs, maxNs } = new DurationReading(words, 0);
    assert.deepEqual({ samples, minNs, maxNs }, { samples: 2 ** 32 + 1, minNs: 10, maxNs: 30 });
  });

  test('its counters go on where they pass 2^32', () => {
    const words = new Uint32Array(LINE);
    words[0] = 2 ** 32 - 1;
    words[LINE - 1] = 2 ** 32 - 1;
    recordTime(words, 0, 1);
    assert.equal(words[0], 0);
    assert.equal(words[LINE - 1], 0);
  });

  test('says a rate of the time that was measured, and none where that is 0', () => {
    const words = new Uint32Array(LINE);
    assert.equal(new DurationReading(words, 0).ratePerSecond, 0);
    recordTime(words, 0, 0);
    assert.equal(new DurationReading(words, 0).ratePerSecond, 0);
    recordTime(words, 0, 500_000);
    assert.equal(new DurationReading(words, 0).ratePerSecond, 4000);
  });
});

describe('operation64', () => {
  test('is a duration64 whose successes and failures sum to its samples', () => {
    const calls = fc.array(fc.tuple(elapsed, fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(calls, (all) => {
        const words = threeLines();
        for (const [each, ok] of all) recordOutcome(words, AT, each, ok);
        const { totalNs, ...oracle } = oracleOf(all.map(([each]) => each));
        const reading = new OperationReading(words, AT);
        const successes = all.filter(([each, ok]) => ok && !isDropped(each)).length;
        const failures = oracle.samples - successes;
        const expected = { ...oracle, totalNs: Number(totalNs), successes, failures };
        assert.deepEqual({ ...reading }, expected);
        assert.equal(reading.successes + reading.failures, reading.samples);
        assertNeighbours(words);
      }),
    );
  });

  test('has its successes where the layout says', () => {
    const words = new Uint32Array(LINE);
    recordOutcome(words, 0, 5, true);
    recordOutcome(words, 0, 5, false);
    const view = new DataView(words.buffer);
    assert.equal(view.getBigUint64(Operation64.offset.successes, true), 1n);
    assert.equal(view.getBigUint64(Operation64.offset.samples, true), 2n);
  });
});
