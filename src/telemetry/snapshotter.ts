// A copy of a struct, or of an aggregate, that is made anew at a cadence, for readers who want many
// metrics of about one moment, often, without a copy for each of them.
//
// Two buffers take turns. What holds: a snapshot stays as it is through the refresh that follows
// it, and is overwritten by the one after that, which `isOverwritten` tells. All of it happens on
// one thread, and a refresh is not interrupted: whoever reads `latest` without awaiting in between
// reads one version, and has one more interval when he awaits. Readings that were taken out of it
// (`latest.metrics.nextEvent`) are values of their own and never change.
//
//   refresh      1    2    3    4
//   buffer 1     v1   v1   v3   v3       v1 is overwritten by refresh 3
//   buffer 0          v2   v2   v4
import { type Clock, monotonicClock } from '../clock/clock.js';
import { assert, invalidArgument } from '../errors.js';
import type { Collector } from '../metrics/collector.js';
import { MetricsStruct } from '../metrics/metrics-struct.js';
import { LONGEST_TIMER_MS } from '../units.js';
import { Aggregate } from './aggregate.js';

/** Options of {@link Snapshotter}. */
export interface SnapshotterOptions {
  /** Milliseconds between two refreshes; default 1000. */
  readonly intervalMs?: number | undefined;
}

/** A copy of metrics, made by a {@link Snapshotter}. */
export interface Snapshot<Metrics> {
  /** Each group of metrics in it is consistent; groups were copied within microseconds. */
  readonly metrics: Metrics;
  /** 1 for the first, then one more for each refresh. */
  readonly version: number;
  /** When copying began, in nanoseconds of the clock. */
  readonly takenAtNs: number;
  /** The same, as milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** Nanoseconds since then; never negative. */
  readonly ageNs: number;
  /**
   * Whether a later refresh has reused the memory: then `metrics` is no longer of this version.
   */
  readonly isOverwritten: boolean;
}

const BUFFERS = 2;
const INTERVAL_MS_DEFAULT = 1000;

/** What metric structs and aggregates have in common; only those are accepted. */
export interface SnapshotSource {
  /** Copies all metrics into `other`. */
  copyTo(other: this): void;
  /** Passes all metrics to `collector`. */
  collect(prefix: string, collector: Collector): void;
}

/** Refreshes so far: shared by a snapshotter and its snapshots. */
interface Progress {
  version: number;
}

class TakenSnapshot<Metrics> implements Snapshot<Metrics> {
  readonly metrics: Metrics;
  readonly version: number;
  readonly takenAtNs: number;
  readonly timestampMs: number;
  readonly #clock: Clock;
  readonly #progress: Readonly<Progress>;

  constructor(metrics: Metrics, timestampMs: number, clock: Clock, progress: Readonly<Progress>) {
    this.metrics = metrics;
    this.version = progress.version;
    this.takenAtNs = clock.nowNs();
    this.timestampMs = timestampMs;
    this.#clock = clock;
    this.#progress = progress;
    Object.freeze(this);
  }

  get ageNs(): number {
    return Math.max(0, this.#clock.nowNs() - this.takenAtNs);
  }

  get isOverwritten(): boolean {
    return this.#progress.version >= this.version + BUFFERS;
  }
}

/**
 * Copies metrics at regular intervals, for readers that want many metrics of about the same moment.
 * The timer runs between `start` and `stop`, and does not keep the process alive.
 *
 * @example
 * import { Wal } from 'flashstrike';
 * import { Snapshotter } from 'flashstrike/telemetry';
 *
 * const wal = await Wal.open('./orders');
 * const snapshotter = new Snapshotter(wal.telemetry, { intervalMs: 500 }).start();
 * console.log(snapshotter.latest.metrics.manager.appendedEvents, snapshotter.latest.ageNs);
 * snapshotter.stop();
 * await wal.close();
 */
export class Snapshotter<Metrics extends SnapshotSource> {
  readonly #source: Metrics;
  readonly #buffers: readonly Metrics[];
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #wallClockMs: () => number;
  readonly #progress: Progress = { version: 0 };
  #latest: Snapshot<Metrics>;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes the first snapshot at once; the timer begins with `start`.
   * @param source `wal.telemetry`, or a struct or `Telemetry` of your own; it is only read
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT
   */
  constructor(
    source: Metrics,
    options: SnapshotterOptions = {},
    clock: Clock = monotonicClock,
    wallClockMs: () => number = Date.now,
  ) {
    if (!(source instanceof MetricsStruct || source instanceof Aggregate)) {
      throw invalidArgument('A snapshotter takes a struct of metrics, or a Telemetry of several.');
    }
    this.#source = source;
    this.#intervalMs = checkInterval(options.intervalMs ?? INTERVAL_MS_DEFAULT);
    this.#clock = clock;
    this.#wallClockMs = wallClockMs;
    this.#buffers = Array.from({ length: BUFFERS }, () => emptyLike(source));
    this.#latest = this.refresh();
    // An own function, so that structuredClone and postMessage refuse it: it has nothing to clone.
    this.refresh = this.refresh.bind(this);
    Object.freeze(this);
  }

  /** The last copy. */
  get latest(): Snapshot<Metrics> {
    return this.#latest;
  }

  /** Whether the timer runs. */
  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** Makes a copy now, whether or not the timer runs. */
  refresh(): Snapshot<Metrics> {
    // Counted first: whatever becomes of the copy, what stood in its buffer is gone.
    this.#progress.version++;
    const metrics = this.#buffers[this.#progress.version % BUFFERS];
    assert(metrics !== undefined, 'a version has a buffer');
    // Dated before it is made: what it holds is at least as new as it says.
    const nowMs = this.#wallClockMs();
    const snapshot = new TakenSnapshot(metrics, nowMs, this.#clock, this.#progress);
    this.#source.copyTo(metrics);
    this.#latest = snapshot;
    return snapshot;
  }

  /** Starts the timer; does nothing if it already runs. */
  start(): this {
    if (this.#timer !== undefined) return this;
    this.#timer = setInterval(() => this.refresh(), this.#intervalMs);
    this.#timer.unref();
    return this;
  }

  /** Stops the timer. `latest` stays, and `start` starts again. May be called more than once. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The same as `stop`, for `using`. */
  [Symbol.dispose](): void {
    this.stop();
  }
}

/** Structs and aggregates can be made without arguments: they stand alone, zero-filled, then. */
const emptyLike = <Metrics extends object>(source: Metrics): Metrics =>
  new (source.constructor as new () => Metrics)();

function checkInterval(intervalMs: number): number {
  if (Number.isInteger(intervalMs) && intervalMs >= 1 && intervalMs <= LONGEST_TIMER_MS) {
    return intervalMs;
  }
  throw invalidArgument(`intervalMs must be a whole number from 1 to ${LONGEST_TIMER_MS}.`);
}
