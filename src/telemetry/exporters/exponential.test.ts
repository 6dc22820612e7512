import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../test/support/properties.js';
import { wordOf } from '../../memory/layout.js';
import {
  addToHistogram,
  HistogramReading,
  LatencyHistogram,
} from '../../metrics/latency-histogram.js';
import { NS_PER_SECOND, TWO_POW_32 } from '../../units.js';
import { exponentialOf } from './exponential.js';

const SCALE = 3;
const BASE = 2 ** (2 ** -SCALE);
/** Of a double: what two ways to compute a power may differ by. */
const ROUNDING = 1e-9;

function readingOf(values: readonly number[]): HistogramReading {
  const words = new Uint32Array(wordOf(LatencyHistogram.size));
  for (const value of values) {
    addToHistogram(words, 0, value % TWO_POW_32, Math.floor(value / TWO_POW_32));
  }
  return new HistogramReading(words, 0);
}

/** The largest value that the bucket of each value admits, in the order of the values. */
function upperEnds(values: readonly number[], unit: number): number[] {
  const { zeroCount, positive } = exponentialOf(readingOf(values), unit);
  const ends = Array.from({ length: zeroCount }, () => 0);
  positive.bucketCounts.forEach((count, index) => {
    const end = BASE ** (positive.offset + index + 1) * unit;
    ends.push(...Array.from({ length: count }, () => end));
  });
  return ends;
}

describe('an exponential histogram', () => {
  it('has buckets above their lower end and up to their upper one', () => {
    const bucketOf = (value: number) => exponentialOf(readingOf([value]), 1).positive.offset;
    // These have a cell of their own each.
    const expected = [
      [1, -1],
      [2, 7],
      [3, 12],
      [4, 15],
      [16, 31],
      [17, 32],
    ] as const;
    for (const [value, bucket] of expected) assert.equal(bucketOf(value), bucket, String(value));
    // The cell is 1024 … 1087: in the bucket of its largest, up to 1024 · 2^(1/8) = 1116.
    assert.equal(bucketOf(1024), 80);
  });

  it('of nothing is empty', () => {
    assert.deepEqual(exponentialOf(readingOf([]), 1), {
      count: 0,
      scale: SCALE,
      zeroCount: 0,
      positive: { offset: 0, bucketCounts: [] },
    });
  });

  it('counts zeros apart, and what is out of range in the bucket where the range ends', () => {
    const { count, zeroCount, positive } = exponentialOf(readingOf([0, 0, 2 ** 36, 2 ** 40]), 1);
    assert.deepEqual([count, zeroCount], [4, 2]);
    assert.deepEqual(positive, { offset: 36 * 8 - 1, bucketCounts: [2] });
  });

  it('loses no value, and puts each where the upper end is above it, by 15.9 % at the most', () => {
    const value = fc
      .integer({ min: 0, max: 36 })
      .chain((bits) => fc.integer({ min: 0, max: 2 ** bits - 1 }));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(1, NS_PER_SECOND),
        (values, unit) => {
          const { count, zeroCount, positive } = exponentialOf(readingOf(values), unit);
          const inBuckets = positive.bucketCounts.reduce((sum, each) => sum + each, zeroCount);
          assert.deepEqual([count, inBuckets], [values.length, values.length]);
          if (positive.bucketCounts.length > 0) {
            assert.ok(
              (positive.bucketCounts[0] ?? 0) > 0 && (positive.bucketCounts.at(-1) ?? 0) > 0,
            );
          }
          const sorted = [...values].sort((a, b) => a - b);
          upperEnds(values, unit).forEach((end, index) => {
            const own = sorted[index] as number;
            assert.ok(end * (1 + ROUNDING) >= own, `${own} in a bucket up to ${end}`);
            // 16 cells an octave from 16 on, whole numbers below; times a bucket's ratio.
            assert.ok(end <= own * 1.159, `${own} in a bucket up to ${end}`);
          });
        },
      ),
    );
  });
});
