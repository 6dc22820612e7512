import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import type { ThreadMarks } from '../../telemetry/thread-marks.js';
import { NS_PER_MS } from '../../units.js';
import { Doorbell } from './doorbell.js';
import { Signals } from './signals.js';
import { HostLoop, Rest, type ServedBody } from './worker-loop.js';

/** A bell at which time passes instead of a sleep. */
class SleeplessBell extends Doorbell {
  readonly sleeps: number[] = [];
  onSleep: (sleep: number) => void = () => {};
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  override sleep(seenRings: number, ms: number): void {
    if (seenRings !== this.rings) return;
    this.sleeps.push(Math.round(ms * 100) / 100);
    this.onSleep(this.sleeps.length);
    this.#clock.advanceNs(ms * NS_PER_MS);
  }
}

const STEP_NS = 10_000;

/** A host, with time of its own, that is stopped when all logs have taken their steps. */
class Bench {
  readonly clock = new FakeClock();
  readonly bell = new SleeplessBell(this.clock);
  /** How far the wall clock was stepped. */
  steppedMs = 0;
  readonly loop = new HostLoop(
    'writer',
    this.bell,
    this.clock,
    () => this.steppedMs + this.clock.nowNs() / NS_PER_MS,
  );
  /** The steps in their order. */
  readonly steps: string[] = [];
  readonly ends: (readonly [string, unknown])[] = [];
  #left = 0;
  #tickets = 0;

  /** @param outcomes of the log's steps: with the last of them it asks for its end */
  add(
    name: string,
    outcomes: readonly (number | (() => number))[],
    more: Partial<ServedBody> = {},
  ) {
    const signals = new Signals();
    signals.connect('writer', this.bell);
    let step = 0;
    let beats = 0;
    this.#left++;
    const body: ServedBody = {
      step: () => {
        this.clock.advanceNs(STEP_NS);
        this.steps.push(name);
        const outcome = outcomes[step++] ?? 0;
        if (step >= outcomes.length) signals.requestStop('writer');
        return typeof outcome === 'number' ? outcome : outcome();
      },
      beat: () => {
        beats++;
        assert.ok(beats >= step, 'its heart beats with every step');
      },
      end: () => undefined,
    };
    Object.defineProperties(body, Object.getOwnPropertyDescriptors(more));
    this.loop.serve(signals, body, ++this.#tickets, (error) => {
      this.ends.push([name, error]);
      if (--this.#left === 0) this.bell.requestStop();
    });
    return signals;
  }

  run(takeLetters = () => {}): void {
    this.loop.run(takeLetters);
  }
}

function sleepsOf(outcomes: readonly number[]): number[] {
  const bench = new Bench();
  bench.add('log', outcomes);
  bench.run();
  assert.equal(bench.steps.length, outcomes.length);
  return bench.bell.sleeps;
}

describe('the loop of a host with one log', () => {
  test('goes on at once while there is something to do, and sleeps as long as it may', () => {
    assert.deepEqual(sleepsOf([0, 0, 5, 0, 1000, 0]), [5, 1000]);
  });

  test('takes no step when the log has asked for its end before', () => {
    const bench = new Bench();
    bench.add('log', [1]).requestStop('writer');
    bench.run();
    assert.deepEqual([bench.steps, bench.ends], [[], [['log', undefined]]]);
  });

  test('a wake-up during the step is not slept over', () => {
    const bench = new Bench();
    const signals = bench.add('log', [
      () => {
        signals.wake('writer');
        return 1000;
      },
      0,
    ]);
    bench.run();
    assert.deepEqual(bench.bell.sleeps, []);
  });

  test('a sleep that was longer than asked for is told, also of a thread that serves several', () => {
    const bench = new Bench();
    const told: (readonly [string, number])[] = [];
    const marksOf = (name: string): ThreadMarks => ({
      setBusy: () => {},
      wasAtOthers: () => {},
      wasCollected: () => {},
      overslept: (ns) => told.push([name, Math.round(ns / NS_PER_MS)]),
    });
    // Stopped in its second sleep; in the third its processor comes a little late.
    const lateMs = [0, 2500, 15];
    bench.bell.onSleep = (sleep) => {
      bench.clock.advanceNs((lateMs[sleep - 1] ?? 0) * NS_PER_MS);
    };
    bench.add('one', [100, 100, 100, 0], { marks: marksOf('one') });
    bench.add('other', [100, 100, 100, 0], { marks: marksOf('other') });
    bench.run();
    assert.deepEqual(told, [
      ['one', 2500],
      ['other', 2500],
    ]);
  });

  test('the end may take its time, and its heart goes on beating', () => {
    const bench = new Bench();
    const waits = [5, 5, undefined];
    let beats = 0;
    const beat = (): void => {
      beats++;
    };
    bench.add('log', [0], { end: () => waits.shift(), beat });
    bench.run();
    assert.deepEqual([bench.bell.sleeps, waits, beats], [[5, 5], [], 4]);
  });
});

