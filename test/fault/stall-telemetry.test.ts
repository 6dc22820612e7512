// Each cause of a stall, injected alone on a clock that only it moves: the time shows where
// docs/METRICS.md says, to the nanosecond, and nowhere else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { publishWords } from '../../src/memory/sequence-latch.js';
import { Stalls } from '../../src/recorder/application/stalls.js';
import { MetaCoordinator } from '../../src/recorder/housekeeping/meta-coordinator.js';
import { MetaStore } from '../../src/recorder/housekeeping/meta-store.js';
import { SegmentPreparer } from '../../src/recorder/preparer/segment-preparer.js';
import { Trouble } from '../../src/recorder/threads/signals.js';
import { LogState } from '../../src/ring/ring-control.js';
import { FRAME_HEADER_BYTES } from '../../src/segment/frame.js';
import { readThreads } from '../../src/telemetry/heartbeats.js';
import { ManagerUpdater } from '../../src/telemetry/recorder/manager-metrics.js';
import { MetaStoreUpdater } from '../../src/telemetry/recorder/meta-store-metrics.js';
import { SegmentPreparationUpdater } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { NS_PER_MS } from '../../src/units.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import type { StorageCall } from '../support/interposed-storage.js';
import { ROTATION_STEPS, shownTimes, timesOf } from '../support/shown-times.js';
import { SteppedLog, TickingClock } from '../support/stepped-log.js';
import { Bench, DIRECTORY, SEGMENT_BYTES } from '../support/writer-bench.js';

const STALL_NS = 200 * NS_PER_MS;

/** What the preparer thread runs, on the disk, the clock and the metrics of `bench`. */
function preparerOf(bench: Bench): SegmentPreparer {
  const { storage, clock, signals, telemetry } = bench;
  const updater = new SegmentPreparationUpdater(telemetry.segmentPreparer, clock);
  return new SegmentPreparer(storage, clock, signals, updater, {
    directory: DIRECTORY,
    segmentBytes: SEGMENT_BYTES,
    maxBlockBytes: SEGMENT_BYTES,
    preparedSegments: 1,
    preallocate: 'zero',
    firstTicket: 100,
  });
}

/** A log with one durable event that fills most of its segment, and no other that is prepared. */
function fullSegment(): Bench {
  const bench = new Bench();
  bench.signals.requestDurable(bench.appendLarge());
  bench.rest();
  assert.deepEqual(shownTimes(bench.telemetry), {}, 'nothing has taken any time yet');
  return bench;
}

/** Time passes during the first call of a kind, and during no other. */
function slow(storage: FaultyStorage, kind: StorageCall['kind'], pass: () => void): () => number {
  let hits = 0;
  storage.onCall = (call) => {
    if (call.kind !== kind || hits > 0) return;
    hits++;
    pass();
  };
  return () => hits;
}

describe('the preparer', () => {
  test('held back 200 ms: those 200 ms are in getNextSegment, waited, and nowhere else', () => {
    const bench = fullSegment();
    const { segmentPreparer } = bench.telemetry;
    bench.appendLarge();
    bench.settle();
    for (let look = 0; look < 200; look++) {
      bench.clock.advanceNs(STALL_NS / 200);
      bench.settle();
    }
    const preparer = preparerOf(bench);
    while (preparer.step() === 0);
    bench.settle();
    assert.equal(bench.written, 2);
    assert.deepEqual(
      shownTimes(bench.telemetry),
      timesOf(
        STALL_NS,
        'segmentPreparer.getNextSegment',
        'segmentPreparer.getNextSegmentHistogram',
      ),
    );
    const { getNextSegmentReady, getNextSegmentWaited, getNextSegmentFailed } = segmentPreparer;
    // Ready was the log's first.
    assert.deepEqual([getNextSegmentReady, getNextSegmentWaited, getNextSegmentFailed], [1, 1, 0]);
  });

  test('slow to allocate: prepareAllocate says why getNextSegment waited', () => {
    const bench = fullSegment();
    bench.appendLarge();
    bench.settle();
    const hits = slow(bench.storage, 'allocate', () => bench.clock.advanceNs(STALL_NS));
    const preparer = preparerOf(bench);
    while (preparer.step() === 0);
    bench.settle();
    assert.equal(hits(), 1);
    assert.deepEqual(
      shownTimes(bench.telemetry),
      timesOf(
        STALL_NS,
        'segmentPreparer.getNextSegment',
        'segmentPreparer.getNextSegmentHistogram',
        'segmentPreparer.prepareSegment',
        'segmentPreparer.prepareAllocate',
      ),
    );
    assert.equal(bench.telemetry.segmentPreparer.hurriedSegments, 1);
  });

  test('that cannot create a file for 200 ms: the failed attempt has its time', () => {
    const bench = fullSegment();
    const { segmentPreparer } = bench.telemetry;
    const isOpen = ({ kind }: StorageCall): boolean => kind === 'open';
    const before = (): void => bench.clock.advanceNs(STALL_NS);
    const fault = bench.storage.fail({ code: 'EIO', when: isOpen, times: 1, before });
    preparerOf(bench).step();
    assert.equal(fault.hits, 1);
    assert.equal(segmentPreparer.prepareSegment.failures, 1);
    assert.deepEqual(
      shownTimes(bench.telemetry),
      timesOf(STALL_NS, 'segmentPreparer.prepareSegment'),
    );
  });
});

