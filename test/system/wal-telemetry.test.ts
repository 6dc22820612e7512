// A whole run of the recording side: appends of each kind, waits, stalls, rotations, a full disk.
// Behind it no metric of the recorder is zero whose event has happened; each that is zero stands
// below, with the reason. What is counted is counted exactly, and stays to be read when the log is
// closed.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import {
  type Aggregate,
  type DurationReading,
  recorder,
  Snapshotter,
} from '../../src/telemetry.js';
import { cannotMap, mappedOptions, onBothAdapters, TINY } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import {
  appendEvents,
  closeAfter,
  code,
  preparedFiles,
  segmentFiles,
} from '../support/log-content.js';
import { ROTATION_STEPS } from '../support/shown-times.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { parseExposition } from '../telemetry/exposition.js';

const NOT_ASKED = 'nothing asks for the maintainer';
const SMALL_RING = 'a ring of the smallest size does not grow';
const NO_CONSUMER = 'nobody is registered';
const NO_STREAM = 'no stream is fed with the log';
const NOTHING_FAILED = 'nothing has failed in this run';
const NEW_LOG = 'the log was new';
const ALL_DONE = 'all is on disk when the log is closed';

/** So long that no disk is too slow. */
const NEVER = { stallTimeoutMs: 2 ** 31 - 1 };
/** What is not durable before somebody asks is waited for: an interval may be over by then. */
const WHEN_ASKED = { sync: { mode: 'manual' } } as const;

/** After the run below; the same names in the same order. */
const ZERO: Readonly<Record<string, string>> = {
  'metaStore.metaFlushFailures': NOTHING_FAILED,
  'segmentWriter.openExistingSegment': NEW_LOG,
  'segmentWriter.unsyncedEvents': ALL_DONE,
  'segmentWriter.unsyncedBytes': ALL_DONE,
  'segmentWriter.unsyncedAge': ALL_DONE,
  'segmentWriter.durableLagEvents': ALL_DONE,
  'segmentWriter.durableLagBytes': ALL_DONE,
  'segmentWriter.durableLagAge': ALL_DONE,
  'segmentWriter.unwatermarkedAge': ALL_DONE,
  'segmentWriter.totalHeaderChecksumFailures': NEW_LOG,
  'segmentWriter.totalBlockChecksumFailures': NEW_LOG,
  'segmentWriter.totalChainedChecksumFailures': NEW_LOG,
  'segmentWriter.totalValidationFailures': NEW_LOG,
  'segmentPreparer.getNextSegmentFailed': NOTHING_FAILED,
  'segmentPreparer.preparedSegmentsLow': 'the writer had to wait, so none was prepared',
  'segmentPreparer.getNextSegmentAge': 'nobody waits any more',
  'segmentPreparer.recycledSegments': NOT_ASKED,
  'segmentMaintainer.persistenceLifecycle': NOT_ASKED,
  'segmentMaintainer.maintenanceRetention': NOT_ASKED,
  'segmentMaintainer.maintenanceCompression': NOT_ASKED,
  'segmentMaintainer.maintenanceDeletion': NOT_ASKED,
  'segmentMaintainer.persistenceMaxHotSegments': NOT_ASKED,
  'segmentMaintainer.persistenceMaxColdSegments': NOT_ASKED,
  'segmentMaintainer.verification': NOT_ASKED,
  'segmentMaintainer.verificationSegments': NOT_ASKED,
  'segmentMaintainer.freedBytes': NOT_ASKED,
  'segmentMaintainer.maintenanceFailures': NOT_ASKED,
  'segmentMaintainer.blockedSegments': NOT_ASKED,
  'segmentMaintainer.heldSegments': NOT_ASKED,
  'segmentMaintainer.compressedContentBytes': NOT_ASKED,
  'segmentMaintainer.compressedFileBytes': NOT_ASKED,
  'segmentMaintainer.heldEventId': NOT_ASKED,
  'manager.appendRefused': NOTHING_FAILED,
  'manager.appendRefusedHistogram': NOTHING_FAILED,
  'manager.ringStallAge': 'nobody waits any more',
  'manager.durableWaitAge': 'nobody waits any more',
  'manager.ringGrowths': SMALL_RING,
  'manager.ringGrowthsRefused': SMALL_RING,
  'manager.persistenceColdSegments': NOT_ASKED,
  'manager.ringOccupancyBytes': ALL_DONE,
  'manager.wallClockSteps': 'nobody sets the clock',
  'manager.ringPreparationsRefused': SMALL_RING,
  'consumers.activeConsumers': NO_CONSUMER,
  'consumers.damagedConsumers': NO_CONSUMER,
  'consumers.droppedConsumers': NO_CONSUMER,
  'consumers.consumerLagEvents': NO_CONSUMER,
  'consumers.consumerLagBytes': NO_CONSUMER,
  'consumers.consumerLagAge': NO_CONSUMER,
  'replication.fedStreams': NO_STREAM,
  'replication.confirmedEventId': NO_STREAM,
  'replication.confirmedEventBytes': NO_STREAM,
  'replication.lagEvents': NO_STREAM,
  'replication.lagBytes': NO_STREAM,
  'replication.lagAge': NO_STREAM,
  'replication.fencedStreams': NO_STREAM,
  'replication.streamEpoch': NO_STREAM,
  'replication.engineWaitAge': NO_STREAM,
  'replication.engineAnswerAge': NO_STREAM,
  'replication.acknowledge': NO_STREAM,
  'replication.confirmedEvents': NO_STREAM,
  'replication.confirmedBytes': NO_STREAM,
  'replication.acknowledgeHistogram': NO_STREAM,
  'replication.engineWait': NO_STREAM,
  'replication.claims': NO_STREAM,
  'replication.conflicts': NO_STREAM,
  'replication.fullStreams': NO_STREAM,
  'replication.timeouts': NO_STREAM,
  'replication.unavailabilities': NO_STREAM,
  'replication.foundStored': NO_STREAM,
  'replication.regressions': NO_STREAM,
  'replication.regressedEvents': NO_STREAM,
};

