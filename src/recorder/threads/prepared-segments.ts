// What SegmentPreparer and SegmentWriter share: the queue of prepared files, and the words that say
// that a taker waits or that preparation is in trouble.
import type { Clock } from '../../clock/clock.js';
import { isOperational, systemCode, WalError } from '../../errors.js';
import type { SpscQueue } from '../../memory/spsc-queue.js';
import type { Storage } from '../../storage/storage.js';
import type { SegmentPreparerUpdater } from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import { TWO_POW_32 } from '../../units.js';
import { QUEUE_ENTRY_WORDS, type Signals, Trouble } from './signals.js';

/**
 * A file that is allocated, and written and synced as far as `writtenBytes`: with zeros or, where
 * it is recycled, behind a header page of zeros with what it held before. Told by its name and its
 * identity, not by a descriptor: each thread opens and closes its own.
 */
export interface PreparedSegment {
  /** Number in the file's name; not the segment's index. */
  readonly ticket: number;
  readonly inode: bigint;
  readonly segmentBytes: number;
  readonly writtenBytes: number;
  /** It was a segment before: what is in it must not be taken for what it will hold. */
  readonly isRecycled: boolean;
}

const UNIT_BYTES = 4096;

/** The producing end: the preparer's of `preparedQueue`, the maintainer's of `recycledQueue`. */
export function offer(queue: SpscQueue, segment: PreparedSegment): boolean {
  return queue.tryPush([
    segment.ticket | 0,
    Number(BigInt.asIntN(32, segment.inode)),
    Number(BigInt.asIntN(32, segment.inode >> 32n)),
    segment.segmentBytes / UNIT_BYTES,
    segment.writtenBytes / UNIT_BYTES,
    segment.isRecycled ? 1 : 0,
  ]);
}

/** The consuming end: the next segment, or undefined when none is ready. */
export function takeFrom(queue: SpscQueue): PreparedSegment | undefined {
  const entry = new Int32Array(QUEUE_ENTRY_WORDS);
  return queue.tryPop(entry) === 0 ? undefined : segmentIn(entry);
}

function segmentIn(entry: Int32Array): PreparedSegment {
  const [ticket = 0, low = 0, high = 0, segmentUnits = 0, writtenUnits = 0, recycled] = entry;
  return {
    ticket: ticket >>> 0,
    inode: BigInt(low >>> 0) + BigInt(high >>> 0) * BigInt(TWO_POW_32),
    segmentBytes: segmentUnits * UNIT_BYTES,
    writtenBytes: writtenUnits * UNIT_BYTES,
    isRecycled: recycled === 1,
  };
}

/**
 * What opening a prepared file says when somebody has taken it away or put something else there.
 */
const NOT_THERE = new Set(['ENOENT', 'EACCES', 'ERR_FLASHSTRIKE_UNSAFE_FILE']);

/**
 * The taker's descriptor of a prepared file; undefined where `path` is not that file any more, or a
 * snapshot shares it: our name of that is removed.
 */
export function openPrepared(
  storage: Storage,
  path: string,
  { inode, segmentBytes }: Pick<PreparedSegment, 'inode' | 'segmentBytes'>,
): number | undefined {
  let fd: number;
  try {
    fd = storage.open(path, 'rewrite');
  } catch (error) {
    const code = error instanceof WalError ? error.code : systemCode(error);
    if (NOT_THERE.has(code ?? '')) return undefined;
    throw error;
  }
  let isLinked = false;
  try {
    const status = storage.statusOf(fd);
    isLinked = status.inode === inode && status.links > 1;
    if (status.inode === inode && status.bytes === segmentBytes && !isLinked) return fd;
  } catch (error) {
    storage.close(fd);
    throw error;
  }
  storage.close(fd);
  if (isLinked) removeName(storage, path);
  return undefined;
}

function removeName(storage: Storage, path: string): void {
  try {
    storage.unlink(path);
  } catch (error) {
    // The next open removes what is left of it.
    if (!isOperational(error)) throw error;
  }
}

/** The taker's side, for the writer: `getNextSegment`, and what the preparer is told. */
export class PreparedSegments {
  readonly #signals: Signals;
  readonly #clock: Clock;
  readonly #telemetry: SegmentPreparerUpdater;
  /** Used again: nothing is allocated between the request and the segment. */
  readonly #entry = new Int32Array(QUEUE_ENTRY_WORDS);
  /** Called when a wait is over, with its beginning. */
  readonly #onWaited: (startNs: number) => void;
  #waitingSinceNs: number | undefined;
  /** The preparer knows of it. */
  #isAwaited = false;

