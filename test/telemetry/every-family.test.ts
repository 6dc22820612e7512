// Every family that a log exports is moved by what the log does: logs are driven through every
// feature and fault, on this machine and, where a fault cannot be had here, on a disk in memory,
// and looked at as Prometheus does. A family that no run moves has nothing that feeds it, or
// nothing that can: it must not be exported. There is no list of exceptions.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ScrapedLogs } from '../../src/cli/metrics/scrape.js';
import { monotonicClock } from '../../src/clock/clock.js';
import { FakeClock } from '../../src/clock/fake-clock.js';
import { openCursor, replay, verify, Wal, type WalOptions } from '../../src/index.js';
import { FILE_PORTS } from '../../src/judgement/reading-ports.js';
import { Duration64 } from '../../src/metrics/duration64.js';
import { Stalls } from '../../src/recorder/application/stalls.js';
import { ConsumerWatch } from '../../src/recorder/housekeeping/consumer-watch.js';
import { MetaCoordinator } from '../../src/recorder/housekeeping/meta-coordinator.js';
import { MetaStore } from '../../src/recorder/housekeeping/meta-store.js';
import { SegmentMaintainer } from '../../src/recorder/maintainer/segment-maintainer.js';
import { SegmentPreparer } from '../../src/recorder/preparer/segment-preparer.js';
import { offer } from '../../src/recorder/threads/prepared-segments.js';
import type { Preallocation } from '../../src/recorder/threads/wal-options.js';
import { openRegionFile } from '../../src/region/region-file.js';
import { openCursorThrough } from '../../src/replay/open-cursor.js';
import { replayThrough } from '../../src/replay/replay.js';
import { replicate } from '../../src/replication/replicate.js';
import { restoreFrom } from '../../src/replication/restore-from.js';
import { preparedFileName } from '../../src/segment/file-names.js';
import { FRAME_HEADER_BYTES } from '../../src/segment/frame.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { elsewhereOf, wrappedMs } from '../../src/telemetry/heartbeats.js';
import { LogTelemetry } from '../../src/telemetry/log-telemetry.js';
import { placeOf } from '../../src/telemetry/telemetry-layout.js';
import { recorder, recovery } from '../../src/telemetry.js';
import { NS_PER_MS, PAGE_BYTES } from '../../src/units.js';
import { appendMixed, liveStream, openLog, Place, streamOf } from '../replication/bench.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import { SimulatedRegions } from '../simulation/simulated-regions.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { leftByKill } from '../support/attached-log.js';
import { eventually } from '../support/eventually.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import { type StorageCall, systemError } from '../support/interposed-storage.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { code } from '../support/log-content.js';
import { MovedFamilies } from '../support/moved-families.js';
import { readingAhead } from '../support/readers.js';
import { SteppedLog, TickingClock } from '../support/stepped-log.js';
import { steppedReadAhead } from '../support/stepped-read-ahead.js';
import { Bench, DIRECTORY, SEGMENT_BYTES } from '../support/writer-bench.js';

const RECORDER = 'flashstrike_wal_recorder';
const RECOVERY = 'flashstrike_wal_recovery';
const OUTSIDE = { prefix: 'flashstrike_wal', referenceNames: false };

/** So long that no disk is too slow. */
const NEVER = { stallTimeoutMs: 2 ** 31 - 1 };

const isKind =
  (...kinds: readonly StorageCall['kind'][]) =>
  ({ kind }: StorageCall): boolean =>
    kinds.includes(kind);

/** A look from outside at a log of any process. */
function scrape(context: TestContext, families: MovedFamilies, directory: string): () => void {
  const logs = new ScrapedLogs([directory], OUTSIDE, () => {});
  context.after(() => logs.close());
  return () => families.look(logs.scrape().text);
}

/** A writer whose calls take time; looked at now, and whenever it is asked for. */
function benchOf(families: MovedFamilies): { bench: Bench; look: () => void } {
  const bench = new Bench();
  bench.storage.onCall = () => bench.clock.advanceNs(1000);
  const look = (): void => families.collect(RECORDER, bench.telemetry);
  look();
  return { bench, look };
}

