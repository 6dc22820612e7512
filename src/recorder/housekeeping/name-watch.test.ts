import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { FakeClock } from '../../clock/fake-clock.js';
import type { RegionHandle } from '../../region/shared-region.js';
import { acquireLock, type LogLock } from '../../storage/lock-file.js';
import { Signals } from '../threads/signals.js';
import { MetaStore } from './meta-store.js';
import { NameWatch } from './name-watch.js';

const REGION = '/shm/region';
const META = '/log/wal.meta';
const INTERVAL_NS = 500e6;

class Bench {
  readonly clock = new FakeClock();
  readonly disk = new SimulatedDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  readonly watch: NameWatch;
  readonly store = new MetaStore(this.storage, '/log');
  /** How often wal.meta was to be written again. */
  renewals = 0;
  /** Something is appended before each look. */
  appended = 0;

  readonly lock: LogLock;

  constructor(adapter: 'mapped' | 'portable' = 'mapped', isFolderLocked = false) {
    for (const folder of ['/log', '/shm']) this.disk.makeDirectory(folder);
    this.lock = acquireLock(this.storage, '/log', 'none', isFolderLocked);
    this.writeMeta();
    const fd = this.storage.open(REGION, 'create');
    const section = { byteOffset: 0, byteLength: 0 };
    const sections = { header: section, telemetry: section, control: section, ring: section };
    const common = { byteLength: 0, sections, firstRingBytes: 0 };
    const region: RegionHandle =
      adapter === 'mapped'
        ? { ...common, adapter, address: 0, path: REGION, fd }
        : { ...common, adapter, buffer: new SharedArrayBuffer(0), byteOffset: 0 };
    const meta = {
      isNamed: () => this.store.isNamed(),
      renew: () => {
        this.renewals++;
      },
    };
    const { storage, clock, signals, lock } = this;
    this.watch = new NameWatch(storage, clock, signals, lock, meta, region, () => this.appended);
  }

  writeMeta(): void {
    const point = { segmentIndex: 1, offset: 4096, lastEventId: 0, durableEventId: 0 };
    this.store.flush({ ...point, cleanlyClosed: false, logId: 7n, firstKeptEventId: 0 });
  }

  look(): void {
    this.appended++;
    this.watch.look();
    this.clock.advanceNs(INTERVAL_NS);
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
  test('finds them all in order', () => {
    const bench = new Bench();
    bench.look();
    assert.deepEqual(bench.lost, { lock: 0, region: 0 });
    assert.equal(bench.renewals, 0);
  });

  test('has wal.meta written again where it was removed, replaced or cut', () => {
    for (const harm of [
      (bench: Bench) => bench.disk.unlink(META),
      (bench: Bench) => bench.replace(META),
      (bench: Bench) => bench.disk.rename(META, '/log/elsewhere'),
      (bench: Bench) => {
        const fd = bench.disk.open(META, 'write');
        bench.disk.truncate(fd, 0);
        bench.disk.close(fd);
      },
    ]) {
      const bench = new Bench();
      harm(bench);
      bench.look();
      assert.equal(bench.renewals, 1);
      bench.writeMeta();
      bench.look();
      assert.equal(bench.renewals, 1);
    }
  });

  test('tells a region that was removed or replaced, and wakes the writer', () => {
    for (const how of ['unlink', 'replace'] as const) {
      const bench = new Bench();
      const woken = bench.signals.wakeCount('writer');
      if (how === 'unlink') bench.disk.unlink(REGION);
      else bench.replace(REGION);
      bench.look();
      assert.deepEqual(bench.lost, { lock: 0, region: 1 });
      assert.equal(bench.signals.wakeCount('writer'), woken + 1);
    }
  });

  test('makes a LOCK that was removed or replaced again, where the folder is locked', () => {
    for (const how of ['unlink', 'replace'] as const) {
      const bench = new Bench('mapped', true);
      if (how === 'unlink') bench.disk.unlink('/log/LOCK');
      else bench.replace('/log/LOCK');
      bench.look();
      assert.equal(bench.lock.isNamed(), true);
      bench.look();
      assert.deepEqual(bench.lost, { lock: 0, region: 0 });
    }
  });

  test('tells a LOCK that was removed or replaced elsewhere, and wakes the writer', () => {
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

  test('comes twice in a second, however often it is asked for', () => {
    const bench = new Bench();
    assert.equal(bench.watch.look(), 500);
    const told = bench.storage.calls.length;
    bench.disk.unlink(REGION);
    bench.clock.advanceNs(INTERVAL_NS - 1e6);
    assert.equal(bench.watch.look(), 1);
    assert.equal(bench.storage.calls.length, told);
    bench.clock.advanceNs(1e6);
    bench.appended++;
    bench.watch.look();
    assert.equal(bench.lost.region, 1);
  });

  test('comes once in two seconds where nothing is appended, and soon when something is', () => {
    const bench = new Bench();
    const looks: boolean[] = [];
    const look = (): void => {
      const told = bench.storage.calls.length;
      assert.equal(bench.watch.look(), 500, 'asked for as often as ever');
      looks.push(bench.storage.calls.length > told);
      bench.clock.advanceNs(INTERVAL_NS);
    };
    for (let at = 0; at < 7; at++) look();
    bench.appended++;
    look();
    look();
    assert.deepEqual(looks, [true, false, false, false, true, false, false, true, false]);
  });

  test('that the system refuses tells nothing and ends nothing; the next one may see', () => {
    const bench = new Bench();
    const fault = bench.storage.fail({ code: 'EIO', times: 6 });
    bench.replace('/log/LOCK');
    bench.look();
    bench.look();
    assert.equal(fault.hits, 6, 'each of the three, twice');
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
