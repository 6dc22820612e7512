import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { CLOCK_STEP, DROPPED, elapsedNs } from './elapsed.js';

const LONGEST = Number.MAX_SAFE_INTEGER;

test('whole nanoseconds between two looks at the clock', () => {
  const looks: readonly (readonly [startNs: number, nowNs: number, elapsed: number])[] = [
    [0, 0, 0],
    [5, 5, 0],
    [5, 12, 7],
    [0.25, 1.5, 1],
    [0.25, 1.75, 2],
    [-5, 5, 10],
    [0, LONGEST - 1, LONGEST - 1],
    [0, LONGEST, DROPPED],
    [0, 2 ** 53, DROPPED],
    [1, 0, CLOCK_STEP],
    [0.6, 0, CLOCK_STEP],
    // Less than half a nanosecond is the clock's own rounding.
    [0.4, 0, 0],
    [LONGEST, 0, CLOCK_STEP],
    [2 ** 60, 0, CLOCK_STEP],
    [Number.MAX_VALUE, 5, CLOCK_STEP],
    [-Number.MAX_VALUE, 5, DROPPED],
    [Number.NaN, 5, DROPPED],
    [5, Number.NaN, DROPPED],
    [Number.POSITIVE_INFINITY, 5, DROPPED],
    [Number.NEGATIVE_INFINITY, 5, DROPPED],
    [5, Number.POSITIVE_INFINITY, DROPPED],
  ];
  for (const [startNs, nowNs, elapsed] of looks) {
    assert.equal(elapsedNs(startNs, nowNs), elapsed, `${startNs} to ${nowNs}`);
  }
});

test('takes anything, and never throws', () => {
  const hostile = {
    valueOf() {
      throw new Error('asked');
    },
  };
  for (const wrong of [undefined, null, '5', 5n, {}, [5], Symbol('5'), true, hostile]) {
    assert.equal(elapsedNs(wrong as number, 5), DROPPED);
    assert.equal(elapsedNs(5, wrong as number), DROPPED);
  }
});

test('is a whole number from 0 to 2^53 - 1, or one of the two codes', () => {
  fc.assert(
    fc.property(fc.double(), fc.double(), (startNs, nowNs) => {
      const elapsed = elapsedNs(startNs, nowNs);
      assert.ok(
        elapsed === DROPPED ||
          elapsed === CLOCK_STEP ||
          (Number.isSafeInteger(elapsed) && elapsed >= 0),
      );
    }),
  );
});
