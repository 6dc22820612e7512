import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { Signals } from './signals.js';
import { runUntilStopped } from './worker-loop.js';

/** Signals that do not sleep but tell that they would, and for how long. */
class SleeplessSignals extends Signals {
  readonly sleeps: number[] = [];
  readonly staleSleeps: number[] = [];

  override sleep(thread: 'writer' | 'preparer' | 'housekeeping', seen: number, ms: number): void {
    if (seen === this.wakeCount(thread)) this.sleeps.push(ms);
    else this.staleSleeps.push(ms);
  }
}

function run(outcomes: readonly number[], spinUs = 0, clock = new FakeClock()): SleeplessSignals {
  const signals = new SleeplessSignals();
  let steps = 0;
  let beats = 0;
  const body = {
    step: (): number => {
      clock.advanceNs(10_000);
      const outcome = outcomes[steps++] ?? 0;
      if (steps >= outcomes.length) signals.requestStop('writer');
      return outcome;
    },
    beat: (): void => {
      beats++;
    },
    spinUs,
  };
  runUntilStopped('writer', signals, clock, body);
  assert.equal(steps, outcomes.length);
  assert.equal(beats, steps, 'its heart beats with every step');
  return signals;
}

describe('the loop of a thread', () => {
  test('goes on at once while there is something to do, and sleeps as long as it may', () => {
    assert.deepEqual(run([0, 0, 5, 0, 1000, 0]).sleeps, [5, 1000]);
  });

  test('spins for a while behind the last work before it sleeps', () => {
    // Each step takes 10 µs: behind the work the next four are within 50 µs.
    assert.deepEqual(run([0, 7, 7, 7, 7, 7, 7, 0], 50).sleeps, [7, 7]);
  });

  test('does not spin before there was any work', () => {
    assert.deepEqual(run([3, 3, 0], 1_000).sleeps, [3, 3]);
  });

  test('ends without a step when it was asked to stop before', () => {
    const signals = new Signals();
    signals.requestStop('preparer');
    const body = {
      step: () => assert.fail('a step'),
      beat: () => assert.fail('a beat'),
      spinUs: 0,
    };
    runUntilStopped('preparer', signals, new FakeClock(), body);
  });

  test('a wake-up during the step is not slept over', () => {
    const signals = new SleeplessSignals();
    const body = {
      step: (): number => {
        signals.wake('writer');
        signals.requestStop('writer');
        return 1000;
      },
      beat: () => {},
      spinUs: 0,
    };
    runUntilStopped('writer', signals, new FakeClock(), body);
    assert.deepEqual([signals.sleeps, signals.staleSleeps], [[], [1000]]);
  });
});
