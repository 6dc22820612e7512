import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { TWO_POW_32 } from '../../units.js';
import { Signals } from '../threads/signals.js';
import { RetentionBrake } from './retention-brake.js';

function brake() {
  const [signals, clock] = [new Signals(), new FakeClock()];
  return { signals, clock, brake: new RetentionBrake(signals, clock) };
}

test('a segment behind the last one that may be begun waits', () => {
  const { signals, brake: it } = brake();
  assert.equal(it.holds(7), false, 'nobody has said anything');
  signals.limitSegments(7);
  assert.deepEqual([it.holds(7), it.holds(8)], [false, true]);
  const woken = signals.wakeCount('writer');
  signals.limitSegments(8);
  assert.deepEqual([it.holds(8), it.holds(9)], [false, true]);
  assert.equal(signals.wakeCount('writer'), woken + 1, 'who waits is woken');
  signals.limitSegments(8);
  signals.limitSegments(7);
  assert.equal(signals.wakeCount('writer'), woken + 1, 'and nobody who has to wait on');
  signals.limitSegments(Number.POSITIVE_INFINITY);
  assert.equal(it.holds(1e6), false);
  assert.equal(signals.wakeCount('writer'), woken + 2);
});

test('indexes above 2^31 are no negative ones, and behind the last there is none', () => {
  const { signals, brake: it } = brake();
  signals.limitSegments(TWO_POW_32 - 2);
  assert.deepEqual([it.holds(TWO_POW_32 - 2), it.holds(TWO_POW_32 - 1)], [false, true]);
  signals.limitSegments(TWO_POW_32 + 5);
  assert.equal(it.holds(TWO_POW_32 - 1), false);
});

test('a maintainer that does nothing for ten seconds holds nobody up, until it does', () => {
  const { signals, clock, brake: it } = brake();
  signals.limitSegments(1);
  assert.equal(it.holds(2), true);
  clock.advanceNs(9e9);
  signals.count('maintainerSteps', 1);
  assert.equal(it.holds(2), true);
  clock.advanceNs(9.9e9);
  assert.equal(it.holds(2), true);
  clock.advanceNs(0.2e9);
  assert.equal(it.holds(2), false);
  assert.equal(it.holds(3), false, 'and not each segment anew');
  signals.count('maintainerSteps', 1);
  assert.equal(it.holds(3), true);
});

test('released, it holds nothing', () => {
  const { signals, brake: it } = brake();
  signals.limitSegments(1);
  it.isReleased = true;
  assert.equal(it.holds(2), false);
});
