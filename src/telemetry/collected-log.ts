// All that an exporter shows of a log, under one prefix: `flashstrike metrics` from outside, and
// the exporters that run in the process itself. Both by the same names, so that alert rules and
// dashboards do not care which of them is scraped.
import type { Collector } from '../metrics/collector.js';
import { NS_PER_SECOND } from '../units.js';
import type { Aggregate } from './aggregate.js';
import { type BuildInfo, collectBuildInfo } from './build-info.js';
import { collectHeartbeats, type ThreadReadings } from './heartbeats.js';
import { collectStanding, type LogStanding } from './log-standing.js';
import { collectStalls, type StallCounts } from './stalls/stall-counts.js';

/**
 * A log for exporters that look at it again and again: `wal.telemetry`, or what `attachTelemetry`
 * returns.
 */
export interface ExportedLog {
  /** When the log was opened, in nanoseconds since the Unix epoch: all counts begin there. */
  readonly startedAtNs: bigint;
  /**
   * Passes all that `flashstrike metrics` shows of the log to `collector`, as it is now, under the
   * same names: `<prefix>_up`, `<prefix>_recorder_…`, `<prefix>_recovery_…`.
   */
  collectAll(prefix: string, collector: Collector): void;
}

/** What a log is like at the moment of a look. */
interface LogFigures {
  /** Whether a process has the log open. */
  readonly isUp: boolean;
  readonly build: BuildInfo;
  readonly startedAtNs: bigint;
  /** Undefined where there is no log, only metrics. */
  readonly standing: LogStanding | undefined;
  readonly incompleteGroups: number;
  readonly threads: ThreadReadings;
  readonly stallCounts: StallCounts;
  /** How long the log is open. */
  readonly uptimeNs: number;
}

/** The metrics of its two sides. */
interface LogSides {
  readonly recorder: Pick<Aggregate, 'collect'>;
  readonly recovery: Pick<Aggregate, 'collect'>;
}

/** Hands on everything, without the labels of the log. */
export function collectLog(prefix: string, log: LogFigures & LogSides, collector: Collector): void {
  collectFigures(prefix, log, collector);
  collectSides(prefix, log, collector);
}

export function collectSides(prefix: string, sides: LogSides, collector: Collector): void {
  sides.recorder.collect(`${prefix}_recorder`, collector);
  sides.recovery.collect(`${prefix}_recovery`, collector);
}

/** What is of the log itself. */
export function collectFigures(prefix: string, figures: LogFigures, collector: Collector): void {
  const { isUp, build, startedAtNs, standing, incompleteGroups, threads } = figures;
  const gauge = (name: string, help: string, value: number): void =>
    collector.gauge({ name: `${prefix}_${name}`, help }, value);
  collectUp(prefix, isUp, collector);
  collectBuildInfo(prefix, build, collector);
  const started = Number(startedAtNs) / NS_PER_SECOND;
  gauge('start_time_seconds', 'When the log was opened, since the Unix epoch', started);
  if (standing !== undefined) collectStanding(prefix, standing, collector);
  const incomplete = 'Groups of metrics whose writer was killed while recording';
  gauge('incomplete_groups', incomplete, incompleteGroups);
  collectHeartbeats(prefix, threads, collector);
  collectStalls(prefix, figures.stallCounts, collector);
  const age =
    'How old all values of this log may be: time since any of its threads gave a sign of life, ' +
    'at the moment of the scrape; it grows while its process is stopped, and after it was killed';
  gauge('values_age_seconds', age, valuesAgeNs(figures) / NS_PER_SECOND);
}

export function collectUp(prefix: string, isUp: boolean, collector: Collector): void {
  const help = 'Whether a process has the log open, at the moment of the scrape';
  collector.gauge({ name: `${prefix}_up`, help }, isUp ? 1 : 0);
}

/** Since when no thread has given a sign of life; infinite before the first. */
export function silentNs(threads: ThreadReadings): number {
  const ages = Object.values(threads).map(({ ageNs }) => ageNs ?? Number.POSITIVE_INFINITY);
  return Math.min(...ages);
}

/** Of a log that no thread has moved yet: how long it is open. */
function valuesAgeNs({ threads, uptimeNs }: LogFigures): number {
  const ns = silentNs(threads);
  return Number.isFinite(ns) ? ns : uptimeNs;
}
