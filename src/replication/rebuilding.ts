// Makes a log of what objects and a stream have, as one run of blocks after the other.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalidArgument, outOfRange } from '../errors.js';
import { random64 } from '../random.js';
import { type RestoreEnd, TURN_BYTES, takeFrom, writingTo } from '../restore/restore-end.js';
import { LogCopy } from '../salvage/log-copy.js';
import { highestTimestampNs } from '../segment/frame.js';
import { acquireLock } from '../storage/lock-file.js';
import { makeOutputFolder } from '../storage/output-folder.js';
import type { Storage } from '../storage/storage.js';
import type { BlockStream } from './block-stream.js';
import { joinedRuns, type Run } from './objects/joined-runs.js';
import { missingEvents } from './objects/object-failures.js';
import { ObjectSource } from './objects/object-source.js';
import type { ObjectStore } from './objects/object-store.js';
import { StreamReading } from './stream-reading.js';
import type { StreamEnd } from './stream-tip.js';

/** Options of `restoreFrom`. */
export interface RestoreFromOptions {
  /**
   * Read first: what `archive` has put there. The stream then gives the rest, and where both have
   * events, they are compared.
   */
  readonly objects?: ObjectStore | undefined;
  /** The last event of the new log; default: the last that there is. */
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

/** What `restoreFrom` did. */
export interface RestoreFromReport {
  /** Name of the stream; undefined without one. */
  readonly stream: string | undefined;
  /** Segments that were read from objects and verified. */
  readonly objects: number;
  /** Folder of the new log, as an absolute path. */
  readonly target: string;
  /** False if it was stopped before the end: remove the target then. */
  readonly complete: boolean;
  /** Number of events in the new log. */
  readonly events: number;
  /** Its first event; above 1 where nothing there keeps older ones. */
  readonly firstEventId: number;
  /** Its last event; firstEventId - 1 if there is none. */
  readonly lastEventId: number;
  /** The epoch in which the stream ends: how often it was claimed; 0 without a stream. */
  readonly epoch: number;
  /** Blocks of the stream that were read and verified. */
  readonly blocks: number;
  /** Number of segments of the new log. */
  readonly segments: number;
}

type Options = RestoreFromOptions & { readonly segmentBytes: number };

async function* nothing(): AsyncGenerator<Run, void> {}

export class Rebuilding {
  readonly #storage: Storage;
  readonly #target: string;
  readonly #options: Options;
  readonly #end: RestoreEnd;
  readonly #reading: StreamReading | undefined;
  readonly #streamName: string | undefined;
  readonly #objects: ObjectSource | undefined;
  #copy: LogCopy | undefined;
  #events = 0;
  #lastTsNs = 0n;
  #turnBytes = 0;

  constructor(
    storage: Storage,
    stream: BlockStream | undefined,
    target: string,
    options: Options,
    end: RestoreEnd,
  ) {
    const { objects, follow, signal } = options;
    this.#storage = storage;
    this.#target = target;
    this.#options = options;
    this.#end = end;
    this.#reading = stream && new StreamReading(stream, options);
    this.#streamName = stream?.name;
    // A standby that is stopped is complete, with all that the objects have.
    this.#objects = objects && new ObjectSource(objects, follow === true ? undefined : signal);
  }

  async run(): Promise<RestoreFromReport> {
    const { toId } = this.#end;
    // Before the target is made: a mistake must not leave an empty folder behind.
    const streamEnd = await this.#reading?.end();
    await this.#objects?.open(this.#streamName, streamEnd, toId);
    const lastEventId = Math.max(
      (streamEnd?.nextEventId ?? 0) - 1,
      this.#objects?.lastEventId ?? 0,
    );
    if ((streamEnd?.sequence ?? 0) === 0 && this.#objects?.isEmpty !== false) {
      throw outOfRange(`${this.#names} ${this.#isOne ? 'is empty' : 'hold no segment'}.`);
    }
    const isFollowing = this.#options.follow === true;
    if (toId !== undefined && (toId < 1 || (toId > lastEventId && !isFollowing))) {
      throw outOfRange(`${this.#names} ${this.#isOne ? 'ends' : 'end'} before event ${toId}.`);
    }
    writingTo(this.#target, () =>
      makeOutputFolder(this.#storage, this.#target, undefined, 'restored'),
    );
    const lock = writingTo(this.#target, () => acquireLock(this.#storage, this.#target, 'flock'));
    try {
      return await this.#take(streamEnd, lastEventId);
    } finally {
      this.#copy?.close();
      lock.release();
    }
  }

  /** What it is restored from, as the beginning of a sentence. */
  get #names(): string {
    const stream = this.#streamName === undefined ? [] : [`stream ${this.#streamName}`];
    const objects = this.#objects === undefined ? [] : [`objects ${this.#objects.name}`];
    const names = [...objects, ...stream].join(' and ');
    return names.charAt(0).toUpperCase() + names.slice(1);
  }

  get #isOne(): boolean {
    return this.#objects === undefined;
  }

