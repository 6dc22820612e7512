// What reading tells of itself: the clock and the updaters of a `recovery.Telemetry`. Without one
// the silent meter takes its place, the same code over structs that are closed: no look at the
// clock, and each record ends at its first branch.
import { type Clock, monotonicClock } from '../clock/clock.js';
import { invalidArgument } from '../errors.js';
import { closeAggregate } from '../telemetry/aggregate.js';
import { ManagerUpdater } from '../telemetry/recovery/manager-metrics.js';
import { SegmentReaderUpdater } from '../telemetry/recovery/segment-reader-metrics.js';
import { Telemetry } from '../telemetry/recovery/telemetry.js';
import { SegmentPreloaderUpdater } from '../telemetry/recovery/worker/segment-preloader-metrics.js';

/** Of the updaters what readers call: who measures without metrics has these, too. */
export type SegmentReaderRecords = Pick<SegmentReaderUpdater, keyof SegmentReaderUpdater>;
export type ManagerRecords = Pick<ManagerUpdater, keyof ManagerUpdater>;

export interface ReadingMeter {
  readonly segmentReader: SegmentReaderRecords;
  readonly manager: ManagerRecords;
  readonly isSilent: boolean;
  /** Where an interval that is recorded begins. */
  nowNs(): number;
  /** Runs `work`; `record` gets when it began and whether it returned. */
  measure<T>(record: (startNs: number, ok: boolean) => void, work: () => T): T;
}

/** What records into a telemetry, or into none. */
export class TelemetryMeter implements ReadingMeter {
  readonly segmentReader: SegmentReaderUpdater;
  readonly segmentPreloader: SegmentPreloaderUpdater;
  readonly manager: ManagerUpdater;
  readonly #clock: Clock | undefined;

  /** @param clock undefined for a telemetry that is closed: every time is 0 then */
  constructor(telemetry: Telemetry, clock: Clock | undefined) {
    this.segmentReader = new SegmentReaderUpdater(telemetry.segmentReader, clock);
    this.segmentPreloader = new SegmentPreloaderUpdater(telemetry.segmentPreloader, clock);
    this.manager = new ManagerUpdater(telemetry.manager, clock);
    this.#clock = clock;
  }

  get isSilent(): boolean {
    return this.#clock === undefined;
  }

  nowNs(): number {
    return this.#clock === undefined ? 0 : this.#clock.nowNs();
  }

  measure<T>(record: (startNs: number, ok: boolean) => void, work: () => T): T {
    const startNs = this.nowNs();
    let ok = false;
    try {
      const result = work();
      ok = true;
      return result;
    } finally {
      record(startNs, ok);
    }
  }
}

let silent: TelemetryMeter | undefined;

/**
 * Made when it is first asked for: structs stand on cache lines, and koffi must be loaded for that.
 */
export function silentMeter(): TelemetryMeter {
  if (silent === undefined) {
    const telemetry = new Telemetry();
    closeAggregate(telemetry);
    silent = new TelemetryMeter(telemetry, undefined);
  }
  return silent;
}

/** Checks the option `telemetry` of readers. */
export function checkTelemetry(value: unknown): TelemetryMeter {
  if (value === undefined) return silentMeter();
  if (value instanceof Telemetry) return new TelemetryMeter(value, monotonicClock);
  throw invalidArgument('telemetry must be a recovery.Telemetry of flashstrike/telemetry.');
}
