import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../../test/support/eventually.js';
import { FakeClock } from '../clock/fake-clock.js';
import { Manager, ManagerUpdater } from './recovery/manager-metrics.js';
import { Telemetry } from './recovery/telemetry.js';
import { Snapshotter } from './snapshotter.js';

/** A struct, something that records 1 ns into it, and a snapshotter on the same clock. */
function recorded(options = {}) {
  const clock = new FakeClock();
  const metrics = new Manager();
  const updater = new ManagerUpdater(metrics, clock);
  const record = (times = 1): void => {
    for (let time = 0; time < times; time++) updater.onNextEvent(clock.nowNs());
  };
  const wall = { nowMs: 1_000 };
  const snapshotter = new Snapshotter(metrics, options, clock, () => wall.nowMs);
  return { clock, wall, metrics, record, snapshotter };
}

describe('a snapshotter', () => {
  it('has a first snapshot from the start, with version, timestamp and age', () => {
    const { clock, snapshotter } = recorded();
    const { latest } = snapshotter;
    assert.equal(latest.version, 1);
    assert.equal(latest.takenAtNs, clock.nowNs());
    assert.equal(latest.timestampMs, 1_000);
    assert.equal(latest.ageNs, 0);
    clock.advanceNs(5_000);
    assert.equal(latest.ageNs, 5_000);
    assert.equal(snapshotter.latest, latest);
  });

  it('never has a negative age, whatever the clock does', () => {
    const { clock, snapshotter } = recorded();
    clock.advanceNs(-1_000);
    assert.equal(snapshotter.latest.ageNs, 0);
  });

  it('a refresh takes what was recorded since, and dates it', () => {
    const { clock, wall, record, snapshotter } = recorded();
    record(3);
    assert.equal(snapshotter.latest.metrics.nextEvent.samples, 0);
    clock.advanceNs(7);
    wall.nowMs = 1_001;
    const snapshot = snapshotter.refresh();
    assert.equal(snapshotter.latest, snapshot);
    assert.equal(snapshot.version, 2);
    assert.equal(snapshot.timestampMs, 1_001);
    assert.equal(snapshot.takenAtNs, clock.nowNs());
    assert.equal(snapshot.metrics.nextEvent.samples, 3);
  });

  it('a snapshot stays as it is through one refresh, and is overwritten by the second', () => {
    const { record, snapshotter } = recorded();
    record();
    const first = snapshotter.refresh();
    record();
    const second = snapshotter.refresh();
    assert.equal(first.metrics.nextEvent.samples, 1);
    assert.equal(first.isOverwritten, false);
    record();
    const reading = first.metrics.nextEvent;
    const third = snapshotter.refresh();
    assert.equal(first.isOverwritten, true);
    assert.equal(first.metrics, third.metrics, 'there are two buffers');
    assert.equal(reading.samples, 1, 'what was read out of it is a value of its own');
    assert.deepEqual([second.isOverwritten, third.isOverwritten], [false, false]);
    assert.equal(second.metrics.nextEvent.samples, 2);
  });

  it('what a snapshot of an aggregate holds does not move while the source is written', () => {
    const telemetry = new Telemetry();
    const updater = new ManagerUpdater(telemetry.manager);
    updater.onNextEvent(0);
    const { latest } = new Snapshotter(telemetry);
    updater.onNextEvent(0);
    assert.equal(latest.metrics.manager.nextEvent.samples, 1);
    assert.equal(telemetry.manager.nextEvent.samples, 2);
  });

  it('refreshes at its cadence until it is stopped; start and stop are idempotent', async (t) => {
    const { record, snapshotter } = recorded({ intervalMs: 1 });
    t.after(() => snapshotter.stop());
    assert.equal(snapshotter.isRunning, false);
    record(9);
    assert.equal(snapshotter.start().start(), snapshotter);
    assert.equal(snapshotter.isRunning, true);
    await eventually('it refreshes twice', () => snapshotter.latest.version >= 3);
    assert.equal(snapshotter.latest.metrics.nextEvent.samples, 9);
    snapshotter.stop();
    snapshotter.stop();
    assert.equal(snapshotter.isRunning, false);
    const { version } = snapshotter.latest;
    // A timer that was left behind would come first: it is due for longer.
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(snapshotter.latest.version, version);
    snapshotter.start();
    await eventually('it refreshes again', () => snapshotter.latest.version > version);
    snapshotter[Symbol.dispose]();
    assert.equal(snapshotter.isRunning, false);
    assert.equal(snapshotter.refresh().metrics.nextEvent.samples, 9, 'also when it is stopped');
  });

  it('does not hold the process', (t) => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const { snapshotter } = recorded({ intervalMs: 1 });
    t.after(() => snapshotter.stop());
    snapshotter.start();
    assert.equal(timers(), before);
  });

  it('refuses what cannot be copied, and an interval that no timer has', () => {
    const expected = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
    for (const wrong of [undefined, null, {}, { copyTo: () => undefined }]) {
      // @ts-expect-error: a caller without types
      assert.throws(() => new Snapshotter(wrong), expected);
    }
    for (const intervalMs of [0, -1, 1.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY]) {
      assert.throws(() => recorded({ intervalMs }), expected, String(intervalMs));
    }
  });
});
