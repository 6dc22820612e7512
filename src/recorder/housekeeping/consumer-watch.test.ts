import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemError } from '../../../test/support/interposed-storage.js';
import { FakeClock } from '../../clock/fake-clock.js';
import { Consumers, ConsumersUpdater } from '../../telemetry/recorder/consumers-metrics.js';
import { ConsumerWatch } from './consumer-watch.js';

const FOUND = {
  active: 3,
  damaged: 1,
  dropped: 2,
  lag: { events: 2 ** 40, bytes: 2 ** 41, ms: 7 },
};

test('consumers are looked at once a second; a look that fails tells nothing new', () => {
  const clock = new FakeClock(1e9);
  const metrics = new Consumers();
  let looks = 0;
  let error: Error | undefined;
  const holds = {
    survey: () => {
      looks++;
      if (error !== undefined) throw error;
      return FOUND;
    },
  };
  const updater = new ConsumersUpdater(metrics, clock);
  const watch = new ConsumerWatch(clock, holds, () => 7n, updater);
  const figures = () => [
    metrics.activeConsumers,
    metrics.damagedConsumers,
    metrics.droppedConsumers,
    metrics.consumerLagEvents,
    metrics.consumerLagBytes,
    metrics.consumerLagAge,
  ];
  assert.equal(watch.look(), 1000);
  const told = [3, 1, 2, 2 ** 40, 2 ** 41, 7e6];
  assert.deepEqual(figures(), told);
  clock.advanceNs(400e6);
  assert.equal(watch.look(), 600);
  assert.equal(looks, 1);
  error = systemError('EIO', '/log');
  clock.advanceNs(600e6);
  watch.look();
  assert.equal(looks, 2);
  assert.deepEqual(figures(), told);
  error = new TypeError('ours');
  clock.advanceNs(1e9);
  assert.throws(() => watch.look(), TypeError);
});

const NONE = { active: 0, damaged: 0, dropped: 0, lag: { events: 0, bytes: 0, ms: 0 } };

class Watched {
  readonly clock = new FakeClock(1e9);
  readonly metrics = new Consumers();
  change: bigint | undefined = 1n;
  found = NONE;
  surveys = 0;
  readonly #watch = new ConsumerWatch(
    this.clock,
    {
      survey: () => {
        this.surveys++;
        return this.found;
      },
    },
    () => this.change,
    new ConsumersUpdater(this.metrics, this.clock),
  );

  /** How many of so many looks, a second apart, survey the folder. */
  surveysIn(looks: number): number {
    const before = this.surveys;
    for (let look = 0; look < looks; look++) {
      this.#watch.look();
      this.clock.advanceNs(1e9);
    }
    return this.surveys - before;
  }
}

test('a folder without consumers is not listed again until its names change', () => {
  const watched = new Watched();
  assert.equal(watched.surveysIn(50), 4, 'until it is sure that no clock was too coarse');
  watched.change = 2n;
  watched.found = { ...NONE, active: 1 };
  assert.equal(watched.surveysIn(1), 1);
  assert.equal(watched.metrics.activeConsumers, 1, 'who registers is told at the next look');
  assert.equal(watched.surveysIn(20), 20, 'how far one is behind may change at any time');
  watched.found = NONE;
  assert.equal(watched.surveysIn(20), 4);
  assert.equal(watched.metrics.activeConsumers, 0);
  watched.change = undefined;
  assert.equal(watched.surveysIn(20), 20, 'a file system that does not tell');
});

test('a consumer that came within the same moment of a coarse clock is found', () => {
  const watched = new Watched();
  watched.surveysIn(3);
  watched.found = { ...NONE, active: 1 };
  assert.equal(watched.surveysIn(1), 1);
  assert.equal(watched.metrics.activeConsumers, 1);
});

test('where the folder tells nothing of a change, it is listed once a minute', () => {
  const watched = new Watched();
  assert.equal(watched.surveysIn(4), 4);
  assert.equal(watched.surveysIn(59), 0);
  watched.found = { ...NONE, dropped: 1 };
  assert.equal(watched.surveysIn(1), 1);
  assert.equal(watched.metrics.droppedConsumers, 1);
});
