import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../clock/fake-clock.js';
import { SegmentPreparer, SegmentPreparerUpdater } from './segment-preparer-metrics.js';

const ended = (clock: FakeClock, tookNs: number): number => clock.nowNs() - tookNs;

describe('SegmentPreparer', () => {
  it('begins zero-filled, with getNextSegment at offset 0', () => {
    const metrics = new SegmentPreparer();
    assert.equal(SegmentPreparer.layout.offset.getNextSegment, 0);
    assert.equal(SegmentPreparer.layout.size % 64, 0);
    assert.equal(SegmentPreparer.layout.align, 64);
    assert.equal(metrics.getNextSegment.samples, 0);
    assert.equal(metrics.getNextSegmentHistogram.count, 0);
  });

  it('outcomes, samples and histogram sum up in every copy, at any number of records', () => {
    const clock = new FakeClock();
    const metrics = new SegmentPreparer();
    const updater = new SegmentPreparerUpdater(metrics, clock);
    const copy = new SegmentPreparer();
    let totalNs = 0;
    for (let call = 1; call <= 1100; call++) {
      clock.advanceNs(10_000);
      const tookNs = (call * 7919) % 10_000;
      totalNs += tookNs;
      const outcome = (['ready', 'waited', 'failed'] as const)[call % 3] ?? 'ready';
      updater.onGetNextSegment(ended(clock, tookNs), outcome, call % 5);
      metrics.copyTo(copy);
      const { samples, totalNs: total } = copy.getNextSegment;
      assert.equal(samples, call);
      assert.equal(total, totalNs);
      const { getNextSegmentReady: ready, getNextSegmentWaited: waited } = copy;
      assert.equal(ready + waited + copy.getNextSegmentFailed, call);
      assert.equal(copy.getNextSegmentHistogram.count, call);
      assert.deepEqual(copy.incompleteGroups, []);
    }
  });

  it('a start in the future is recorded as 0 and counted, a non-number dropped and counted', () => {
    const clock = new FakeClock();
    const metrics = new SegmentPreparer();
    const updater = new SegmentPreparerUpdater(metrics, clock);
    updater.onGetNextSegment(clock.nowNs() + 1);
    for (const wrong of [Number.NaN, undefined, 'x', 1n, null, {}]) {
      // @ts-expect-error: a caller without types
      updater.onGetNextSegment(wrong);
    }
    updater.onGetNextSegment(Number.NEGATIVE_INFINITY);
    const { samples, totalNs, clockSteps, dropped } = metrics.getNextSegment;
    assert.deepEqual({ samples, totalNs, clockSteps }, { samples: 1, totalNs: 0, clockSteps: 1 });
    assert.equal(dropped, 7);
  });

  it('a call that ended earlier than it is recorded takes no longer for that', () => {
    const clock = new FakeClock(1_000);
    const metrics = new SegmentPreparer();
    const updater = new SegmentPreparerUpdater(metrics, clock);
    clock.advanceNs(500);
    updater.onGetNextSegment(1_000, 'ready', 1, 1_200);
    assert.equal(metrics.getNextSegment.totalNs, 200);
    // @ts-expect-error: a caller without types
    updater.onGetNextSegment(1_000, 'ready', 1, 'x');
    assert.equal(metrics.getNextSegment.dropped, 1);
  });

  it('has no second copy', () => {
    const metrics = new SegmentPreparer();
    assert.throws(() => structuredClone(metrics), { name: 'DataCloneError' });
    const { port1 } = new MessageChannel();
    assert.throws(() => port1.postMessage(metrics), { name: 'DataCloneError' });
    port1.close();
    for (const other of [metrics, {}, null, new SharedArrayBuffer(13_568)]) {
      // @ts-expect-error: what may be given is memory in a log's region
      const copyOrView = () => new SegmentPreparer(other);
      assert.throws(copyOrView, { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
    }
  });
});
