// What happens to a segment once it is finished: it is verified, its file gives back the end that
// it does not use, it is compressed, and it is removed when nobody is to keep it any more. One
// object a log, stepped by its thread: each step is one small piece of work.
//
// - Only finished segments are touched, and never the one that is written to.
// - Removed is always the oldest one, and only what was verified: damage is evidence. Removing ends
//   in front of a damaged segment, until another file has its name or the log is opened again.
// - wal.meta says durably that the log begins later before the first segment goes.
// - What somebody needs stays (RetentionHolds, asked before each removal).
// - What cannot be done now is counted, and tried again. Nothing here is a failure of the log.
import { join } from 'node:path';
import type { Clock } from '../../clock/clock.js';
import type { RetentionHolds } from '../../consumers/retention-holds.js';
import { isOperational, WalError } from '../../errors.js';
import { firstEventIn } from '../../reading/first-event.js';
import { UNREADABLE } from '../../reading/read-failure.js';
import { readSeal } from '../../reading/seal-index.js';
import { openSegment } from '../../reading/segment-file.js';
import { compressedPath, isCompressedPath, segmentFileName } from '../../segment/file-names.js';
import type { Storage } from '../../storage/storage.js';
import type { SegmentMaintainerUpdater } from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { NS_PER_MS } from '../../units.js';
import { goneError, pinOf, SegmentVerification } from '../../verification/segment-verification.js';
import { SizeWall } from '../threads/size-wall.js';
import type { VerificationListener } from '../threads/verification.js';
import type { RetentionOptions } from '../threads/wal-options.js';
import { type FinishedSegment, FinishedSegments } from './finished-segments.js';
import { notDone } from './not-done.js';
import { exceeds } from './retention.js';
import { type CompressionListener, SegmentCompressor } from './segment-compressor.js';
import type { SegmentRecycler } from './segment-recycler.js';
import { cutUnusedTail } from './unused-tail.js';

const IDLE_MS_MIN = 10;
const IDLE_MS_MAX = 1000;
/** Where a log comes soon to a size at which it waits. */
const IDLE_NEAR_MS_MAX = 100;
/** Until a removal that could not be done is tried again; doubled with each failure. */
const RETRY_MS_MIN = 10;
const RETRY_MS_MAX = 60_000;
/** While wal.meta is written: a few syncs. */
const AWAIT_META_MS = 2;

/** The log, as its maintainer sees it. */
export interface MaintainedLog {
  readonly directory: string;
  readonly logId: bigint;
  /** Index of the segment that is written to: all before it are finished. 0: there is none yet. */
  readonly activeIndex: () => number;
  /** Segments with nothing but events before it are to go; 0: none was asked for. */
  readonly deleteBefore: () => number;
  /** Asks that wal.meta says that the log has all from this event on. */
  readonly keepFrom: (eventId: number) => void;
  /** What it says durably. */
  readonly keptFrom: () => number;
  /** Why it cannot be made to say so for now; undefined: it can. */
  readonly keepRefusal: () => Error | undefined;
  /** One segment is gone for good. */
  readonly onRemoved: (isCompressed: boolean) => void;
  /** A step was done: no segment behind this index is to be begun for now; infinite: any may be. */
  readonly onStep?: (lastSegmentIndex: number) => void;
  /** What the opening has told of that; 0: any may be. */
  readonly lastSegment?: () => number;
  /** One segment is compressed by now. */
  readonly onCompressed?: () => void;
  /** The last event of the oldest finished segment, Unix ns; told before `nowNs` is asked. */
  readonly meetOldest?: (newestNs: bigint) => void;
  /** Unix ns for who asks what is older than `ageMs`; see BelievedTime. */
  readonly nowNs: (ageMs: number) => bigint;
}