describe('a full disk', () => {
  test('is no-space, failures of prepareSegment, and a getNextSegment that grows older', () => {
    const bench = fullSegment();
    const { segmentPreparer } = bench.telemetry;
    const isAllocate = ({ kind }: StorageCall): boolean => kind === 'allocate';
    bench.storage.fail({ code: 'ENOSPC', when: isAllocate });
    const preparer = preparerOf(bench);
    bench.appendLarge();
    assert.equal(segmentPreparer.getNextSegmentAge, 0);
    bench.settle();
    preparer.step();
    bench.settle();
    assert.equal(bench.state, LogState.noSpace);
    assert.equal(segmentPreparer.prepareSegment.failures, 1);
    assert.equal(segmentPreparer.getNextSegment.samples, 1, 'the second call has not ended');
    const age = segmentPreparer.getNextSegmentAge;
    assert.ok(age > 0 && segmentPreparer.getNextSegmentAge > age, 'and shows while it lasts');

    bench.storage.heal();
    bench.clock.advanceNs(STALL_NS);
    while (preparer.step() === 0);
    bench.settle();
    assert.equal(bench.state, LogState.open);
    assert.equal(segmentPreparer.getNextSegmentAge, 0);
    assert.equal(segmentPreparer.getNextSegmentWaited, 1);
    assert.equal(segmentPreparer.getNextSegment.maxNs, STALL_NS);
    assert.equal(segmentPreparer.prepareSegment.successes, 1);
  });

  test('that ends the log while it waits: outcome failed, and no age any more', () => {
    const bench = fullSegment();
    const { segmentPreparer } = bench.telemetry;
    bench.appendLarge();
    bench.settle();
    bench.clock.advanceNs(STALL_NS);
    bench.writer.fail(new Error('closing gave up'));
    assert.equal(segmentPreparer.getNextSegmentFailed, 1);
    assert.equal(segmentPreparer.getNextSegmentAge, 0);
    assert.equal(segmentPreparer.getNextSegment.maxNs, STALL_NS);
  });
});

describe('the disk', () => {
  test('slow to sync: in sync and durableLag, not in writeBlock', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    const hits = slow(bench.storage, 'sync', () => bench.clock.advanceNs(STALL_NS));
    bench.rest();
    assert.equal(hits(), 1);
    assert.deepEqual(
      shownTimes(bench.telemetry),
      timesOf(
        STALL_NS,
        'segmentWriter.sync',
        'segmentWriter.syncHistogram',
        'segmentWriter.durableLag',
        'segmentWriter.durableLagHistogram',
      ),
    );
  });

  test('slow to write: in writeBlock, not in sync', () => {
    const bench = new Bench();
    bench.append();
    const hits = slow(bench.storage, 'write', () => bench.clock.advanceNs(STALL_NS));
    bench.settle();
    assert.equal(hits(), 1);
    const written = ['segmentWriter.writeBlock', 'segmentWriter.writeBlockHistogram'];
    assert.deepEqual(shownTimes(bench.telemetry), timesOf(STALL_NS, ...written));
    bench.signals.requestDurable(1);
    bench.rest();
    const lag = ['segmentWriter.durableLag', 'segmentWriter.durableLagHistogram'];
    assert.deepEqual(shownTimes(bench.telemetry), timesOf(STALL_NS, ...written, ...lag));
  });

  test('slow to write a watermark: in writeWatermark alone', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    while (bench.durable === 0) bench.step();
    const hits = slow(bench.storage, 'write', () => bench.clock.advanceNs(STALL_NS));
    bench.rest();
    assert.equal(hits(), 1);
    assert.deepEqual(
      shownTimes(bench.telemetry),
      timesOf(STALL_NS, 'segmentWriter.writeWatermark'),
    );
  });
});

