// The folder of a backup: a log of its own. Whatever moment a run ends at, it opens as the backup
// that it was before, or as a prefix of the log that is longer than that; or, where there was none
// before, it is refused as one that lacks durable events, because wal.meta tells of them before any
// of them is there.
import { basename, dirname, join } from 'node:path';
import { invalidArgument, WalError } from '../errors.js';
import { type LogListing, listLog, readMeta, usableMeta } from '../reading/log-directory.js';
import { pinProblem } from '../reading/pin.js';
import { openSegment, readSegment, type SegmentFile } from '../reading/segment-file.js';
import { type SegmentEnd, SegmentReader } from '../reading/segment-reader.js';
import { MetaStore } from '../recorder/housekeeping/meta-store.js';
import { BlockKind } from '../segment/block-header.js';
import {
  classifyName,
  compressedPath,
  segmentFileName,
  stagedFileName,
} from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { WalMeta } from '../segment/wal-meta.js';
import { isLeftOver } from '../storage/left-over.js';
import { acquireLock, type LogLock, separateLock } from '../storage/lock-file.js';
import { closeLogFolder, type LogFolder, openLogFolder } from '../storage/log-folder.js';
import { makeDurableFolder } from '../storage/new-folder.js';
import { isInside, outputFailure } from '../storage/output-folder.js';
import type { Storage } from '../storage/storage.js';
import { alignUp, MIB, PAGE_BYTES } from '../units.js';
import { isSameEnd, type StagingPlace } from './staging.js';

/** What a folder may hold that a backup is made into. */
const OWN_NAMES = new Set([
  'segment',
  'compressed',
  'meta',
  'meta-temporary',
  'lock',
  'backup',
  'snapshot',
  'snapshot-temporary',
]);
const COMPARED_BYTES = 2 * MIB;
const AGAIN = 'What was there before is unharmed; make the backup again.';

interface HeldEnd {
  readonly end: SegmentEnd;
  /** Behind the last block of events. */
  readonly eventsEndOffset: number;
  readonly isSealed: boolean;
}

export class BackupTarget implements StagingPlace {
  readonly storage: Storage;
  readonly target: string;
  readonly #source: string;
  readonly #meta: MetaStore;
  #folder: LogFolder | undefined;
  #lock: LogLock | undefined;
  #listing: LogListing | undefined;

  constructor(storage: Storage, source: string, target: string) {
    this.storage = storage;
    this.#source = source;
    this.target = target;
    this.#meta = new MetaStore(storage, target);
  }

