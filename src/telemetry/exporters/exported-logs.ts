// The logs that an exporter shows, which come and go while it is registered with whoever scrapes.
import { invalidArgument, isError } from '../../errors.js';
import type { Collector } from '../../metrics/collector.js';
import { type Label, underLabels } from '../../metrics/labels.js';
import type { ExportedLog } from '../collected-log.js';
import { PrometheusCollector } from './prometheus.js';

/** What the names of all metrics begin with, as those of `flashstrike metrics` do. */
export const PREFIX = 'flashstrike_wal';

/** How a log is told apart from others. */
export interface ExportedLogOptions {
  /**
   * Labels of all its series, beside `log`, the name of its folder, and `log_id`; a label of one of
   * these names takes its place. Two logs whose folders have one name, and copies of one log, need
   * labels of their own.
   */
  readonly labels?: Readonly<Record<string, string>>;
}

interface Shown {
  readonly log: ExportedLog;
  readonly labels: readonly Label[];
}

/** Why a log could not be shown whole. */
interface Failure {
  readonly log: ExportedLog;
  readonly error: Error;
}

/** An exporter of logs. */
export abstract class LogExporter {
  readonly #logs = new Map<ExportedLog, Shown>();

  /**
   * Shows a log from now on; again: with other labels.
   * @param log `wal.telemetry`, or what `attachTelemetry` returns
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for anything else, and for labels that cannot
   * be
   */
  add(log: ExportedLog, { labels = {} }: ExportedLogOptions = {}): this {
    if (typeof log?.collectAll !== 'function') {
      throw invalidArgument('Give an exporter wal.telemetry, or what attachTelemetry returns.');
    }
    const all = Object.entries(labels);
    // Refused here, where the caller can see it, and not at each scrape.
    underLabels(new PrometheusCollector(), all, () => {});
    this.#logs.set(log, { log, labels: all });
    return this;
  }

  /** Shows a log no more; says whether it was shown. A log that is closed stays, as not up. */
  remove(log: ExportedLog): boolean {
    return this.#logs.delete(log);
  }

  /**
   * Hands on all logs, each by a collector of `collectorOf`: none keeps the others back.
   * @returns what kept one from being shown whole
   */
  protected collectLogs(collectorOf: (log: ExportedLog) => Collector): Failure[] {
    const failures: Failure[] = [];
    for (const { log, labels } of this.#logs.values()) {
      const collector = collectorOf(log);
      try {
        underLabels(collector, labels, () => log.collectAll(PREFIX, collector));
      } catch (error) {
        if (!isError(error)) throw error;
        failures.push({ log, error });
      }
    }
    return failures;
  }
}
