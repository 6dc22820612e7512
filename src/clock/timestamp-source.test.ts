import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { FakeClock } from './fake-clock.js';
import { TimestampSource } from './timestamp-source.js';
import { publishWall, stillWallLatch, type WallAnchor } from './wall-clock.js';

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

describe('the floor', () => {
  test('no timestamp lies before it; beyond it the clock goes on', () => {
    const clock = new FakeClock(START_NS);
    const source = new TimestampSource(clock, anchorAt(UNIX_NS), UNIX_NS + 5n);
    assert.equal(source.lastNs, UNIX_NS + 5n);
    assert.equal(source.nowNs(), UNIX_NS + 5n);
    clock.advanceNs(6);
    assert.equal(source.nowNs(), UNIX_NS + 6n);
  });

  test('may be raised, and is never lowered', () => {
    const source = new TimestampSource(new FakeClock(START_NS), anchorAt(UNIX_NS));
    source.notBefore(UNIX_NS + (7n << 32n));
    assert.equal(source.nowNs(), UNIX_NS + (7n << 32n));
    source.notBefore(UNIX_NS);
    assert.equal(source.nowNs(), UNIX_NS + (7n << 32n));
  });

  test('may be the last time that 64 bits hold', () => {
    const source = new TimestampSource(new FakeClock(), anchorAt(UNIX_NS), 2n ** 64n - 1n);
    assert.equal(source.nowNs(), 2n ** 64n - 1n);
  });
});

describe('a wall clock that was stepped', () => {
  const YEAR_NS = 365n * 86_400_000_000_000n;
  const HOUR_NS = 3_600_000_000_000n;

  function stepped() {
    const clock = new FakeClock(START_NS);
    const latch = stillWallLatch();
    const source = new TimestampSource(clock, anchorAt(UNIX_NS), 0n, latch);
    return { clock, latch, source };
  }

  for (const [name, stepNs] of [
    ['8 hours', 8n * HOUR_NS],
    ['10 years', 10n * YEAR_NS],
    ['a nanosecond', 1n],
  ] as const) {
    test(`${name} forward is followed at once, to the nanosecond`, () => {
      const { clock, latch, source } = stepped();
      clock.advanceNs(10);
      assert.equal(source.nowNs(), UNIX_NS + 10n);
      publishWall(latch, UNIX_NS + stepNs);
      assert.equal(source.nowNs(), UNIX_NS + stepNs + 10n);
      clock.advanceNs(1);
      assert.equal(source.nowNs(), UNIX_NS + stepNs + 11n);
    });

    test(`${name} back: timestamps stand still until it has caught up`, () => {
      const { clock, latch, source } = stepped();
      clock.advanceNs(10);
      const last = source.nowNs();
      publishWall(latch, UNIX_NS - stepNs);
      clock.advanceNs(1);
      assert.equal(source.nowNs(), last);
      clock.advanceNs(Number(stepNs) - 1);
      assert.equal(source.nowNs(), last);
      clock.advanceNs(1024);
      assert.ok(source.nowNs() > last);
    });
  }

  test('is followed where another thread keeps the offset fresh, too', () => {
    const { latch, source } = stepped();
    const doubles = Float64Array.of(42);
    publishWall(latch, UNIX_NS + HOUR_NS);
    source.stampFrom(doubles, 0);
    assert.equal(source.lastNs, UNIX_NS + HOUR_NS + 42n);
  });

  test('before the first timestamp is followed as well, and each step that comes after', () => {
    const clock = new FakeClock(START_NS);
    const latch = stillWallLatch();
    publishWall(latch, UNIX_NS + HOUR_NS);
    const source = new TimestampSource(clock, anchorAt(UNIX_NS), 0n, latch);
    assert.equal(source.nowNs(), UNIX_NS + HOUR_NS);
    publishWall(latch, UNIX_NS + 3n * HOUR_NS);
    publishWall(latch, UNIX_NS + 2n * HOUR_NS);
    assert.equal(source.nowNs(), UNIX_NS + 2n * HOUR_NS);
  });
});

test('a look at the clock is not taken back by an older one of another thread', () => {
  const source = new TimestampSource(new FakeClock(START_NS), anchorAt(UNIX_NS));
  const doubles = Float64Array.of(42);
  source.stampAt(Float64Array.of(0, START_NS + 1_000), 1);
  assert.equal(source.lastNs, UNIX_NS + 1_000n);
  source.stampFrom(doubles, 0);
  assert.equal(source.lastNs, UNIX_NS + 1_000n);
  doubles[0] = 2_000;
  source.stampFrom(doubles, 0);
  assert.equal(source.lastNs, UNIX_NS + 2_000n);
});