  /** Runs work on the target; a system error comes out as a WalError about it. */
  readonly writing = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw outputFailure(error, this.target, AGAIN);
    }
  };

  /** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT where it cannot be one of a backup */
  prepare(lock: 'flock' | 'none'): void {
    const { storage, target } = this;
    if (isInside(storage, target, this.#source)) {
      throw invalidArgument(
        `${target} is inside the log that is to be backed up. Choose a folder elsewhere.`,
      );
    }
    this.writing(() => makeDurableFolder(storage, target));
    // Before LOCK is made in a folder that is none of ours.
    const strange = this.writing(() =>
      storage.list(target).find(({ name }) => !OWN_NAMES.has(classifyName(name))),
    );
    if (strange !== undefined) {
      throw invalidArgument(
        `${target} holds something that is no part of a backup: ${basename(strange.name)}. ` +
          'Choose a folder that is new or empty, or that of an earlier backup.',
      );
    }
    this.writing(() => this.#acquire(lock));
    this.#listing = listLog(storage, target);
  }

  /** As an opening of a log does: LOCK may have another name in a snapshot by hard links. */
  #acquire(lock: 'flock' | 'none'): void {
    const { storage, target } = this;
    if (lock === 'flock') this.#folder = openLogFolder(target, lock);
    const isFolderLocked = this.#folder?.isLocked === true;
    if (isFolderLocked || lock === 'none') separateLock(storage, target);
    this.#lock = acquireLock(storage, target, lock, isFolderLocked);
  }

  /** Idempotent. */
  release(): void {
    if (this.#folder !== undefined) closeLogFolder(this.#folder);
    this.#folder = undefined;
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** The segments that have their names. */
  get indexes(): readonly number[] {
    return (this.#listing?.segments ?? []).map(({ index }) => index);
  }

  /**
   * wal.meta of the backup that is there.
   * @throws WalError ERR_FLASHSTRIKE_WRONG_LOG where it is one of another log
   */
  metaOf(logId: bigint): WalMeta | undefined {
    const meta = usableMeta(readMeta(this.storage, this.target), this.target);
    if (meta === undefined || meta.logId === logId) return meta;
    throw otherLogError(this.target);
  }

  /** Segment `index` as far as the backup that is there has it. */
  open(index: number, logId: bigint): SegmentFile | undefined {
    return this.#openAt(this.#path(index), index, logId);
  }

  /** Whether `file`, which is closed, is what `pin` says of it. */
  isWhole(file: SegmentFile, pin: SegmentHeader): boolean {
    try {
      return pinProblem(this.storage, file, pin) === undefined;
    } finally {
      this.storage.close(file.fd);
    }
  }

  /** Segment `index` as it was staged, compressed or not. */
  openStaged(index: number, logId: bigint): SegmentFile | undefined {
    return this.#openAt(this.stagedPath(segmentFileName(index)), index, logId);
  }

  stagedPath(name: string): string {
    return join(this.target, stagedFileName(name));
  }

  #path(index: number): string {
    return join(this.target, segmentFileName(index));
  }

  /** Undefined also where what is there is damaged: it is copied anew. */
  #openAt(path: string, index: number, logId: bigint): SegmentFile | undefined {
    try {
      return openSegment(this.storage, path, { index, logId });
    } catch (error) {
      if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_WRONG_LOG') {
        throw otherLogError(this.target);
      }
      if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_CORRUPT') return undefined;
      throw error;
    }
  }

  /** By which `publish` gives it its name. */
  nameOfStaged({ header, frame }: SegmentFile): string {
    const name = segmentFileName(header.segmentIndex);
    return frame === undefined ? name : compressedPath(name);
  }

  /** Whether `file`, which is closed, is segment `headerChecksum` up to `end`, and no further. */
  *isLast(
    file: SegmentFile,
    headerChecksum: bigint,
    end: SegmentEnd,
  ): Generator<number, boolean, undefined> {
    try {
      if (file.header.headerChecksum !== headerChecksum || file.frame !== undefined) return false;
      if (file.bytes !== alignUp(end.endOffset, PAGE_BYTES)) return false;
      const held = yield* this.#endOf(file);
      return isSameEnd(held.end, end) && !held.isSealed;
    } finally {
      this.storage.close(file.fd);
    }
  }

  /** Whether what stands under the name of segment `index` is the beginning of what is staged. */
  *isContinuedBy(
    index: number,
    name: string,
    logId: bigint,
  ): Generator<number, boolean, undefined> {
    const named = this.open(index, logId);
    // It is damaged so that not even its header can be read: what is staged takes its place.
    if (named === undefined) return true;
    try {
      const { eventsEndOffset } = yield* this.#endOf(named);
      const staged = this.#openAt(this.stagedPath(name), index, logId);
      if (staged === undefined) return false;
      try {
        return yield* this.#isPrefix(named, staged, eventsEndOffset);
      } finally {
        this.storage.close(staged.fd);
      }
    } finally {
      this.storage.close(named.fd);
    }
  }

  *#endOf(file: SegmentFile): Generator<number, HeldEnd, undefined> {
    const reader = new SegmentReader(this.storage, file);
    let eventsEndOffset = reader.offset;
    for (let enough = COMPARED_BYTES; reader.next(); ) {
      if (reader.block?.kind === BlockKind.events) eventsEndOffset = reader.offset;
      if (reader.bytesRead < enough) continue;
      enough = reader.bytesRead + COMPARED_BYTES;
      yield 0;
    }
    return { end: reader.end, eventsEndOffset, isSealed: reader.sealed };
  }

  *#isPrefix(
    named: SegmentFile,
    staged: SegmentFile,
    bytes: number,
  ): Generator<number, boolean, undefined> {
    const [left, right] = [new Uint8Array(COMPARED_BYTES), new Uint8Array(COMPARED_BYTES)];
    for (let offset = 0; offset < bytes; offset += COMPARED_BYTES) {
      const wanted = Math.min(COMPARED_BYTES, bytes - offset);
      const [a, b] = [left.subarray(0, wanted), right.subarray(0, wanted)];
      const isThere = readSegment(this.storage, named, a, offset) === wanted;
      if (!isThere || readSegment(this.storage, staged, b, offset) !== wanted) return false;
      if (Buffer.compare(a, b) !== 0) return false;
      yield 0;
    }
    return true;
  }

  flushMeta(meta: WalMeta): void {
    this.writing(() => this.#meta.flush(meta));
  }

  /** Gives a staged segment its name; a file of the same segment that was there goes. */
  publish(name: string, index: number): void {
    const { storage, target } = this;
    const plain = this.#path(index);
    const path = join(target, name);
    const other = path === plain ? compressedPath(plain) : plain;
    this.writing(() => {
      storage.rename(this.stagedPath(name), path);
      // Durable before the other one goes, and before the next one comes: nothing that a power cut
      // leaves has a gap.
      storage.syncDirectory(target);
      if (!isLeftOver(storage, other)) return;
      storage.unlink(other);
      storage.syncDirectory(target);
    });
  }

  /** Removes a segment of the backup that is not to be in it any more. */
  remove(index: number): void {
    const { storage } = this;
    const plain = this.#path(index);
    this.writing(() => {
      for (const path of [compressedPath(plain), plain]) {
        if (isLeftOver(storage, path)) storage.unlink(path);
      }
      storage.syncDirectory(dirname(plain));
    });
  }

  /** Removes what earlier runs that did not come to their end have left beside the segments. */
  removeLeft(): void {
    const { storage, target } = this;
    this.writing(() => {
      const { unfinishedBackup, returned } = listLog(storage, target);
      for (const name of [...unfinishedBackup, ...returned]) {
        const path = join(target, name);
        if (isLeftOver(storage, path)) storage.unlink(path);
      }
    });
  }

  /** Removes what is half copied: it is not gone on with. */
  removeCopying(): void {
    const { storage, target } = this;
    for (const { name } of storage.list(target)) {
      const isHalf = classifyName(name) === 'backup' && name.startsWith('copying-');
      if (isHalf && isLeftOver(storage, join(target, name))) storage.unlink(join(target, name));
    }
  }
}

function otherLogError(target: string): WalError {
  const message = `${target} holds a backup of another log. Choose another folder.`;
  return new WalError('ERR_FLASHSTRIKE_WRONG_LOG', message, { path: target });
}

/** The target was opened and continued as a log, or the source is an older state of it. */
export function divergedError({ target }: BackupTarget, index: number): WalError {
  const path = join(target, segmentFileName(index));
  const message =
    `${target} is no backup of this log any more: ${path} holds what the log does not. One of ` +
    'the two was continued under the same ids, or put back to an earlier state. Choose another ' +
    'folder.';
  return new WalError('ERR_FLASHSTRIKE_WRONG_LOG', message, { path });
}
