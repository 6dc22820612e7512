// `audit`: every block of a stream against the log, frame by frame.
import { resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ErrorCode, WalError } from '../errors.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import {
  checkCallback,
  checkDirectory,
  checkOptionNames,
  checkSignal,
} from '../reading/event-range.js';
import type { BlockStream } from './block-stream.js';
import { FileLog, type LocalLog } from './local-log.js';
import { eventsNamed } from './stream-failures.js';
import { StreamReading } from './stream-reading.js';
import type { StreamRun } from './stream-walk.js';

/** Options of {@link audit}. */
export interface AuditOptions {
  /** Ends it early: the report is not `complete`. */
  readonly signal?: AbortSignal | undefined;
  /** Called from time to time with the last event that was compared. */
  readonly onProgress?: ((eventId: number) => void) | undefined;
}

/** Something that {@link audit} found. */
export interface AuditProblem {
  /** The block of the stream. */
  readonly sequence: number;
  /** `ERR_FLASHSTRIKE_DIVERGED`, or `_CORRUPT` where the stream itself is damaged. */
  readonly code: ErrorCode;
  /** One sentence. */
  readonly message: string;
}

/** What {@link audit} found. */
export interface AuditReport {
  /** No problem was found. */
  readonly ok: boolean;
  /** False if it was stopped, or the stream is damaged: what follows that was not read. */
  readonly complete: boolean;
  /** Name of the stream. */
  readonly stream: string;
  /** Folder of the log, as an absolute path. */
  readonly log: string;
  /** Blocks that were read and verified. */
  readonly blocks: number;
  /** Claims among them. */
  readonly claims: number;
  /** The epoch in which the stream ends. */
  readonly epoch: number;
  /** Events that the log and the stream have alike. */
  readonly events: number;
  /** Events of the stream that are not in the log any more, and so were not compared. */
  readonly expiredEvents: number;
  /** The first event of the stream. */
  readonly firstEventId: number;
  /** The last event of the stream. */
  readonly lastEventId: number;
  /** Whether the stream was written last from this log. */
  readonly isOwner: boolean;
  /** At most 100, in the order of the stream. */
  readonly problems: readonly AuditProblem[];
}

const PROBLEMS_MAX = 100;
const TURN_BYTES = 16 * 2 ** 20;

/**
 * Compares each block of `stream` with the log in `dir`, and verifies the stream itself: checksums,
 * order, epochs. Nothing is locked or changed; both may be in use. `stream` is closed at the end.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _STREAM_UNAVAILABLE; _CORRUPT about the log
 * @example
 * import { audit, type BlockStream } from 'flashstrike/replication';
 *
 * async function isFaithful(stream: BlockStream): Promise<boolean> {
 *   const { ok, problems } = await audit('./orders', stream);
 *   for (const { message } of problems) console.error(message);
 *   return ok;
 * }
 */
export async function audit(
  dir: string | URL,
  stream: BlockStream,
  options: AuditOptions = {},
): Promise<AuditReport> {
  checkOptionNames(options, ['signal', 'onProgress']);
  checkSignal(options.signal);
  checkCallback('onProgress', options.onProgress);
  const log = new FileLog(REGION_PORTS, resolve(checkDirectory(dir)));
  try {
    return await new Auditing(log, stream, options).run();
  } finally {
    log.close();
    await stream.close();
  }
}

class Auditing {
  readonly #log: LocalLog;
  readonly #stream: BlockStream;
  readonly #options: AuditOptions;
  readonly #reading: StreamReading;
  readonly #problems: AuditProblem[] = [];
  #events = 0;
  #expiredEvents = 0;
  #isComplete = true;

  constructor(log: LocalLog, stream: BlockStream, options: AuditOptions) {
    this.#log = log;
    this.#stream = stream;
    this.#options = options;
    this.#reading = new StreamReading(stream, options);
  }

  async run(): Promise<AuditReport> {
    const { walk } = this.#reading;
    const owner = await this.#compare();
    this.#isComplete &&= this.#options.signal?.aborted !== true;
    return {
      ok: this.#problems.length === 0,
      complete: this.#isComplete,
      stream: this.#stream.name,
      log: this.#log.dir,
      blocks: walk.blocks,
      claims: walk.claims,
      epoch: walk.epoch,
      events: this.#events,
      expiredEvents: this.#expiredEvents,
      firstEventId: walk.firstEventId,
      lastEventId: Math.max(0, walk.nextEventId - 1),
      isOwner: owner === this.#log.logId,
      problems: this.#problems,
    };
  }

  /** @returns the log that wrote the last block */
  async #compare(): Promise<bigint> {
    let owner = 0n;
    let turnBytes = 0;
    try {
      const end = await this.#reading.end();
      owner = end.logId;
      for await (const run of this.#reading.runs(end)) {
        this.#compareRun(run);
        turnBytes += run.frames.length;
        if (turnBytes < TURN_BYTES) continue;
        turnBytes = 0;
        this.#options.onProgress?.(run.firstEventId + run.eventCount - 1);
        await nextTurn();
      }
    } catch (error) {
      const isOfStream = error instanceof WalError && error.path === this.#stream.name;
      if (!isOfStream) throw error;
      this.#isComplete = false;
      this.#found(error.offset ?? 0, error.code, error.message);
    }
    return owner;
  }

  #compareRun({ sequence, frames, firstEventId, eventCount }: StreamRun): void {
    const mine = this.#log.frames(firstEventId, eventCount);
    if (mine === 'expired') {
      this.#expiredEvents += eventCount;
    } else if (mine !== 'missing' && Buffer.compare(mine, frames) === 0) {
      this.#events += eventCount;
    } else {
      const named = eventsNamed(firstEventId, eventCount);
      const what = mine === 'missing' ? 'not all in the log' : 'others than in the log';
      const message = `Stream ${this.#stream.name}, block ${sequence}: ${named} are ${what}.`;
      this.#found(sequence, 'ERR_FLASHSTRIKE_DIVERGED', message);
    }
  }

  #found(sequence: number, code: ErrorCode, message: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ sequence, code, message });
  }
}
