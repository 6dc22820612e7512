// The writer: takes what the ring holds, makes blocks of it, writes and syncs them, rotates.
// An object with a bounded `step()` that never waits inside; the thread module is only the loop.
//
// Invariants
// - "written" is published after the write returned, "durable" after the sync that covers it did.
// - A durable id is claimed in a header only by blocks that were written after that sync ended.
// - The first failed write, sync or rotation is the last operation on this log (sticky). A write
//   that finds no space is none: what it was to bring is still in the ring, and goes to another
//   segment.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../clock/clock.js';
import type { TimestampSource } from '../../clock/timestamp-source.js';
import { assert, systemCode, WalError } from '../../errors.js';
import { publishNumber, publishWords } from '../../memory/sequence-latch.js';
import type { Random64 } from '../../random.js';
import type { RingConsumer } from '../../ring/ring-consumer.js';
import { type ControlWords, type DurablePoint, LogState } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  MAX_BLOCK_PAYLOAD_BYTES,
} from '../../segment/block-header.js';
import { LOCK_FILE, preparedFileName, segmentFileName } from '../../segment/file-names.js';
import { encodeSegmentHeader } from '../../segment/segment-header.js';
import { SegmentTally } from '../../segment/segment-tally.js';
import type { Storage } from '../../storage/storage.js';
import type { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import type { SegmentWriterUpdater } from '../../telemetry/recorder/segment-writer-metrics.js';
import { KIB, NS_PER_MS, NS_PER_US, TWO_POW_32 } from '../../units.js';
import {
  openPrepared,
  type PreparedSegment,
  type PreparedSegments,
} from '../threads/prepared-segments.js';
import { type Signals, Trouble } from '../threads/signals.js';
import type { SyncOptions } from '../threads/wal-options.js';
import {
  type ActiveSegment,
  type EventsContent,
  isOutOfSpace,
  publishSegment,
  segmentFailure,
} from './active-segment.js';
import { fileLost, regionLost } from './lost-files.js';
import type { WallClockWatch } from './wall-clock-watch.js';

/**
 * Blocks aim at this size: large enough to spread the cost of a call, small enough for the cache.
 */
const TARGET_BLOCK_BYTES = 256 * KIB;
/** Meta is flushed once the log has been idle for this long. */
const META_IDLE_NS = 200 * NS_PER_MS;

export interface SegmentWriterDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly timestamps: TimestampSource;
  readonly wallClock: WallClockWatch;
  readonly prepared: PreparedSegments;
  readonly signals: Signals;
  readonly telemetry: WriterTelemetry;
  /** For the salts of segments. */
  readonly random64: Random64;
}

/** What the writer thread records. */
interface WriterTelemetry {
  readonly segmentWriter: SegmentWriterUpdater;
  readonly manager: ManagerUpdater;
}

interface SegmentWriterOptions {
  readonly directory: string;
  readonly logId: bigint;
  readonly sync: SyncOptions;
}

/** So often the writer looks whether the active segment still keeps what is written to it. */
const HARM_LOOK_NS = 250 * NS_PER_MS;
/** What a lost region's ring holds is written before the log ends, for so long at the most. */
const LAST_DRAIN_NS = 1000 * NS_PER_MS;
/** A look at the links of the active segment costs 2 µs: one a millisecond is enough. */
const LINKS_LOOK_NS = NS_PER_MS;
const LONGEST_GAP_NS = 10 * NS_PER_MS;
const WORTH_SPINNING_NS = 750 * NS_PER_US;
/** So many times the usual gap is waited for the next request. */
const SPIN_GAPS = 1.5;
/** On a single processor the application could not run while the writer spins. */
const CAN_SPIN = availableParallelism() > 1;
const SHORT_SPIN_US = 20;
/** A long sync interval must not keep events in the ring for as long. */
const LONGEST_IDLE_MS = 50;

/** Where writing begins: behind what recovery accepted, or nowhere yet (a new log, a roll). */
interface WriterStart {
  readonly active: ActiveSegment | undefined;
  /** What the next segment's header pins when there is no active segment to go on with. */
  readonly predecessor: PredecessorPin;
  readonly nextEventId: number;
  readonly durableEventId: number;
  /** Segment files in the folder. */
  readonly segmentCount: number;
}

export interface PredecessorPin {
  readonly segmentIndex: number;
  readonly endOffset: number;
  readonly checksum: bigint;
}

