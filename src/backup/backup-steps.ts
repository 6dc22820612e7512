// Makes a backup, in bounded steps. Segments are copied from the newest to the oldest: retention
// takes the oldest first, so what it takes meanwhile leaves no gap, and only makes the backup begin
// later. What is copied waits under a name of its own; once all of it is there the segments get
// their names, from the oldest to the newest, and wal.meta last.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { firstKeptIn, missingBeginning } from '../judgement/kept-events.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { readMeta } from '../reading/log-directory.js';
import { reading } from '../reading/read-failure.js';
import { openSegment, type SegmentFile } from '../reading/segment-file.js';
import { compressedPath, segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { WalMeta } from '../segment/wal-meta.js';
import type { Storage } from '../storage/storage.js';
import { BackupTarget, divergedError } from './backup-target.js';
import { SnapshotCopies } from './snapshot-copies.js';
import { findSourceEnd, type SourceEnd } from './source-end.js';
import { notBackedUp, stageFinished, stageLast } from './staging.js';

export interface BackupRequest {
  /** Folder of the log, as an absolute path. */
  readonly source: string;
  /** Folder of the backup, as an absolute path. */
  readonly target: string;
  /** Remove from the target what the log has removed. */
  readonly prune: boolean;
  readonly lock: 'flock' | 'none';
  /** The durable id and the id of the log, where this process has it open. */
  readonly durableEventId?: number | undefined;
  readonly logId?: bigint | undefined;
}

/** What a backup has done. */
export interface BackupReport {
  /** Folder of the log, as an absolute path. */
  readonly source: string;
  /** Folder of the backup, as an absolute path. */
  readonly target: string;
  /** False if it was stopped: the target is what it was before, and the next run goes on. */
  readonly complete: boolean;
  /** First event in the backup. */
  readonly firstEventId: number;
  /** Last event in the backup; firstEventId - 1 where it has none. */
  readonly lastEventId: number;
  /** Segments in the backup. */
  readonly segments: number;
  /** Segments that were copied now. */
  readonly copiedSegments: number;
  /** Segments that were in the target before, and stayed. */
  readonly reusedSegments: number;
  /** Segments that were removed from the target, with `prune`. */
  readonly removedSegments: number;
  /** Bytes that were copied now. */
  readonly copiedBytes: number;
  /** Snapshots of a state machine's state that the backup can be opened with. */
  readonly snapshots: number;
}

/** What a backup has done so far. */
export interface BackupProgress {
  /** Segments that were copied. */
  readonly copiedSegments: number;
  /** Bytes that were copied. */
  readonly copiedBytes: number;
  /** Somebody has the log open: the one who steps rests in between. */
  readonly isOpen: boolean;
}

/** A segment that gets its name at the end. */
interface Staged {
  readonly index: number;
  readonly name: string;
}

type Steps<Result> = Generator<BackupProgress, Result, undefined>;

/**
 * The steps of one backup. Whoever does not take all of them ends it with `return()`.
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT if the log is damaged; _EXPIRED if events between the
 * backup and the log are gone; _WRONG_LOG, _INVALID_ARGUMENT, _NO_SPACE, _LOCKED …
 */
export function* backupSteps(ports: ReadingPorts, request: BackupRequest): Steps<BackupReport> {
  const { storage } = ports;
  const target = new BackupTarget(storage, request.source, request.target);
  let source: SourceEnd | undefined;
  try {
    const finding = findSourceEnd(ports, request.source, request);
    source = yield* stepping(finding, () => ({ copiedSegments: 0, copiedBytes: 0, isOpen: true }));
    target.prepare(request.lock);
    return yield* new Backup(ports, request, source, target).steps();
  } finally {
    if (source !== undefined) storage.close(source.file.fd);
    target.release();
  }
}

/** Takes the steps of `inner`, and ends it where it is ended itself. */
function* stepping<Step, Result>(
  inner: Generator<Step, Result, undefined>,
  progressOf: (step: Step) => BackupProgress,
): Steps<Result> {
  const ending: Generator<Step, Result | undefined, undefined> = inner;
  try {
    for (;;) {
      const { done, value } = inner.next();
      if (done === true) return value;
      yield progressOf(value);
    }
  } finally {
    // It lets go of its files; nothing where it has come to its end.
    ending.return(undefined);
  }
}

class Backup {
  readonly #storage: Storage;
  readonly #request: BackupRequest;
  readonly #source: SourceEnd;
  readonly #target: BackupTarget;
  readonly #snapshots: SnapshotCopies;
  readonly #staged: Staged[] = [];
  #copiedSegments = 0;
  #copiedBytes = 0;
  #reusedSegments = 0;

  constructor(
    ports: ReadingPorts,
    request: BackupRequest,
    source: SourceEnd,
    target: BackupTarget,
  ) {
    const { logId, end } = source;
    const of = { dir: request.source, logId, lastEventId: end.lastEventId };
    this.#storage = ports.storage;
    this.#snapshots = new SnapshotCopies(ports, target, of);
    this.#request = request;
    this.#source = source;
    this.#target = target;
  }

  *steps(): Steps<BackupReport> {
    const target = this.#target;
    const { logId, file } = this.#source;
    const before = target.metaOf(logId);
    const lastIndex = target.indexes.at(-1) ?? 0;
    if (lastIndex > file.header.segmentIndex) throw divergedError(target, lastIndex);
    // Nothing may be opened as a log that lacks what is being copied. Where a backup is there
    // already, only once it is known that the log continues it.
    if (lastIndex === 0) target.flushMeta(this.#meta(0, false));
    let first: SegmentHeader;
    try {
      yield* this.#counted(this.#snapshots.stage());
      yield* this.#last();
      first = yield* this.#finished();
    } finally {
      // Also where it is stopped; what was staged whole is gone on with.
      target.writing(() => target.removeCopying());
    }
    yield this.#progress;
    return yield* this.#publish(first, before);
  }

  get #progress(): BackupProgress {
    const { isOpen } = this.#source;
    return { copiedSegments: this.#copiedSegments, copiedBytes: this.#copiedBytes, isOpen };
  }

  #meta(firstKeptEventId: number, cleanlyClosed: boolean): WalMeta {
    const { logId, file, end } = this.#source;
    return {
      cleanlyClosed,
      segmentIndex: file.header.segmentIndex,
      offset: end.endOffset,
      lastEventId: end.lastEventId,
      logId,
      durableEventId: end.lastEventId,
      firstKeptEventId,
    };
  }

  /** Counts what is copied. */
  *#counted<Result>(steps: Generator<number, Result, undefined>): Steps<Result> {
    return yield* stepping(steps, (copiedBytes) => {
      this.#copiedBytes += copiedBytes;
      return this.#progress;
    });
  }

  /** The segment that the backup ends in. */
  *#last(): Steps<void> {
    const target = this.#target;
    const { file, end, logId } = this.#source;
    const { segmentIndex: index, headerChecksum } = file.header;
    const isThere = (held: SegmentFile) => target.isLast(held, headerChecksum, end);
    const named = target.open(index, logId);
    if (named !== undefined && (yield* this.#counted(isThere(named)))) {
      this.#reusedSegments++;
      return;
    }
    const staged = target.openStaged(index, logId);
    if (staged !== undefined && (yield* this.#counted(isThere(staged)))) {
      yield* this.#keep(index, target.nameOfStaged(staged), false);
      return;
    }
    const name = yield* this.#counted(stageLast(target, file, end));
    yield* this.#keep(index, name, true);
  }

  /** The segments before it; returns the header of the first one that the backup has then. */
  *#finished(): Steps<SegmentHeader> {
    const { firstIndex, file } = this.#source;
    const [lowest = firstIndex] = this.#request.prune ? [] : this.#target.indexes;
    let first = file.header;
    while (first.segmentIndex > Math.min(lowest, firstIndex)) {
      const header = yield* this.#before(first);
      if (header === undefined) return first;
      first = header;
    }
    return first;
  }

  /** The segment before that of `pin`; undefined where nobody has it any more. */
  *#before(pin: SegmentHeader): Steps<SegmentHeader | undefined> {
    const target = this.#target;
    const { logId } = this.#source;
    const index = pin.segmentIndex - 1;
    const path = join(this.#request.source, segmentFileName(index));
    const named = target.open(index, logId);
    if (named !== undefined) {
      const isSmaller = named.frame === undefined && this.#isCompressed(path);
      if (target.isWhole(named, pin) && !isSmaller) {
        this.#reusedSegments++;
        yield this.#progress;
        return named.header;
      }
    }
    const staged = target.openStaged(index, logId);
    if (staged !== undefined && target.isWhole(staged, pin)) {
      yield* this.#keep(index, target.nameOfStaged(staged), false);
      return staged.header;
    }
    const file = openSegment(this.#storage, path, { index, logId });
    if (file === undefined) {
      if (index >= this.#source.firstIndex && !this.#isRemoved(pin)) throw goneError(path);
      return undefined;
    }
    try {
      const name = yield* this.#counted(stageFinished(target, file, pin));
      yield* this.#keep(index, name, true);
    } finally {
      this.#storage.close(file.fd);
    }
    return file.header;
  }

  /** Whether the log has the segment in its compressed form only. */
  #isCompressed(path: string): boolean {
    const isThere = (name: string): boolean =>
      reading(name, () => this.#storage.statusAt(name)) !== undefined;
    return !isThere(path) && isThere(compressedPath(path));
  }

  /** Whether what stands before the segment of `pin` was removed on purpose. */
  #isRemoved(pin: SegmentHeader): boolean {
    const meta = readMeta(this.#storage, this.#request.source);
    return firstKeptIn(meta, this.#source.logId) >= pin.firstEventId;
  }

  /** Segment `index` is staged. What the target has of it so far must be its beginning. */
  *#keep(index: number, name: string, isCopied: boolean): Steps<void> {
    const target = this.#target;
    if (isCopied) this.#copiedSegments++;
    else this.#reusedSegments++;
    this.#staged.push({ index, name });
    const continues = target.indexes.includes(index)
      ? yield* this.#counted(target.isContinuedBy(index, name, this.#source.logId))
      : true;
    if (!continues) throw divergedError(target, index);
  }

  *#publish(first: SegmentHeader, before: WalMeta | undefined): Steps<BackupReport> {
    const { target: dir, source, prune } = this.#request;
    const target = this.#target;
    const { indexes } = target;
    const gone = indexes.filter((index) => index < first.segmentIndex);
    if (gone.length > 0 && !prune) throw this.#expiredError(first);
    this.#checkBeginning(first);
    this.#snapshots.checkUseful(first.firstEventId);
    const meta = this.#meta(this.#firstKept(first, before, gone.length > 0), true);
    const staged = this.#staged.toReversed();
    // One that is not whole yet stays refused until it is.
    if (indexes.length > 0 && before?.cleanlyClosed !== true) {
      target.flushMeta({ ...meta, cleanlyClosed: false });
    }
    for (const { name, index } of staged) {
      target.publish(name, index);
      yield this.#progress;
    }
    const snapshots = this.#snapshots.publish(first.firstEventId);
    target.flushMeta(meta);
    this.#snapshots.removeOld();
    for (const index of gone) {
      target.remove(index);
      yield this.#progress;
    }
    target.removeLeft();
    const { segmentIndex } = this.#source.file.header;
    return {
      source,
      target: dir,
      complete: true,
      firstEventId: first.firstEventId,
      lastEventId: this.#source.end.lastEventId,
      segments: segmentIndex - first.segmentIndex + 1,
      copiedSegments: this.#copiedSegments,
      reusedSegments: this.#reusedSegments,
      removedSegments: gone.length,
      copiedBytes: this.#copiedBytes,
      snapshots,
    };
  }

  /** What was lost before `first` must not look in the backup as if it was removed on purpose. */
  #checkBeginning(first: SegmentHeader): void {
    const { source, target, prune } = this.#request;
    for (const dir of prune ? [source] : [source, target]) {
      const lost = missingBeginning(this.#storage, dir, readMeta(this.#storage, dir), first);
      if (lost?.error !== undefined) throw notBackedUp(lost.error);
    }
  }

  /** From which event on the backup has all: 0 where nothing was ever removed on purpose. */
  #firstKept(first: SegmentHeader, before: WalMeta | undefined, isPruned: boolean): number {
    const { firstEventId, logId } = first;
    if (firstEventId === 1) return 0;
    const ofSource = firstKeptIn(readMeta(this.#storage, this.#request.source), logId);
    const isKnown = isPruned || ofSource > 0 || (before?.firstKeptEventId ?? 0) > 0;
    return isKnown ? firstEventId : 0;
  }

  #expiredError({ firstEventId }: SegmentHeader): WalError {
    const { target, source } = this.#request;
    const message =
      `${source} begins with event ${firstEventId}: it has removed events that follow those in ` +
      `${target}. Choose a new folder, or, with the option prune, let the backup lose what it ` +
      'has of earlier ones.';
    return new WalError('ERR_FLASHSTRIKE_EXPIRED', message, { path: target, firstEventId });
  }
}

function goneError(path: string): WalError {
  const message = `${path} is missing: no backup was made. Run flashstrike verify.`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
}
