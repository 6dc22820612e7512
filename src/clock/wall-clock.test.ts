import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { monotonicClock } from './clock.js';
import { FakeClock } from './fake-clock.js';
import { anchorWallClock, publishWall, readWall, stillWallLatch } from './wall-clock.js';

const UNIX_MS = 1_700_000_000_000;

describe('an anchor of the wall clock', () => {
  test('waits for the moment at which whole milliseconds move', () => {
    const clock = new FakeClock(0);
    // The clocks began together, 0.3 ms into a millisecond; each look takes a microsecond.
    const wallClockMs = (): number => {
      clock.advanceNs(1000);
      return UNIX_MS + Math.floor((clock.nowNs() + 300_000) / 1e6);
    };
    const { unixNs, monotonicNs } = anchorWallClock(clock, wallClockMs);
    assert.equal(unixNs, BigInt(UNIX_MS + 1) * 1_000_000n);
    assert.ok(Math.abs(monotonicNs - 700_000) <= 1000, `${monotonicNs}`);
  });

  test('does not wait for a clock that tells fractions, nor for ever for one that stands still', () => {
    const fractions = anchorWallClock(new FakeClock(77), () => UNIX_MS + 0.456);
    assert.deepEqual(fractions, { unixNs: 1_700_000_000_000_456_000n, monotonicNs: 77 });
    const still = anchorWallClock(new FakeClock(77), () => UNIX_MS);
    assert.deepEqual(still, { unixNs: 1_700_000_000_000_000_000n, monotonicNs: 77 });
  });

  test('gives up after two milliseconds that bring no clean edge', () => {
    const clock = new FakeClock(0);
    let looks = 0;
    const interrupted = (): number => {
      looks++;
      clock.advanceNs(500_000);
      return UNIX_MS + Math.floor(clock.nowNs() / 1e6);
    };
    const { unixNs, monotonicNs } = anchorWallClock(clock, interrupted);
    assert.ok(looks < 10);
    const differenceNs = Number(unixNs - BigInt(UNIX_MS) * 1_000_000n) - monotonicNs;
    assert.ok(Math.abs(differenceNs) <= 1_000_000);
  });

  test('is not wrong by the time for which its thread had no processor between the clocks', () => {
    for (const interruptedAt of [1, 2, 3, 4]) {
      const clock = new FakeClock(0);
      let looks = 0;
      const wallClockMs = (): number => {
        const unixMs = UNIX_MS + Math.floor(clock.nowNs() / 1e6);
        clock.advanceNs(++looks === interruptedAt ? 15_000_000 : 600_000);
        return unixMs;
      };
      const { unixNs, monotonicNs } = anchorWallClock(clock, wallClockMs);
      const errorNs = Number(unixNs - BigInt(UNIX_MS) * 1_000_000n) - monotonicNs;
      assert.ok(Math.abs(errorNs) <= 2_000_000, `look ${interruptedAt}: ${errorNs} ns`);
    }
  });

  test('does not look for ever where each look is interrupted', () => {
    const clock = new FakeClock(0);
    let looks = 0;
    anchorWallClock(clock, () => {
      looks++;
      clock.advanceNs(5_000_000);
      return UNIX_MS + Math.floor(clock.nowNs() / 1e6);
    });
    assert.ok(looks < 20);
  });

  test('is what the system says at that moment, not what it said as the process began', () => {
    const { unixNs, monotonicNs } = anchorWallClock(monotonicClock);
    const sinceMs = (monotonicClock.nowNs() - monotonicNs) / 1e6;
    // An hour: whoever steps this machine's clock by more meanwhile may see it fail.
    assert.ok(Math.abs(Number(unixNs / 1_000_000n) + sinceMs - Date.now()) < 3_600_000);
  });
});

test('what was told through a latch is read as it was, whatever its sign', () => {
  const latch = stillWallLatch();
  const read = (): bigint => {
    const words = new Int32Array(2);
    readWall(latch, words);
    return (BigInt(words[1] as number) << 32n) | BigInt((words[0] as number) >>> 0);
  };
  for (const unixNs of [
    0n,
    1n,
    2n ** 32n - 1n,
    2n ** 31n,
    2n ** 62n + 12_345n,
    -1n,
    -(2n ** 40n),
  ]) {
    publishWall(latch, unixNs);
    assert.equal(read(), unixNs);
  }
});
