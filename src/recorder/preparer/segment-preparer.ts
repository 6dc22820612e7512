// Makes segment files ahead of time: named by a ticket, allocated, zero-written and synced in small
// chunks. Zeroing buys cheap syncs (after fallocate alone every sync would also commit the
// journal); it does not buy throughput, so it gives way: to a taker that waits, and altogether
// while segments are used up faster than they could be zeroed.
//
// With `recycle` the file of a removed segment comes first, as the maintainer hands it over: it is
// written already. With `allocate` nothing is zero-written.
//
// How many and how large they are follows from how fast the log uses what it has (SegmentUse): none
// while it needs none for some seconds, so that a log that is idle reserves little beside what it
// holds. How many at most is learned: one more each time that the log had to wait for one.
import { join } from 'node:path';
import type { Clock } from '../../clock/clock.js';
import { isNoSpace, isOperational, isPassing, systemCode, WalError } from '../../errors.js';
import { preparedFileName } from '../../segment/file-names.js';
import type { Storage } from '../../storage/storage.js';
import type { SegmentPreparationUpdater } from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import { MIB, NS_PER_MS, PAGE_BYTES } from '../../units.js';
import { offer, openPrepared, takeFrom } from '../threads/prepared-segments.js';
import {
  AHEAD_NS,
  firstSegmentBytes,
  isSmallSegment,
  nextSegmentBytes,
} from '../threads/segment-growth.js';
import { QUEUE_CAPACITY, type Signals, Trouble } from '../threads/signals.js';
import type { Preallocation } from '../threads/wal-options.js';
import { SegmentUse } from './segment-use.js';

const CHUNK_BYTES = 2 * MIB;
const IDLE_MS = 1000;
const FIRST_RETRY_MS = 10;
const LONGEST_RETRY_MS = 500;
/** So many failures in a row, other than a full disk, go to the taker as an error. */
const ATTEMPTS = 5;
/** 200 MB/s: what zeroing is taken to cost until it was measured. */
const FIRST_ZERO_NS_PER_BYTE = 5;

interface SegmentPreparerOptions {
  readonly directory: string;
  /** Segments grow up to this size. */
  readonly segmentBytes: number;
  /** The longest block that the log may write, its header included. */
  readonly maxBlockBytes: number;
  /** How many segments are kept ready, at most, until a taker had to wait for one. */
  readonly preparedSegments: number;
  readonly preallocate: Preallocation;
  /** The first ticket; counts up from here. */
  readonly firstTicket: number;
}

interface Preparation {
  readonly ticket: number;
  readonly path: string;
  readonly fd: number;
  readonly inode: bigint;
  readonly segmentBytes: number;
  readonly startNs: number;
  readonly isRecycled: boolean;
  /** So far it is zeros on the disk or, where it is recycled, what it held before. */
  writtenBytes: number;
}

export class SegmentPreparer {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #telemetry: SegmentPreparationUpdater;
  readonly #options: SegmentPreparerOptions;
  readonly #use: SegmentUse;
  #current: Preparation | undefined;
  /** Paths of files that were given up and are still there. */
  readonly #discarded: string[] = [];
  #ticket: number;
  /** How many are kept ready at most: one more with each wait that a deeper queue spares. */
  #depth: number;
  #seenWaits: number;
  #failures = 0;
  #notBeforeNs = 0;
  /** Of the last chunk. */
  #zeroNsPerByte = FIRST_ZERO_NS_PER_BYTE;

