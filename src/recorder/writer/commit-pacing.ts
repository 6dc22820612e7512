// When the writer syncs, and for how long it may sleep.
import type { Clock } from '../../clock/clock.js';
import { NS_PER_MS, NS_PER_US } from '../../units.js';
import { LONGEST_GATHERING_NS, type Signals } from '../threads/signals.js';
import type { SegmentWriterOptions, WriteOutcome } from './writer-dependencies.js';
import type { WriterProgress } from './writer-progress.js';

const LONGEST_GAP_NS = 20 * NS_PER_MS;
/** So many times the usual gap is the next request waited for. */
const WAITED_GAPS = 1.5;
/** Where commits follow each other so closely, the next one says what is durable. */
const NEAR_GAP_NS = 10 * NS_PER_MS;
/** A log is in use for so long after its last event. */
const IN_USE_NS = 1000 * NS_PER_MS;
/** How often the ring of a log in use is looked at, unless `durable()` wakes the writer anyway. */
const SHORT_LOOK_MS = 1;
const LONG_LOOK_MS = 8;
/** A long sync interval must not keep events in the ring for as long. */
const LONGEST_IDLE_MS = 50;
/** The weight of one sync in the usual time of a sync: a slow one counts for little, and once. */
const SLOWER_SYNC_WEIGHT = 1 / 8;
const FASTER_SYNC_WEIGHT = 1 / 2;
const LONGEST_SYNC_FACTOR = 2;

export class CommitPacing {
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #options: Pick<SegmentWriterOptions, 'sync' | 'keepsTime'>;
  readonly #progress: WriterProgress;
  #lastRequest = 0;
  #requestGapNs = LONGEST_GAP_NS;
  #syncNs = 0;
  /** When a look last found events that nobody had asked for, and the last of them. */
  #foundNs = Number.NEGATIVE_INFINITY;
  #foundEventId = 0;
  /** The first event that was not asked for when it was seen, and has not been since, and when. */
  #leftEventId = 0;
  #leftNs = 0;

  constructor(
    clock: Clock,
    signals: Signals,
    options: Pick<SegmentWriterOptions, 'sync' | 'keepsTime'>,
    progress: WriterProgress,
  ) {
    this.#clock = clock;
    this.#signals = signals;
    this.#options = options;
    this.#progress = progress;
  }

  /** Whether what is written, and not durable, is to be synced now. */
  syncIsDue(written: WriteOutcome): boolean {
    const { isDurable, writtenEventId, durableEventId, unsyncedSinceNs } = this.#progress;
    if (isDurable) return false;
    const request = this.#signals.durableRequest;
    if (request !== this.#lastRequest) this.#noteRequest(request);
    if (request > durableEventId) {
      // Group commit: all that is waited for in one sync, so not before it is written.
      if (writtenEventId >= request || written !== 'wrote') return true;
    }
    const { mode, intervalMs, maxUnsyncedBytes } = this.#options.sync;
    if (mode === 'every-block' || this.#progress.unsyncedBytes >= maxUnsyncedBytes) return true;
    if (mode === 'manual') return false;
    return this.#clock.nowNs() - unsyncedSinceNs >= intervalMs * NS_PER_MS;
  }

  /** How soon after a commit the next one is asked for. */
  #noteRequest(request: number): void {
    this.#lastRequest = request;
    const gapNs = Math.min(this.#clock.nowNs() - this.#progress.lastSyncNs, LONGEST_GAP_NS);
    this.#requestGapNs += (gapNs - this.#requestGapNs) / 4;
  }

  /** A sync has taken so long. The application lets commits gather by the usual time of one. */
  onSync(syncNs: number): void {
    const usualNs = this.#syncNs === 0 ? syncNs : this.#syncNs;
    const countedNs = Math.min(syncNs, usualNs * LONGEST_SYNC_FACTOR);
    const weight = countedNs > usualNs ? SLOWER_SYNC_WEIGHT : FASTER_SYNC_WEIGHT;
    this.#syncNs = usualNs + (countedNs - usualNs) * weight;
    this.#signals.set('syncTimeUs', Math.ceil(this.#syncNs / NS_PER_US));
  }

  get nextCommitIsNear(): boolean {
    if (this.#requestGapNs > NEAR_GAP_NS) return false;
    return this.#clock.nowNs() - this.#progress.lastSyncNs < WAITED_GAPS * this.#requestGapNs;
  }

  /** No events within the last second, and nobody who needs more of a look than that. */
  get mayRest(): boolean {
    const sinceWriteNs = this.#clock.nowNs() - this.#progress.lastWriteNs;
    return sinceWriteNs >= IN_USE_NS && !this.#options.keepsTime;
  }

  /**
   * After a second without events the ring is looked at once in two sync intervals: a sync of an
   * event begins at most so long after it was appended, because what is found then and may be older
   * than an interval is synced at once. The other modes have no such sync, so they look each
   * interval.
   * @returns for how many ms the writer may sleep
   */
  sleepMs(): number {
    const nowNs = this.#clock.nowNs();
    if (nowNs - this.#progress.lastWriteNs < IN_USE_NS) return this.#inUseMs(nowNs);
    const { mode, intervalMs } = this.#options.sync;
    const idleMs = mode === 'interval' ? 2 * intervalMs : intervalMs;
    return Math.min(Math.max(1, idleMs), LONGEST_IDLE_MS);
  }

  /**
   * The same behind events that were found: so long may the next ones gather. 0 where the writer's
   * looks are the application's clock, which is to be right while there are many.
   */
  gatheringMs(): number {
    const sleepMs = this.sleepMs();
    return this.#options.keepsTime ? 0 : Math.min(SHORT_LOOK_MS, sleepMs);
  }

  /** As long as nothing is found that nobody asks for: 1 ms, then 2, 4, 8. */
  #inUseMs(nowNs: number): number {
    const { writtenEventId } = this.#progress;
    if (this.#isLeftUnasked(nowNs) && writtenEventId !== this.#foundEventId) {
      this.#foundEventId = writtenEventId;
      this.#foundNs = nowNs;
    }
    const quietMs = Math.floor((nowNs - this.#foundNs) / NS_PER_MS);
    return Math.max(SHORT_LOOK_MS, Math.min(quietMs, this.#longestLookMs(nowNs)));
  }

  /**
   * Whether events are written that `durable()` will hardly ask for any more. Where it does ask,
   * that wakes the writer: a look in between would only make two blocks of one commit.
   */
  #isLeftUnasked(nowNs: number): boolean {
    const { writtenEventId } = this.#progress;
    const { durableRequest } = this.#signals;
    if (this.#leftEventId <= durableRequest) {
      this.#leftEventId = writtenEventId;
      this.#leftNs = nowNs;
    }
    return writtenEventId > durableRequest && nowNs - this.#leftNs >= LONGEST_GATHERING_NS;
  }

  #longestLookMs(nowNs: number): number {
    const { keepsTime, sync } = this.#options;
    if (keepsTime || sync.mode === 'every-block') return SHORT_LOOK_MS;
    if (sync.mode === 'manual') return LONG_LOOK_MS;
    const { isDurable, unsyncedSinceNs } = this.#progress;
    const ageMs = isDurable ? 0 : (nowNs - unsyncedSinceNs) / NS_PER_MS;
    return Math.min(LONG_LOOK_MS, Math.ceil(sync.intervalMs - ageMs));
  }
}
