import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from './random.js';

/** Computed by an independent BigInt implementation. */
const GOLDEN = [660444221, -642143564, 77672526, 910233633];

const draw = (seed: number, count: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.next());
};

describe('Random', () => {
  it('gives the same numbers for the same seed, others for its neighbour', () => {
    assert.deepEqual(draw(7, 100), draw(7, 100));
    assert.notDeepEqual(draw(7, 4), draw(8, 4));
  });

  it('is xoshiro128** seeded by splitmix32: the numbers never change', () => {
    assert.deepEqual(draw(42, 4), GOLDEN);
  });

  it('starts from seed 0 as from any other', () => {
    assert.ok(new Set(draw(0, 1000)).size > 990);
  });

  it('stays in range and fills it evenly', () => {
    const random = new Random(1);
    const counts = new Array<number>(10).fill(0);
    for (let index = 0; index < 100_000; index += 1) {
      const value = random.below(10);
      counts[value] = (counts[value] ?? 0) + 1;
      const fraction = random.fraction();
      assert.ok(fraction >= 0 && fraction < 1);
    }
    assert.equal(counts.length, 10);
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${counts}`);
  });

  it('halves: each count of halvings is half as likely as the one before', () => {
    const random = new Random(3);
    const counts = new Array<number>(33).fill(0);
    for (let index = 0; index < 80_000; index += 1) {
      const halvings = random.halvings();
      counts[halvings] = (counts[halvings] ?? 0) + 1;
    }
    for (const [index, expected] of [40_000, 20_000, 10_000, 5000].entries()) {
      assert.ok(Math.abs((counts[index] ?? 0) - expected) < expected * 0.1, `${counts}`);
    }
  });
});