function preparerOf(
  { storage, clock, signals, telemetry }: Bench,
  preallocate: Preallocation = 'zero',
): SegmentPreparer {
  const updater = new recorder.SegmentPreparationUpdater(telemetry.segmentPreparer, clock);
  return new SegmentPreparer(storage, clock, signals, updater, {
    directory: DIRECTORY,
    segmentBytes: SEGMENT_BYTES,
    maxBlockBytes: SEGMENT_BYTES,
    preparedSegments: 1,
    preallocate,
    firstTicket: 100,
  });
}

/** What a caller or a clock does wrong: a start in the future, and one that is no time. */
function faultyTimes(families: MovedFamilies): void {
  for (const [prefix, telemetry, Updater, struct] of [
    [RECORDER, new recorder.Telemetry(), recorder.SegmentWriterUpdater, 'segmentWriter'],
    [RECOVERY, new recovery.Telemetry(), recovery.SegmentReaderUpdater, 'segmentReader'],
  ] as const) {
    families.collect(prefix, telemetry);
    const updater = new Updater((telemetry as never)[struct]);
    for (const startNs of [Number.MAX_SAFE_INTEGER, Number.NaN]) {
      if (updater instanceof recorder.SegmentWriterUpdater) updater.onSync(startNs);
      else updater.onSeekEvent(startNs);
    }
    families.collect(prefix, telemetry);
  }
}

/** The file of a removed segment becomes a prepared one. */
function recycling(families: MovedFamilies): void {
  const { bench, look } = benchOf(families);
  const preparer = preparerOf(bench, 'recycle');
  const ticket = 2 ** 31;
  const fd = bench.disk.open(`${DIRECTORY}/${preparedFileName(ticket)}`, 'create');
  bench.disk.allocate(fd, SEGMENT_BYTES);
  const { inode } = bench.disk.statusOf(fd);
  bench.disk.close(fd);
  const written = { segmentBytes: SEGMENT_BYTES, writtenBytes: SEGMENT_BYTES, isRecycled: true };
  offer(bench.signals.recycledQueue, { ticket, inode, ...written });
  preparer.step();
  look();
}

/** Commits, watermarks and a step of the wall clock, looked at between the steps of the writer. */
function commits(families: MovedFamilies): void {
  const { bench, look } = benchOf(families);
  bench.append();
  bench.settle();
  look();
  bench.signals.requestDurable(1);
  bench.step();
  bench.clock.advanceNs(1000);
  look();
  bench.wallMs += 60_000;
  bench.clock.advanceNs(200 * NS_PER_MS);
  bench.rest();
  look();
}

/** An append that waits in a full ring, looked at while it does. */
function stall(families: MovedFamilies): void {
  const { bench, look } = benchOf(families);
  const { signals, producer, telemetry } = bench;
  const clock = new TickingClock();
  const updater = new recorder.ManagerUpdater(telemetry.manager, clock);
  const stalls = new Stalls(signals, clock, producer, DIRECTORY, 10_000, updater);
  const span = 20_000;
  while (producer.reserve(span)) bench.append(span - FRAME_HEADER_BYTES);
  let looks = 0;
  stalls.waitForRoom(span, () => {
    look();
    if (++looks === 3) bench.step();
    return false;
  });
  look();
}

/** A ring that finds no memory to grow into, for the application or ahead of it, and then some. */
function growth(families: MovedFamilies): void {
  const regions = new SimulatedRegions({ moment: () => {} });
  const adoptRegion = regions.adopt.bind(regions);
  const log = new SteppedLog({ storage: new SimulatedDisk(), regions, adoptRegion }, '/data/log');
  const look = (): void => families.collect(RECORDER, log.telemetry);
  look();
  regions.isFull = true;
  while (log.growth.reserve(1000)) log.append(1000 - FRAME_HEADER_BYTES);
  log.stepWriter();
  regions.isFull = false;
  log.clock.advanceMs(100);
  log.append(15_000);
  look();
  log.close();
}

/** A writer that finds no segment, of a preparer that finds no disk, until the log ends. */
function noSegment(families: MovedFamilies): void {
  const { bench, look } = benchOf(families);
  const preparer = preparerOf(bench);
  bench.storage.fail({ code: 'ENOSPC', when: isKind('allocate') });
  bench.appendLarge();
  bench.appendLarge();
  bench.settle();
  preparer.step();
  bench.clock.advanceNs(1000);
  look();
  bench.storage.heal();
  while (preparer.step() === 0);
  bench.settle();
  look();
  bench.appendLarge();
  bench.settle();
  bench.writer.fail(new Error('closing gave up'));
  look();
}

