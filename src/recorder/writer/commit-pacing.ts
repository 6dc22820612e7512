// When the writer syncs, and for how long it may sleep or should stay awake.
import { availableParallelism } from 'node:os';
import type { Clock } from '../../clock/clock.js';
import { NS_PER_MS, NS_PER_US } from '../../units.js';
import type { Signals } from '../threads/signals.js';
import type { SyncOptions } from '../threads/wal-options.js';
import type { WriteOutcome } from './writer-dependencies.js';
import type { WriterProgress } from './writer-progress.js';

const LONGEST_GAP_NS = 10 * NS_PER_MS;
const WORTH_SPINNING_NS = 750 * NS_PER_US;
/** So many times the usual gap is waited for the next request. */
const SPIN_GAPS = 1.5;
/** On a single processor the application could not run while the writer spins. */
const CAN_SPIN = availableParallelism() > 1;
const SHORT_SPIN_US = 20;
/** A long sync interval must not keep events in the ring for as long. */
const LONGEST_IDLE_MS = 50;

export class CommitPacing {
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #options: SyncOptions;
  readonly #progress: WriterProgress;
  #lastRequest = 0;
  #requestGapNs = LONGEST_GAP_NS;

  constructor(clock: Clock, signals: Signals, options: SyncOptions, progress: WriterProgress) {
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
    const { mode, intervalMs } = this.#options;
    if (mode === 'every-block') return true;
    if (mode === 'manual') return false;
    return this.#clock.nowNs() - unsyncedSinceNs >= intervalMs * NS_PER_MS;
  }

  /** How soon after a commit the next one is asked for. */
  #noteRequest(request: number): void {
    this.#lastRequest = request;
    const gapNs = Math.min(this.#clock.nowNs() - this.#progress.lastSyncNs, LONGEST_GAP_NS);
    this.#requestGapNs += (gapNs - this.#requestGapNs) / 4;
  }

  /**
   * For how long it is worth to look for work before sleeping: the kernel wakes a thread some 50 µs
   * late, so where one commit is asked for right behind the other, the writer waits for it awake.
   */
  get spinUs(): number {
    if (!CAN_SPIN) return 0;
    if (this.#requestGapNs > WORTH_SPINNING_NS) return SHORT_SPIN_US;
    return (SPIN_GAPS * this.#requestGapNs) / NS_PER_US;
  }

  get nextCommitIsNear(): boolean {
    if (this.#requestGapNs > WORTH_SPINNING_NS) return false;
    return this.#clock.nowNs() - this.#progress.lastSyncNs < SPIN_GAPS * this.#requestGapNs;
  }

  /**
   * After a second without events the ring is looked at once in two sync intervals: a sync of an
   * event begins at most so long after it was appended, because what is found then and may be older
   * than an interval is synced at once. The other modes have no such sync, so they look each
   * interval.
   */
  get idleMs(): number {
    const quietNs = this.#clock.nowNs() - this.#progress.lastWriteNs;
    if (quietNs < 1000 * NS_PER_MS) return 1;
    const { mode, intervalMs } = this.#options;
    const idleMs = mode === 'interval' ? 2 * intervalMs : intervalMs;
    return Math.min(Math.max(1, idleMs), LONGEST_IDLE_MS);
  }
}