/** How often the event of a metric has happened. */
function happened(reading: unknown): number {
  if (typeof reading === 'number') return reading;
  const { samples, count, cycles } = reading as Partial<
    Record<'samples' | 'count' | 'cycles', number>
  >;
  return samples ?? count ?? cycles ?? 0;
}

const zeroIn = (telemetry: recorder.Telemetry): string[] =>
  Object.entries(telemetry.toJSON()).flatMap(([struct, readings]) =>
    Object.entries(readings)
      .filter(([, reading]) => happened(reading) === 0)
      .map(([metric]) => `${struct}.${metric}`),
  );

/** The threads whose heartbeats are collected. */
function heartbeatsIn(telemetry: recorder.Telemetry): string[] {
  const collector = new PrometheusCollector();
  telemetry.collect('wal', collector);
  const lines = String(collector).matchAll(/^wal_heartbeat_age_seconds\{.*thread="(\w+)"\} \d/gm);
  return [...lines].map(([, thread = '']) => thread).sort();
}

/** Every histogram has as many values as the metric that it belongs to has samples. */
function assertHistograms({ segmentWriter, segmentPreparer, manager }: recorder.Telemetry): void {
  assert.equal(segmentWriter.writeBlockHistogram.count, segmentWriter.writeBlock.samples);
  assert.equal(segmentWriter.syncHistogram.count, segmentWriter.sync.samples);
  assert.equal(segmentWriter.groupCommitHistogram.count, segmentWriter.durableLag.samples);
  assert.equal(segmentWriter.durableLagHistogram.count, segmentWriter.durableLag.samples);
  // A rotation's sync may be a commit, too.
  const commits = segmentWriter.durableLag.samples - segmentWriter.sync.samples;
  assert.ok(commits >= 0 && commits <= segmentWriter.rotateSync.samples, `${commits} commits`);
  const { getNextSegmentHistogram, getNextSegment } = segmentPreparer;
  assert.equal(getNextSegmentHistogram.count, getNextSegment.samples);
  assert.equal(getNextSegmentHistogram.total, getNextSegment.totalNs);
  assert.equal(manager.appendEventHistogram.count, manager.appendEvent.samples);
  assert.equal(manager.ringStallHistogram.count, manager.ringStall.samples);
  assert.equal(manager.durableWaitHistogram.count, manager.durableWait.samples);
}