/** A rotation that fails at each of its ends, and a flush of wal.meta. */
function failedCalls(families: MovedFamilies): void {
  for (const kind of ['sync', 'renameNoReplace'] as const) {
    const { bench, look } = benchOf(families);
    bench.appendLarge();
    bench.settle();
    bench.prepare();
    bench.storage.fail({ code: 'EIO', when: isKind(kind) });
    bench.appendLarge();
    bench.settle();
    assert.ok(bench.writer.hasFailed, kind);
    look();
  }
  const { bench, look } = benchOf(families);
  const { storage, clock, signals, memory, telemetry } = bench;
  const updater = new recorder.MetaStoreUpdater(telemetry.metaStore, clock);
  const { words, control } = memory;
  const point = { words, control, logId: 1n, firstKeptEventId: 0 };
  const store = new MetaStore(storage, DIRECTORY);
  const coordinator = new MetaCoordinator(store, clock, signals, updater, point);
  bench.append();
  bench.settle();
  bench.signals.requestDurable(1);
  bench.rest();
  storage.fail({ code: 'EIO', when: isKind('rename') });
  signals.count('metaRequests', 1);
  coordinator.step();
  look();
  const lag = { events: 5, bytes: 6, ms: 7 };
  const survey = () => ({ active: 3, damaged: 1, dropped: 2, lag });
  const consumers = new recorder.ConsumersUpdater(telemetry.consumers, clock);
  new ConsumerWatch(clock, { survey }, () => undefined, consumers).look();
  look();
}

/** A stream that fails in every way, is thrown back, and is taken over by another log. */
async function replicated(context: TestContext, families: MovedFamilies): Promise<void> {
  const place = new Place(context);
  const wal = place.keep(await openLog(place.path('log')));
  const look = (): void => families.collect(RECORDER, wal.telemetry);
  const engine = liveStream();
  look();
  place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await wal.replicated(appendMixed(wal, 10));
  look();
  engine.trouble = 40;
  const { replication } = wal.telemetry;
  await eventually('it has failed in every way', () => {
    appendMixed(wal, 1);
    look();
    const { conflicts, fullStreams, timeouts, unavailabilities, foundStored } = replication;
    return Math.min(conflicts, fullStreams, timeouts, unavailabilities, foundStored) > 0;
  });
  engine.trouble = 0;
  await wal.replicated(appendMixed(wal, 1));
  look();
  engine.throwBack(engine.blocks.length - 1);
  await wal.replicated(appendMixed(wal, 3));
  look();
  const out = place.path('standby');
  await restoreFrom(streamOf(engine), out);
  const taken = await replicate(out, { stream: streamOf(engine), takeover: true });
  await place.keep(taken).claimed();
  await assert.rejects(wal.replicated(appendMixed(wal, 1)), code('ERR_FLASHSTRIKE_FENCED'));
  look();
}