interface Maintenance {
  /** What is kept; undefined: all, and what is finished is not looked at. */
  readonly retention: RetentionOptions | undefined;
  /** Whether all segments that are there at the beginning are verified. */
  readonly verifiesAll: boolean;
  /** So many of the newest finished segments are not compressed; undefined: none is. */
  readonly hotSegments?: number | undefined;
  /** A finished segment keeps so many bytes that it does not use; 0: none. */
  readonly keptTailBytes?: number;
  /** Of the segments that are yet to come; undefined: how large they are is of no interest. */
  readonly segmentBytes?: number;
}

/** Where the removal that was asked for has come to. */
interface RemovalState {
  /** Nothing more goes now. */
  readonly isSettled: boolean;
  /** The first event that is still there; undefined: nobody has looked yet. */
  readonly firstEventId: number | undefined;
  /** Why nothing more goes although it should; undefined: it has gone, or somebody needs it. */
  readonly error: Error | undefined;
}

/** What the oldest segment is to retention. */
interface Oldest {
  readonly segment: FinishedSegment;
  readonly firstEventId: number;
  /** First event of the segment behind it. */
  readonly nextEventId: number;
  /** Timestamp of its last event. */
  readonly newestNs: bigint;
}

interface Running {
  readonly segment: FinishedSegment;
  readonly verification: SegmentVerification;
  readonly startNs: number;
}

type Outcome = 'worked' | 'waiting' | 'idle';

/** What is wrong is in the files, and no failure to read them. */
const isDamage = (error: unknown): boolean =>
  error instanceof WalError && !UNREADABLE.has(error.code);

export class SegmentMaintainer {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #log: MaintainedLog;
  readonly #maintenance: Maintenance;
  readonly #holds: RetentionHolds;
  readonly #telemetry: SegmentMaintainerUpdater;
  readonly #listener: VerificationListener;
  readonly #finished: FinishedSegments;
  /** For logs that use the files of removed segments again. */
  readonly #recycler: SegmentRecycler | undefined;
  /** To be verified, the next one in front. */
  readonly #queue: FinishedSegment[] = [];
  /** Of those that were there at the beginning, and are all to be verified: what is left. */
  #left: Set<FinishedSegment> | undefined;
  readonly #compressor: SegmentCompressor | undefined;
  readonly #wall: SizeWall | undefined;
  #hasToldRoom = false;
  /** Segments that may still be begun before the log waits. */
  #room = Number.POSITIVE_INFINITY;
  /** The oldest segment is to go, and stays for now: not for lack of time. */
  #isStuck = false;
  #running: Running | undefined;
  #oldest: Oldest | undefined;
  /** When the removal of the oldest segment began; undefined: it is not to go. */
  #removalNs: number | undefined;
  /** Why the oldest segment could not be verified, which it must be to go. */
  #unread: { readonly segment: FinishedSegment; readonly error: WalError } | undefined;
  #retryMs = 0;
  #retryNs = 0;
  /** Its file is being removed, and that is not durable yet: what fails is done again. */
  #goes: Oldest | undefined;
  /** What is wrong with the segments that are not sound. */
  readonly #damage = new Map<FinishedSegment, WalError>();
  #seenActive = -1;
  #idleMs = IDLE_MS_MIN;
  #notBeforeNs = 0;
  #removal: RemovalState = { isSettled: false, firstEventId: undefined, error: undefined };

  constructor(
    storage: Storage,
    clock: Clock,
    log: MaintainedLog,
    maintenance: Maintenance,
    holds: RetentionHolds,
    telemetry: SegmentMaintainerUpdater,
    listener: VerificationListener,
    recycler?: SegmentRecycler,
  ) {
    this.#recycler = recycler;
    this.#storage = storage;
    this.#clock = clock;
    this.#log = log;
    this.#maintenance = maintenance;
    this.#holds = holds;
    this.#telemetry = telemetry;
    this.#listener = listener;
    this.#finished = new FinishedSegments(storage, log.directory);
    const { retention, hotSegments, segmentBytes } = maintenance;
    if (retention !== undefined && segmentBytes !== undefined) {
      this.#wall = new SizeWall(retention, segmentBytes);
    }
    const { segments = 0 } = retention ?? {};
    telemetry.setMaxSegments(hotSegments ?? segments);
    if (hotSegments === undefined) return;
    telemetry.setMaxCompressedSegments(Math.max(0, segments - hotSegments));
    const { directory } = log;
    const heard: CompressionListener = {
      compressed: (...told) => this.#onCompressed(...told),
      found: (index, fileBytes) => this.#move(index, fileBytes),
      failed: (startNs) => telemetry.onHotSegmentCompression(false, startNs),
    };
    const compressorOf = [storage, clock, directory, hotSegments, heard, recycler] as const;
    this.#compressor = new SegmentCompressor(...compressorOf);
  }

