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
  const watch = new ConsumerWatch(clock, holds, new ConsumersUpdater(metrics, clock));
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
