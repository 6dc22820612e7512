import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mergedSpread, percentileNs, rowStartNs, rowsOf, spreadOf } from './spread.js';

const TIMES = fc.array(fc.integer({ min: 1, max: 2 ** 36 - 1 }), { minLength: 1, maxLength: 200 });

const spreadOfTimes = (times: readonly number[]) =>
  spreadOf(
    times.map((from) => ({ from, count: 1 })),
    0,
    Math.max(...times),
  );

describe('a spread', () => {
  it('tells percentiles that are never too low, and at most 19 % too high', () => {
    fc.assert(
      fc.property(TIMES, fc.integer({ min: 1, max: 100 }), (times, percent) => {
        const sorted = times.toSorted((one, other) => one - other);
        const exact = sorted[Math.ceil((percent / 100) * times.length - 1e-9) - 1] ?? 0;
        const told = percentileNs(spreadOfTimes(times), percent);
        // The edges of rows are rounded numbers: equal to the last bit or two.
        assert.ok(told >= exact * (1 - 1e-12), `${told} is below ${exact}`);
        assert.ok(told <= exact * 1.19, `${told} is far above ${exact}`);
      }),
    );
  });

  it('of two is the one of all their times', () => {
    fc.assert(
      fc.property(TIMES, TIMES, (first, second) => {
        const merged = mergedSpread(spreadOfTimes(first), spreadOfTimes(second));
        assert.deepEqual(merged, spreadOfTimes([...first, ...second]));
        assert.deepEqual(mergedSpread(undefined, merged), merged);
      }),
    );
  });

  it('has what is out of range in its last row, and its longest as it was', () => {
    const spread = spreadOf([{ from: 1000, count: 3 }], 2, 90e9);
    assert.equal(spread.count, 5);
    assert.equal(percentileNs(spread, 100), 90e9);
    const [low, high] = [...rowsOf(spread)];
    assert.deepEqual([low?.[1], high?.[1]], [3, 2]);
    assert.ok(rowStartNs(low?.[0] ?? 0) <= 1000 && rowStartNs((low?.[0] ?? 0) + 1) > 1000);
    assert.ok(rowStartNs((high?.[0] ?? 0) + 1) >= 2 ** 36);
  });
});