  /** For who waits until what was asked for is removed. */
  get removal(): RemovalState {
    return this.#removal;
  }

  /** The removal of a segment has begun, and is not at its end. */
  get isRemoving(): boolean {
    return this.#goes !== undefined || this.#removalNs !== undefined;
  }

  /** Somebody waits for what `removal` tells once it is settled anew. */
  ask(): void {
    this.#removal = { ...this.#removal, isSettled: false };
    this.#idleMs = IDLE_MS_MIN;
    this.#notBeforeNs = 0;
    this.#retryNs = 0;
  }

  /** One bounded piece of work; returns the ms that may pass until the next. */
  step(): number {
    const startNs = this.#clock.nowNs();
    const isNews = this.#lookForNews();
    if (startNs < this.#notBeforeNs && !isNews) return (this.#notBeforeNs - startNs) / NS_PER_MS;
    let outcome: Outcome;
    try {
      outcome = this.#advance();
    } catch (error) {
      if (!isOperational(error)) throw error;
      outcome = this.#onFailure(error);
    }
    this.#tellRoom();
    const endNs = this.#clock.nowNs();
    const waitNs = this.#waitNs(outcome, endNs - startNs);
    this.#notBeforeNs = endNs + waitNs;
    this.#telemetry.onPersistenceLoop(outcome === 'worked', startNs, waitNs);
    return waitNs / NS_PER_MS;
  }

  /** Lets go of the files that are being read, and of what was begun. Idempotent. */
  close(): void {
    this.#closeRunning();
    this.#compressor?.close();
    this.#recycler?.close();
  }

  #closeRunning(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.verification.close();
  }

  /** A segment that was finished does not wait for the next look. */
  #lookForNews(): boolean {
    const active = this.#log.activeIndex();
    if (active === this.#seenActive) return false;
    this.#seenActive = active;
    this.#idleMs = IDLE_MS_MIN;
    return true;
  }

  /** How many segments may be begun is told with each step. */
  #tellRoom(): void {
    const wall = this.#wall;
    if (wall === undefined) return;
    const { count, bytes, activeIndex } = this.#finished;
    if (!this.#hasToldRoom) {
      this.#hasToldRoom = true;
      const last = this.#log.lastSegment?.() ?? 0;
      if (last > 0) wall.meet(count, bytes, Math.max(0, last - activeIndex));
    }
    if (this.#isStuck) wall.lift();
    this.#room = this.#isStuck ? Number.POSITIVE_INFINITY : wall.room(count, bytes);
    this.#log.onStep?.(activeIndex + this.#room);
  }

  /**
   * Behind work a rest as long as it took: half of the disk's time is the commits'. Not where the
   * next segment waits for it.
   */
  #waitNs(outcome: Outcome, workNs: number): number {
    if (outcome === 'waiting') return AWAIT_META_MS * NS_PER_MS;
    if (outcome === 'worked') {
      this.#idleMs = IDLE_MS_MIN;
      return this.#room <= 1 ? 0 : Math.max(NS_PER_MS, workNs);
    }
    const isNear = this.#wall?.isNear(this.#room) === true;
    const idleMs = Math.min(this.#idleMs, isNear ? IDLE_NEAR_MS_MAX : IDLE_MS_MAX);
    this.#idleMs = Math.min(2 * idleMs, IDLE_MS_MAX);
    return idleMs * NS_PER_MS;
  }

