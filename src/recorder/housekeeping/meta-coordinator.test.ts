import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { FakeClock } from '../../clock/fake-clock.js';
import { AssertionFailure } from '../../errors.js';
import { publishWords } from '../../memory/sequence-latch.js';
import { readMeta } from '../../reading/log-directory.js';
import { RingControlLayout } from '../../ring/ring-control.js';
import { ringOfSections } from '../../ring/ring-snapshot.js';
import { META_BYTES, type WalMeta } from '../../segment/wal-meta.js';
import {
  MetaStore as MetaStoreMetrics,
  MetaStoreUpdater,
} from '../../telemetry/recorder/meta-store-metrics.js';
import { NS_PER_MS } from '../../units.js';
import { Signals, Trouble } from '../threads/signals.js';
import { MetaCoordinator } from './meta-coordinator.js';
import { MetaStore } from './meta-store.js';

const DIRECTORY = '/log';
const LOG_ID = 0xfeedn;
const FLUSH = [
  'statusAt wal.meta.tmp',
  'open wal.meta.tmp',
  'write wal.meta.tmp@0',
  'sync wal.meta.tmp',
  'statusOf wal.meta.tmp',
  'close wal.meta.tmp',
  'rename wal.meta.tmp wal.meta',
  'syncDirectory log',
];

class Bench {
  readonly clock = new FakeClock();
  readonly disk = new SimulatedDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  readonly memory = ringOfSections(new Uint8Array(RingControlLayout.size), new Uint8Array(4096));
  readonly store = new MetaStore(this.storage, DIRECTORY);
  readonly metrics = new MetaStoreMetrics();
  readonly telemetry = new MetaStoreUpdater(this.metrics, this.clock);
  readonly coordinator: MetaCoordinator;

  constructor(firstKeptEventId = 0, hasRetention = false) {
    this.disk.makeDirectory(DIRECTORY);
    this.disk.syncDirectory('/');
    const { words, control } = this.memory;
    const region = { words, control, logId: LOG_ID, firstKeptEventId, hasRetention };
    this.coordinator = new MetaCoordinator(
      this.store,
      this.clock,
      this.signals,
      this.telemetry,
      region,
    );
  }

  /** What the writer thread publishes. */
  point(segmentIndex: number, offset: number, low: number, high = 0): void {
    const { words, control } = this.memory;
    publishWords(words, control.durablePoint, Int32Array.of(segmentIndex, offset, low, high));
  }

  request(): void {
    this.signals.count('metaRequests', 1);
  }

  get meta(): WalMeta | undefined {
    const reading = readMeta(this.disk, DIRECTORY);
    return reading.status === 'present' ? reading.meta : undefined;
  }
}