/** The predecessor of a log's first segment. */
export const NO_PREDECESSOR: PredecessorPin = { segmentIndex: 0, endOffset: 0, checksum: 0n };

/** Too many files are open, or there is no memory, for now: a prepared segment waits for that. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** What a step did: 0 = something, go on; else the milliseconds that may pass until the next. */
type StepOutcome = number;
const BUSY: StepOutcome = 0;

const bigTimestamp = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

export class SegmentWriter {
  readonly #d: SegmentWriterDependencies;
  readonly #options: SegmentWriterOptions;
  readonly #point = new Int32Array(4);
  #ring: RingConsumer;
  #words: Int32Array;
  #doubles: Float64Array;
  #control: ControlWords;
  #active: ActiveSegment | undefined;
  #predecessor: PredecessorPin;
  #writtenEventId: number;
  #durableEventId: number;
  #unsyncedSinceNs = 0;
  /** When the last look found nothing to do; undefined once there was something. */
  #settledNs: number | undefined;
  #lastWriteNs: number;
  #metaCurrent = true;
  #lastRequest = 0;
  #lastSyncNs = 0;
  #requestGapNs = LONGEST_GAP_NS;
  /** When the first block that is not durable was written. */
  #firstWriteNs = 0;
  #unwatermarked = false;
  #occupancyBytesMax = 0;
  #segmentCount: number;
  /** Taken, and not to be opened until this process may open more files. */
  #taken: PreparedSegment | undefined;
  #openRefusal: unknown;
  /** The active segment is of this opening. */
  #hasRotated = false;
  /** Why a block or a header was not written; undefined once a segment was begun behind that. */
  #spaceRefusal: WalError | undefined;
  #linksSeenNs = Number.NEGATIVE_INFINITY;
  #harmSeenNs: number;
  #state: number = LogState.opening;

  constructor(
    dependencies: SegmentWriterDependencies,
    options: SegmentWriterOptions,
    start: WriterStart,
    memory: RingMemory,
    ring: RingConsumer,
  ) {
    this.#d = dependencies;
    this.#options = options;
    this.#active = start.active;
    this.#predecessor = start.predecessor;
    this.#writtenEventId = start.nextEventId - 1;
    this.#durableEventId = start.durableEventId;
    this.#segmentCount = start.segmentCount;
    this.#lastWriteNs = dependencies.clock.nowNs();
    this.#harmSeenNs = this.#lastWriteNs;
    this.#ring = ring;
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#control = memory.control;
    this.#publishAll();
    dependencies.telemetry.manager.setSegments(start.segmentCount, 0);
  }