  #advance(): Outcome {
    this.#lookForFinished();
    if (this.#running !== undefined) {
      this.#read(this.#running);
      return 'worked';
    }
    const removing = this.#tryToRemove();
    if (removing !== 'idle') return removing;
    const [next] = this.#queue;
    if (next === undefined) return this.#compress();
    // It may have been verified to be removed.
    if (next.state === 'unknown') this.#begin(next);
    this.#queue.shift();
    return 'worked';
  }

  /** A removal that fails is tried again, and keeps nothing else from being done. */
  #tryToRemove(): Outcome {
    if (this.#clock.nowNs() < this.#retryNs) return 'idle';
    try {
      const outcome = this.#remove();
      if (outcome !== 'worked') this.#retryMs = 0;
      return outcome;
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#retryMs = Math.min(RETRY_MS_MAX, Math.max(RETRY_MS_MIN, 2 * this.#retryMs));
      this.#retryNs = this.#clock.nowNs() + this.#retryMs * NS_PER_MS;
      return this.#onFailure(error);
    }
  }

  #lookForFinished(): void {
    const found = this.#finished.refresh(this.#seenActive, this.#clock.nowNs());
    if (this.#left === undefined) {
      this.#left = new Set(this.#maintenance.verifiesAll ? found : []);
      this.#queue.push(...this.#left);
      this.#listener.toVerify(this.#left.size);
      if (this.#left.size === 0) this.#listener.verifiedAll();
    } else if (this.#maintenance.retention !== undefined) this.#queue.push(...found);
  }

  #begin(segment: FinishedSegment): void {
    const startNs = this.#clock.nowNs();
    const { directory, logId } = this.#log;
    if (this.#left?.has(segment) === false) this.#listener.toVerify(1);
    try {
      const { index, path } = segment;
      segment.inode = this.#storage.statusAt(path)?.inode;
      const verification = SegmentVerification.begin(this.#storage, directory, index, logId);
      if (verification !== undefined) {
        this.#running = { segment, verification, startNs };
        return;
      }
      this.#unread = { segment, error: goneError(this.#pathOf(index + 1)) };
      this.#onVerified(segment, startNs, 'unknown', undefined);
    } catch (error) {
      this.#onUnverified(segment, startNs, error);
    }
  }

  #read({ segment, verification, startNs }: Running): void {
    try {
      if (!verification.step()) return;
    } catch (error) {
      this.#closeRunning();
      this.#onUnverified(segment, startNs, error);
      return;
    }
    const { previousEndOffset } = verification.pin;
    this.#closeRunning();
    this.#onVerified(segment, startNs, 'sound', undefined);
    // Who only has them verified does not expect files to change.
    if (this.#maintenance.retention === undefined) return;
    this.#cut(segment, previousEndOffset);
  }

  /** What cannot be cut stays as long as it is. */
  #cut(segment: FinishedSegment, endOffset: number): void {
    const { index, path } = segment;
    const expected = { index, logId: this.#log.logId };
    const { keptTailBytes } = this.#maintenance;
    try {
      const cutBytes = cutUnusedTail(this.#storage, path, expected, endOffset, keptTailBytes);
      this.#finished.shorten(segment, cutBytes);
      this.#telemetry.onFreed(cutBytes);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#telemetry.onMaintenanceFailure();
    }
  }

  /** Damage keeps a segment; what only cannot be read now is tried again when it is to go. */
  #onUnverified(segment: FinishedSegment, startNs: number, error: unknown): void {
    if (!(error instanceof WalError)) throw error;
    const state = isDamage(error) ? 'unsound' : 'unknown';
    if (state === 'unsound') this.#damage.set(segment, error);
    else this.#unread = { segment, error };
    this.#onVerified(segment, startNs, state, error);
  }

  #onVerified(
    segment: FinishedSegment,
    startNs: number,
    state: FinishedSegment['state'],
    error: WalError | undefined,
  ): void {
    segment.state = state;
    this.#listener.verified(startNs, error);
    if (this.#left?.delete(segment) === true && this.#left.size === 0) {
      this.#listener.verifiedAll();
    }
  }

  /** One step of removing the oldest segment; `idle`: it stays. */
  #remove(): Outcome {
    if (this.#goes !== undefined) return this.#finishRemoval(this.#goes);
    if (!this.#isAsked) return this.#settle(undefined);
    let oldest: Oldest | undefined;
    try {
      oldest = this.#lookAtOldest();
    } catch (error) {
      this.#onUntold(error);
      throw error;
    }
    if (oldest !== undefined) this.#log.meetOldest?.(oldest.newestNs);
    if (oldest === undefined || !this.#isToGo(oldest)) {
      this.#telemetry.setBlockedSegments(0);
      this.#telemetry.setHeld(0);
      return this.#settle(oldest?.firstEventId ?? this.#firstEventId());
    }
    const { segment, firstEventId, nextEventId } = oldest;
    if (this.#storage.statusAt(segment.path)?.inode !== segment.inode) segment.state = 'unknown';
    if (segment.state === 'unsound') {
      this.#telemetry.setBlockedSegments(1);
      return this.#settle(firstEventId, this.#damage.get(segment));
    }
    this.#telemetry.setBlockedSegments(0);
    if (segment.state === 'unknown') {
      this.#refuseUnread(segment);
      this.#begin(segment);
      return 'worked';
    }
    const isKept = this.#log.keptFrom() >= nextEventId;
    // Once before wal.meta says it, and once behind that: who comes in between sees what it says.
    if ((isKept || this.#removalNs === undefined) && this.#isHeld(nextEventId)) {
      this.#removalNs = undefined;
      this.#settle(firstEventId);
      this.#isStuck = true;
      return 'idle';
    }
    this.#removalNs ??= this.#clock.nowNs();
    if (!isKept) {
      this.#log.keepFrom(nextEventId);
      const refusal = this.#log.keepRefusal();
      return refusal === undefined ? 'waiting' : this.#settle(firstEventId, refusal);
    }
    this.#compressor?.drop(segment.index);
    this.#goes = oldest;
    return this.#finishRemoval(oldest);
  }

  /** The last attempt has failed: that is told, and the next one begins with what is there then. */
  #refuseUnread(segment: FinishedSegment): void {
    const unread = this.#unread;
    this.#unread = undefined;
    if (unread?.segment !== segment) return;
    this.#removal = { ...this.#removal, firstEventId: this.#oldest?.firstEventId };
    this.#oldest = undefined;
    throw unread.error;
  }

  /** Whether anything is to go at some time. */
  get #isAsked(): boolean {
    return this.#maintenance.retention !== undefined || this.#log.deleteBefore() > 0;
  }

  #isHeld(nextEventId: number): boolean {
    const need = this.#holds.oldestNeeded(nextEventId);
    const isHeld = need !== undefined && need < nextEventId;
    this.#telemetry.setHeld(isHeld ? need : 0);
    return isHeld;
  }

  #compress(): Outcome {
    const step = this.#compressor?.step() ?? 'nothing';
    return step === 'nothing' || step === 'failed' ? 'idle' : 'worked';
  }

  #onCompressed(startNs: number, index: number, contentBytes: number, fileBytes: number): void {
    this.#move(index, fileBytes);
    this.#telemetry.onHotSegmentCompression(true, startNs);
    this.#telemetry.onCompressed(contentBytes, fileBytes);
    this.#log.onCompressed?.();
  }

  #move(index: number, fileBytes: number): void {
    this.#finished.move(index, compressedPath(this.#pathOf(index)), fileBytes);
  }

  #pathOf(index: number): string {
    return join(this.#log.directory, segmentFileName(index));
  }

  /**
   * The next segment may go only once this one cannot come back. A compressed copy beside it goes
   * first: it would be read in its place.
   */
  #finishRemoval({ segment }: Oldest): Outcome {
    const { path, bytes } = segment;
    const isCold = isCompressedPath(path);
    const startNs = this.#clock.nowNs();
    let isGone = false;
    try {
      if (!isCold) this.#unlink(compressedPath(path));
      if (this.#recycler === undefined) this.#unlink(path);
      else this.#recycler.removeName(path, segment.index);
      this.#storage.syncDirectory(this.#log.directory);
      isGone = true;
    } finally {
      if (isCold) this.#telemetry.onColdSegmentDeletion(isGone, startNs);
    }
    this.#goes = undefined;
    this.#isStuck = false;
    this.#log.onRemoved(isCold);
    if (this.#recycler?.onNameGone() !== true) this.#telemetry.onFreed(bytes);
    this.#telemetry.onHotSegmentRetention(true, this.#removalNs ?? this.#clock.nowNs());
    this.#removalNs = undefined;
    this.#oldest = undefined;
    this.#finished.removeOldest();
    return 'worked';
  }

  /** It may be gone: a call that fails may have done it. */
  #unlink(path: string): void {
    if (this.#storage.statusAt(path) !== undefined) this.#storage.unlink(path);
  }

  /** Nothing more goes now. @returns `idle` */
  #settle(firstEventId: number | undefined, error?: Error): Outcome {
    this.#removal = { isSettled: true, firstEventId, error };
    this.#isStuck = error !== undefined;
    return 'idle';
  }

  #isToGo({ segment, nextEventId, newestNs }: Oldest): boolean {
    if (nextEventId <= this.#log.deleteBefore()) return true;
    const { retention } = this.#maintenance;
    if (retention === undefined) return false;
    const { count: finishedSegments, bytes } = this.#finished;
    const nowNs = this.#log.nowNs(retention.ageMs ?? 0);
    const finishedForMs = (this.#clock.nowNs() - segment.sinceNs) / NS_PER_MS;
    return exceeds(retention, { finishedSegments, bytes, nowNs, finishedForMs }, newestNs);
  }

  /** Undefined where nothing is finished. @throws WalError where it, or the next, tells nothing */
  #lookAtOldest(): Oldest | undefined {
    const segment = this.#finished.oldest;
    if (segment === undefined || this.#oldest?.segment === segment) return this.#oldest;
    const { directory, logId } = this.#log;
    const { index, path } = segment;
    const file = openSegment(this.#storage, path, { index, logId });
    if (file === undefined) throw goneError(path);
    try {
      const { firstEventId } = file.header;
      const pin = pinOf(this.#storage, directory, file.header);
      const seal = readSeal(this.#storage, file, pin.previousEndOffset);
      // Without a seal: not later than the segment behind it was begun.
      const newestNs = seal?.totals.highestTimestampNs ?? pin.createdTsNs;
      this.#oldest = { segment, firstEventId, nextEventId: pin.firstEventId, newestNs };
      return this.#oldest;
    } finally {
      this.#storage.close(file.fd);
    }
  }

  /** The oldest segment, or the one behind it, does not tell what it holds. */
  #onUntold(error: unknown): void {
    const segment = this.#finished.oldest;
    if (segment === undefined || segment.state === 'unsound' || !isDamage(error)) return;
    this.#onUnverified(segment, this.#clock.nowNs(), error);
  }

  #firstEventId(): number | undefined {
    return firstEventIn(this.#storage, this.#log.directory, this.#log.logId);
  }

  /** What could not be done now: counted, and tried again. @returns `idle` */
  #onFailure(error: Error): Outcome {
    this.#telemetry.onMaintenanceFailure();
    if (this.#removalNs !== undefined) {
      this.#telemetry.onHotSegmentRetention(false, this.#removalNs);
      this.#removalNs = undefined;
    }
    if (isDamage(error)) this.#telemetry.setBlockedSegments(1);
    const firstEventId = this.#oldest?.firstEventId ?? this.#removal.firstEventId;
    return this.#settle(firstEventId, notDone(this.#log.directory, error));
  }
}
