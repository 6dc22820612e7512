// One answer to Prometheus: what each of the logs shows at this moment, or that it shows nothing.
import { WalError } from '../../errors.js';
import { PrometheusCollector } from '../../prometheus.js';
import { type AttachedTelemetry, collectDown } from '../../telemetry.js';
import { hexOf64 } from '../../units.js';
import { findLogId } from '../../verification/inspect.js';
import { logNames } from '../serving/log-names.js';
import { WatchedLog } from '../watched-log.js';

/** What the answers consist of. */
export interface ScrapeOptions {
  /** What the names of all metrics begin with. */
  readonly prefix: string;
  /** Whether the names of the FlashStrike engine are added. */
  readonly referenceNames: boolean;
}

export interface Scrape {
  readonly text: string;
  readonly contentType: string;
}

type Tell = (text: string) => void;

/** All logs of one endpoint: each with labels of its own, and none keeps the others back. */
export class ScrapedLogs {
  readonly #options: ScrapeOptions;
  readonly #logs: readonly ScrapedLog[];

  /** @param tell is called when the reason why a log has no metrics changes */
  constructor(dirs: readonly string[], options: ScrapeOptions, tell: Tell) {
    this.#options = options;
    const names = logNames(dirs);
    this.#logs = dirs.map((dir) => new ScrapedLog(dir, names.get(dir) ?? dir, tell));
  }

  /**
   * Attaches to all logs; returns why it could not, for each that is not to be seen now.
   * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG: the path is mistyped
   */
  attach(): WalError[] {
    return this.#logs.flatMap((log) => {
      try {
        log.attach();
        return [];
      } catch (error) {
        if (!(error instanceof WalError) || error.code === 'ERR_FLASHSTRIKE_NOT_A_LOG') throw error;
        return [error];
      }
    });
  }

  scrape(): Scrape {
    const { prefix, referenceNames } = this.#options;
    const collector = new PrometheusCollector({ referenceNames });
    for (const log of this.#logs) log.collect(prefix, collector);
    return { text: collector.toString(), contentType: collector.contentType };
  }

  close(): void {
    for (const log of this.#logs) log.close();
  }
}

/**
 * The metrics of a log that may be closed, killed and opened again between two scrapes: all of that
 * is a value of `<prefix>_up`, and no failure.
 */
class ScrapedLog {
  readonly #dir: string;
  readonly #name: string;
  readonly #tell: Tell;
  #log: WatchedLog | undefined;
  #logId: bigint | undefined;
  #told: string | undefined;

  constructor(dir: string, name: string, tell: Tell) {
    this.#dir = dir;
    this.#name = name;
    this.#tell = tell;
  }

  /** @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG and what else keeps the log from being looked at */
  attach(): void {
    this.#log ??= new WatchedLog(this.#dir);
  }

  collect(prefix: string, collector: PrometheusCollector): void {
    const { telemetry, reason } = this.#look();
    let told = reason;
    collector.pushLabel('log', this.#name);
    try {
      // Its own id is another one where the folder holds another log by now.
      if (telemetry === undefined) this.#collectDown(prefix, collector);
      else telemetry.collect(prefix, collector);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      // What was collected before stays, and the other logs go on.
      told = error.message;
    } finally {
      collector.popLabel();
    }
    this.#tellOnce(told);
  }

  /** Under the id that it had when it was seen last, so that it stays the same series. */
  #collectDown(prefix: string, collector: PrometheusCollector): void {
    this.#logId ??= findLogId(this.#dir);
    const logId = this.#logId;
    if (logId === undefined) {
      collectDown(prefix, collector);
      return;
    }
    collector.pushLabel('log_id', hexOf64(logId));
    try {
      collectDown(prefix, collector);
    } finally {
      collector.popLabel();
    }
  }

  /** What the log shows; undefined where it shows nothing, for the reason beside it. */
  #look(): { telemetry?: AttachedTelemetry; reason: string | undefined } {
    try {
      this.attach();
      const telemetry = this.#log?.look();
      const reason = this.#log?.reason;
      // The last values of a log that was closed would look like those of one that stands still.
      if (telemetry === undefined || telemetry.status === 'gone') return { reason };
      this.#logId = telemetry.logId;
      return { telemetry, reason };
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.close();
      return { reason: error.message };
    }
  }

  #tellOnce(reason: string | undefined): void {
    if (reason !== undefined && reason !== this.#told) this.#tell(reason);
    this.#told = reason;
  }

  close(): void {
    this.#log?.close();
    this.#log = undefined;
  }
}