/** Appends of every kind, waits, stalls, rotations, reading, and an end by a LOCK that is gone. */
async function wholeRun(context: TestContext, families: MovedFamilies): Promise<void> {
  const options: WalOptions = {
    ...mappedOptions(context),
    ...NEVER,
    lock: 'none',
    preparedSegments: 1,
    appendSampling: 3,
    stallThresholdMs: 1,
    timestamps: 'coarse',
    sync: { mode: 'manual' },
  };
  const directory = temporaryFolder(context);
  const wal = await Wal.open(directory, options);
  context.after(() => wal.close().catch(() => {}));
  const outside = scrape(context, families, directory);
  const look = (): void => {
    families.collect(RECORDER, wal.telemetry);
    families.collect(RECOVERY, wal.telemetry.recovery);
    outside();
  };
  look();
  const waiting = wal.durable(wal.append(new Uint8Array(9000)));
  look();
  await waiting;
  look();
  wal.appendBatch([new Uint8Array(10), new Uint8Array(20)]);
  const { manager, segmentPreparer } = wal.telemetry;
  await eventually('a full ring is seen, an append waits, the writer finds no segment', () => {
    while (wal.tryAppend(new Uint8Array(1000)) !== undefined);
    look();
    for (let left = 20; left > 0; left--) wal.append(new Uint8Array(9000));
    const { getNextSegmentWaited, hurriedSegments } = segmentPreparer;
    return manager.ringStall.samples > 0 && getNextSegmentWaited > 0 && hurriedSegments > 0;
  });
  await eventually('a wait of a millisecond is recorded', () => {
    for (let left = 20; left > 0; left--) wal.append(new Uint8Array(9000));
    look();
    const stalls = ['flashstrike_wal_stalls_total', 'flashstrike_wal_recorder_stalls_total'];
    return !stalls.some((name) => families.unmoved.includes(name));
  });
  await eventually('bytes are seen to wait in the ring', () => {
    while (wal.tryAppend(new Uint8Array(1000)) !== undefined);
    look();
    return !families.unmoved.includes('flashstrike_wal_recorder_manager_ring_occupancy_bytes');
  });
  await wal.durable();
  assert.ok([...wal.replay({ from: 3 })].length > 10);
  await eventually('the spare segment is zeroed', () => segmentPreparer.zeroedBytes > 0);
  look();
  renameSync(join(directory, 'LOCK'), join(directory, 'gone'));
  await eventually('the log has failed', () => wal.state === 'failed');
  assert.throws(() => wal.append(new Uint8Array(8)), code('ERR_FLASHSTRIKE_FAILED'));
  look();
  await assert.rejects(wal.close());
  look();
}

/** A ring twice as large; a kill; what it leaves, whole and in the middle of a record. */
async function killed(context: TestContext, families: MovedFamilies): Promise<void> {
  const { directory, options, regionPath } = await leftByKill(context);
  const look = scrape(context, families, directory);
  look();
  markUnfinished(regionPath);
  markElsewhere(regionPath);
  // Another one reads everything, where that one takes what is dead for a log at rest.
  scrape(context, families, directory)();
  const wal = await Wal.open(directory, { ...options, ringBytes: 128 * 1024 });
  scrape(context, families, directory)();
  families.collect(RECORDER, wal.telemetry);
  await wal.close();
  families.collect(RECORDER, wal.telemetry);
  look();
}

/** As a kill between two stores leaves the group of a sync: begun and not ended. */
function markUnfinished(regionPath: string): void {
  const file = openRegionFile(regionPath);
  assert.ok(file.status === 'match');
  const { byteOffset } = file.header.sections.telemetry;
  file.close();
  const { definition, layout } = recorder.SegmentWriter;
  const begun = layout.offset.writeWatermark + Duration64.offset.begun;
  const fd = openSync(regionPath, 'r+');
  writeSync(fd, Uint32Array.of(0xffff), 0, 4, byteOffset + placeOf(definition) + begun);
  closeSync(fd);
}

/** As an application tells while a thread of its log is at another one. */
function markElsewhere(regionPath: string): void {
  const page = readFileSync(regionPath).subarray(0, PAGE_BYTES);
  const words = new Int32Array(Uint8Array.from(page).buffer);
  const sinceMs = wrappedMs(monotonicClock.nowNs() - 2 * NS_PER_MS);
  elsewhereOf({ words }, 'writer')({ logId: 1n, sinceMs });
  const fd = openSync(regionPath, 'r+');
  writeSync(fd, words, 0, words.byteLength, 0);
  closeSync(fd);
}

/** Finished segments of which one is damaged, verified while the log is open. */
async function background(context: TestContext, families: MovedFamilies): Promise<void> {
  const builder = new LogBuilder(temporaryFolder(context));
  for (let index = 1; index <= 3; index++) {
    builder.segment().events(10).watermark();
    if (index < 3) builder.seal();
  }
  builder.fileOf(2)[builder.blockOf(2, 0).offset + 100] = 0xee;
  const { dir } = builder.meta().write();
  const packing = { compression: 'lz4', hotSegments: 0 } as const;
  const wal = await Wal.open(dir, { verify: 'background', sharedMemory: 'off', ...packing });
  families.collect(RECORDER, wal.telemetry);
  await eventually('all are checked', () => wal.verification.checkedSegments === 2);
  families.collect(RECORDER, wal.telemetry);
  const { segmentMaintainer, manager } = wal.telemetry;
  await eventually('one is packed', () => segmentMaintainer.maintenanceCompression.successes > 0);
  wal.append(new Uint8Array(1));
  await wal.durable();
  await eventually('that is told', () => manager.persistenceColdSegments === 1);
  families.collect(RECORDER, wal.telemetry);
  await wal.close();
}

