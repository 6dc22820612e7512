import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { addValue } from '../../test/support/records.js';
import { NoteKind } from './journal.js';
import {
  addToHistogram,
  CELL_COUNT,
  cellStart,
  HistogramReading,
  LatencyHistogram,
  PERCENTILES,
  RANGE_BITS,
} from './latency-histogram.js';
import { addTimedNote } from './timed-note.js';

/** The first value beyond the cells. */
const RANGE_END = 2 ** RANGE_BITS;

const WORDS = LatencyHistogram.size / Uint32Array.BYTES_PER_ELEMENT;
const GUARD = 32;
const MARK = 0x5a5a_5a5a;

/** A histogram between words that nobody may change. */
function record(values: readonly number[]): HistogramReading {
  const words = new Uint32Array(WORDS + 2 * GUARD);
  words.fill(MARK, 0, GUARD).fill(MARK, GUARD + WORDS);
  for (const value of values) addValue(words, GUARD, value);
  assert.ok(words.subarray(0, GUARD).every((word) => word === MARK));
  assert.ok(words.subarray(GUARD + WORDS).every((word) => word === MARK));
  return new HistogramReading(words, GUARD);
}

/** The one cell that holds anything, or undefined. */
const cellOf = (value: number): number | undefined => {
  const found = record([value]).counts.indexOf(1);
  return found === -1 ? undefined : found;
};

/** Of every size alike, and at the edges of cells. */
const value = fc.oneof(
  fc.constantFrom(0, 15, 16, 31, 32, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, RANGE_END - 1),
  fc.double({ min: 0, max: RANGE_BITS, noNaN: true }).map((bits) => Math.floor(2 ** bits) - 1),
  fc
    .tuple(fc.nat(CELL_COUNT - 1), fc.constantFrom(-1, 0))
    .map(([cell, by]) => Math.max(0, cellStart(cell) + by)),
);
const beyond = fc.oneof(
  fc.constantFrom(RANGE_END, RANGE_END + 1, 2 ** 53 - 1, 2 ** 53),
  fc.integer({ min: RANGE_END, max: Number.MAX_SAFE_INTEGER }),
);

describe('cells', () => {
  test('each begins where the one before ends, and none is wider than 6.25 % of its values', () => {
    assert.equal(cellStart(0), 0);
    assert.equal(cellStart(CELL_COUNT), RANGE_END);
    for (let cell = 0; cell < CELL_COUNT; cell++) {
      const from = cellStart(cell);
      const to = cellStart(cell + 1) - 1;
      assert.ok(to >= from);
      assert.ok(to - from <= from * 0.0625, `cell ${cell}: ${from} to ${to}`);
      assert.equal(cellOf(from), cell);
      assert.equal(cellOf(to), cell);
      assert.equal(cellOf(Math.floor((from + to) / 2)), cell);
    }
  });

  test('the worked example of the file: 1000 stands in cell 111', () => {
    assert.equal(cellOf(1000), 111);
    assert.deepEqual(record([1000]).cells, [{ from: 992, to: 1023, count: 1 }]);
  });

  test('from 2^36 on values are counted out of range, in no cell', () => {
    for (const value of [2 ** 36, 2 ** 36 + 1, 2 ** 53 - 1, 2 ** 53]) {
      const reading = record([value]);
      assert.equal(cellOf(value), undefined);
      assert.deepEqual([reading.count, reading.outOfRange, reading.total], [1, 1, value]);
    }
    assert.equal(cellOf(2 ** 36 - 1), CELL_COUNT - 1);
  });

  test('values whose low half looks negative to a signed word keep their cell', () => {
    for (const value of [2 ** 31, 2 ** 32 - 1, 2 ** 33 + 2 ** 31]) {
      const words = new Uint32Array(WORDS);
      addToHistogram(words, 0, value | 0, Math.floor(value / 2 ** 32));
      const expected = new Uint32Array(WORDS);
      addToHistogram(expected, 0, value >>> 0, Math.floor(value / 2 ** 32));
      assert.deepEqual(words, expected);
      assert.equal(new HistogramReading(words, 0).counts[cellOf(value) ?? -1], 1);
    }
  });
});