describe('a rotation', () => {
  const FINISH = ['segmentWriter.closeSegment', 'manager.segmentRotation'];
  const PUBLISH = ['segmentWriter.openNewSegment', 'manager.segmentRotation'];
  for (const [what, kind, path, shown] of [
    ['write the seal', 'write', '0000000001.wal', ['segmentWriter.rotateSeal', ...FINISH]],
    ['sync what it finishes', 'sync', '0000000001.wal', ['segmentWriter.rotateSync', ...FINISH]],
    ['write the header page', 'write', '', ['segmentWriter.rotateHeader', ...PUBLISH]],
    ['sync the header page', 'sync', '', ['segmentWriter.rotateHeader', ...PUBLISH]],
    ['rename', 'renameNoReplace', '', ['segmentWriter.rotateRename', ...PUBLISH]],
    ['sync the folder', 'syncDirectory', '', ['segmentWriter.rotateDirectorySync', ...PUBLISH]],
  ] as const) {
    test(`slow to ${what}: in that step alone`, () => {
      const bench = fullSegment();
      bench.prepare();
      bench.appendLarge();
      // The first segment was opened under the name of its prepared file.
      const first = 'prepared-1.tmp';
      let hits = 0;
      bench.storage.onCall = (call) => {
        if (call.kind !== kind || hits > 0 || call.path.endsWith(first) !== (path !== '')) return;
        hits++;
        bench.clock.advanceNs(STALL_NS);
      };
      bench.settle();
      assert.equal(hits, 1);
      assert.deepEqual(shownTimes(bench.telemetry), timesOf(STALL_NS, ...shown));
    });
  }

  test('that syncs events: in rotateSync alone, so that no sync is counted twice', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.settle();
    bench.prepare();
    bench.appendLarge();
    const hits = slow(bench.storage, 'sync', () => bench.clock.advanceNs(STALL_NS));
    bench.settle();
    assert.equal(hits(), 1);
    assert.deepEqual(
      shownTimes(bench.telemetry),
      timesOf(
        STALL_NS,
        'segmentWriter.closeSegment',
        'segmentWriter.durableLag',
        'segmentWriter.durableLagHistogram',
        'segmentWriter.rotateSync',
        'manager.segmentRotation',
      ),
    );
  });

  test('takes as long as its five steps, also where its header finds no space at first', () => {
    const bench = new Bench();
    const { segmentWriter, manager } = bench.telemetry;
    // Nothing takes time but the calls that the steps consist of, and each another.
    const timed: readonly string[] = ['write', 'sync', 'renameNoReplace', 'syncDirectory'];
    let calls = 0;
    bench.storage.onCall = ({ kind }) => {
      if (timed.includes(kind)) bench.clock.advanceNs(1000 + ++calls);
    };
    for (let round = 0; round < 6; round++) {
      bench.prepare();
      bench.appendLarge();
      if (round === 3) {
        const when = ({ kind, path }: StorageCall): boolean =>
          kind === 'write' && path.includes('prepared-');
        bench.storage.fail({ code: 'ENOSPC', when, times: 1 });
      }
      bench.settle();
      bench.rest();
    }
    const steps = ROTATION_STEPS.map((step) => segmentWriter[step]);
    const { samples, totalNs } = manager.segmentRotation;
    assert.ok(samples >= 4, `${samples} rotations`);
    for (const step of steps) assert.equal(step.samples, samples);
    assert.equal(
      steps.reduce((sum, step) => sum + step.totalNs, 0),
      totalNs,
    );
  });
});

test('a full ring: the wait is in ringStall, from finding it full, and nowhere else', () => {
  const bench = new Bench();
  const { signals, producer, telemetry } = bench;
  const clock = new TickingClock();
  const updater = new ManagerUpdater(telemetry.manager, clock);
  const stalls = new Stalls(signals, clock, producer, DIRECTORY, 10_000, updater);
  const span = 20_000;
  while (producer.reserve(span)) bench.append(span - FRAME_HEADER_BYTES);
  const fullNs = clock.nowNs();
  let looks = 0;
  stalls.waitForRoom(span, () => {
    if (++looks === 2) clock.advanceMs(200);
    if (looks === 3) bench.step();
    return false;
  });
  const { ringStall } = telemetry.manager;
  const passedNs = clock.nowNs() - fullNs;
  assert.equal(ringStall.samples, 1);
  // All but the looks at the clock at both ends.
  assert.equal(ringStall.totalNs, passedNs - 200_000);
  assert.ok(ringStall.totalNs >= STALL_NS);
  assert.deepEqual(
    shownTimes(telemetry),
    timesOf(ringStall.totalNs, 'manager.ringStall', 'manager.ringStallHistogram'),
  );
  assert.ok(telemetry.manager.ringOccupancyBytesMax > 1_000_000);
});