  async #take(streamEnd: StreamEnd | undefined, lastEventId: number): Promise<RestoreFromReport> {
    let isStopped = this.#isStopped;
    let isEnd = false;
    for await (const run of this.#runs(streamEnd)) {
      isEnd = this.#isStopped || this.#append(run, lastEventId);
      if (isEnd) break;
      await this.#turn();
    }
    isStopped ||= this.#isStopped;
    if (!isEnd && !isStopped) this.#checkJoint();
    const walk = this.#reading?.walk;
    const firstEventId = this.#firstEventId;
    const copy = this.#copy ?? this.#begin(firstEventId, lastEventId);
    if (!isStopped && copy.segments === 0 && this.#lastTsNs > 0n) {
      const holds = this.#isOne ? 'holds' : 'hold';
      const what = `${holds} no event up to that time: the first one is ${firstEventId}`;
      throw outOfRange(`${this.#names} ${what}. Remove ${this.#target}.`);
    }
    if (!isStopped) {
      writingTo(this.#target, () => {
        if (copy.segments === 0) copy.beginEmpty(firstEventId, this.#lastTsNs);
        copy.finish();
      });
    }
    return {
      stream: this.#streamName,
      objects: this.#objects?.segments ?? 0,
      target: this.#target,
      complete: !isStopped,
      events: this.#events,
      firstEventId: copy.firstEventId,
      lastEventId: copy.lastEventId,
      epoch: walk?.epoch ?? 0,
      blocks: walk?.blocks ?? 0,
      segments: copy.segments,
    };
  }

  #runs(streamEnd: StreamEnd | undefined): AsyncIterable<Run> {
    const objects = this.#objects;
    const reading = this.#reading;
    const writing = <Result>(work: () => Result): Result => writingTo(this.#target, work);
    const place = { storage: this.#storage, target: this.#target, writing };
    const isKnown = reading !== undefined && streamEnd !== undefined;
    return joinedRuns({
      names: this.#names,
      logId: objects?.logId,
      objects: objects?.runs(place) ?? nothing(),
      stream: isKnown ? reading.runs(streamEnd) : nothing(),
      // Where objects were asked for and none are there, a stream must have all there ever was.
      firstEventId: objects !== undefined && objects.logId === undefined ? 1 : undefined,
    });
  }

  /** Of the first event that there is, or that will be. */
  get #firstEventId(): number {
    const { blocks = 0, firstEventId = 0 } = this.#reading?.walk ?? {};
    const ofStream = blocks === 0 ? [] : [firstEventId];
    return Math.min(...ofStream, this.#objects?.firstEventId ?? ofStream[0] ?? 1);
  }

  /** A stream without events still tells which one comes next. */
  #checkJoint(): void {
    if (this.#objects === undefined) return;
    const next = (this.#copy?.lastEventId ?? (this.#objects.firstEventId ?? 1) - 1) + 1;
    const { nextEventId = 0 } = this.#reading?.walk ?? {};
    if (nextEventId > next) throw missingEvents(this.#names, next, nextEventId - 1);
  }

  /** A standby that is stopped is complete. */
  get #isStopped(): boolean {
    return this.#options.follow !== true && this.#options.signal?.aborted === true;
  }

  #begin(firstEventId: number, lastEventId: number): LogCopy {
    const { segmentBytes } = this.#options;
    const { toId } = this.#end;
    this.#copy = writingTo(
      this.#target,
      () =>
        new LogCopy(this.#storage, this.#target, {
          logId: random64() | 1n,
          segmentBytes,
          // Until it is complete it claims what it was to hold, so that nobody opens less.
          claimedEventId: toId ?? lastEventId,
          isTrimmed: firstEventId > 1,
        }),
    );
    return this.#copy;
  }

  /** @returns whether the log ends with it */
  #append({ frames: bytes, firstEventId, eventCount }: Run, lastEventId: number): boolean {
    const copy = this.#copy ?? this.#begin(firstEventId, lastEventId);
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