describe('the meta coordinator', () => {
  test('flushes when it is asked to, once for each time', () => {
    const bench = new Bench();
    bench.point(3, 8192, 77);
    assert.ok(bench.coordinator.step() > 0);
    assert.deepEqual(bench.storage.story(), []);
    bench.request();
    assert.equal(bench.coordinator.step(), 0);
    assert.deepEqual(bench.storage.story(), FLUSH);
    assert.ok(bench.coordinator.step() > 0);
    assert.deepEqual(bench.meta, {
      cleanlyClosed: false,
      segmentIndex: 3,
      offset: 8192,
      lastEventId: 77,
      durableEventId: 77,
      firstKeptEventId: 0,
      logId: LOG_ID,
    });
    bench.request();
    bench.coordinator.step();
    assert.equal(bench.storage.calls.length, 2 * FLUSH.length);
  });

  test('writes wal.meta again where somebody has taken it away, until it is there', () => {
    const bench = new Bench();
    bench.request();
    bench.coordinator.step();
    assert.ok(bench.store.isNamed());
    bench.disk.unlink(`${DIRECTORY}/wal.meta`);
    assert.equal(bench.store.isNamed(), false);
    bench.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'rename', times: 1 });
    bench.coordinator.renew();
    bench.coordinator.step();
    assert.equal(bench.store.isNamed(), false);
    bench.clock.advanceNs(100 * NS_PER_MS);
    bench.coordinator.step();
    assert.ok(bench.store.isNamed());
    assert.ok(bench.coordinator.step() > 0, 'once');
  });

  test('takes several requests together, and the point as it is by then', () => {
    const bench = new Bench();
    bench.request();
    bench.point(1, 4200, 1);
    bench.request();
    bench.point(2, 4304, 2);
    bench.coordinator.step();
    assert.ok(bench.coordinator.step() > 0);
    assert.deepEqual([bench.meta?.segmentIndex, bench.meta?.lastEventId], [2, 2]);
  });

  test('does not miss a request that comes while it flushes', () => {
    const bench = new Bench();
    bench.point(1, 4200, 1);
    bench.request();
    bench.storage.onCall = ({ kind }) => {
      if (kind !== 'rename') return;
      bench.storage.onCall = () => {};
      bench.point(1, 4400, 2);
      bench.request();
    };
    bench.coordinator.step();
    bench.coordinator.step();
    assert.equal(bench.meta?.lastEventId, 2);
  });

  test('writes ids beyond 32 bits whole', () => {
    const bench = new Bench();
    bench.point(0xffff_ffff, 2 ** 30, 0xffff_fffe, 0x1f_ffff);
    bench.coordinator.flush(true);
    assert.deepEqual(bench.meta, {
      cleanlyClosed: true,
      segmentIndex: 0xffff_ffff,
      offset: 2 ** 30,
      lastEventId: 2 ** 53 - 2,
      durableEventId: 2 ** 53 - 2,
      firstKeptEventId: 0,
      logId: LOG_ID,
    });
  });

  test('says from which event on the log has all before anybody is told so', () => {
    const bench = new Bench(5);
    bench.point(3, 8192, 77);
    assert.equal(bench.signals.keptFrom, 5, 'what the last opening left');
    bench.request();
    bench.coordinator.step();
    assert.equal(bench.meta?.firstKeptEventId, 5, 'and what it goes on to say');
    bench.signals.publishKeepFrom(40);
    bench.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'rename', times: 1 });
    bench.coordinator.step();
    assert.equal(bench.signals.keptFrom, 5, 'nothing is removed where wal.meta does not say it');
    bench.clock.advanceNs(100 * NS_PER_MS);
    const calls = bench.storage.calls.length;
    bench.storage.onCall = () => assert.equal(bench.signals.keptFrom, 5);
    assert.equal(bench.coordinator.step(), 0);
    const story = bench.storage.story().slice(calls);
    assert.deepEqual(
      story.filter((call) => !call.startsWith('unlink')),
      FLUSH,
    );
    assert.deepEqual([bench.meta?.firstKeptEventId, bench.signals.keptFrom], [40, 40]);
    bench.storage.onCall = () => {};
    // It stays, whatever else is flushed.
    bench.request();
    bench.coordinator.step();
    assert.equal(bench.meta?.firstKeptEventId, 40);
    bench.coordinator.flush(true);
    assert.equal(bench.meta?.firstKeptEventId, 40);
  });

  test('the first requests may be those of the opening: they are done', () => {
    const bench = new Bench();
    bench.request();
    const { words, control } = bench.memory;
    const region = { words, control, logId: LOG_ID, firstKeptEventId: 0 };
    const { store, clock, signals, telemetry } = bench;
    const late = new MetaCoordinator(store, clock, signals, telemetry, region);
    assert.ok(late.step() > 0);
    assert.deepEqual(bench.storage.story(), []);
  });
});

describe('a flush that fails', () => {
  test('over a broken invariant of ours is no trouble of the disk: it ends the thread', () => {
    const bench = new Bench();
    bench.storage.onCall = () => {
      throw new AssertionFailure('ours');
    };
    bench.request();
    assert.throws(() => bench.coordinator.step(), AssertionFailure);
    assert.equal(bench.signals.get('metaTrouble'), Trouble.none);
  });

  for (const kind of ['statusAt', 'open', 'write', 'sync', 'rename', 'syncDirectory'] as const) {
    test(`at ${kind}: the old state holds, it is tried again later, and then told as mended`, () => {
      const bench = new Bench();
      bench.point(1, 4200, 1);
      bench.coordinator.flush(false);
      bench.storage.calls.length = 0;
      const fault = bench.storage.fail({
        code: 'EIO',
        when: (call) => call.kind === kind,
        times: 2,
      });
      bench.point(1, 4400, 2);
      bench.request();
      bench.coordinator.step();
      assert.equal(bench.metrics.metaFlushFailures, 1);
      assert.equal(bench.signals.get('metaTrouble'), Trouble.error);
      assert.equal(bench.meta?.lastEventId, kind === 'syncDirectory' ? 2 : 1);
      assert.deepEqual([...bench.storage.openFiles], [], 'no descriptor is left');

      const told = bench.storage.calls.length;
      assert.ok(bench.coordinator.step() > 0);
      assert.equal(bench.storage.calls.length, told, 'not at once');
      bench.clock.advanceNs(100 * NS_PER_MS);
      bench.coordinator.step();
      assert.equal(fault.hits, 2);
      bench.clock.advanceNs(100 * NS_PER_MS);
      bench.coordinator.step();
      assert.equal(bench.signals.get('metaTrouble'), Trouble.none);
      assert.equal(bench.metrics.metaFlushFailures, 2);
      bench.disk.cutPower();
      assert.equal(bench.meta?.lastEventId, 2);
      assert.ok(bench.coordinator.step() > 0, 'and it rests');
    });
  }

  test('for want of space is told as that', () => {
    for (const code of ['ENOSPC', 'EDQUOT']) {
      const bench = new Bench();
      bench.storage.fail({ code });
      bench.request();
      bench.coordinator.step();
      assert.equal(bench.signals.get('metaTrouble'), Trouble.noSpace);
    }
  });

  test('in the middle of the write: the next one begins with a new file', () => {
    const bench = new Bench();
    bench.storage.fail({
      code: 'EIO',
      when: ({ kind }) => kind === 'write',
      torn: true,
      times: 1,
    });
    assert.throws(() => bench.coordinator.flush(false), { code: 'EIO' });
    bench.storage.calls.length = 0;
    bench.point(1, 4200, 1);
    bench.coordinator.flush(false);
    const [status, ...rest] = FLUSH;
    assert.deepEqual(bench.storage.story(), [status, 'unlink wal.meta.tmp', ...rest]);
    assert.equal(bench.meta?.lastEventId, 1);
  });

  test('at the end is thrown, for the one who closes', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'EROFS' });
    assert.throws(() => bench.coordinator.flush(true), { code: 'EROFS' });
  });
});

