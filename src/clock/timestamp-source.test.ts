import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { FakeClock } from './fake-clock.js';
import { anchorWallClock, TimestampSource, type WallAnchor } from './timestamp-source.js';

const START_NS = 1_000_000_000;
const UNIX_NS = 1_700_000_000_123_456_000n;

const anchorAt = (unixNs: bigint, monotonicNs = START_NS): WallAnchor => ({ unixNs, monotonicNs });

/** The two halves as append stores them. */
const halves = ({ words }: TimestampSource): bigint =>
  (BigInt(words[1] as number) << 32n) + BigInt(words[0] as number);

describe('a timestamp', () => {
  test('is the anchor plus the time that the clock has moved since', () => {
    const clock = new FakeClock(START_NS);
    const source = new TimestampSource(clock, anchorAt(UNIX_NS));
    assert.equal(source.nowNs(), UNIX_NS);
    clock.advanceNs(1);
    assert.equal(source.nowNs(), UNIX_NS + 1n);
    clock.advanceNs(86_400e9);
    assert.equal(source.nowNs(), UNIX_NS + 86_400_000_000_001n);
  });

  test('takes whole nanoseconds of a clock that tells fractions', () => {
    const source = new TimestampSource(new FakeClock(), anchorAt(UNIX_NS));
    source.setOffset(7.999);
    assert.equal(source.lastNs, UNIX_NS + 7n);
  });

  test('carries from the low half into the high one, at the nanosecond', () => {
    const clock = new FakeClock(START_NS);
    const beforeCarry = (5n << 32n) - 1n;
    const source = new TimestampSource(clock, anchorAt(beforeCarry));
    source.sample();
    assert.deepEqual([...source.words], [0xffff_ffff, 4]);
    clock.advanceNs(1);
    source.sample();
    assert.deepEqual([...source.words], [0, 5]);
    assert.equal(source.lastNs, beforeCarry + 1n);
  });

  test('tells the time since the anchor beside it', () => {
    const clock = new FakeClock(START_NS);
    const source = new TimestampSource(clock, anchorAt(UNIX_NS));
    clock.advanceNs(42);
    assert.equal(source.sample(), 42);
  });

  test('does not follow a clock that goes backwards, and goes on with it from there', () => {
    const clock = new FakeClock(START_NS);
    const source = new TimestampSource(clock, anchorAt(UNIX_NS));
    clock.advanceNs(500);
    const highest = source.nowNs();
    clock.advanceNs(-400);
    assert.equal(source.nowNs(), highest);
    clock.advanceNs(401);
    assert.equal(source.nowNs(), highest + 1n);
  });

  test('before the anchor counts too, as far as nothing later was taken', () => {
    // An offset below zero: low half − offset borrows from the high half.
    const source = new TimestampSource(new FakeClock(), anchorAt(3n << 32n));
    source.setOffset(-1);
    assert.deepEqual([...source.words], [0xffff_ffff, 2]);
  });

  test('equals the BigInt sum and never goes backwards, whatever the offsets', () => {
    const offsets = fc.array(
      fc.oneof(
        fc.integer({ min: -5_000_000_000, max: 5_000_000_000 }),
        fc.integer({ min: 0, max: 2 ** 51 }),
        fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40),
      ),
      { maxLength: 30 },
    );
    const anchors = fc.bigInt({ min: 10n ** 10n, max: 2n ** 62n });
    fc.assert(
      fc.property(anchors, offsets, (unixNs, taken) => {
        const source = new TimestampSource(new FakeClock(), anchorAt(unixNs));
        let expected = 0n;
        for (const offsetNs of taken) {
          source.setOffset(offsetNs);
          const ns = unixNs + BigInt(offsetNs);
          if (ns > expected) expected = ns;
          assert.equal(source.lastNs, expected);
          assert.equal(halves(source), expected);
        }
      }),
    );
  });
});

describe('the wall clock', () => {
  test('is read once: a jump of ten years in either direction changes nothing', () => {
    const clock = new FakeClock(START_NS);
    const anchor = anchorWallClock(clock);
    const source = new TimestampSource(clock, anchor);
    const tenYearsMs = 10 * 365 * 86_400e3;
    const wall = mock.method(Date, 'now');
    try {
      for (const jumpMs of [tenYearsMs, -tenYearsMs]) {
        wall.mock.mockImplementation(() => 1_700_000_000_000 + jumpMs);
        const before = source.nowNs();
        clock.advanceNs(3);
        assert.equal(source.nowNs(), before + 3n);
      }
    } finally {
      wall.mock.restore();
    }
  });

  test('is paired with the clock at the same instant', () => {
    const clock = new FakeClock(77);
    // To the microsecond: finer than that, milliseconds in a double do not tell.
    const { unixNs, monotonicNs } = anchorWallClock(clock, 1_700_000_000_123.456);
    assert.equal(monotonicNs, 77);
    assert.equal(unixNs, 1_700_000_000_123_456_000n);
  });

  test('is what the system says when no time is given', () => {
    const { unixNs } = anchorWallClock(new FakeClock());
    const differenceMs = Math.abs(Number(unixNs / 1_000_000n) - Date.now());
    // An hour: whoever steps this machine's clock by more while the test runs may see it fail.
    assert.ok(differenceMs < 3_600_000, `${differenceMs} ms apart`);
  });
});