test('the high-water mark of the ring is exact, also of what came while a block was written', () => {
  const bench = new Bench({ segmentBytes: 1024 * 1024 });
  const { manager } = bench.telemetry;
  const frameBytes = 1024;
  const append = (): unknown => bench.append(frameBytes - FRAME_HEADER_BYTES);
  append();
  slow(bench.storage, 'write', () => {
    for (let event = 0; event < 99; event++) append();
  });
  bench.step();
  assert.equal(manager.ringOccupancyBytesMax, 100 * frameBytes);
  bench.settle();
  assert.equal(manager.ringOccupancyBytesMax, 100 * frameBytes);
});

test('a writer stuck in a sync: its heart stands still, and unsyncedAge grows', () => {
  const storage = new FaultyStorage(new SimulatedDisk());
  const clock = new TickingClock();
  const log = new SteppedLog({ storage, clock }, DIRECTORY);
  const heart = () => readThreads(log.region.words, clock.nowNs()).writer;
  const { segmentWriter } = log.telemetry;
  log.append();
  log.opened.body.beat();
  log.stepWriter();
  const before = heart();
  let seen = 0;
  storage.onCall = ({ kind }) => {
    if (kind !== 'sync' || seen++ > 0) return;
    clock.advanceMs(5000);
    const { beats, ageNs = 0 } = heart();
    assert.equal(beats, before.beats);
    assert.ok(ageNs >= 5000 * NS_PER_MS, 'so old is its last beat');
    const age = segmentWriter.unsyncedAge;
    assert.ok(age > 0 && segmentWriter.unsyncedAge > age);
  };
  log.commit();
  assert.ok(seen > 0);
  log.opened.body.beat();
  assert.equal(heart().beats, before.beats + 1);
  assert.equal(segmentWriter.unsyncedAge, 0);
  storage.onCall = () => {};
  log.close();
});

test('a commit that no header tells of: unwatermarkedAge from its sync to its watermark', () => {
  const bench = new Bench();
  const { segmentWriter } = bench.telemetry;
  bench.append();
  bench.settle();
  assert.equal(segmentWriter.unwatermarkedAge, 0, 'not durable yet');
  bench.signals.requestDurable(1);
  bench.step();
  assert.equal(bench.durable, 1);
  const age = segmentWriter.unwatermarkedAge;
  assert.ok(age > 0 && segmentWriter.unwatermarkedAge > age);
  bench.rest();
  assert.equal(segmentWriter.unwatermarkedAge, 0, 'the watermark tells of it');
  bench.append();
  bench.settle();
  bench.signals.requestDurable(2);
  bench.step();
  assert.equal(bench.durable, 2);
  assert.ok(segmentWriter.unwatermarkedAge > 0);
  bench.append();
  bench.settle();
  assert.equal(segmentWriter.unwatermarkedAge, 0, 'the next block tells of it');
});

test('a flush of wal.meta that fails: counted, tried again, and timed once it succeeds', () => {
  const bench = new Bench();
  const { storage, clock, signals, memory, telemetry } = bench;
  const { metaStore } = telemetry;
  const { words, control } = memory;
  const coordinator = new MetaCoordinator(
    new MetaStore(storage, DIRECTORY),
    clock,
    signals,
    new MetaStoreUpdater(metaStore, clock),
    { words, control, logId: 1n, firstKeptEventId: 0 },
  );
  const isRename = ({ kind }: StorageCall): boolean => kind === 'rename';
  const fault = storage.fail({ code: 'EIO', when: isRename, times: 2 });
  publishWords(words, control.durablePoint, Int32Array.of(1, 4096, 0, 0));
  signals.count('metaRequests', 1);
  coordinator.step();
  assert.deepEqual([metaStore.metaFlushFailures, metaStore.maintenanceMetaFlush.samples], [1, 0]);
  assert.equal(signals.get('metaTrouble'), Trouble.error);
  for (let attempt = 0; attempt < 2; attempt++) {
    clock.advanceNs(STALL_NS);
    coordinator.step();
  }
  assert.equal(fault.hits, 2);
  assert.deepEqual([metaStore.metaFlushFailures, metaStore.maintenanceMetaFlush.samples], [2, 1]);
  signals.count('metaRequests', 1);
  slow(storage, 'sync', () => clock.advanceNs(STALL_NS));
  coordinator.step();
  assert.deepEqual(shownTimes(telemetry), timesOf(STALL_NS, 'metaStore.maintenanceMetaFlush'));
});