/** Finished segments that go, that stay, and that cannot go. */
function retention(context: TestContext, families: MovedFamilies): void {
  const builder = new LogBuilder(temporaryFolder(context));
  for (let index = 1; index <= 5; index++) {
    builder.segment().events(10).watermark();
    if (index < 5) builder.seal();
  }
  builder.fileOf(2)[builder.blockOf(2, 0).offset + 100] = 0xee;
  const { dir: directory, logId } = builder.meta().write();
  const telemetry = LogTelemetry.own();
  families.collect(RECORDER, telemetry);
  const clock = new FakeClock();
  const storage = new FaultyStorage(nodeStorage);
  storage.onCall = () => clock.advanceNs(1e6);
  let needed: number | undefined = 1;
  const maintainer = new SegmentMaintainer(
    storage,
    clock,
    {
      directory,
      logId,
      activeIndex: () => 5,
      deleteBefore: () => 0,
      keepFrom: () => {},
      keptFrom: () => 51,
      keepRefusal: () => undefined,
      onRemoved: () => {},
      nowNs: () => 0n,
    },
    { retention: { segments: 2 }, verifiesAll: false, hotSegments: 1 },
    { oldestNeeded: () => needed },
    new recorder.SegmentMaintainerUpdater(telemetry.segmentMaintainer, clock),
    { toVerify: () => {}, verified: () => {}, verifiedAll: () => {} },
  );
  const run = (until: () => boolean): void => {
    for (let steps = 0; !until(); steps++) {
      assert.ok(steps < 1000);
      clock.advanceNs(maintainer.step() * 1e6);
    }
    families.collect(RECORDER, telemetry);
  };
  const { segmentMaintainer } = telemetry;
  run(() => segmentMaintainer.heldSegments === 1);
  // Of the three that are not hot one is damaged.
  storage.fail({ code: 'ENOSPC', when: ({ path }) => path.endsWith('.lz4.tmp'), times: 1 });
  run(() => segmentMaintainer.maintenanceCompression.failures === 1);
  run(() => segmentMaintainer.maintenanceCompression.successes === 2);
  needed = undefined;
  storage.fail({ code: 'EIO', when: isKind('unlink'), times: 1 });
  run(() => segmentMaintainer.maintenanceRetention.failures === 1);
  assert.equal(segmentMaintainer.maintenanceDeletion.failures, 1);
  run(() => segmentMaintainer.maintenanceRetention.successes === 1);
  run(() => segmentMaintainer.blockedSegments === 1);
}

type Damage = (builder: LogBuilder, segment: number) => void;

const byteAt =
  (at: number): Damage =>
  (builder, segment) => {
    builder.fileOf(segment)[builder.blockOf(segment, 1).offset + at] = 0xee;
  };

/** A block that is whole, in its place, and follows another one than the one before it. */
function foreignBlock(builder: LogBuilder, segment: number): void {
  const { offset, bytes } = builder.blockOf(segment, 1);
  const other = new LogBuilder(builder.dir, { logId: builder.logId });
  for (let index = 1; index < segment; index++) other.segment().events(5).events(5);
  other.segment().events(5, { payload: new Uint8Array(40) });
  other.events(5);
  builder.fileOf(segment).set(other.fileOf(segment).subarray(offset, offset + bytes), offset);
}

/** Magic, header, payload, chain. */
const DAMAGES: readonly Damage[] = [byteAt(0), byteAt(20), byteAt(70), foreignBlock];

/** The end of a log torn in each way; what was never durable is written again. */
function tornTails(context: TestContext, families: MovedFamilies): void {
  for (const damage of DAMAGES) {
    const builder = new LogBuilder(temporaryFolder(context)).segment().events(5).events(5);
    damage(builder, 1);
    const log = new SteppedLog({ storage: nodeStorage }, builder.write().dir);
    assert.equal(log.recovery.verdict, 'torn-tail');
    families.collect(RECORDER, log.telemetry);
    families.collect(RECOVERY, log.telemetry.recovery);
    log.close();
  }
}