describe('a log at rest', () => {
  const REST_NS = 1500 * NS_PER_MS;

  /** A log that rests behind each step but the last one. */
  class Resting {
    readonly bench = new Bench();
    readonly words = new Int32Array(2);
    readonly lookedMs: number[] = [];
    readonly steppedMs: number[] = [];
    readonly beatMs: number[] = [];
    rest: Rest | undefined;
    signals: Signals | undefined;

    /** @param onSleep called before each sleep, with its number */
    run(steps: number, onSleep: (sleep: number) => void = () => {}): readonly number[] {
      const { bench } = this;
      const startNs = bench.clock.nowNs();
      const ms = (ns: number): number => Math.round((ns - startNs) / NS_PER_MS);
      let left = steps;
      const step = (): number => {
        const nowNs = bench.clock.nowNs();
        if (this.rest !== undefined) this.lookedMs.push(ms(this.rest.lookedNs));
        this.steppedMs.push(ms(nowNs));
        const untilNs = nowNs + REST_NS;
        this.rest = new Rest(this.words, 1, 7, untilNs, nowNs);
        if (--left === 0) signals.requestStop('writer');
        return 100;
      };
      const self = this;
      const signals = bench.add('log', [], {
        step,
        beat: () => this.beatMs.push(ms(bench.clock.nowNs())),
        get rest() {
          return self.rest;
        },
      });
      this.signals = signals;
      bench.bell.onSleep = onSleep;
      bench.run();
      return bench.bell.sleeps;
    }
  }

  test('is looked at as often, and stepped when the time of its rest is over', () => {
    const log = new Resting();
    log.words[1] = 7;
    const sleeps = log.run(2);
    assert.deepEqual(sleeps, Array(15).fill(100));
    assert.deepEqual([log.steppedMs, log.lookedMs], [[0, 1500], [1400]]);
    assert.deepEqual(log.beatMs, [0, 100, 600, 1100, 1500, 1500], 'its thread is alive');
  });

  test('is stepped at the first look that finds the word moved, and told when it had not', () => {
    const log = new Resting();
    log.words[1] = 7;
    log.run(2, (sleep) => {
      if (sleep === 3) log.words[1] = 8;
    });
    assert.deepEqual([log.steppedMs, log.lookedMs], [[0, 300], [200]]);
  });

  test('is stepped at the first look after a step of the wall clock', () => {
    const log = new Resting();
    log.words[1] = 7;
    log.run(2, (sleep) => {
      if (sleep === 2) log.bench.steppedMs = -3_600_000;
    });
    assert.deepEqual([log.steppedMs, log.lookedMs], [[0, 200], [100]]);
  });

  test('is stepped at once when it is woken', () => {
    const log = new Resting();
    log.words[1] = 7;
    log.run(2, (sleep) => {
      if (sleep === 2) log.signals?.wake('writer');
    });
    assert.deepEqual([log.steppedMs, log.lookedMs], [[0, 200], [100]]);
  });
});

