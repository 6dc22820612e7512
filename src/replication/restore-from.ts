// `restoreFrom`: a new log with what a stream has. Ids, types, times, batches and payloads are
// those of the log that it was written from; its own id is another one.
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalidArgument, outOfRange } from '../errors.js';
import { random64 } from '../random.js';
import {
  checkCallback,
  checkDirectory,
  checkFlag,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import { endOf, type RestoreEnd, TURN_BYTES, takeFrom, writingTo } from '../restore/restore-end.js';
import { LogCopy } from '../salvage/log-copy.js';
import { highestTimestampNs } from '../segment/frame.js';
import { MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES } from '../segment/segment-header.js';
import { acquireLock } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import { makeOutputFolder } from '../storage/output-folder.js';
import type { Storage } from '../storage/storage.js';
import { MIB } from '../units.js';
import type { BlockStream } from './block-stream.js';
import { StreamReading } from './stream-reading.js';
import type { StreamEnd } from './stream-tip.js';
import type { StreamRun } from './stream-walk.js';

/** Options of {@link restoreFrom}. */
export interface RestoreFromOptions {
  /** The last event of the new log; default: the last of the stream. */
  readonly toId?: number | undefined;
  /** The log ends before the first event that is later: nanoseconds since 1970, or a Date. */
  readonly toTime?: bigint | Date | undefined;
  /**
   * A warm standby: it takes what comes as well, until `signal` is aborted; then all that the
   * stream has by that time, and the log is complete. Needs `signal`.
   */
  readonly follow?: boolean | undefined;
  /** Ends it: without `follow` early, and the report is not `complete`. */
  readonly signal?: AbortSignal | undefined;
  /** Size of the segments of the new log. Default 64 MiB. */
  readonly segmentBytes?: number | undefined;
  /** Called from time to time with the last event that was taken. */
  readonly onProgress?: ((eventId: number) => void) | undefined;
}

/** What {@link restoreFrom} did. */
export interface RestoreFromReport {
  /** Name of the stream. */
  readonly stream: string;
  /** Folder of the new log, as an absolute path. */
  readonly target: string;
  /** False if it was stopped before the end: remove the target then. */
  readonly complete: boolean;
  /** Number of events in the new log. */
  readonly events: number;
  /** Its first event; above 1 where the stream does not keep older ones. */
  readonly firstEventId: number;
  /** Its last event; firstEventId - 1 if there is none. */
  readonly lastEventId: number;
  /** The epoch in which the stream ends: how often it was claimed. */
  readonly epoch: number;
  /** Blocks of the stream that were read and verified. */
  readonly blocks: number;
  /** Number of segments of the new log. */
  readonly segments: number;
}

const OPTIONS = ['toId', 'toTime', 'follow', 'signal', 'segmentBytes', 'onProgress'];

/**
 * Makes a new log in `target`, a new or empty folder, with the events of a stream: ids, types,
 * times, batches and payloads as they were appended. Everything is verified on the way, frame by
 * frame. The log has an id of its own and goes on with the next event id; to go on with the stream
 * as well, replicate it with `takeover: true`. The stream is closed at the end.
 * @throws WalError ERR_FLASHSTRIKE_CORRUPT where the stream is damaged; _STREAM_UNAVAILABLE;
 * _OUT_OF_RANGE if it has no such event; _INVALID_ARGUMENT if `toId` would cut a batch, or `target`
 * is not empty; _NO_SPACE, _ACCESS, _IO, _LOCKED
 * @example
 * import { type BlockStream, restoreFrom } from 'flashstrike/replication';
 *
 * async function rebuild(stream: BlockStream): Promise<number> {
 *   const { lastEventId } = await restoreFrom(stream, './orders');
 *   return lastEventId;
 * }
 */
export async function restoreFrom(
  stream: BlockStream,
  target: string | URL,
  options: RestoreFromOptions = {},
): Promise<RestoreFromReport> {
  checkOptionNames(options, OPTIONS);
  checkSignal(options.signal);
  checkCallback('onProgress', options.onProgress);
  if (checkFlag('follow', options.follow) && options.signal === undefined) {
    throw invalidArgument('follow: true needs a signal: nothing else ends it.');
  }
  const { segmentBytes = 64 * MIB } = options;
  const isPossible = segmentBytes >= MIN_SEGMENT_BYTES && segmentBytes <= MAX_SEGMENT_BYTES;
  if (!Number.isSafeInteger(segmentBytes) || !isPossible) {
    throw invalidArgument('segmentBytes must be a whole number from 65,536 to 1,073,741,824.');
  }
  const end = endOf(options);
  const path = resolve(checkDirectory(target));
  try {
    return await new Restoring(nodeStorage, stream, path, { ...options, segmentBytes }, end).run();
  } finally {
    await stream.close();
  }
}

class Restoring {
  readonly #storage: Storage;
  readonly #stream: BlockStream;
  readonly #target: string;
  readonly #options: RestoreFromOptions & { readonly segmentBytes: number };
  readonly #end: RestoreEnd;
  readonly #reading: StreamReading;
  #copy: LogCopy | undefined;
  #events = 0;
  #lastTsNs = 0n;
  #turnBytes = 0;

  constructor(
    storage: Storage,
    stream: BlockStream,
    target: string,
    options: RestoreFromOptions & { readonly segmentBytes: number },
    end: RestoreEnd,
  ) {
    this.#storage = storage;
    this.#stream = stream;
    this.#target = target;
    this.#options = options;
    this.#end = end;
    this.#reading = new StreamReading(stream, options);
  }

  async run(): Promise<RestoreFromReport> {
    const { name } = this.#stream;
    const { toId } = this.#end;
    // Before the target is made: a mistake must not leave an empty folder behind.
    const streamEnd = await this.#reading.end();
    if (streamEnd.sequence === 0) throw outOfRange(`Stream ${name} is empty.`);
    const isFollowing = this.#options.follow === true;
    if (toId !== undefined && (toId < 1 || (toId >= streamEnd.nextEventId && !isFollowing))) {
      throw outOfRange(`Stream ${name} ends before event ${toId}.`);
    }
    writingTo(this.#target, () =>
      makeOutputFolder(this.#storage, this.#target, undefined, 'restored'),
    );
    const lock = writingTo(this.#target, () => acquireLock(this.#storage, this.#target, 'flock'));
    try {
      return await this.#take(streamEnd);
    } finally {
      this.#copy?.close();
      lock.release();
    }
  }

  async #take(streamEnd: StreamEnd): Promise<RestoreFromReport> {
    const { walk } = this.#reading;
    let isStopped = this.#isStopped;
    for await (const run of this.#reading.runs(streamEnd)) {
      if (this.#isStopped || this.#append(run, streamEnd)) break;
      await this.#turn();
    }
    isStopped ||= this.#isStopped;
    const copy = this.#copy ?? this.#begin(walk.firstEventId, streamEnd);
    if (!isStopped && copy.segments === 0 && this.#lastTsNs > 0n) {
      const what = `holds no event up to that time: its first one is ${walk.firstEventId}`;
      throw outOfRange(`Stream ${this.#stream.name} ${what}. Remove ${this.#target}.`);
    }
    if (!isStopped) {
      writingTo(this.#target, () => {
        if (copy.segments === 0) copy.beginEmpty(walk.nextEventId, this.#lastTsNs);
        copy.finish();
      });
    }
    return {
      stream: this.#stream.name,
      target: this.#target,
      complete: !isStopped,
      events: this.#events,
      firstEventId: copy.firstEventId,
      lastEventId: copy.lastEventId,
      epoch: walk.epoch,
      blocks: walk.blocks,
      segments: copy.segments,
    };
  }

  /** A standby that is stopped is complete. */
  get #isStopped(): boolean {
    return this.#options.follow !== true && this.#options.signal?.aborted === true;
  }

  #begin(firstEventId: number, { nextEventId }: StreamEnd): LogCopy {
    const { segmentBytes } = this.#options;
    const { toId } = this.#end;
    this.#copy = writingTo(
      this.#target,
      () =>
        new LogCopy(this.#storage, this.#target, {
          logId: random64() | 1n,
          segmentBytes,
          // Until it is complete it claims what it was to hold, so that nobody opens less.
          claimedEventId: toId ?? nextEventId - 1,
          isTrimmed: firstEventId > 1,
        }),
    );
    return this.#copy;
  }

  /** @returns whether the log ends with it */
  #append(run: StreamRun, streamEnd: StreamEnd): boolean {
    const { frames, firstEventId, eventCount } = run;
    const copy = this.#copy ?? this.#begin(firstEventId, streamEnd);
    // Frames are read by words of 4 bytes: in memory of their own they are aligned.
    const bytes = frames.byteOffset % 8 === 0 ? frames : new Uint8Array(frames);
    const writtenTsNs = highestTimestampNs(bytes, 0, bytes.length);
    const header = { firstEventId, eventCount, writtenTsNs };
    const whole = { bytes, start: 0, end: bytes.length, header };
    const { run: taken, isEnd, cutBatch } = takeFrom(whole, this.#end);
    if (cutBatch !== undefined) {
      throw invalidArgument(
        `Event ${this.#end.toId} stands inside of a batch, events ${cutBatch.firstEventId} to ` +
          `${cutBatch.lastEventId}, of which a log has all or none. Remove ${this.#target}, then ` +
          'restore up to another event.',
      );
    }
    this.#lastTsNs = writtenTsNs;
    if (taken === undefined) return isEnd;
    writingTo(this.#target, () => copy.append(taken));
    this.#events += taken.header.eventCount;
    this.#turnBytes += bytes.length;
    return isEnd;
  }

  async #turn(): Promise<void> {
    if (this.#turnBytes < TURN_BYTES) return;
    this.#turnBytes = 0;
    this.#options.onProgress?.(this.#copy?.lastEventId ?? 0);
    await nextTurn();
  }
}