/** All segments that the writer was handed are there, one after the other. */
function assertSegments(telemetry: recorder.Telemetry, segments: number): void {
  const { segmentPreparer, segmentWriter, manager } = telemetry;
  const { getNextSegment, getNextSegmentReady: ready } = segmentPreparer;
  const { getNextSegmentWaited: waited, getNextSegmentFailed: failed } = segmentPreparer;
  assert.equal(ready + waited + failed, getNextSegment.samples);
  assert.equal(ready + waited, segments, 'segments that were handed over');
  assert.equal(segmentWriter.openNewSegment.successes, segments);
  assert.equal(manager.persistenceHotSegments, segments);
  // The last one has no successor, and the first finished none.
  assert.equal(segmentWriter.closeSegment.successes, segments - 1);
  assert.equal(manager.segmentRotation.samples, segments - 1);
  for (const step of ROTATION_STEPS) assert.equal(segmentWriter[step].samples, segments - 1, step);
}

onBothAdapters('after a run no metric is zero whose event has happened', async (t, v) => {
  const directory = temporaryFolder(t);
  const few = { preparedSegments: 1, appendSampling: 3 };
  const options = { ...v.options, ...NEVER, ...WHEN_ASKED, ...few };
  const wal = await Wal.open(directory, options);
  const { telemetry } = wal;
  const { manager, segmentPreparer } = telemetry;
  let appends = 0;
  const append = (): void => {
    // Three fill a segment and leave room for a watermark.
    wal.append(new Uint8Array(9000));
    appends++;
  };
  append();
  await wal.durable();
  wal.appendBatch([new Uint8Array(10), new Uint8Array(20)]);
  // Faster than any writer: the ring is found full, and so is the queue of segments found empty.
  while (wal.tryAppend(new Uint8Array(1000)) !== undefined);
  await eventually('an append has met a full ring, the writer an empty queue', () => {
    for (let left = 100; left > 0; left--) append();
    const { getNextSegmentWaited, hurriedSegments } = segmentPreparer;
    // Both, because what was waited for may have been zeroed whole by then.
    return manager.ringStall.samples > 0 && getNextSegmentWaited > 0 && hurriedSegments > 0;
  });
  // With time to spare the spare is zero-written, and counted.
  await eventually(
    'a spare is zeroed whole',
    () => segmentPreparer.zeroedBytes >= TINY.segmentBytes,
  );
  const last = wal.lastEventId;
  const durable = wal.durable();
  await wal.close();
  assert.equal(await durable, last);

  assert.deepEqual(zeroIn(telemetry), Object.keys(ZERO));
  assertHistograms(telemetry);
  assertSegments(telemetry, segmentFiles(directory).length);
  assert.equal(manager.appendedEvents, last);
  assert.equal(manager.appendEvent.samples, Math.floor(appends / 3));
  assert.equal(manager.appendEvent.failures, 0);
  assert.equal(manager.appendSampling, 3);
  assert.equal(manager.refusedAppends, 1);
  assert.equal(manager.durableWait.samples, 2, 'the wait that close ended is one');
  const { blockEvents, groupCommitHistogram, blockBytes } = telemetry.segmentWriter;
  assert.equal(blockEvents, last);
  assert.equal(groupCommitHistogram.total, last);
  assert.ok(blockBytes > last * 24);
  const { preparedSegments, prepareSegment, prepareSync, prepareZero } = segmentPreparer;
  assert.equal(prepareSegment.successes, preparedSegments);
  assert.equal(prepareZero.samples, prepareSync.samples);
  assert.deepEqual(preparedFiles(directory), []);
});