/** Reading of logs sound and damaged, and on a disk that fails. */
async function reading(context: TestContext, families: MovedFamilies): Promise<void> {
  const telemetry = new recovery.Telemetry();
  const look = (): void => families.collect(RECOVERY, telemetry);
  const aLog = (): LogBuilder => {
    const builder = new LogBuilder(temporaryFolder(context));
    for (let segment = 0; segment < 4; segment++) builder.segment().events(5).events(5).seal();
    return builder.segment().events(5).meta();
  };
  look();
  const sound = aLog().write();
  assert.equal([...replay(sound.dir, { telemetry })].length, 45);
  openCursor(sound.dir, { from: 17, telemetry }).close();
  assert.throws(() => openCursor(sound.dir, { from: 99, telemetry }));
  for (const damage of DAMAGES) {
    const damaged = aLog();
    damage(damaged, 2);
    assert.equal((await verify(damaged.write().dir, { telemetry })).verdict, 'corruption');
  }
  // Its first segment has no header, its second none, its third no seal.
  for (const [segment, at] of [
    [1, 20],
    [3, 20],
    [2, sound.blockOf(2, -1).offset + 20],
  ] as const) {
    const damaged = aLog();
    damaged.fileOf(segment)[at] = 0xee;
    const { dir } = damaged.write();
    for (const from of [1, 17, 27]) {
      try {
        openCursor(dir, { from, telemetry }).close();
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }
  }
  for (const fail of [
    ({ kind, offset = 0 }: StorageCall) => kind === 'read' && offset > 0,
    // Of a segment: wal.meta is read before.
    ({ kind, path }: StorageCall) => kind === 'close' && path.endsWith('.wal'),
  ]) {
    const storage = new FaultyStorage(nodeStorage);
    storage.onCall = (call) => {
      if (!fail(call)) return;
      if (call.kind === 'close' && call.fd !== undefined) closeSync(call.fd);
      throw systemError('EIO', call.path);
    };
    const cursor = () => openCursorThrough({ ...FILE_PORTS, storage }, sound.dir, { telemetry });
    assert.throws(() => cursor().next());
  }
  // A longest time is not told before there is one, and moves only where a longer one follows.
  let longestMs = 2;
  const slowly = (): void => {
    const endMs = performance.now() + longestMs;
    while (performance.now() < endMs);
  };
  const storage: Storage = {
    ...nodeStorage,
    read(fd, target, offset) {
      slowly();
      return nodeStorage.read(fd, target, offset);
    },
    close(fd) {
      slowly();
      nodeStorage.close(fd);
    },
  };
  const goesOn = (): boolean => false;
  const still = { ...FILE_PORTS, readsAhead: true, readAhead: steppedReadAhead({ goesOn }) };
  const slow = readingAhead({ ...FILE_PORTS, storage });
  for (const ports of [readingAhead(FILE_PORTS), slow, still]) {
    const startMs = performance.now();
    for (const _ of replayThrough(ports, sound.dir, { telemetry }));
    longestMs += performance.now() - startMs;
    look();
  }
}

test('every family that a log exports is moved by something', {
  skip: cannotMap,
}, async (context) => {
  const families = new MovedFamilies();
  faultyTimes(families);
  commits(families);
  recycling(families);
  stall(families);
  growth(families);
  noSegment(families);
  failedCalls(families);
  tornTails(context, families);
  await reading(context, families);
  await wholeRun(context, families);
  await killed(context, families);
  await background(context, families);
  await replicated(context, families);
  retention(context, families);
  assert.ok(families.size > 100, `${families.size} families`);
  assert.deepEqual(families.unmoved, []);
});

test('a family that nothing moves is found', () => {
  const families = new MovedFamilies();
  const alone = new recorder.SegmentMaintainer();
  const updater = new recorder.SegmentMaintainerUpdater(alone);
  families.collect('p', alone);
  updater.onVerification(true, 0);
  families.collect('p', alone);
  assert.ok(families.unmoved.includes('p_maintenance_compression_seconds'));
  assert.ok(!families.unmoved.includes('p_verification_seconds'));
  assert.ok(families.unmoved.includes('p_verification_failures_total'));
});
