import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { FakeClock } from '../clock/fake-clock.js';
import type { RegionHandle } from '../memory/shared-region.js';
import { acquireLock } from '../storage/lock-file.js';
import { NameWatch } from './name-watch.js';
import { Signals } from './signals.js';

const REGION = '/shm/region';
const SECOND_NS = 1e9;

class Bench {
  readonly clock = new FakeClock();
  readonly disk = new SimulatedDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  readonly watch: NameWatch;

  constructor(adapter: 'mapped' | 'portable' = 'mapped') {
    for (const folder of ['/log', '/shm']) this.disk.makeDirectory(folder);
    const lock = acquireLock(this.storage, '/log', 'none');
    const fd = this.storage.open(REGION, 'create');
    const section = { byteOffset: 0, byteLength: 0 };
    const sections = { header: section, telemetry: section, control: section, ring: section };
    const common = { byteLength: 0, sections };
    const region: RegionHandle =
      adapter === 'mapped'
        ? { ...common, adapter, address: 0, path: REGION, fd }
        : { ...common, adapter, buffer: new SharedArrayBuffer(0), byteOffset: 0 };
    this.watch = new NameWatch(this.storage, this.clock, this.signals, lock, region);
  }

  look(): void {
    this.watch.look();
    this.clock.advanceNs(SECOND_NS);
  }

  replace(path: string): void {
    this.disk.unlink(path);
    this.disk.close(this.disk.open(path, 'create'));
  }

  get lost(): { lock: number; region: number } {
    return {
      lock: this.signals.get('lockNameLost'),
      region: this.signals.get('regionNameLost'),
    };
  }
}

describe('a look at the names', () => {
  test('finds them both in order', () => {
    const bench = new Bench();
    bench.look();
    assert.deepEqual(bench.lost, { lock: 0, region: 0 });
  });

  test('tells a region that was removed or replaced, and the log goes on', () => {
    for (const how of ['unlink', 'replace'] as const) {
      const bench = new Bench();
      if (how === 'unlink') bench.disk.unlink(REGION);
      else bench.replace(REGION);
      bench.look();
      assert.deepEqual(bench.lost, { lock: 0, region: 1 });
    }
  });

  test('tells a LOCK that was removed or replaced, and wakes the writer', () => {
    for (const how of ['unlink', 'replace'] as const) {
      const bench = new Bench();
      const woken = bench.signals.wakeCount('writer');
      if (how === 'unlink') bench.disk.unlink('/log/LOCK');
      else bench.replace('/log/LOCK');
      bench.look();
      assert.deepEqual(bench.lost, { lock: 1, region: 0 });
      assert.equal(bench.signals.wakeCount('writer'), woken + 1);
    }
  });

  test('comes once in a second, however often it is asked for', () => {
    const bench = new Bench();
    bench.watch.look();
    const told = bench.storage.calls.length;
    bench.disk.unlink(REGION);
    bench.clock.advanceNs(SECOND_NS - 1);
    bench.watch.look();
    assert.equal(bench.storage.calls.length, told);
    bench.clock.advanceNs(1);
    bench.watch.look();
    assert.equal(bench.lost.region, 1);
  });

  test('that the system refuses tells nothing and ends nothing; the next one may see', () => {
    const bench = new Bench();
    const fault = bench.storage.fail({ code: 'EIO', times: 2 });
    bench.replace('/log/LOCK');
    bench.look();
    bench.look();
    assert.equal(fault.hits, 2);
    assert.deepEqual(bench.lost, { lock: 0, region: 0 });
    bench.look();
    assert.equal(bench.lost.lock, 1);
  });

  test('is for the lock alone where memory is not shared', () => {
    const bench = new Bench('portable');
    bench.disk.unlink(REGION);
    bench.look();
    assert.deepEqual(bench.lost, { lock: 0, region: 0 });
  });
});