for (const [sampling, timed] of [
  [64, Math.floor(1000 / 64)],
  [1, 1000],
  [0, 0],
] as const) {
  test(`of 1,000 appends with appendSampling ${sampling} all are counted, ${timed} timed`, async (t) => {
    const options = { sharedMemory: 'off', appendSampling: sampling } as const;
    const wal = await Wal.open(temporaryFolder(t), options);
    const { manager } = wal.telemetry;
    for (let count = 1; count <= 1000; count++) {
      wal.append(new Uint8Array(8));
      assert.equal(manager.appendedEvents, count);
    }
    wal.tryAppend(new Uint8Array(8));
    wal.appendBatch([new Uint8Array(8), new Uint8Array(8)]);
    assert.throws(() => wal.appendBatch([]), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
    assert.equal(manager.appendedEvents, 1003);
    assert.equal(manager.appendEvent.samples, timed);
    assert.equal(manager.appendEvent.successes, timed);
    await wal.close();
    assert.equal(manager.appendedEvents, 1003);
    assert.equal(manager.appendEventHistogram.count, timed);
    assert.equal(manager.appendSampling, sampling);
  });
}

onBothAdapters(
  'wal.telemetry keeps its last values for ever once the log is closed',
  async (t, v) => {
    const wal = await Wal.open(temporaryFolder(t), { ...v.options, ...WHEN_ASKED });
    const { telemetry } = wal;
    appendEvents(wal, 100);
    await wal.durable();
    assert.throws(() => structuredClone(telemetry), { name: 'DataCloneError' });
    const copy = new recorder.Telemetry();
    telemetry.copyTo(copy);
    assert.equal(copy.manager.appendedEvents, 100);
    assert.equal(copy.manager.durableWait.samples, 1);
    const updater = new recorder.ManagerUpdater(telemetry.manager);
    const preparing = new recorder.SegmentPreparerUpdater(telemetry.segmentPreparer);
    await wal.close();
    assert.equal(wal.telemetry, telemetry);
    const last = JSON.stringify(telemetry);
    updater.onRefusedAppend();
    updater.onDurableWait(0);
    preparing.onGetNextSegment(0, 'waited');
    assert.throws(() => wal.append(new Uint8Array(8)), code('ERR_FLASHSTRIKE_CLOSED'));
    assert.equal(wal.telemetry.manager.appendedEvents, 100);
    assert.equal(JSON.stringify(telemetry), last, 'nothing changes it any more');
    assert.throws(() => structuredClone(telemetry), { name: 'DataCloneError' });
    telemetry.copyTo(copy);
    assert.equal(JSON.stringify(copy), last);
    await wal.close();
    assert.equal(JSON.stringify(telemetry), last);
  },
);

onBothAdapters(
  'a snapshotter takes wal.telemetry, recovery and all, and holds it when the log is closed',
  async (t, v) => {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(5);
    const wal = await Wal.open(builder.write().dir, { ...v.options, ...WHEN_ASKED });
    closeAfter(t, wal);
    const snapshotter = new Snapshotter(wal.telemetry);
    const { latest } = snapshotter;
    assert.ok(latest.metrics instanceof recorder.Telemetry);
    await wal.durable(appendEvents(wal, 100));
    assert.equal([...wal.replay()].length, 105);
    assert.equal(latest.metrics.manager.appendedEvents, 0, 'a snapshot stands still');
    const { manager, recovery } = snapshotter.refresh().metrics;
    assert.equal(manager.appendedEvents, 100);
    assert.equal(manager.durableWait.samples, 1);
    assert.equal(recovery.manager.recoverLog.successes, 1);
    const verified = recovery.segmentReader.verifiedEvents;
    assert.equal(verified, wal.telemetry.recovery.segmentReader.verifiedEvents);
    assert.ok(verified >= 105);
    await wal.close();
    const last = snapshotter.refresh().metrics;
    assert.equal(JSON.stringify(last), JSON.stringify(wal.telemetry));
    assert.equal(JSON.stringify(last.recovery), JSON.stringify(wal.telemetry.recovery));
    const ofRecovery = new Snapshotter(wal.telemetry.recovery).latest.metrics;
    const exported = (of: { collect: Aggregate['collect'] }): string => {
      const collector = new PrometheusCollector();
      of.collect('wal', collector);
      return collector.toString();
    };
    assert.equal(exported(ofRecovery), exported(wal.telemetry.recovery), 'labels and all');
  },
);

onBothAdapters(
  'the heartbeat of each thread is in wal.telemetry too, and of a closed log none grows older',
  async (t, v) => {
    const wal = await Wal.open(temporaryFolder(t), v.options);
    closeAfter(t, wal);
    const { telemetry } = wal;
    await eventually('each thread has moved', () =>
      Object.entries(telemetry.threads).every(
        ([thread, { beats }]) => thread === 'maintainer' || beats > 0,
      ),
    );
    const { beats } = telemetry.threads.writer;
    await eventually('the writer moves on', () => telemetry.threads.writer.beats > beats);
    assert.deepEqual(heartbeatsIn(telemetry), [
      'application',
      'housekeeping',
      'preparer',
      'writer',
    ]);
    const snapshotter = new Snapshotter(telemetry);
    const { threads } = snapshotter.latest.metrics;
    assert.ok(threads.writer.beats > beats);
    assert.deepEqual(snapshotter.latest.metrics.threads, threads, 'a snapshot stands still');
    await wal.close();
    const last = telemetry.threads;
    assert.ok(last.writer.beats > beats && last.writer.ageNs !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(telemetry.threads, last);
    assert.deepEqual(snapshotter.refresh().metrics.threads, last);
  },
);

test('what it collects carries the name and the id of the log, recovery and copies included', async (t) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { sharedMemory: 'off' });
  closeAfter(t, wal);
  const { latest } = new Snapshotter(wal.telemetry);
  const ids = new Set<string>();
  for (const source of [wal.telemetry, wal.telemetry.recovery, latest.metrics.recovery]) {
    const collector = new PrometheusCollector();
    source.collect('p', collector);
    for (const { samples } of parseExposition(String(collector))) {
      for (const { name, labels } of samples) {
        assert.equal(labels['log'], basename(directory), name);
        ids.add(labels['log_id'] ?? '');
      }
    }
  }
  assert.equal(ids.size, 1);
  assert.match([...ids][0] ?? '', /^[0-9a-f]{16}$/);
});

