import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { Manager, ManagerUpdater } from './manager-metrics.js';

class Bench {
  readonly manager = new Manager();
  readonly #clock = new FakeClock(1_000_000);
  readonly updater = new ManagerUpdater(this.manager, this.#clock);

  /** Calls `record` with the start of something that took `ns`. */
  took(ns: number, record: (startNs: number) => void): void {
    const startNs = this.#clock.nowNs();
    this.#clock.advanceNs(ns);
    record(startNs);
  }
}

describe('appends', () => {
  it('that succeed and those that are refused have times of their own', () => {
    const bench = new Bench();
    for (const ns of [100, 150, 200]) bench.took(ns, (at) => bench.updater.onAppendEvent(at, true));
    for (const ns of [295_000, 300_000]) {
      bench.took(ns, (at) => bench.updater.onAppendEvent(at, false));
    }
    const { appendEvent, appendEventHistogram, appendRefused } = bench.manager;
    assert.deepEqual([appendEvent.samples, appendEvent.maxNs], [3, 200]);
    assert.deepEqual([appendEvent.successes, appendEvent.failures], [3, 2]);
    assert.ok(appendEventHistogram.percentile(100) < 300);
    assert.deepEqual([appendRefused.samples, appendRefused.minNs], [2, 295_000]);
    assert.equal(bench.manager.appendRefusedHistogram.count, 2);
  });

  it('that are not timed and had to wait count for the longest, and are no samples', () => {
    const bench = new Bench();
    bench.took(40_000, (at) => bench.updater.onAppendEvent(at, true));
    bench.took(78e6, (at) => bench.updater.onLongAppend(at));
    bench.took(5e6, (at) => bench.updater.onLongAppend(at));
    const { appendEvent, appendEventHistogram } = bench.manager;
    assert.deepEqual([appendEvent.samples, appendEvent.totalNs], [1, 40_000]);
    assert.equal(appendEvent.maxNs, 78e6);
    assert.equal(appendEvent.minNs, 40_000);
    assert.equal(appendEventHistogram.count, 1);
  });
});
