// What consumers need of a log, for whoever removes its oldest segments, and the end of the leash:
// one that lags more than it may, and is to be dropped then, is dropped before anything goes that
// it needs, and only where that lets it go. Its files are read anew each time: other processes
// write them.
import type { Clock } from '../clock/clock.js';
import { isOperational } from '../errors.js';
import { type ConsumerFile, readConsumers } from '../reading/consumer-files.js';
import {
  type ConsumerDrop,
  type ConsumerRecord,
  type ConsumerSlot,
  encodeDrop,
} from '../segment/consumer-record.js';
import type { Storage } from '../storage/storage.js';
import { type ConsumerLag, LogSpans } from './lag.js';
import { putMark } from './named-file.js';
import type { RetentionHolds } from './retention-holds.js';

/** A log, as far as its consumers are measured by it. */
export interface HoldingLog {
  readonly dir: string;
  readonly logId: bigint;
  readonly durableEventId: () => number;
  /** Unix ns: how late it is. */
  readonly nowNs: () => bigint;
  /**
   * The time for who asks what is older than `ageMs`, Unix ns; see BelievedTime. Undefined: nobody
   * is dropped for its age, as a clock that is wrong cannot be told from one that is right.
   */
  readonly believedNs?: (ageMs: number) => bigint;
  /** Of who looks again and again, as long as the log is open; see LogSpans. */
  readonly clock?: Clock;
}

/** A consumer that keeps the log from `eventId` on. */
interface Standing {
  readonly file: ConsumerFile;
  readonly eventId: number;
}

/** All consumers as they are at one moment. */
interface ConsumerSurvey {
  /** Those that hold the log, the damaged ones included. */
  readonly active: number;
  readonly damaged: number;
  readonly dropped: number;
  /** The furthest behind of those that are neither, by each measure. */
  readonly lag: ConsumerLag;
}

const NO_LAG: ConsumerLag = { events: 0, bytes: 0, ms: 0 };

export class ConsumerHolds implements RetentionHolds {
  readonly #storage: Storage;
  readonly #log: HoldingLog;
  readonly #spans: LogSpans;
  /** Seeds of the records whose mark this one has put on disk. */
  readonly #told = new Set<bigint>();

  constructor(storage: Storage, log: HoldingLog) {
    this.#storage = storage;
    this.#log = log;
    this.#spans = new LogSpans(storage, log.dir, log.logId, log.clock);
  }

  /**
   * Drops those that stand in the way of what is to go, where each of them lags more than it may:
   * for one that is held by another as well nothing would be gained.
   * @throws WalError where a consumer cannot be read: what it needs is not known then
   */
  oldestNeeded(nextEventId: number): number | undefined {
    const files = this.#read();
    if (files.some(({ record }) => record !== undefined && isOnLeash(record.durable))) {
      this.#spans.refresh();
    }
    const standing = this.#standingOf(files);
    const gone = this.#clearTheWay(standing.filter(({ eventId }) => eventId < nextEventId));
    let oldest: number | undefined;
    for (const { file, eventId } of standing) {
      if (!gone.has(file)) oldest = Math.min(oldest ?? eventId, eventId);
    }
    return oldest;
  }

  /** For telemetry: drops nobody. */
  survey(): ConsumerSurvey {
    const files = this.#read();
    if (files.length > 0) this.#spans.refresh();
    let damaged = 0;
    let dropped = 0;
    let lag = NO_LAG;
    for (const { record } of files) {
      if (record === undefined) damaged++;
      else if (record.dropped !== undefined) dropped++;
      else lag = furthest(lag, this.#lagOf(record));
    }
    return { active: files.length - dropped, damaged, dropped, lag };
  }

  #read(): readonly ConsumerFile[] {
    const { dir, logId } = this.#log;
    return readConsumers(this.#storage, dir, logId);
  }

  #lagOf({ acknowledgedEventId }: ConsumerRecord, nowNs = this.#log.nowNs()): ConsumerLag {
    return this.#spans.lagOf(acknowledgedEventId, this.#log.durableEventId(), nowNs);
  }

  /** Those that keep anything, with the first event that each of them keeps. */
  #standingOf(files: readonly ConsumerFile[]): Standing[] {
    const standing: Standing[] = [];
    for (const file of files) {
      const eventId = this.#neededBy(file);
      if (eventId !== undefined) standing.push({ file, eventId });
    }
    return standing;
  }

  /** The first event that is kept for it; undefined where nothing is. */
  #neededBy({ record }: ConsumerFile): number | undefined {
    // What it has acknowledged is not known: it might need all.
    if (record === undefined) return 1;
    const { seed } = record;
    if (record.dropped !== undefined && this.#told.has(seed)) return undefined;
    return record.acknowledgedEventId + 1;
  }

  /** Drops all of them or, where one is not to be dropped, none. Returns those that are gone. */
  #clearTheWay(standing: readonly Standing[]): ReadonlySet<ConsumerFile> {
    const gone = new Set<ConsumerFile>();
    const drops = standing.map(({ file }) => this.#dropOf(file));
    if (drops.includes(undefined)) return gone;
    for (const [at, { file }] of standing.entries()) {
      const [drop, seed] = [drops[at], file.record?.seed];
      // It would not learn of it: it is held, and so those behind it are not dropped either.
      if (drop === undefined || seed === undefined || !this.#tells(file.name, drop, seed)) break;
      gone.add(file);
    }
    return gone;
  }

  /** The mark of one that lags more than it may, and is to be dropped then. */
  #dropOf({ record }: ConsumerFile): ConsumerDrop | undefined {
    if (record === undefined || record.dropped !== undefined) return record?.dropped;
    const slot = record.durable;
    if (!isOnLeash(slot)) return undefined;
    const lag = this.#lagOf(record, this.#log.believedNs?.(slot.maxLagMs) ?? 0n);
    if (!isTooFar(slot, lag)) return undefined;
    const { acknowledgedEventId } = record;
    const timestampNs = this.#log.nowNs();
    return { acknowledgedEventId, timestampNs, lagBytes: lag.bytes, lagMs: lag.ms };
  }

  /**
   * Whether the mark is on disk. One that stands there already may be in the page cache only, left
   * by a sync that failed, or by a process that died before it.
   */
  #tells(name: string, drop: ConsumerDrop, seed: bigint): boolean {
    const place = { ports: { storage: this.#storage }, dir: this.#log.dir, lock: 'flock' } as const;
    try {
      if (!putMark(place, name, encodeDrop(drop, seed))) return false;
      this.#told.add(seed);
      return true;
    } catch (error) {
      if (!isOperational(error)) throw error;
      // It is dropped when that can be written. One in use whose file has another name as well gets
      // one of its own by its next acknowledgement.
      return false;
    }
  }
}

const isOnLeash = ({ policy, maxLagBytes, maxLagMs }: ConsumerSlot): boolean =>
  policy === 'drop' && (maxLagBytes > 0 || maxLagMs > 0);

const isTooFar = ({ maxLagBytes, maxLagMs }: ConsumerSlot, { bytes, ms }: ConsumerLag): boolean =>
  (maxLagBytes > 0 && bytes > maxLagBytes) || (maxLagMs > 0 && ms > maxLagMs);

const furthest = (a: ConsumerLag, b: ConsumerLag): ConsumerLag => ({
  events: Math.max(a.events, b.events),
  bytes: Math.max(a.bytes, b.bytes),
  ms: Math.max(a.ms, b.ms),
});