test('a log that is opened again: what it has is told from the start', async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...TINY, sharedMemory: 'off' } as const;
  const first = await Wal.open(directory, options);
  while (segmentFiles(directory).length < 3) {
    appendEvents(first, 100);
    await first.durable();
  }
  await first.close();
  const files = segmentFiles(directory).length;
  const wal = await Wal.open(directory, options);
  const { manager, segmentWriter, segmentPreparer } = wal.telemetry;
  assert.equal(manager.persistenceHotSegments, files);
  assert.equal(segmentWriter.openExistingSegment.successes, 1);
  assert.equal(segmentPreparer.getNextSegment.samples, 0, 'the last segment is gone on with');
  assert.equal(segmentWriter.openNewSegment.samples, 0);
  assert.equal(manager.initActiveSegment.successes, 1);
  assert.equal(manager.appendedEvents, 0, 'those of this opening are counted');
  await wal.close();
});

onBothAdapters('an open is timed by phase, and the phases sum up to the whole', async (t, v) => {
  const directory = temporaryFolder(t);
  for (const events of [100, 0]) {
    const wal = await Wal.open(directory, v.options);
    closeAfter(t, wal);
    appendEvents(wal, events);
    const { open, ...phases } = wal.telemetry.toJSON()['opening'] as Record<
      string,
      DurationReading
    >;
    assert.equal(Object.keys(phases).length, 8);
    const all = Object.entries(phases);
    for (const [phase, { samples }] of all) assert.equal(samples, 1, phase);
    const sum = all.reduce((ns, [, { totalNs }]) => ns + totalNs, 0);
    assert.equal(open?.samples, 1);
    assert.equal(sum, open?.totalNs);
    await wal.close();
  }
});

