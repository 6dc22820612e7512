// The opening of a log, on the writer thread: folder, lock, recovery, the ring of a crashed
// process, the new region, meta. Each step may be cut short by a crash and is done again then.
//
// The order that loses nothing: the old ring goes to disk and is synced, then the old region goes,
// then the lock file names the new region alone. Until then it names both: no region is orphaned.
import { dirname, join } from 'node:path';
import { monotonicClockCostPs } from '../../clock/clock-cost.js';
import { anchorWallClock, type WallAnchor } from '../../clock/wall-clock.js';
import { markThoseAhead } from '../../consumers/ahead.js';
import {
  assert,
  isNoSpace,
  isOperational,
  limitError,
  messageOf,
  neededPermission,
  systemCode,
  WalError,
} from '../../errors.js';
import { isProvenCopy } from '../../judgement/folder-proof.js';
import { type LeftRing, lostAdvice, writtenNote } from '../../judgement/left-rings.js';
import { type SetAside, setAsidePrepared } from '../../judgement/live-copy.js';
import { FILE_PORTS } from '../../judgement/reading-ports.js';
import type { OutsideClaims } from '../../judgement/tail-judgement.js';
import { openedAdvice } from '../../reading/advice.js';
import { isLogFolder, type LogListing } from '../../reading/log-directory.js';
import { checkTelemetry } from '../../reading/reading-meter.js';
import { type LogSurvey, surveyLog } from '../../recovery/log-chain.js';
import {
  type AcceptedLoss,
  type RecoveredLog,
  type RecoveryReport,
  recoverLog,
  removeLeftovers,
} from '../../recovery/recover-log.js';
import { lossText, type SegmentLoss } from '../../recovery/segment-losses.js';
import type { FolderIdentity } from '../../region/folder-identity.js';
import { newRegionName } from '../../region/region-names.js';
import type { SharedRegion } from '../../region/shared-region.js';
import { RingConsumer } from '../../ring/ring-consumer.js';
import { RingControlLayout } from '../../ring/ring-control.js';
import { publishGeometry, RingGeometry } from '../../ring/ring-geometry.js';
import { type RingMemory, ringOfRegion } from '../../ring/ring-memory.js';
import { ringOfSections, skipUntil } from '../../ring/ring-snapshot.js';
import { BLOCK_HEADER_BYTES, blockBytesFor } from '../../segment/block-header.js';
import { LOCK_FILE } from '../../segment/file-names.js';
import { maxBlockBytes } from '../../segment/segment-header.js';
import { identifyFolder } from '../../storage/identify-folder.js';
import { type LogLock, REGIONS_MAX } from '../../storage/lock-file.js';
import { makeDurableFolder } from '../../storage/new-folder.js';
import type { Storage } from '../../storage/storage.js';
import { LogTelemetry, TELEMETRY_BYTES } from '../../telemetry/log-telemetry.js';
import { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { MetaStoreUpdater } from '../../telemetry/recorder/meta-store-metrics.js';
import { OpeningUpdater } from '../../telemetry/recorder/opening-metrics.js';
import { SegmentWriterUpdater } from '../../telemetry/recorder/segment-writer-metrics.js';
import {
  SegmentPreparationUpdater,
  SegmentPreparerUpdater,
} from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import { carryStalls } from '../../telemetry/stalls/left-stalls.js';
import { StallMemory } from '../../telemetry/stalls/stall-memory.js';
import { WaitRecorder } from '../../telemetry/stalls/wait-recorder.js';
import { MetaStore } from '../housekeeping/meta-store.js';
import { SegmentPreparer } from '../preparer/segment-preparer.js';
import type { PredecessorPin, WriterReady } from '../threads/messages.js';
import type { Signals } from '../threads/signals.js';
import { SizeWall } from '../threads/size-wall.js';
import type { ResolvedOptions } from '../threads/wal-options.js';
import { ActiveSegment, segmentBytesFor } from './active-segment.js';
import { bodyOf, type ServedLog } from './handed-writer.js';
import { type OldRings, openOldRings } from './old-rings.js';
import type { OpeningPorts } from './opening-ports.js';
import { giveRoom } from './segment-room.js';
import { SegmentWriter } from './segment-writer.js';
import { dependenciesOf, NO_PREDECESSOR } from './writer-dependencies.js';

/** A ring for nobody: the writer works on it until the region is there. */
const EMPTY_RING_BYTES = 4096;
/** How long the first segment may be prepared before it is handed over as it is. */
const FIRST_SEGMENT_BUDGET_NS = 250e6;

interface OpenedLog extends ServedLog {
  readonly report: Omit<WriterReady, 'kind' | 'held' | 'doneWithout' | 'handed'>;
}

/**
 * @param calledNs when Wal.open was called
 * @throws WalError whatever keeps the log from being opened; nothing stays held then
 */
export function openLog(
  ports: OpeningPorts,
  signals: Signals,
  directory: string,
  options: ResolvedOptions,
  calledNs: number,
): OpenedLog {
  const { storage, clock } = ports;
  const telemetry = LogTelemetry.own();
  const phases = new OpeningUpdater(telemetry.opening, clock);
  const startNs = phases.onPhase('openThreads', calledNs);
  const prepared = prepareDirectory(storage, directory, options.create);
  const lock = accessing(directory, () => ports.lockLog(storage, directory, options.lock));
  // From here on by what is locked: the path may lead elsewhere at any time.
  const held = { ...ports, storage: lock.storage };
  const opening = new Opening(held, signals, directory, options, lock, telemetry);
  try {
    const lockedNs = phases.onPhase('openFolder', startNs);
    return accessing(directory, () => opening.run(prepared, phases, lockedNs));
  } catch (error) {
    opening.abandon();
    throw error;
  }
}

/** Makes the folder where it may, and makes its name durable; returns which folder that is. */
function prepareDirectory(
  storage: Storage,
  directory: string,
  create: boolean,
): FolderIdentity | undefined {
  return accessing(directory, () => {
    makeReady(storage, directory, create);
    return identifyFolder(storage, directory);
  });
}

function makeReady(storage: Storage, directory: string, create: boolean): void {
  const status = storage.statusAt(directory);
  if (status !== undefined && (create || isLogFolder(storage, directory))) {
    storage.syncDirectory(directory);
    // LOCK comes after the names of the folder and of its parents are durable: where there is
    // none, the open that made the folder may have been killed before that.
    if (storage.statusAt(join(directory, LOCK_FILE)) === undefined) syncAbove(storage, directory);
    return;
  }
  if (!create) {
    const what = status === undefined ? 'does not exist' : 'does not contain a log';
    const message = `${directory} ${what}, and the option create is false.`;
    throw new WalError('ERR_FLASHSTRIKE_NOT_A_LOG', message, { path: directory });
  }
  makeDurableFolder(storage, directory);
}

/** Syncs the folders above; what this user may not open or sync is not of this log's making. */
function syncAbove(storage: Storage, directory: string): void {
  const beyond = new Set(['EACCES', 'EINVAL', 'EPERM']);
  for (let path = directory; path !== dirname(path); ) {
    const below = path;
    path = dirname(path);
    try {
      storage.syncDirectory(path);
    } catch (error) {
      const code = systemCode(error) ?? '';
      if (beyond.has(code)) return;
      // The log's own file system is written to: there it is a failure.
      if (code === 'EROFS' && deviceOf(storage, path) !== deviceOf(storage, below)) return;
      throw error;
    }
  }
}

const deviceOf = (storage: Storage, path: string): bigint | undefined =>
  storage.statusAt(path)?.device;

/** The folder that is locked: the one that was made ready, unless somebody was quicker. */
function folderOf(
  storage: Storage,
  directory: string,
  prepared: FolderIdentity | undefined,
): FolderIdentity {
  const folder = identifyFolder(storage, directory);
  const { device, inode } = prepared ?? {};
  if (folder?.device === device && folder?.inode === inode && folder !== undefined) return folder;
  throw new WalError(
    'ERR_FLASHSTRIKE_NOT_A_LOG',
    `${directory} was moved, replaced or removed while the log was being opened. Open it again.`,
    { path: directory },
  );
}

/** Runs `operation`; a system error comes out as a WalError that names the folder and a remedy. */
function accessing<Result>(directory: string, operation: () => Result): Result {
  try {
    return operation();
  } catch (error) {
    const limit = limitError(directory, error);
    if (limit !== undefined) throw limit;
    const code = systemCode(error);
    if (error instanceof WalError || code === undefined) throw error;
    const details = { path: directory, cause: error };
    if (isNoSpace(error)) {
      throw new WalError(
        'ERR_FLASHSTRIKE_NO_SPACE',
        `${directory}: the disk or quota is full (${code}). Free some space, then open again.`,
        details,
      );
    }
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      const message = `${directory} is not a folder. Give a folder, or one that can be created.`;
      throw new WalError('ERR_FLASHSTRIKE_NOT_A_LOG', message, details);
    }
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      const permission = neededPermission(error);
      const remedy =
        permission === undefined
          ? 'Give this user write access to it.'
          : `Start node with ${permission}.`;
      const message = `${directory} cannot be written (${code}). ${remedy}`;
      throw new WalError('ERR_FLASHSTRIKE_ACCESS', message, details);
    }
    throw new WalError(
      'ERR_FLASHSTRIKE_IO',
      `${directory}: ${messageOf(error)}. Nothing is lost; fix the cause, then open again.`,
      details,
    );
  }
}