  constructor(
    storage: Storage,
    clock: Clock,
    signals: Signals,
    telemetry: SegmentPreparationUpdater,
    options: SegmentPreparerOptions,
  ) {
    this.#storage = storage;
    this.#clock = clock;
    this.#signals = signals;
    this.#telemetry = telemetry;
    this.#options = options;
    this.#ticket = options.firstTicket;
    this.#use = new SegmentUse(signals, clock);
    this.#depth = options.preparedSegments;
    this.#seenWaits = signals.get('segmentsAwaited');
    telemetry.setLimit(this.#depth);
  }

  /** The ticket behind those used so far. */
  get nextTicket(): number {
    return this.#ticket;
  }

  /** One bounded piece of work; returns 0 to go on, else how many ms may pass. */
  step(): number {
    this.#use.look();
    this.#deepen();
    this.#tellWish();
    const isOffered = this.#signals.recycledQueue.length > 0;
    if (this.#current === undefined && !isOffered && !this.#isWanted()) return IDLE_MS;
    const waitNs = this.#notBeforeNs - this.#clock.nowNs();
    if (waitNs > 0 && !(this.#failures === 0 && this.#takerWaits)) return waitNs / NS_PER_MS;
    const startNs = this.#current?.startNs ?? this.#clock.nowNs();
    try {
      this.#prepare();
      this.#failures = 0;
      this.#signals.tellTrouble('preparerTrouble', Trouble.none);
    } catch (error) {
      this.#failed(error, startNs);
    }
    return 0;
  }

  #prepare(): void {
    this.#removeDiscarded();
    this.#current ??= this.#adopt();
    if (this.#current === undefined) {
      // What was offered is of no use, and nothing more is wanted.
      if (!this.#isWanted()) return;
      this.#current = this.#create();
    }
    if (this.#handOverNow(this.#current)) {
      this.#handOver(this.#current);
      return;
    }
    this.#zero(this.#current);
  }

  #create(): Preparation {
    const ticket = this.#ticket++;
    const path = join(this.#options.directory, preparedFileName(ticket));
    const startNs = this.#clock.nowNs();
    const segmentBytes = this.#nextBytes;
    const fd = this.#storage.open(path, 'create');
    this.#telemetry.onCreate(startNs);
    // A failed allocation leaves a partial file that fills the disk: it must be known to go.
    const none = { isRecycled: false, writtenBytes: 0 };
    this.#current = { ticket, path, fd, inode: 0n, segmentBytes, startNs, ...none };
    this.#current = { ...this.#current, inode: this.#storage.statusOf(fd).inode };
    const allocateNs = this.#clock.nowNs();
    this.#storage.allocate(fd, segmentBytes);
    this.#telemetry.onAllocate(allocateNs);
    return this.#current;
  }

  /**
   * The file of a removed segment, where there is one and it is of use. What was cut from its end
   * is allocated again.
   */
  #adopt(): Preparation | undefined {
    const segment = takeFrom(this.#signals.recycledQueue);
    if (segment === undefined) return undefined;
    const startNs = this.#clock.nowNs();
    const { ticket, inode, segmentBytes, writtenBytes } = segment;
    const path = join(this.#options.directory, preparedFileName(ticket));
    this.#discarded.push(path);
    const isTooMany = this.#signals.preparedQueue.length >= this.#recycledLimit;
    if (isTooMany || segmentBytes !== this.#nextBytes) {
      this.#removeDiscarded();
      return undefined;
    }
    const fd = openPrepared(this.#storage, path, { inode, segmentBytes: writtenBytes });
    this.#discarded.pop();
    // Somebody has taken that file away, put another there, or linked it.
    if (fd === undefined) return undefined;
    const written = { isRecycled: true, writtenBytes };
    this.#current = { ticket, path, fd, inode, segmentBytes, startNs, ...written };
    if (writtenBytes === segmentBytes) return this.#current;
    const allocateNs = this.#clock.nowNs();
    this.#storage.allocate(fd, segmentBytes);
    this.#telemetry.onAllocate(allocateNs);
    return this.#current;
  }

  #handOverNow({ segmentBytes, writtenBytes }: Preparation): boolean {
    if (writtenBytes === segmentBytes || this.#takerWaits) return true;
    if (this.#options.preallocate === 'allocate') return true;
    const { bytesPerNs, leftBytes } = this.#use;
    // Twice, because zeroing is paced to half of the time.
    const pacedNsPerByte = 2 * this.#zeroNsPerByte;
    if (bytesPerNs * pacedNsPerByte > 1) return true;
    const readyBytes = this.#signals.preparedQueue.length * segmentBytes;
    return leftBytes + readyBytes < bytesPerNs * pacedNsPerByte * (segmentBytes - writtenBytes);
  }

  #handOver(current: Preparation): void {
    const { ticket, inode, segmentBytes, startNs, writtenBytes, isRecycled } = current;
    if (this.#signals.preparedQueue.length === QUEUE_CAPACITY) return;
    // Closed by the thread that opened it; what could not be closed is nobody's prepared segment.
    this.#discardCurrent();
    this.#discarded.pop();
    const segment = { ticket, inode, segmentBytes, writtenBytes, isRecycled };
    offer(this.#signals.preparedQueue, segment);
    this.#telemetry.onPrepareSegment(startNs, true);
    const isHurried = writtenBytes < segmentBytes && this.#options.preallocate !== 'allocate';
    this.#telemetry.onOffer(isHurried, isRecycled);
    this.#tellWish();
    // The writer may be asleep, waiting for just this.
    if (this.#takerWaits) this.#signals.wake('writer');
  }

  #zero(current: Preparation): void {
    const startNs = this.#clock.nowNs();
    const bytes = Math.min(CHUNK_BYTES, current.segmentBytes - current.writtenBytes);
    this.#storage.writeZeros(current.fd, current.writtenBytes, bytes);
    this.#telemetry.onZero(startNs);
    const syncNs = this.#clock.nowNs();
    this.#storage.sync(current.fd);
    this.#telemetry.onSync(syncNs, bytes);
    current.writtenBytes += bytes;
    const endNs = this.#clock.nowNs();
    this.#zeroNsPerByte = (endNs - startNs) / bytes;
    // Paced: the disk belongs to the commits for as long as it belonged to this chunk.
    this.#notBeforeNs = endNs + (endNs - startNs);
  }

  get #takerWaits(): boolean {
    return this.#signals.get('takerWaiting') === 1;
  }

  /** What the log could use before long, as fast as it is used now. */
  get #usableBytes(): number {
    return this.#use.bytesPerNs * AHEAD_NS;
  }

  get #nextBytes(): number {
    const { segmentBytes, maxBlockBytes } = this.#options;
    const { activeBytes } = this.#use;
    if (activeBytes === 0) return firstSegmentBytes(segmentBytes);
    return nextSegmentBytes(activeBytes, this.#usableBytes, segmentBytes, maxBlockBytes);
  }

  /**
   * While segments grow only one is ever ready, whatever the depth, and on a full disk none: such a
   * wait says nothing.
   */
  #deepen(): void {
    const waits = (this.#signals.get('segmentsAwaited') - this.#seenWaits) | 0;
    if (waits === 0) return;
    this.#seenWaits = (this.#seenWaits + waits) | 0;
    if (this.#failures > 0 || this.#nextBytes < this.#options.segmentBytes) return;
    this.#setDepth(Math.min(this.#depth + waits, QUEUE_CAPACITY));
  }

  #setDepth(depth: number): void {
    this.#depth = depth;
    this.#telemetry.setLimit(depth);
  }

  /**
   * Up to how many are ready where files of removed segments come: one more than would be made. So
   * a log that removes as much as it writes makes none: one is left when one has been taken.
   */
  get #recycledLimit(): number {
    if (this.#options.preallocate !== 'recycle') return 0;
    return Math.min(this.#wantedSegments + 1, QUEUE_CAPACITY);
  }

  /** Tells the maintainer whether a segment that it removes would be of use, and of which size. */
  #tellWish(): void {
    const { preparedQueue, recycledQueue } = this.#signals;
    const begun = this.#current === undefined ? 0 : 1;
    const had = preparedQueue.length + recycledQueue.length + begun;
    const pages = had < this.#recycledLimit ? this.#nextBytes / PAGE_BYTES : 0;
    if (this.#signals.get('recycledPages') !== pages) this.#signals.set('recycledPages', pages);
  }

  #isWanted(): boolean {
    return this.#signals.preparedQueue.length < this.#wantedSegments;
  }

  /** Those that the log could use before long. One while they grow: the next one is larger. */
  get #wantedSegments(): number {
    const { leftBytes, isNearlyFull } = this.#use;
    const nextBytes = this.#nextBytes;
    const behindBytes = this.#usableBytes - leftBytes;
    // A small one costs next to nothing: it is there from the start.
    const isDue = behindBytes >= 0 || isNearlyFull || isSmallSegment(nextBytes);
    if (!isDue && !this.#takerWaits) return 0;
    const { segmentBytes } = this.#options;
    if (nextBytes < segmentBytes) return 1;
    return Math.min(Math.max(1, Math.ceil(behindBytes / segmentBytes)), this.#depth);
  }

  /** @param startNs when the preparation that failed began */
  #failed(error: unknown, startNs: number): void {
    this.#failures++;
    this.#telemetry.onPrepareSegment(startNs, false);
    const noSpace = isNoSpace(error);
    const name = preparedFileName(this.#current?.ticket ?? this.#ticket);
    const path = this.#current?.path ?? join(this.#options.directory, name);
    this.#discardCurrent();
    try {
      this.#removeDiscarded();
    } catch (second) {
      // Told is the first error; this one comes back with the next attempt if it lasts.
      if (!isOperational(second)) throw second;
    }
    this.#signals.preparerError.write(preparationError(path, noSpace, error));
    const passes = noSpace || isPassing(error);
    const hopeless = !passes && this.#takerWaits && this.#failures >= ATTEMPTS;
    // What was learned asks for more than the disk has: as many as were asked for will do.
    const { preparedSegments } = this.#options;
    if (noSpace) this.#setDepth(preparedSegments);
    const hasEnough = this.#signals.preparedQueue.length >= preparedSegments;
    if (noSpace && !hasEnough) this.#signals.tellTrouble('preparerTrouble', Trouble.noSpace);
    else if (hopeless) this.#signals.tellTrouble('preparerTrouble', Trouble.error);
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS);
    this.#notBeforeNs = this.#clock.nowNs() + delayMs * NS_PER_MS;
  }

  /** Gives up the current file. Where it cannot be removed, that is tried again before the next. */
  #discardCurrent(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    this.#discarded.push(current.path);
    this.#storage.close(current.fd);
  }

  #removeDiscarded(): void {
    for (let path = this.#discarded.at(-1); path !== undefined; path = this.#discarded.at(-1)) {
      if (this.#storage.statusAt(path) !== undefined) this.#storage.unlink(path);
      this.#discarded.pop();
    }
  }

  /** Removes what was prepared and not taken. Taker and maintainer must have ended. */
  close(): void {
    this.#discardCurrent();
    const { preparedQueue, recycledQueue } = this.#signals;
    for (const queue of [preparedQueue, recycledQueue]) {
      for (let spare = takeFrom(queue); spare !== undefined; spare = takeFrom(queue)) {
        this.#discarded.push(join(this.#options.directory, preparedFileName(spare.ticket)));
      }
    }
    this.#removeDiscarded();
  }
}

function preparationError(path: string, noSpace: boolean, cause: unknown): WalError {
  const code = systemCode(cause);
  const what = `${path}: a segment could not be prepared${code === undefined ? '' : ` (${code})`}.`;
  return noSpace
    ? new WalError(
        'ERR_FLASHSTRIKE_NO_SPACE',
        `${what} Free some space: the log then continues by itself.`,
        { path, cause },
      )
    : new WalError('ERR_FLASHSTRIKE_IO', `${what} Fix the cause, then open the log again.`, {
        path,
        cause,
      });
}