test('the flushes of wal.meta when a log opens and closes are counted', async (t) => {
  const wal = await Wal.open(temporaryFolder(t), { sharedMemory: 'off' });
  // Before the first segment is there, and with it.
  const { metaStore } = wal.telemetry;
  assert.equal(metaStore.maintenanceMetaFlush.samples, 2);
  await wal.close();
  assert.equal(metaStore.maintenanceMetaFlush.samples, 3);
});

test('the last values stay to be read while the process ends, those of its last drain included', async (t) => {
  const text = `
    const wal = await Wal.open(directory, options);
    for (let count = 0; count < 100; count++) wal.append(Buffer.alloc(1000));
    wal.durable();
    process.on('exit', () => {
      const { manager, segmentWriter } = wal.telemetry;
      tell(JSON.stringify([
        wal.state,
        manager.appendedEvents,
        manager.durableWait.samples,
        segmentWriter.blockEvents,
        segmentWriter.groupCommitHistogram.total,
        segmentWriter.unsyncedAge,
      ]));
    });
    process.exit(0);
  `;
  const options = { ...TINY, ...WHEN_ASKED, sharedMemory: 'off' };
  const [line = ''] = await runSound(text, temporaryFolder(t), options);
  assert.deepEqual(JSON.parse(line), ['closed', 100, 1, 100, 100, 0]);
});

test('a torn tail: what did not validate is counted when the log opens', async (t) => {
  for (const [damaged, metric] of [
    [20, 'totalHeaderChecksumFailures'],
    [70, 'totalBlockChecksumFailures'],
    [0, 'totalValidationFailures'],
  ] as const) {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(5).events(5);
    builder.fileOf(1)[builder.blockOf(1, 1).offset + damaged] = 0xee;
    const wal = await Wal.open(builder.write().dir, { sharedMemory: 'off' });
    assert.equal(wal.recovery.verdict, 'torn-tail');
    const { segmentWriter } = wal.telemetry;
    assert.equal(segmentWriter[metric], 1, metric);
    const { totalHeaderChecksumFailures, totalBlockChecksumFailures } = segmentWriter;
    const { totalChainedChecksumFailures, totalValidationFailures } = segmentWriter;
    const all = [totalHeaderChecksumFailures, totalBlockChecksumFailures].concat(
      totalChainedChecksumFailures,
      totalValidationFailures,
    );
    assert.equal(
      all.reduce((sum, count) => sum + count, 0),
      1,
    );
    await wal.close();
  }
});

test('what recovery found, and what the log itself reads since, is told in wal.telemetry.recovery', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(5).events(5);
  const wal = await Wal.open(builder.write().dir, { sharedMemory: 'off' });
  const { manager, segmentReader } = wal.telemetry.recovery;
  const { recoverLog, judgeTail, rewritePrefix, rewrittenBytes } = manager;
  assert.deepEqual([recoverLog.successes, judgeTail.samples, rewritePrefix.successes], [1, 1, 1]);
  assert.ok(rewrittenBytes > 0, 'nothing had called them durable');
  const { verifiedEvents } = segmentReader;
  assert.ok(verifiedEvents >= 10);
  assert.equal([...wal.replay()].length, 10);
  assert.equal(segmentReader.verifiedEvents, verifiedEvents + 10);
  await wal.close();
  const last = segmentReader.verifiedEvents;
  assert.equal([...wal.replay()].length, 10);
  assert.equal(segmentReader.verifiedEvents, last, 'and stands still behind close');
});

