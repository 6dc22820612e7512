// The logs that an exporter shows, which come and go while it is registered with whoever scrapes.
import { invalidArgument, isError } from '../../errors.js';
import type { CollectedMetric, Collector } from '../../metrics/collector.js';
import { type Label, seriesKey, underLabels } from '../../metrics/labels.js';
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
  /** Of all labels of its series; undefined while nothing can be read of it. */
  readonly key: string | undefined;
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
   * Shows a log from now on; again: with other labels. It takes the place of one with the same
   * labels that is not up any more, such as an earlier opening of the same log.
   * @param log `wal.telemetry`, or what `attachTelemetry` returns
   * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for anything else, for labels that cannot be,
   * and where another log here has the same labels; all is shown as before then
   */
  add(log: ExportedLog, { labels = {} }: ExportedLogOptions = {}): this {
    if (typeof log?.collectAll !== 'function') {
      throw invalidArgument('Give an exporter wal.telemetry, or what attachTelemetry returns.');
    }
    const all = Object.entries(labels);
    // Refused here, where the caller can see it, and not at each scrape.
    underLabels(new PrometheusCollector(), all, () => {});
    const { key, isUp } = lookAt(log, all);
    const former = [...this.#logs];
    const twin = this.#twinOf(log, key);
    if (twin !== undefined && !(isUp && !lookAt(twin.log, twin.labels).isUp)) {
      throw invalidArgument('Another log here has the same labels: give one a label of its own.');
    }
    if (twin !== undefined) this.#logs.delete(twin.log);
    // Behind the others, also where it was among them.
    this.#logs.delete(log);
    this.#logs.set(log, { log, labels: all, key });
    try {
      this.tryOut(log);
    } catch (error) {
      this.#logs.clear();
      for (const [each, shown] of former) this.#logs.set(each, shown);
      throw error;
    }
    return this;
  }

  /** Throws where `log`, which has just been added, cannot be shown. */
  protected tryOut(_log: ExportedLog): void {}

  #twinOf(log: ExportedLog, key: string | undefined): Shown | undefined {
    if (key === undefined) return undefined;
    return [...this.#logs.values()].find((each) => each.log !== log && each.key === key);
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

/** By which labels the series of a log are told apart, and whether it is up. */
function lookAt(
  log: ExportedLog,
  labels: readonly Label[],
): { readonly key: string | undefined; readonly isUp: boolean } {
  const look = new UpCollector();
  try {
    underLabels(look, labels, () => log.collectAll(PREFIX, look));
  } catch (error) {
    // Told where it is to be shown; what was seen before that counts.
    if (!isError(error)) throw error;
  }
  return look;
}

/** Sees whether a log is up, and under which labels that is said. */
class UpCollector implements Collector {
  readonly #labels: Label[] = [];
  key: string | undefined;
  isUp = false;

  pushLabel(name: string, value: string): void {
    this.#labels.push([name, value]);
  }

  popLabel(): void {
    this.#labels.pop();
  }

  hasLabel(name: string): boolean {
    return this.#labels.some(([other]) => other === name);
  }

  gauge({ name }: CollectedMetric, value: number): void {
    if (name !== `${PREFIX}_up`) return;
    this.key = seriesKey(this.#labels);
    this.isUp = value === 1;
  }

  counter(): void {}
  summary(): void {}
  histogram(): void {}
}
