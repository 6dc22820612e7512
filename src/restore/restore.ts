// `restore`: a new log from a backup, or from any other log, that ends at an event or at a time.
// It is written anew, under an id of its own: the events that the original has behind that end are
// none of this log, and nothing that belongs to the original (its consumers, its shared memory, its
// backups) may take one for the other.
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { random64 } from '../random.js';
import {
  checkCallback,
  checkDirectory,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import { holdsLog, listLog, noLogIn, readMeta } from '../reading/log-directory.js';
import { LogWalker } from '../replay/log-walker.js';
import type { FrameRun } from '../ring/ring-snapshot.js';
import { LogCopy } from '../salvage/log-copy.js';
import { acquireLock } from '../storage/lock-file.js';
import { makeOutputFolder } from '../storage/output-folder.js';
import {
  checkEnd,
  endOf,
  lastOf,
  type RestoreEnd,
  runOf,
  TURN_BYTES,
  takeFrom,
  writingTo,
} from './restore-end.js';

/** Options of {@link restore}. */
export interface RestoreOptions {
  /** The last event of the restored log; default: the last of the backup. */
  readonly toId?: number | undefined;
  /**
   * The log ends before the first event that is later: nanoseconds since 1970, or a Date. A batch
   * with such an event is left out as a whole. Not together with `toId`.
   */
  readonly toTime?: bigint | Date | undefined;
  /** Ends it early: the report is not `complete`, and the target no log that opens. */
  readonly signal?: AbortSignal | undefined;
  /** Called from time to time with the number of events restored so far. */
  readonly onProgress?: ((events: number) => void) | undefined;
}

/** What {@link restore} did. */
export interface RestoreReport {
  /** Folder of the backup, as an absolute path. */
  readonly source: string;
  /** Folder of the restored log, as an absolute path. */
  readonly target: string;
  /** False if it was stopped before the end: remove the target then. */
  readonly complete: boolean;
  /** Number of events in the restored log. */
  readonly events: number;
  /** Its first event, as in the backup. */
  readonly firstEventId: number;
  /** Its last event, as in the backup. */
  readonly lastEventId: number;
  /** Number of its segments. */
  readonly segments: number;
}

/**
 * Makes a new log in `target`, a new or empty folder, with the events of the backup (or any other
 * log) in `source` up to an event or a time. Ids, types, timestamps, payloads and batches are kept.
 * Everything is verified on the way. The new log has an id of its own, and no consumers; it goes on
 * with the next id.
 * @throws WalError ERR_FLASHSTRIKE_OUT_OF_RANGE or _EXPIRED if the source has no such event,
 * _INVALID_ARGUMENT if `toId` would cut a batch, or `target` is not empty; _CORRUPT, _UNDECIDABLE
 * about the source up to that end; _NO_SPACE, _ACCESS, _IO, _LOCKED, _NOT_A_LOG
 * @example
 * import { restore } from 'flashstrike';
 *
 * const { lastEventId } = await restore('/mnt/backup/orders', './orders', {
 *   toTime: new Date('2026-03-01T09:30:00Z'),
 * });
 * console.log(`restored up to event ${lastEventId}`);
 */
export async function restore(
  source: string | URL,
  target: string | URL,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  return restoreThrough(REGION_PORTS, checkDirectory(source), checkDirectory(target), options);
}

/** {@link restore} with other ports than those of this machine. */
export async function restoreThrough(
  ports: ReadingPorts,
  source: string,
  target: string,
  options: RestoreOptions = {},
  lock: 'flock' | 'none' = 'flock',
): Promise<RestoreReport> {
  checkOptionNames(options, ['toId', 'toTime', 'signal', 'onProgress']);
  checkSignal(options.signal);
  checkCallback('onProgress', options.onProgress);
  const end = endOf(options);
  return new Restoring(ports, resolve(source), resolve(target), options, end).run(lock);
}

class Restoring {
  readonly #ports: ReadingPorts;
  readonly #source: string;
  readonly #target: string;
  readonly #options: RestoreOptions;
  readonly #end: RestoreEnd;
  #events = 0;

  constructor(
    ports: ReadingPorts,
    source: string,
    target: string,
    options: RestoreOptions,
    end: RestoreEnd,
  ) {
    this.#ports = ports;
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#end = end;
  }

  async run(lockMode: 'flock' | 'none'): Promise<RestoreReport> {
    const source = this.#source;
    const { storage } = this.#ports;
    // Before the target is made: a mistake must not leave an empty folder behind.
    const listing = listLog(storage, source);
    if (!holdsLog(listing)) throw noLogIn(source);
    checkEnd(() => new LogWalker(this.#ports, source), source, this.#end);
    const { segmentBytes, highestEventId } = await lastOf(storage, source);
    writingTo(this.#target, () => makeOutputFolder(storage, this.#target, source, 'restored'));
    const lock = writingTo(this.#target, () => acquireLock(storage, this.#target, lockMode));
    try {
      const copy = writingTo(
        this.#target,
        () =>
          new LogCopy(storage, this.#target, {
            logId: random64() | 1n,
            segmentBytes,
            claimedEventId: this.#end.toId ?? highestEventId,
            isTrimmed: this.#isTrimmed(),
          }),
      );
      try {
        const complete = await this.#copyTo(copy);
        if (complete) writingTo(this.#target, () => copy.finish());
        const { firstEventId, lastEventId, segments } = copy;
        const [events, target] = [this.#events, this.#target];
        return { source, target, complete, events, firstEventId, lastEventId, segments };
      } finally {
        copy.close();
      }
    } finally {
      lock.release();
    }
  }

  /** Whether the source tells that what is missing at its beginning was removed on purpose. */
  #isTrimmed(): boolean {
    const meta = readMeta(this.#ports.storage, this.#source);
    return meta.status === 'present' && meta.meta.firstKeptEventId > 0;
  }

  /** @returns false when it was stopped */
  async #copyTo(copy: LogCopy): Promise<boolean> {
    const { signal, onProgress } = this.#options;
    const walker = new LogWalker(this.#ports, this.#source);
    let bytes = 0;
    try {
      walker.seek(undefined);
      for (;;) {
        if (signal?.aborted === true) return false;
        if (!walker.next()) {
          if (!walker.confirmEnd()) continue;
          this.#beginEmpty(walker, copy);
          return true;
        }
        const block = runOf(walker);
        if (block === undefined) continue;
        const { run, isEnd } = takeFrom(block, this.#end);
        if (run !== undefined) this.#take(run, copy);
        if (isEnd) return true;
        bytes += block.end - block.start;
        if (bytes < TURN_BYTES) continue;
        bytes = 0;
        onProgress?.(this.#events);
        await nextTurn();
      }
    } finally {
      walker.close();
    }
  }

  /** Ids that the source has given to events that retention took are not given again. */
  #beginEmpty({ reader, nextEventId }: LogWalker, copy: LogCopy): void {
    if (copy.segments > 0 || reader === undefined) return;
    writingTo(this.#target, () => copy.beginEmpty(nextEventId, reader.file.header.createdTsNs));
  }

  #take(run: FrameRun, copy: LogCopy): void {
    writingTo(this.#target, () => copy.append(run));
    this.#events += run.header.eventCount;
  }
}