class Opening {
  readonly #ports: OpeningPorts;
  readonly #storage: Storage;
  readonly #clock: OpeningPorts['clock'];
  readonly #signals: Signals;
  readonly #directory: string;
  readonly #options: ResolvedOptions;
  readonly #lock: LogLock;
  readonly #telemetry: LogTelemetry;
  readonly #segmentWriterUpdater: SegmentWriterUpdater;
  readonly #managerUpdater: ManagerUpdater;
  readonly #waits: WaitRecorder;
  #folder: FolderIdentity | undefined;
  /** The original's folder, while an unfinished opening of a copy must find it in LOCK again. */
  #recorded: FolderIdentity | undefined;
  #oldRings: OldRings | undefined;
  #recovered: RecoveredLog | undefined;
  #preparer: SegmentPreparer | undefined;
  #writer: SegmentWriter | undefined;
  #region: SharedRegion | undefined;
  /** Got room, in which nothing stands yet. */
  #lengthened: NonNullable<RecoveredLog['last']>['file'] | undefined;

  constructor(
    ports: OpeningPorts,
    signals: Signals,
    directory: string,
    options: ResolvedOptions,
    lock: LogLock,
    telemetry: LogTelemetry,
  ) {
    this.#telemetry = telemetry;
    this.#ports = ports;
    this.#storage = ports.storage;
    this.#clock = ports.clock;
    this.#signals = signals;
    this.#directory = directory;
    this.#options = options;
    this.#lock = lock;
    const { segmentWriter, manager } = this.#telemetry;
    this.#segmentWriterUpdater = new SegmentWriterUpdater(segmentWriter, ports.clock);
    this.#managerUpdater = new ManagerUpdater(manager, ports.clock);
    this.#waits = new WaitRecorder(ports.clock, options.stallThresholdMs);
  }