describe('the loop of a host with several logs', () => {
  test('gives each that has something to do one step in turn', () => {
    const bench = new Bench();
    bench.add('a', [0, 0, 0]);
    bench.add('b', [0, 0, 0, 0]);
    bench.run();
    assert.equal(bench.steps.join(''), 'abababb');
  });

  test('tells a log whether others had steps, too', () => {
    const bench = new Bench();
    const told: boolean[] = [];
    const step = (isShared: boolean): number => {
      told.push(isShared);
      if (told.length === 5) signals.requestStop('writer');
      return 0;
    };
    const signals = bench.add('a', [], { step });
    bench.add('b', [0, 0]);
    bench.run();
    assert.deepEqual(told, [false, true, true, true, false]);
  });

  test('steps the one that was woken, and not those that sleep', () => {
    const bench = new Bench();
    const woken = bench.add('a', [1000, 1000, 0]);
    bench.add('b', [
      400,
      () => {
        woken.wake('writer');
        return 1000;
      },
      0,
    ]);
    bench.run();
    assert.equal(bench.steps.join(''), 'abbaab');
    assert.deepEqual(bench.bell.sleeps.slice(0, 1), [400]);
  });

  test('sleeps until the first is due; who is due soon is stepped with it', () => {
    const bench = new Bench();
    bench.add('a', [20, 20, 20, 0]);
    bench.add('b', [17, 20, 20, 0]);
    bench.run();
    // A host that sleeps once for all that pause for as long.
    assert.equal(bench.steps.join(''), 'abababab');
    assert.equal(bench.bell.sleeps.length, 3);
  });

  test('one whose pause is long is not woken by the others', () => {
    const bench = new Bench();
    bench.add('a', [1000, 0]);
    bench.add('b', new Array(50).fill(10));
    bench.run();
    assert.equal(bench.steps.join(''), `ab${'b'.repeat(49)}a`);
  });

  test('an error in a step ends that log alone', () => {
    const bench = new Bench();
    const error = new RangeError('out of order');
    bench.add('a', [
      0,
      () => {
        throw error;
      },
    ]);
    bench.add('b', [0, 0, 0]);
    bench.run();
    assert.equal(bench.steps.join(''), 'ababb');
    assert.deepEqual(bench.ends, [
      ['a', error],
      ['b', undefined],
    ]);
  });

  test('takes letters when some were announced, and serves what they bring', () => {
    const bench = new Bench();
    bench.add('a', [5, 0]);
    bench.bell.announceLetter();
    let taken = 0;
    bench.run(() => {
      taken++;
      bench.add('b', [0, 0]);
    });
    assert.equal(taken, 1);
    assert.deepEqual(
      bench.ends.map(([name]) => name),
      ['b', 'a'],
    );
  });
});

describe('where a host is', () => {
  test('is told while it serves several logs: at which, and since when', () => {
    const bench = new Bench();
    const seen: (number | undefined)[] = [];
    const look = (): number => {
      const { served } = bench.bell;
      seen.push(served?.ticket);
      // A step takes its time before it looks.
      const sinceNs = bench.clock.nowNs() - STEP_NS;
      if (served !== undefined) assert.equal(served.sinceMs, Math.floor(sinceNs / NS_PER_MS));
      return 5;
    };
    bench.bell.onSleep = () => seen.push(bench.bell.served?.ticket);
    bench.add('one', [look, look]);
    bench.add('two', [look, look, look]);
    bench.run();
    // One has ended before the last step of two: nobody asks any more.
    const asleep = undefined;
    assert.deepEqual(seen, [1, 2, asleep, 1, 2, asleep, undefined]);
  });

  test('is told no more once a step has failed', () => {
    const bench = new Bench();
    const fail = (): number => {
      throw new Error('its own');
    };
    bench.add('one', [0, fail]);
    bench.add('two', [0, 0, 0]);
    bench.run();
    assert.equal(bench.bell.served, undefined);
    assert.equal(bench.ends.length, 2);
  });

  test('is told as well while it begins to serve one', () => {
    const { loop, bell } = new Bench();
    assert.equal(
      loop.attend(7, () => bell.served?.ticket),
      7,
    );
    assert.equal(bell.served, undefined);
    assert.throws(() => loop.attend(7, () => assert.fail()));
    assert.equal(bell.served, undefined);
  });
});