test('at every moment the name holds one whole state, the old or the new one', () => {
  for (let calls = 0; calls <= FLUSH.length; calls++) {
    const bench = new Bench();
    bench.point(1, 4200, 1);
    bench.coordinator.flush(false);
    const fault = { code: 'EIO', from: calls + 1 };
    bench.storage.fail(fault);
    bench.point(1, 4400, 2);
    if (calls < FLUSH.length - 1) assert.throws(() => bench.coordinator.flush(false));
    bench.disk.cutPower();
    assert.ok(bench.meta !== undefined, `after ${calls} calls`);
    assert.ok(bench.meta.lastEventId === 1 || bench.meta.lastEventId === 2);
  }
});

describe('where segments are to go', () => {
  const SPARE = `${DIRECTORY}/wal.meta.tmp`;

  test('wal.meta says so on a disk that is full, again and again', () => {
    const bench = new Bench(1, true);
    const { disk, signals, coordinator } = bench;
    bench.point(2, 8192, 20);
    coordinator.flush(false);
    assert.equal(coordinator.step(), 1000);
    disk.capacityBytes = disk.usedBytes;
    for (const eventId of [7, 9]) {
      signals.publishKeepFrom(eventId);
      assert.equal(coordinator.step(), 0);
      assert.equal(signals.get('metaTrouble'), Trouble.none);
      assert.equal(signals.keptFrom, eventId);
      assert.equal(coordinator.step(), 1000);
    }
    disk.cutPower();
    const reading = readMeta(bench.storage, DIRECTORY);
    assert.equal(reading.status === 'present' && reading.meta.firstKeptEventId, 9);
  });

  test('what was prepared for it and has another name by now is not written into', () => {
    const { disk, coordinator } = new Bench(1, true);
    coordinator.flush(false);
    coordinator.step();
    disk.link(SPARE, `${DIRECTORY}/snapshot`);
    coordinator.flush(false);
    assert.deepEqual(disk.contentOf(`${DIRECTORY}/snapshot`), new Uint8Array(META_BYTES));
    coordinator.step();
    disk.unlink(SPARE);
    disk.link(`${DIRECTORY}/snapshot`, SPARE);
    disk.unlink(`${DIRECTORY}/snapshot`);
    disk.link(SPARE, `${DIRECTORY}/other`);
    coordinator.flush(true);
    assert.deepEqual(disk.contentOf(`${DIRECTORY}/other`), new Uint8Array(META_BYTES));
    assert.equal(disk.statusAt(SPARE), undefined, 'a close leaves none behind');
  });

  test('room that cannot be had is asked for again, and is no trouble before it is needed', () => {
    const { disk, storage, signals, coordinator } = new Bench(1, true);
    coordinator.flush(false);
    const fault = storage.fail({ code: 'ENOSPC', times: 1, when: ({ kind }) => kind === 'open' });
    assert.equal(coordinator.step(), 1000);
    assert.equal(fault.hits, 1);
    assert.equal(disk.statusAt(SPARE), undefined);
    assert.equal(signals.get('metaTrouble'), Trouble.none);
    coordinator.step();
    assert.equal(disk.statusAt(SPARE)?.bytes, META_BYTES);
  });
});
