import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemError } from '../../../test/support/interposed-storage.js';
import { FakeClock } from '../../clock/fake-clock.js';
import type { Storage } from '../../storage/storage.js';
import { DiskUpdater, Manager } from '../../telemetry/recorder/manager-metrics.js';
import { DiskWatch } from './disk-watch.js';

class Bench {
  readonly clock = new FakeClock(1e9);
  readonly manager = new Manager();
  readonly paths: string[] = [];
  free: number | Error = 5_000_000_000;
  readonly watch = new DiskWatch(
    {
      freeBytes: (path: string) => {
        this.paths.push(path);
        if (typeof this.free === 'number') return this.free;
        throw this.free;
      },
    } as Storage,
    this.clock,
    '/log',
    new DiskUpdater(this.manager, this.clock),
  );
}

describe('the room on the disk', () => {
  test('is looked at once a second, however often it is asked for', () => {
    const bench = new Bench();
    assert.equal(bench.watch.look(), 1000);
    assert.equal(bench.manager.diskFreeBytes, 5_000_000_000);
    bench.free = 7;
    bench.clock.advanceNs(400e6);
    assert.equal(bench.watch.look(), 600);
    assert.equal(bench.manager.diskFreeBytes, 5_000_000_000);
    bench.clock.advanceNs(600e6);
    bench.watch.look();
    assert.equal(bench.manager.diskFreeBytes, 7);
    assert.deepEqual(bench.paths, ['/log', '/log']);
  });

  test('that has no limit is a very large number, not none', () => {
    const bench = new Bench();
    bench.free = 2 ** 63;
    bench.watch.look();
    assert.equal(bench.manager.diskFreeBytes, Number.MAX_SAFE_INTEGER);
  });

  test('stays what it was while the system does not tell', () => {
    const bench = new Bench();
    bench.watch.look();
    bench.free = systemError('EIO', 'statfs');
    bench.clock.advanceNs(1000e6);
    assert.equal(bench.watch.look(), 1000);
    assert.equal(bench.manager.diskFreeBytes, 5_000_000_000);
  });
});