  run(prepared: FolderIdentity | undefined, phases: OpeningUpdater, lockedNs: number): OpenedLog {
    const storage = this.#storage;
    const directory = this.#directory;
    const folder = folderOf(storage, directory, prepared);
    const record = this.#lock.read();
    const { regions, wallClockMs } = this.#ports;
    this.#folder = folder;
    const startNs = this.#clock.nowNs();
    const survey = surveyLog(storage, directory, checkTelemetry(this.#telemetry.recovery));
    const surveyNs = this.#clock.nowNs() - startNs;
    const { logId } = survey.chain;
    const { sharedMemoryDirectory, oldRing: choice, recovery } = this.#options;
    const request = { storage, regions, directory, folder, record, logId, sharedMemoryDirectory };
    const oldRings = openOldRings({ ...request, choice, recovery });
    this.#oldRings = oldRings;
    const outside = { region: oldRings.durableEventId };
    const recovered = this.#recover(outside, survey, surveyNs);
    this.#recovered = recovered;
    // Before anything in the folder is changed: rings that do not connect refuse the open.
    const rings = oldRings.settle(
      { ...FILE_PORTS, storage },
      { isNew: recovered.verdict === 'new', nextEventId: recovered.nextEventId },
    );
    const { folder: recorded } = record;
    const isCopy = recorded !== undefined && isProvenCopy(storage, recorded, folder);
    const aside =
      isCopy || recovered.verdict === 'live-copy'
        ? this.#setAside(survey.listing, recovered)
        : undefined;
    // Until wal.meta is this log's own, a crash must leave what proves that the folder is a copy.
    const isUnsettled = recovered.verdict === 'live-copy' || recovered.beginsLater;
    if (isCopy && isUnsettled) this.#recorded = recorded;
    // What was set aside has other names by now.
    const listing = aside === undefined ? survey.listing : undefined;
    const firstTicket = removeLeftovers(storage, directory, this.#options.lock, listing);
    const metaStore = new MetaStore(storage, directory);
    // Before the first segment: a folder with a meta and no segment is a log without events.
    if (recovered.verdict === 'new') this.#flushMeta(metaStore, recovered, undefined);

    let phaseNs = phases.onPhase('openRecovery', lockedNs);
    const anchor = anchorWallClock(this.#clock, wallClockMs);
    const initNs = this.#clock.nowNs();
    const writer = this.#startWriter(recovered, survey.listing, firstTicket, anchor);
    this.#writer = writer;
    const eventsFromRing = this.#recoverRings(writer, rings);
    assert(writer.durableEventId >= recovered.nextEventId - 1, 'recovery lost durable events');
    // Before an event gets an id that a consumer knows another one by.
    const place = { ports: { storage }, dir: directory, lock: this.#options.lock, wallClockMs };
    const aheadNotes = markThoseAhead(place, recovered.consumers, writer.writtenEventId);
    // What the rings held is on disk. LOCK has room for four: should opens have crashed again and
    // again, the regions of them all go now, not after the new one is there.
    const isCrowded = record.regions.length >= REGIONS_MAX;
    if (isCrowded) oldRings.remove();
    const oldPaths = isCrowded ? [] : record.regions;
    phaseNs = phases.onPhase('openRings', phaseNs);
    const { region, fallbackReason } = this.#makeRegion(recovered.logId, oldPaths);
    this.#region = region;
    const memory = ringOfRegion(region);
    publishGeometry(memory, new RingGeometry(region.handle.firstRingBytes));
    writer.attach(memory, new RingConsumer(memory, writer.writtenEventId + 1));
    phaseNs = phases.onPhase('openRegion', phaseNs);
    this.#makeFirstSegment(writer);
    phaseNs = phases.onPhase('openSegment', phaseNs);
    this.#managerUpdater.onInitActiveSegment(initNs, true);
    this.#managerUpdater.setConstants(monotonicClockCostPs(), this.#options.appendSampling);
    this.#telemetry.moveTo(region);
    const stalls = StallMemory.of(region);
    carryStalls(oldRings.taken, stalls.area, this.#clock.nowNs());
    stalls.area.begin(this.#options.stallThresholdMs);
    this.#waits.attach(stalls);
    this.#flushMeta(metaStore, recovered, writer);
    oldRings.remove();
    this.#recorded = undefined;
    this.#nameRegions(region.path === undefined ? [] : [region.path]);
    // From here on the folder is a log of its own: no power cut may make it a copy again, whose
    // missing end is nothing unusual.
    if (isCopy) this.#lock.sync();
    // The preparer thread begins with the tickets behind those used here.
    this.#preparer?.close();
    this.#limitSegments(writer);
    writer.open();
    const handedNs = phases.onPhase('openMeta', phaseNs);

    return {
      writer,
      body: bodyOf(writer, region, this.#ports),
      report: {
        logId: recovered.logId,
        nextEventId: writer.writtenEventId + 1,
        firstTicket: this.#preparer?.nextTicket ?? firstTicket,
        firstKeptEventId: recovered.firstKeptEventId,
        anchor,
        lastTimestampNs: writer.lastTimestampNs,
        recoveredTimestampNs: latestTimeIn(recovered),
        handedNs,
        region: region.handle,
        sharedMemoryReason: fallbackReason,
        recovery: report(recovered, oldRings, eventsFromRing, {
          aside,
          aheadNotes,
          lockRecordDamaged: record.damaged === true,
        }),
      },
    };
  }

  #recover(outside: OutsideClaims, survey: LogSurvey, surveyNs: number): RecoveredLog {
    const startNs = this.#clock.nowNs() - surveyNs;
    const { recovery, verify } = this.#options;
    const { random64 } = this.#ports;
    const recovered = recoverLog(
      this.#storage,
      this.#directory,
      recovery,
      outside,
      random64,
      this.#telemetry.recovery,
      verify,
      survey,
    );
    if (recovered.last !== undefined) {
      this.#segmentWriterUpdater.onOpenExistingSegment(startNs, true);
      const { integrityFailure } = recovered.last;
      if (integrityFailure !== undefined) {
        this.#segmentWriterUpdater.onIntegrityFailure(integrityFailure);
      }
    }
    return recovered;
  }

  #startWriter(
    recovered: RecoveredLog,
    { segments }: LogListing,
    firstTicket: number,
    anchor: WallAnchor,
  ): SegmentWriter {
    const { sync, timestamps, maxEventBytes } = this.#options;
    const longestBytes = this.#oldRings?.longestBytes ?? 0;
    const segmentBytes = Math.max(this.#options.segmentBytes, segmentBytesFor(longestBytes));
    const longestBlock = Math.max(blockBytesFor(maxEventBytes), BLOCK_HEADER_BYTES + longestBytes);
    const { segmentPreparer } = this.#telemetry;
    const preparation = new SegmentPreparationUpdater(segmentPreparer, this.#clock);
    this.#preparer = new SegmentPreparer(this.#storage, this.#clock, this.#signals, preparation, {
      directory: this.#directory,
      segmentBytes,
      maxBlockBytes: longestBlock,
      preparedSegments: 1,
      preallocate: this.#options.preallocate,
      firstTicket,
    });
    const taking = new SegmentPreparerUpdater(segmentPreparer, this.#clock);
    const telemetry = { segmentWriter: this.#segmentWriterUpdater, manager: this.#managerUpdater };
    const floorNs = latestTimeIn(recovered);
    const ports = this.#ports;
    const dependencies = dependenciesOf(
      ports,
      this.#signals,
      telemetry,
      taking,
      anchor,
      floorNs,
      timestamps === 'coarse',
      this.#waits,
    );
    const memory = emptyRing();
    const { nextEventId, last, logId } = recovered;
    const cold = segments.filter(({ isCompressed }) => isCompressed).length;
    this.#signals.set('coldSegments', cold);
    const writer = new SegmentWriter(
      dependencies,
      {
        directory: this.#directory,
        logId,
        sync,
        maxBlockBytes: longestBlock,
        keepsTime: timestamps === 'coarse',
      },
      {
        active: last?.canContinue === true ? this.#activeOf(last) : undefined,
        predecessor: predecessorOf(recovered),
        nextEventId,
        // All that was accepted has been synced, or was closed cleanly.
        durableEventId: nextEventId - 1,
        segmentCount: segments.length,
      },
      memory,
      new RingConsumer(memory, nextEventId),
    );
    if (last !== undefined && !last.canContinue) this.#storage.close(last.file.fd);
    return writer;
  }

  /** Until the maintainer has had its first look each segment counts as large as it may be. */
  #limitSegments({ segmentCount, durablePoint }: SegmentWriter): void {
    const { retention, segmentBytes } = this.#options;
    if (retention === undefined) return;
    const wall = new SizeWall(retention, segmentBytes);
    const room = wall.room(Math.max(0, segmentCount - 1), segmentCount * segmentBytes);
    this.#signals.limitSegments(durablePoint.segmentIndex + room);
  }

  #activeOf(last: NonNullable<RecoveredLog['last']>): ActiveSegment {
    const { file, walk, endOffset, durableClaim } = last;
    const { position, end } = walk;
    const { previousBlockChecksum } = position;
    assert(previousBlockChecksum !== undefined, 'a walk from the start knows the whole chain');
    const fileBytes = giveRoom(this.#storage, file, endOffset);
    if (fileBytes > file.bytes) this.#lengthened = file;
    return new ActiveSegment(this.#storage, file.fd, file.path, {
      segmentIndex: file.header.segmentIndex,
      segmentBytes: Math.min(fileBytes, file.header.segmentBytes),
      fileBytes,
      maxBlockBytes: maxBlockBytes(file.header),
      salt: file.header.salt,
      offset: endOffset,
      nextBlockIndex: position.nextBlockIndex,
      lastChecksum: previousBlockChecksum,
      pin: { endOffset: end.endOffset, checksum: end.blockChecksum ?? previousBlockChecksum },
      tally: walk.tally,
      durableClaim,
    });
  }

  /** Puts what crashed openings left in their rings to disk; returns how many events. */
  #recoverRings(writer: SegmentWriter, rings: readonly LeftRing[]): number {
    let events = 0;
    // What follows may stand in the new room.
    if (rings.length > 0) this.#lengthened = undefined;
    for (const ring of rings) {
      const before = writer.writtenEventId;
      skipUntil(ring.memory, before + 1);
      writer.attach(ring.memory, new RingConsumer(ring.memory, before + 1));
      this.#drain(writer);
      events += writer.writtenEventId - before;
    }
    return events;
  }

  /** Writes and syncs the attached ring; segments are made on this thread, one at a time. */
  #drain(writer: SegmentWriter): void {
    while (!writer.drain()) {
      // Nobody waits for space at an open, as in preparation.
      if (writer.spaceRefusal !== undefined) throw writer.spaceRefusal;
      this.#prepareOne();
    }
    const failure = this.#signals.failure.read();
    if (writer.hasFailed) throw failure;
  }

  /**
   * A log has a segment from the start: a small one, so this takes one sync. On a disk that takes
   * long it is handed over as it is, and one that fails again and again refuses the open.
   */
  #makeFirstSegment(writer: SegmentWriter): void {
    if (writer.hasActiveSegment) return;
    const deadlineNs = this.#clock.nowNs() + FIRST_SEGMENT_BUDGET_NS;
    while (this.#signals.preparedQueue.length === 0) {
      if (this.#clock.nowNs() >= deadlineNs) this.#signals.set('takerWaiting', 1);
      this.#stepPreparer();
    }
    this.#signals.set('takerWaiting', 0);
    writer.beginSegment();
    if (writer.hasFailed) throw this.#signals.failure.read();
  }

  #prepareOne(): void {
    while (this.#signals.preparedQueue.length === 0) this.#stepPreparer();
  }

  #stepPreparer(): void {
    assert(this.#preparer !== undefined, 'the preparer has started');
    this.#preparer.step();
    // Nobody waits for space at an open: it is refused, and what waits is kept.
    const error =
      this.#signals.get('preparerTrouble') === 0 ? undefined : this.#signals.preparerError.read();
    if (error !== undefined) throw error;
  }

  #makeRegion(logId: bigint, oldPaths: readonly string[]) {
    const { sharedMemory, sharedMemoryDirectory, ringBytes } = this.#options;
    const path = join(sharedMemoryDirectory, newRegionName(logId, this.#ports.random64));
    // Named before it exists: a crash right behind its creation leaves no orphan.
    if (sharedMemory !== 'off') {
      this.#nameRegions([...oldPaths, path]);
      this.#lock.sync();
    }
    return this.#ports.regions.create(sharedMemory, path, {
      logId,
      folder: this.#identity,
      telemetryBytes: TELEMETRY_BYTES,
      controlBytes: RingControlLayout.size,
      ringBytes,
    });
  }

  #setAside(listing: LogListing, { logId, nextEventId }: RecoveredLog): SetAside {
    return setAsidePrepared(this.#storage, listing, logId, nextEventId);
  }

  get #identity(): FolderIdentity {
    assert(this.#folder !== undefined, 'the folder is identified before anything is made in it');
    return this.#folder;
  }

  #nameRegions(regions: readonly string[]): void {
    const left = (this.#oldRings?.left ?? []).slice(-REGIONS_MAX);
    const folder = this.#recorded ?? this.#identity;
    this.#lock.write({ regions, left, folder, boot: this.#ports.regions.boot() });
  }

  #flushMeta(
    store: MetaStore,
    { logId, firstKeptEventId }: RecoveredLog,
    writer: SegmentWriter | undefined,
  ): void {
    const point = writer?.durablePoint ?? { segmentIndex: 0, offset: 0, lastEventId: 0 };
    const durableEventId = point.lastEventId;
    const startNs = this.#clock.nowNs();
    store.flush({ ...point, cleanlyClosed: false, durableEventId, logId, firstKeptEventId });
    new MetaStoreUpdater(this.#telemetry.metaStore, this.#clock).onAsyncMetaFlushCompleted(startNs);
  }

  /** The open is refused: whatever is held goes; old regions stay for the next open. */
  abandon(): void {
    // A disk that refused the open may refuse this too; what can be given back still is.
    release(() => this.#preparer?.close());
    release(() => this.#takeRoomBack());
    release(() => (this.#writer === undefined ? this.#closeRecovered() : this.#writer.close()));
    release(() => this.#region?.release({ remove: true }));
    release(() => this.#oldRings?.close());
    release(() => this.#lock.release());
  }

  /** An open that is refused leaves the last segment as it was. */
  #takeRoomBack(): void {
    if (this.#lengthened === undefined) return;
    this.#storage.truncate(this.#lengthened.fd, this.#lengthened.bytes);
  }

  /** Until there is a writer, the last segment's descriptor is nobody else's. */
  #closeRecovered(): void {
    const last = this.#recovered?.last;
    if (last !== undefined) this.#storage.close(last.file.fd);
  }
}

/**
 * Runs one step of giving up. Its own failure is less than the one that led here, and is dropped.
 */
function release(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!isOperational(error)) throw error;
  }
}

function emptyRing(): RingMemory {
  return ringOfSections(new Uint8Array(RingControlLayout.size), new Uint8Array(EMPTY_RING_BYTES));
}

function predecessorOf({ last }: RecoveredLog): PredecessorPin {
  if (last === undefined) return NO_PREDECESSOR;
  const { end } = last.walk;
  assert(end.blockChecksum !== undefined, 'a walk from the start knows the last block');
  return {
    segmentIndex: last.file.header.segmentIndex,
    endOffset: end.endOffset,
    checksum: end.blockChecksum,
  };
}

/** A segment is dated behind all events before it, so the last one tells of the whole log. */
function latestTimeIn({ last }: RecoveredLog): bigint {
  if (last === undefined) return 0n;
  const { file, walk } = last;
  const times = [file.header.createdTsNs, walk.tally.highestTimestampNs, walk.lastWrittenTsNs];
  return times.reduce((latest, time) => (time > latest ? time : latest));
}

const DAMAGED_LOCK =
  "LOCK was damaged: shared regions are found only by the log's id, and only in the folder of " +
  'shared memory.';

function adviceOf(
  { verdict }: RecoveredLog,
  { lost }: OldRings,
  losses: readonly AcceptedLoss[],
  lastEventId: number,
): string {
  const advice = openedAdvice(verdict, lastEventId + 1, losses.length > 0);
  if (lost === undefined || verdict === 'new') return advice;
  const told = lostAdvice(lost, lastEventId);
  return losses.length === 0 ? told : `${told} ${advice}`;
}

interface NotedBeside {
  readonly aside: SetAside | undefined;
  readonly aheadNotes: readonly string[];
  readonly lockRecordDamaged: boolean;
}

function report(
  recovered: RecoveredLog,
  oldRings: OldRings,
  eventsFromRing: number,
  { aside, aheadNotes, lockRecordDamaged }: NotedBeside,
): RecoveryReport {
  const { verdict, last, droppedEvents, droppedBytes, missingTail } = recovered;
  const losses = recovered.losses.map(acceptedLoss);
  const beside = [...(aside?.notes ?? []), ...aheadNotes];
  const notes = [...recovered.notes, ...oldRings.notes, ...beside];
  const lastEventId = recovered.nextEventId - 1 + eventsFromRing;
  const { writtenEventId } = oldRings;
  if (writtenEventId > lastEventId) notes.push(writtenNote(writtenEventId, lastEventId));
  // What stood torn in the file and came whole from the ring was not lost.
  const dropped = Math.max(0, droppedEvents - eventsFromRing, writtenEventId - lastEventId);
  if (lockRecordDamaged) notes.push(DAMAGED_LOCK);
  return {
    verdict,
    file: last?.file.path,
    offset: last?.endOffset,
    eventsFromRing,
    missingTail,
    droppedEvents: dropped + oldRings.droppedEvents + (aside?.events ?? 0),
    droppedBytes: droppedBytes + (aside?.bytes ?? 0),
    lastEventId,
    losses,
    advice: adviceOf(recovered, oldRings, losses, lastEventId),
    region: oldRings.outcome,
    notes,
  };
}

function acceptedLoss(loss: SegmentLoss): AcceptedLoss {
  const [error] = loss.errors;
  assert(error?.path !== undefined, 'a loss names its file');
  const { path: file, offset, code } = error;
  const { firstEventId, lastEventId } = loss;
  return { file, offset, code, message: lossText(loss), firstEventId, lastEventId };
}
