import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeLog } from './fake-look.js';
import { percentileWithin } from './longest.js';

const NO_BOUNDS = { minNs: 0, maxNs: Number.POSITIVE_INFINITY };

const histogramOf = (...valuesNs: readonly number[]) => {
  const log = new FakeLog();
  for (const ns of valuesNs) log.took(ns, (startNs) => log.writer.onSync(startNs));
  return log.look().recorder.segmentWriter.syncHistogram;
};

describe('a percentile', () => {
  it('is the edge of its cell where no more is known', () => {
    const histogram = histogramOf(1000, 2_000_000, 3_000_000);
    assert.equal(percentileWithin(histogram, 50, NO_BOUNDS), histogram.percentile(50));
    assert.ok(percentileWithin(histogram, 50, NO_BOUNDS) >= 2_000_000);
  });

  it('of a single value is the value', () => {
    assert.equal(percentileWithin(histogramOf(1_234_567), 50, NO_BOUNDS), 1_234_567);
  });

  it('of values that are all the same is the value, where the shortest is known', () => {
    const same = histogramOf(...Array<number>(100).fill(1_234_567));
    const bounds = { minNs: 1_234_567, maxNs: 9e9 };
    for (const percent of [50, 99, 100]) {
      assert.equal(percentileWithin(same, percent, bounds), 1_234_567);
    }
  });

  it('is no longer than the longest, and 100 % of all are the longest', () => {
    const histogram = histogramOf(1000, 1_010_000);
    const bounds = { minNs: 1000, maxNs: 1_010_000 };
    assert.equal(percentileWithin(histogram, 100, bounds), 1_010_000);
    assert.equal(percentileWithin(histogram, 99.9, bounds), 1_010_000);
  });

  it('is never below its cell, whatever the bounds say', () => {
    const histogram = histogramOf(1_000_000, 1_000_000);
    const { from = 0 } = histogram.cells[0] ?? {};
    assert.equal(percentileWithin(histogram, 100, { minNs: 0, maxNs: 5 }), from);
  });

  it('of values out of range is the longest', () => {
    const bounds = { minNs: 1000, maxNs: 100e9 };
    const histogram = histogramOf(1000, 1000, 100e9);
    assert.equal(percentileWithin(histogram, 100, bounds), 100e9);
    assert.ok(percentileWithin(histogram, 50, bounds) < 1100);
  });

  it('of nothing is 0', () => {
    assert.equal(percentileWithin(histogramOf(), 99, NO_BOUNDS), 0);
  });
});