test('a disk that is full shows while it is, and not any more when it is free', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, 2 * 1024 * 1024);
  const directory = join(disk.folder, 'log');
  const wal = await Wal.open(directory, { ...mappedOptions(t), ...NEVER });
  const { segmentPreparer, manager } = wal.telemetry;
  await wal.durable(appendEvents(wal, 100));
  disk.fill();
  const noSpace = code('ERR_FLASHSTRIKE_NO_SPACE');
  let appended = wal.lastEventId;
  let refusals = 0;
  // The first refusal may be wal.meta's, while a segment is still in the making.
  await eventually('the writer waits for a segment that cannot be prepared', () => {
    assert.throws(() => {
      for (;;) appended = wal.append(new Uint8Array(1000));
    }, noSpace);
    refusals++;
    return segmentPreparer.prepareSegment.failures > 0 && segmentPreparer.getNextSegmentAge > 0;
  });
  // The writer tells it a turn after the preparer has.
  await eventually('the state says so', () => wal.state === 'no-space');
  assert.equal(manager.appendEvent.failures, refusals);
  assert.equal(manager.appendedEvents, appended);
  assert.ok(manager.ringStall.samples >= 1);
  assert.ok(segmentPreparer.prepareSegment.failures >= 1);
  const { getNextSegmentAge: age, getNextSegment } = segmentPreparer;
  await eventually('it waits and waits', () => segmentPreparer.getNextSegmentAge > age);
  const durable = wal.durable();
  disk.free();
  assert.equal(await durable, appended);
  assert.equal(segmentPreparer.getNextSegmentAge, 0);
  assert.ok(segmentPreparer.getNextSegmentWaited >= 1);
  assert.ok(segmentPreparer.getNextSegment.maxNs >= age, 'the wait is told whole');
  assert.ok(segmentPreparer.getNextSegment.samples > getNextSegment.samples);
  await wal.close();
  assertSegments(wal.telemetry, segmentFiles(directory).length);
});

test('a log that has failed: its metrics say what was, and stand still once it is closed', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { ...mappedOptions(t), ...WHEN_ASKED, lock: 'none' });
  closeAfter(t, wal);
  const { segmentWriter, manager } = wal.telemetry;
  await wal.durable(appendEvents(wal, 100));
  appendEvents(wal, 10);
  await eventually('they are written', () => wal.writtenEventId === 110);
  assert.equal(segmentWriter.durableLagEvents, 10);
  assert.ok(segmentWriter.unsyncedAge > 0);
  // What ends a log at once, without any call that fails: nothing else keeps others out.
  renameSync(join(directory, 'LOCK'), join(directory, 'gone'));
  await eventually('the log has failed', () => wal.state === 'failed');
  assert.throws(() => wal.append(new Uint8Array(8)), code('ERR_FLASHSTRIKE_FAILED'));
  const unknown = code('ERR_FLASHSTRIKE_DURABILITY_UNKNOWN');
  await assert.rejects(wal.durable(), unknown);
  assert.equal(manager.appendEvent.failures, 1);
  assert.equal(manager.durableWait.samples, 2, 'a wait that is refused has ended, too');
  await assert.rejects(wal.close(), code('ERR_FLASHSTRIKE_LOCKED'));
  assert.equal(segmentWriter.durableLagEvents, 10);
  const { unsyncedAge } = segmentWriter;
  assert.ok(unsyncedAge > 0);
  assert.equal(segmentWriter.unsyncedAge, unsyncedAge, 'of a closed log nothing grows older');
  assert.equal(manager.appendedEvents, 110);
});