  /** Goes on with another ring: after a crash the old ring is drained first, then the new one. */
  attach(memory: RingMemory, ring: RingConsumer): void {
    assert(this.#ring.isEmpty, 'the ring is exchanged before it is empty');
    this.#ring = ring;
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#control = memory.control;
    this.#publishAll();
  }

  get writtenEventId(): number {
    return this.#writtenEventId;
  }

  get durableEventId(): number {
    return this.#durableEventId;
  }

  /** The latest time that was given to anything that the log holds. */
  get lastTimestampNs(): bigint {
    return this.#d.timestamps.lastNs;
  }

  get hasActiveSegment(): boolean {
    return this.#active !== undefined;
  }

  /** The durable point as wal.meta tells it. */
  get durablePoint(): DurablePoint {
    const { segmentIndex, endOffset } = this.#end;
    return { segmentIndex, offset: endOffset, lastEventId: this.#durableEventId };
  }

  /** Begins a segment ahead of the first event; one must be prepared. */
  beginSegment(): void {
    try {
      const begun = this.#rotate();
      const refusal = this.#openRefusal ?? this.#spaceRefusal;
      if (refusal !== undefined) throw refusal;
      assert(begun, 'no segment is prepared');
    } catch (error) {
      this.fail(error);
    }
  }

  /** What `drain` waits for, where it is space for what it writes, and not for a segment. */
  get spaceRefusal(): WalError | undefined {
    return this.#spaceRefusal;
  }

  get hasFailed(): boolean {
    return this.#state === LogState.failed;
  }

  /** Appends are accepted from now on. */
  open(): void {
    this.#setState(LogState.open);
  }

  /**
   * One bounded piece of work: a block, a sync or a rotation.
   * After a failure it does nothing any more.
   */
  step(): StepOutcome {
    if (this.#state === LogState.failed) return this.#idleMs();
    try {
      return this.#advance();
    } catch (error) {
      this.fail(error);
      return BUSY;
    }
  }

  #advance(): StepOutcome {
    this.#publishTime();
    if (this.#d.signals.get('lockNameLost') === 1) throw this.#lockLost();
    if (this.#d.signals.get('regionNameLost') === 1) return this.#endWithoutRegion();
    this.#lookForHarm();
    if (this.#isSettled) return this.#settledMs();
    const written = this.#writeNext();
    if (this.#syncIsDue(written)) {
      this.#sync();
      return BUSY;
    }
    if (written === 'wrote') return BUSY;
    if (written === 'empty') this.#whenEmpty();
    this.#updateState(written === 'blocked');
    return this.#idleMs();
  }

  /** Nothing waits in the ring, for a sync, for a watermark or for a flush of meta. */
  get #isSettled(): boolean {
    if (!this.#metaCurrent || this.#durableEventId !== this.#writtenEventId) return false;
    const isClaimed = (this.#active?.durableClaim ?? 0) >= this.#durableEventId;
    return isClaimed && this.#ring.isEmpty;
  }

  /** The short way of an idle log, which is gone fifty times a second. */
  #settledMs(): StepOutcome {
    this.#settledNs = this.#d.clock.nowNs();
    this.#updateState(false);
    return this.#idleMs();
  }

  #lockLost(): WalError {
    const path = join(this.#options.directory, LOCK_FILE);
    return new WalError(
      'ERR_FLASHSTRIKE_LOCKED',
      `${path} was removed or replaced while the log was open: another process could now open ` +
        'it too, so the log has failed. Make sure that there is only one writer, then open it ' +
        'again.',
      { path },
    );
  }

  /**
   * The region's name is gone: a kill would lose what the ring holds. So all of it goes to disk,
   * the application is refused from then on, and what it appended before it saw that goes to disk
   * as well.
   */
  #endWithoutRegion(): StepOutcome {
    this.#drainUntil(this.#d.clock.nowNs() + LAST_DRAIN_NS);
    this.fail(regionLost(this.#options.directory, this.#durableEventId));
    this.#drainUntil(this.#d.clock.nowNs() + LAST_DRAIN_NS);
    return BUSY;
  }

  #drainUntil(deadlineNs: number): void {
    while (this.#d.clock.nowNs() < deadlineNs && this.#writeNext() === 'wrote');
    if (this.#durableEventId < this.#writtenEventId) this.#sync();
  }

  #lookForHarm(): void {
    const nowNs = this.#d.clock.nowNs();
    if (nowNs - this.#harmSeenNs >= HARM_LOOK_NS) this.#refuseHarm();
  }

  /**
   * Behind each sync and before it is told: a file that somebody has moved, replaced or cut would
   * not give out again what was synced into it.
   */
  #refuseHarm(): void {
    this.#harmSeenNs = this.#d.clock.nowNs();
    const harm = this.#active?.harm;
    if (harm !== undefined) throw fileLost(this.#active?.path ?? '', harm);
  }

  #writeNext(): 'wrote' | 'empty' | 'blocked' {
    const roomBytes = this.#active?.roomBytes ?? 0;
    const targetBytes = Math.min(TARGET_BLOCK_BYTES, Math.max(0, roomBytes));
    if (this.#ring.isEmpty) return 'empty';
    const { manager } = this.#d.telemetry;
    this.#noteOccupancy();
    const planNs = this.#d.clock.nowNs();
    if (!this.#ring.gather(targetBytes, MAX_BLOCK_PAYLOAD_BYTES)) return 'empty';
    const { run } = this.#ring;
    this.#lookAtLinks();
    if (this.#active?.takesBlocks === false) return this.#rotate() ? 'wrote' : 'blocked';
    if (this.#active === undefined || run.bytes > roomBytes) {
      // Else the log would rotate for ever. A segment of an earlier opening may be too small.
      const isNew = this.#hasRotated && this.#active?.isEmpty === true;
      assert(!isNew, `${run.bytes} bytes do not fit into a new segment`);
      return this.#rotate() ? 'wrote' : 'blocked';
    }
    manager.onWorkPlanning(planNs);
    return this.#writeRun(this.#active) ? 'wrote' : 'blocked';
  }

  /** One block of what was gathered; false: there is no space for it, and it stays in the ring. */
  #writeRun(active: ActiveSegment): boolean {
    const { segmentWriter } = this.#d.telemetry;
    const { run } = this.#ring;
    const nowNs = this.#d.clock.nowNs();
    const lastTimestampNs = bigTimestamp(run.lastTimestampLow, run.lastTimestampHigh);
    // No block, seal or segment is dated before an event that came before it.
    this.#d.timestamps.notBefore(lastTimestampNs);
    const content: EventsContent = {
      payload: this.#ring.bytes.subarray(run.offset, run.offset + run.bytes),
      firstEventId: run.firstEventId,
      eventCount: run.eventCount,
      durableEventId: this.#durableEventId,
      writtenTsNs: this.#d.timestamps.nowNs(),
      firstTimestampNs: bigTimestamp(run.firstTimestampLow, run.firstTimestampHigh),
      lastTimestampNs,
    };
    if (!this.#hasSpaceFor(() => active.writeEvents(content))) return false;
    segmentWriter.onWriteBlock(nowNs, BLOCK_HEADER_BYTES + run.bytes, run.eventCount);
    if (this.#durableEventId === this.#writtenEventId) {
      // What a sleeping writer finds may be as old as its last look.
      this.#unsyncedSinceNs = this.#settledNs ?? nowNs;
      this.#firstWriteNs = nowNs;
      segmentWriter.setUnsyncedSince(nowNs);
    }
    this.#settledNs = undefined;
    this.#lastWriteNs = nowNs;
    this.#metaCurrent = false;
    this.#writtenEventId = run.firstEventId + run.eventCount - 1;
    segmentWriter.setDurableLagEvents(this.#writtenEventId - this.#durableEventId);
    // The block's header claims what was durable before it: that commit is told now.
    if (this.#unwatermarked) this.#setUnwatermarked(0);
    // The id first: who sees the ring's space released must find its events counted as written.
    publishNumber(this.#words, this.#control.writtenEventId, this.#writtenEventId);
    // Before and behind: the ring is fullest just before something is released.
    this.#noteOccupancy();
    this.#ring.release();
    this.#noteOccupancy();
    this.#d.signals.announceRoom();
    this.#d.prepared.announceHalfUsed(active.isHalfUsed);
    return true;
  }

  /** Runs a write; false where it found no space: it is made up for in another segment, later. */
  #hasSpaceFor(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      this.#noteSpaceRefusal(error);
      return false;
    }
  }

  /** Throws what is anything else. */
  #noteSpaceRefusal(error: unknown): void {
    if (!isOutOfSpace(error)) throw error;
    this.#setSpaceRefusal(error);
  }

  #setSpaceRefusal(refusal: WalError | undefined): void {
    this.#spaceRefusal = refusal;
    const trouble = refusal === undefined ? Trouble.none : Trouble.noSpace;
    this.#d.signals.set('writerTrouble', trouble);
  }

  #syncIsDue(written: 'wrote' | 'empty' | 'blocked'): boolean {
    if (this.#durableEventId === this.#writtenEventId || this.#active === undefined) return false;
    const request = this.#d.signals.durableRequest;
    if (request !== this.#lastRequest) this.#noteRequest(request);
    if (request > this.#durableEventId) {
      // Group commit: all that is waited for in one sync, so not before it is written.
      if (this.#writtenEventId >= request || written !== 'wrote') return true;
    }
    const { mode, intervalMs } = this.#options.sync;
    if (mode === 'every-block') return true;
    if (mode === 'manual') return false;
    return this.#d.clock.nowNs() - this.#unsyncedSinceNs >= intervalMs * NS_PER_MS;
  }

  /** How soon after a commit the next one is asked for. */
  #noteRequest(request: number): void {
    this.#lastRequest = request;
    const gapNs = Math.min(this.#d.clock.nowNs() - this.#lastSyncNs, LONGEST_GAP_NS);
    this.#requestGapNs += (gapNs - this.#requestGapNs) / 4;
  }

  /**
   * For how long it is worth to look for work before sleeping: the kernel wakes a thread some 50 µs
   * late, so where one commit is asked for right behind the other, the writer waits for it awake.
   */
  get spinUs(): number {
    if (!CAN_SPIN) return 0;
    if (this.#requestGapNs > WORTH_SPINNING_NS) return SHORT_SPIN_US;
    return (SPIN_GAPS * this.#requestGapNs) / NS_PER_US;
  }

  get #nextCommitIsNear(): boolean {
    if (this.#requestGapNs > WORTH_SPINNING_NS) return false;
    return this.#d.clock.nowNs() - this.#lastSyncNs < SPIN_GAPS * this.#requestGapNs;
  }

  #sync(): void {
    assert(this.#active !== undefined, 'a sync without a segment');
    const covered = this.#writtenEventId;
    const startNs = this.#d.clock.nowNs();
    this.#active.sync();
    this.#refuseHarm();
    this.#d.telemetry.segmentWriter.onSync(startNs, covered - this.#durableEventId);
    this.#publishDurable(covered, this.#active.segmentIndex, this.#active.pin.endOffset);
  }

  #publishDurable(eventId: number, segmentIndex: number, offset: number): void {
    this.#durableEventId = eventId;
    this.#lastSyncNs = this.#d.clock.nowNs();
    const { segmentWriter } = this.#d.telemetry;
    segmentWriter.onDurable(this.#firstWriteNs);
    segmentWriter.setDurableLagEvents(this.#writtenEventId - eventId);
    segmentWriter.setUnsyncedSince(0);
    this.#setUnwatermarked(this.#lastSyncNs);
    // The metrics first: who learns that an event is durable finds its commit in them.
    this.#publishPoint(segmentIndex, offset);
    this.#d.signals.announceDurable();
  }

  /** @param sinceNs when the last commit that no header tells of was synced; 0 for none */
  #setUnwatermarked(sinceNs: number): void {
    this.#unwatermarked = sinceNs !== 0;
    this.#d.telemetry.segmentWriter.setUnwatermarkedSince(sinceNs);
  }

  #noteOccupancy(): void {
    const bytes = this.#ring.waitingBytes;
    if (bytes > this.#occupancyBytesMax) this.#occupancyBytesMax = bytes;
    this.#d.telemetry.manager.setRingOccupancy(bytes, this.#occupancyBytesMax);
  }

  #publishPoint(segmentIndex: number, offset: number): void {
    const point = this.#point;
    point[0] = segmentIndex | 0;
    point[1] = offset | 0;
    point[2] = this.#durableEventId | 0;
    point[3] = (this.#durableEventId / TWO_POW_32) | 0;
    publishWords(this.#words, this.#control.durablePoint, point);
  }

  #publishAll(): void {
    publishNumber(this.#words, this.#control.writtenEventId, this.#writtenEventId);
    const { segmentIndex, endOffset } = this.#end;
    this.#publishPoint(segmentIndex, endOffset);
    Atomics.store(this.#words, this.#control.state, this.#state);
  }

  /** Where the log ends now. */
  get #end(): PredecessorPin {
    if (this.#active === undefined) return this.#predecessor;
    const { endOffset, checksum } = this.#active.pin;
    return { segmentIndex: this.#active.segmentIndex, endOffset, checksum };
  }

  /** The ring is empty: put the durable id into the file, and the meta state when all is quiet. */
  #whenEmpty(): void {
    this.#writeWatermark(false);
    if (this.#metaCurrent || this.#durableEventId !== this.#writtenEventId) return;
    if (this.#d.clock.nowNs() - this.#lastWriteNs < META_IDLE_NS) return;
    this.#requestMetaFlush();
  }

  /**
   * A header speaks only for blocks before it: without this, the last commit would stay unproven.
   */
  #writeWatermark(atOnce: boolean): void {
    const active = this.#active;
    if (active === undefined) {
      // A rotation that came as far as the header: the log has to get over that by itself.
      if (!atOnce && this.#spaceRefusal !== undefined) this.#rotate();
      return;
    }
    if (active.durableClaim >= this.#durableEventId) return;
    if (this.#durableEventId !== this.#writtenEventId || active.roomBytes < 0) return;
    // Where commits follow each other the next block says it as well: the watermark, a write of its
    // own, would only stand in that block's way.
    if (!atOnce && this.#nextCommitIsNear) return;
    this.#lookAtLinks();
    if (!active.takesBlocks) {
      // The header of a new segment says it as well; at an end wal.meta does.
      if (!atOnce) this.#rotate();
      return;
    }
    const startNs = this.#d.clock.nowNs();
    const isWritten = this.#hasSpaceFor(() =>
      active.writeWatermark(
        this.#writtenEventId + 1,
        this.#durableEventId,
        this.#d.timestamps.nowNs(),
      ),
    );
    if (!isWritten) return;
    this.#d.telemetry.segmentWriter.onWriteWatermark(startNs);
    this.#setUnwatermarked(0);
  }

  #requestMetaFlush(): void {
    this.#metaCurrent = true;
    const { signals } = this.#d;
    signals.count('metaRequests', 1);
    signals.wake('housekeeping');
  }

  /** Gives the active segment up where it has a second name; a look counts for a millisecond. */
  #lookAtLinks(): void {
    if (this.#active?.takesBlocks !== true) return;
    const nowNs = this.#d.clock.nowNs();
    if (nowNs - this.#linksSeenNs < LINKS_LOOK_NS) return;
    this.#linksSeenNs = nowNs;
    if (this.#active.isLinked) this.#active.giveUp();
  }

  /**
   * True when a new segment is active, false while none is prepared or its header finds no space.
   */
  #rotate(): boolean {
    const { prepared } = this.#d;
    const next = this.#takeNext();
    if (next === undefined) {
      const { error } = prepared;
      if (error !== undefined) throw error;
      return false;
    }
    const startNs = this.#d.clock.nowNs();
    try {
      this.#finishActive();
      this.#active = this.#publish(next.segment, next.fd);
    } catch (error) {
      this.#d.storage.close(next.fd);
      this.#noteSpaceRefusal(error);
      // It has no name as a segment yet: a later look writes its header again.
      this.#taken = next.segment;
      return false;
    }
    this.#hasRotated = true;
    this.#setSpaceRefusal(undefined);
    this.#d.telemetry.manager.onSegmentRotation(startNs);
    this.#setUnwatermarked(0);
    this.#segmentCount++;
    this.#d.telemetry.manager.setSegments(this.#segmentCount, 0);
    this.#publishPoint(this.#active.segmentIndex, this.#active.pin.endOffset);
    prepared.announceTaken();
    prepared.announceHalfUsed(false);
    this.#requestMetaFlush();
    return true;
  }

  /** The next prepared file, open; undefined while there is none, or none that can be opened. */
  #takeNext(): { readonly segment: PreparedSegment; readonly fd: number } | undefined {
    for (;;) {
      const segment = this.#taken ?? this.#d.prepared.getNextSegment();
      if (segment === undefined) return undefined;
      this.#taken = segment;
      try {
        const fd = openPrepared(this.#d.storage, this.#preparedPath(segment), segment);
        this.#taken = undefined;
        this.#openRefusal = undefined;
        if (fd !== undefined) return { segment, fd };
        // Somebody has taken that file away, put another there, or linked it: nothing is lost with
        // it.
        this.#d.prepared.announceTaken();
      } catch (error) {
        if (!PASSING.has(systemCode(error) ?? '')) {
          throw segmentFailure('open a prepared segment', this.#preparedPath(segment), 0, error);
        }
        this.#openRefusal = error;
        return undefined;
      }
    }
  }

  #preparedPath({ ticket }: PreparedSegment): string {
    return join(this.#options.directory, preparedFileName(ticket));
  }

  #publish(next: PreparedSegment, fd: number): ActiveSegment {
    const { segmentIndex, endOffset, checksum } = this.#predecessor;
    const firstEventId = this.#writtenEventId + 1;
    const { directory, logId } = this.#options;
    return publishSegment(this.#d.storage, this.#d.clock, this.#d.telemetry.segmentWriter, {
      fd,
      preparedPath: this.#preparedPath(next),
      directory,
      fileName: segmentFileName(segmentIndex + 1),
      tally: new SegmentTally(firstEventId),
      durableClaim: this.#durableEventId,
      page: encodeSegmentHeader({
        segmentIndex: segmentIndex + 1,
        segmentBytes: next.segmentBytes,
        firstEventId,
        incompatibleFlags: 0,
        compatibleFlags: 0,
        checksumKind: 1,
        blockAlignment: BLOCK_ALIGNMENT,
        logId,
        salt: this.#d.random64(),
        createdTsNs: this.#d.timestamps.nowNs(),
        previousLastEventId: this.#writtenEventId,
        previousEndOffset: endOffset,
        previousBlockChecksum: checksum,
      }),
    });
  }

  /** Last block, seal, sync: a segment that has a successor is durable whole. */
  #finishActive(): void {
    const active = this.#active;
    if (active === undefined) return;
    const { segmentWriter } = this.#d.telemetry;
    const startNs = this.#d.clock.nowNs();
    let isClosed = false;
    try {
      // A seal is a convenience; a file that somebody else has by name keeps its content.
      if (active.isLinked) active.giveUp();
      if (active.takesBlocks) {
        const nowNs = this.#d.timestamps.nowNs();
        this.#hasSpaceFor(() => active.writeSeal(this.#durableEventId, nowNs));
      }
      segmentWriter.onRotateSeal(startNs);
      const syncNs = this.#d.clock.nowNs();
      active.sync();
      this.#refuseHarm();
      segmentWriter.onRotateSync(syncNs);
      this.#predecessor = this.#end;
      const { segmentIndex, endOffset } = this.#predecessor;
      if (this.#durableEventId < this.#writtenEventId) {
        segmentWriter.onSync(syncNs, this.#writtenEventId - this.#durableEventId);
        this.#publishDurable(this.#writtenEventId, segmentIndex, endOffset);
      }
      active.close();
      isClosed = true;
    } finally {
      segmentWriter.onCloseSegment(startNs, isClosed);
    }
    this.#active = undefined;
  }

  /**
   * Writes and syncs all that the ring holds, and makes the file itself say so.
   * @returns true when done, false while it has to wait for a segment or for space
   */
  drain(): boolean {
    if (this.#state === LogState.failed) return true;
    try {
      for (;;) {
        const written = this.#writeNext();
        if (written === 'empty') break;
        if (written === 'blocked') {
          this.#updateState(true);
          return false;
        }
      }
      this.#syncWhole();
    } catch (error) {
      this.fail(error);
    }
    return true;
  }

  #syncWhole(): void {
    if (this.#active === undefined) return;
    const startNs = this.#d.clock.nowNs();
    if (this.#durableEventId < this.#writtenEventId) this.#sync();
    this.#writeWatermark(true);
    // Also a watermark that was written while the log was idle: the point told now includes it.
    if (this.#active.hasUnsynced) this.#active.sync();
    this.#refuseHarm();
    this.#d.telemetry.manager.onPersistCurrentSegment(startNs);
    this.#publishPoint(this.#active.segmentIndex, this.#active.pin.endOffset);
  }

  /** Closes the descriptor. */
  close(): void {
    this.#d.prepared.giveUp();
    this.#active?.close();
    this.#active = undefined;
  }

  /** Ends the log for good with `error`; whoever waits learns it. */
  fail(error: unknown): void {
    this.#d.prepared.giveUp();
    this.#d.signals.failure.write(error);
    this.#setState(LogState.failed);
    this.#d.signals.announceDurable();
    this.#d.signals.announceRoom();
  }

  #updateState(blocked: boolean): void {
    if (this.#state !== LogState.open && this.#state !== LogState.noSpace) return;
    const { signals, prepared } = this.#d;
    const noSpace =
      this.#spaceRefusal !== undefined ||
      prepared.isOutOfSpace ||
      signals.get('metaTrouble') === Trouble.noSpace;
    this.#setState(noSpace ? LogState.noSpace : LogState.open);
    if (noSpace && blocked) signals.announceRoom();
  }

  #setState(state: number): void {
    if (state === this.#state) return;
    // Not over what the application thread has put there: a thread died, or the log is closing.
    Atomics.compareExchange(this.#words, this.#control.state, this.#state, state);
    this.#state = state;
  }

  #publishTime(): void {
    const offsetNs = this.#d.timestamps.sample();
    this.#doubles[this.#control.coarseOffsetNs] = offsetNs;
    this.#d.wallClock.look(offsetNs);
  }

  /**
   * After a second without events the ring is looked at once in two sync intervals: a sync of an
   * event begins at most so long after it was appended, because what is found then and may be older
   * than an interval is synced at once. The other modes have no such sync, so they look each
   * interval.
   */
  #idleMs(): StepOutcome {
    const quietNs = this.#d.clock.nowNs() - this.#lastWriteNs;
    if (quietNs < 1000 * NS_PER_MS) return 1;
    const { mode, intervalMs } = this.#options.sync;
    const idleMs = mode === 'interval' ? 2 * intervalMs : intervalMs;
    return Math.min(Math.max(1, idleMs), LONGEST_IDLE_MS);
  }
}