describe('against a sorted array', () => {
  test('counts are exact, in cells, in all, out of range and below each power of two', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(value, value, beyond), { maxLength: 300 }), (values) => {
        const reading = record(values);
        const inRange = values.filter((each) => each < RANGE_END);
        assert.equal(reading.count, values.length);
        assert.equal(reading.outOfRange, values.length - inRange.length);
        assert.equal(reading.total, Number(values.reduce((sum, each) => sum + BigInt(each), 0n)));
        for (const { from, to, count } of reading.cells) {
          assert.equal(count, inRange.filter((each) => each >= from && each <= to).length);
        }
        assert.equal(
          reading.cells.reduce((sum, { count }) => sum + count, 0),
          inRange.length,
        );
        for (let bits = 0; bits <= RANGE_BITS; bits++) {
          const below = values.filter((each) => each < 2 ** bits).length;
          assert.equal(reading.countBelowPowerOfTwo(bits), below, `below 2^${bits}`);
        }
      }),
    );
  });

  test('a percentile is never below the exact one, and at most 6.25 % above it', () => {
    const percents = fc.oneof(
      fc.constantFrom(...PERCENTILES, 0, 100),
      fc.double({ min: 0, max: 100, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 400 }),
        percents,
        (values, percent) => {
          const sorted = values.toSorted((a, b) => a - b);
          // Floating-point noise in the share itself is not the histogram's.
          const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length * (1 - 1e-12)));
          const exact = sorted[rank - 1] ?? Number.NaN;
          const found = record(values).percentile(percent);
          assert.ok(found >= exact, `p${percent} is ${found}, below ${exact}`);
          assert.ok(found - exact <= exact * 0.0625, `p${percent} is ${found}, not ${exact}`);
        },
      ),
    );
  });

  test('a percentile that lies out of range says where the range ends', () => {
    const reading = record([1, 2 ** 40, 2 ** 41]);
    assert.equal(reading.percentile(30), 1);
    assert.equal(reading.percentile(50), RANGE_END);
    assert.equal(record([]).percentile(99), 0);
  });

  test('99.9 % of a thousand values are 999 of them', () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index < 999 ? 5 : 12));
    assert.equal(record(values).percentile(99.9), 5);
    assert.equal(record(values).percentile(99.91), 12);
  });
});

test('cells count past 2^32', () => {
  const words = new Uint32Array(WORDS);
  const at = LatencyHistogram.offset.cells / Uint32Array.BYTES_PER_ELEMENT + 2 * 5;
  words[at] = 2 ** 32 - 1;
  addValue(words, 0, 5);
  assert.equal(new HistogramReading(words, 0).counts[5], 2 ** 32);
});

test('is little-endian 64-bit values at the offsets of its layout', () => {
  const words = new Uint32Array(WORDS);
  addValue(words, 0, 3);
  addValue(words, 0, 2 ** 36);
  const view = new DataView(words.buffer);
  const at = LatencyHistogram.offset;
  assert.deepEqual(
    [at.count, at.total, at.outOfRange, at.cells + 3 * 8].map((offset) =>
      view.getBigUint64(offset, true),
    ),
    [2n, 2n ** 36n + 3n, 1n, 1n],
  );
});

test('a note of any time adds the same as the time itself', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        value,
        beyond.filter((each) => each < 2 ** 53),
      ),
      (time) => {
        const words = new Uint32Array(16 + WORDS);
        const high = Math.floor(time / 2 ** 32);
        addTimedNote(words, 0, 16, NoteKind.sample, time | 0, high);
        const reading = new HistogramReading(words, 16);
        const expected = record([time]);
        assert.deepEqual(reading, expected);
      },
    ),
  );
});

describe('the difference of two readings', () => {
  const any = fc.array(fc.oneof(value, beyond), { maxLength: 60 });

  test('is what was recorded in between', () => {
    fc.assert(
      fc.property(any, any, (before, between) => {
        const since = record([...before, ...between]).since(record(before));
        const expected = record(between);
        assert.deepEqual([since.count, since.outOfRange], [expected.count, expected.outOfRange]);
        assert.deepEqual(since.counts, expected.counts);
        // Sums above 2^53 are rounded before they are subtracted.
        const isExact = [...before, ...between].every((each) => each < RANGE_END);
        if (isExact) assert.equal(since.total, expected.total);
      }),
    );
  });

  test('is nothing where it would be less than nothing: two openings are no interval', () => {
    const since = record([5]).since(record([5, 5, 1000]));
    assert.deepEqual(since, record([]));
  });
});

test('as JSON a reading has its percentiles and the cells that hold anything', () => {
  const json = JSON.parse(JSON.stringify(record([3, 3, 1000, RANGE_END])));
  assert.deepEqual(json, {
    count: 4,
    total: RANGE_END + 1006,
    outOfRange: 1,
    p50: 3,
    p90: RANGE_END,
    p99: RANGE_END,
    'p99.9': RANGE_END,
    'p99.99': RANGE_END,
    'p99.999': RANGE_END,
    'p99.9999': RANGE_END,
    cells: [
      { from: 3, to: 3, count: 2 },
      { from: 992, to: 1023, count: 1 },
    ],
  });
});