  constructor(
    signals: Signals,
    clock: Clock,
    telemetry: SegmentPreparerUpdater,
    onWaited: (startNs: number) => void = () => {},
  ) {
    this.#signals = signals;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.#onWaited = onWaited;
  }

  /**
   * The next prepared segment, or undefined when none is ready; does not wait. The call that began
   * with the first undefined ends with the segment, or with `giveUp`: that is the wait it shows.
   * @param isHeldBack none is to be taken yet, be it ready or not: that is no wait for the preparer
   */
  getNextSegment(isHeldBack = false): PreparedSegment | undefined {
    const startNs = this.#waitingSinceNs ?? this.#clock.nowNs();
    if (isHeldBack) {
      if (this.#waitingSinceNs === undefined) this.#beginWaiting(startNs);
      return undefined;
    }
    const queued = this.#signals.preparedQueue.tryPop(this.#entry);
    if (queued === 0) {
      if (this.#waitingSinceNs === undefined) this.#beginWaiting(startNs);
      if (!this.#isAwaited) this.#await();
      return undefined;
    }
    const endNs = this.#clock.nowNs();
    if (this.#waitingSinceNs === undefined) {
      this.#telemetry.onGetNextSegment(startNs, 'ready', queued, endNs);
    } else {
      this.#telemetry.onGetNextSegment(startNs, 'waited', 0, endNs);
      this.#endWaiting();
    }
    // Behind the record: from here on the segment is the taker's.
    return segmentIn(this.#entry);
  }

  /** Nobody waits any more: preparation has failed, or the log has ended. */
  giveUp(): void {
    if (this.#waitingSinceNs === undefined) return;
    this.#telemetry.onGetNextSegment(this.#waitingSinceNs, 'failed', 0);
    this.#endWaiting();
  }

  #beginWaiting(sinceNs: number): void {
    this.#waitingSinceNs = sinceNs;
    this.#telemetry.setWaitingSince(sinceNs);
  }

  #await(): void {
    this.#isAwaited = true;
    // Before the word below: who sees a taker wait has its wait counted.
    this.#signals.count('segmentsAwaited', 1);
    this.#announceWaiting(true);
  }

  #endWaiting(): void {
    // Before the age that tells the same: who looks in between finds the wait twice, not nowhere.
    if (this.#waitingSinceNs !== undefined) this.#onWaited(this.#waitingSinceNs);
    this.#waitingSinceNs = undefined;
    this.#isAwaited = false;
    this.#telemetry.setWaitingSince(0);
    this.#announceWaiting(false);
  }

  /** Says that a taker waits: the preparer hands over what it has. */
  #announceWaiting(waiting: boolean): void {
    const word = waiting ? 1 : 0;
    if (this.#signals.get('takerWaiting') === word) return;
    this.#signals.set('takerWaiting', word);
    if (waiting) this.#signals.wake('preparer');
  }

  announceTaken(): void {
    this.#signals.count('segmentsTaken', 1);
    this.#signals.wake('preparer');
  }

  /** A segment of this size, 4096 or more, is written from now on: spares are made by that. */
  announceActive(segmentBytes: number): void {
    this.#signals.set('usedParts', 0);
    this.#signals.set('activePages', Math.trunc(segmentBytes / UNIT_BYTES));
  }

  /** @param parts how many SEGMENT_PARTS of the active segment are used */
  announceUse(parts: number): void {
    if (this.#signals.get('usedParts') === parts) return;
    this.#signals.set('usedParts', parts);
    this.#signals.wake('preparer');
  }

  /** Why preparation does not succeed, when the preparer has given up on it for good. */
  get error(): Error | undefined {
    if (this.#signals.get('preparerTrouble') !== Trouble.error) return undefined;
    return (
      this.#signals.preparerError.read() ??
      new WalError('ERR_FLASHSTRIKE_IO', 'A segment could not be prepared.')
    );
  }

  get isOutOfSpace(): boolean {
    return this.#signals.get('preparerTrouble') === Trouble.noSpace;
  }
}
