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

/**
 * While nothing happens in the logs, what their threads do at rest is read again only so often:
 * whoever asks more often is told the same of it.
 */
const AT_REST_MS = 10_000;

/** All logs of one endpoint: each with labels of its own, and none keeps the others back. */
export class ScrapedLogs {
  readonly #options: ScrapeOptions;
  readonly #logs: readonly ScrapedLog[];
  /** The metrics of all logs, and when they were collected; undefined: not yet. */
  #metrics: { readonly text: string; readonly atMs: number } | undefined;

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
    const collector = this.#collector();
    // All of them: each is to be as of now.
    const areAtRest = this.#logs.map((log) => log.look()).every(Boolean);
    for (const log of this.#logs) log.collect(this.#options.prefix, collector, 'log');
    const nowMs = performance.now();
    const isDue = this.#metrics === undefined || nowMs - this.#metrics.atMs >= AT_REST_MS;
    if (isDue || !areAtRest) this.#metrics = { text: this.#collectMetrics(), atMs: nowMs };
    const text = `${collector.toString()}${this.#metrics?.text ?? ''}`;
    for (const log of this.#logs) log.tellReason();
    return { text, contentType: collector.contentType };
  }

  #collector(): PrometheusCollector {
    const { referenceNames } = this.#options;
    return new PrometheusCollector({ referenceNames });
  }

  #collectMetrics(): string {
    const collector = this.#collector();
    for (const log of this.#logs) log.collect(this.#options.prefix, collector, 'metrics');
    return collector.toString();
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
  /** What the last look has found; undefined: nothing that can be seen. */
  #telemetry: AttachedTelemetry | undefined;
  #logId: bigint | undefined;
  /** Why there is nothing, or less. */
  #reason: string | undefined;
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

  /** Looks again; returns whether its metrics are what they were. */
  look(): boolean {
    const before = this.#telemetry;
    const hadFailed = this.#reason !== undefined;
    this.#telemetry = this.#find();
    if (before !== this.#telemetry || hadFailed) return false;
    return this.#telemetry?.isAtRest ?? true;
  }

  /** @param part of what a log shows; where it shows nothing, `log` says so */
  collect(prefix: string, collector: PrometheusCollector, part: 'log' | 'metrics'): void {
    collector.pushLabel('log', this.#name);
    try {
      // Its own id is another one where the folder holds another log by now.
      if (this.#telemetry !== undefined) this.#telemetry.collect(prefix, collector, part);
      else if (part === 'log') this.#collectDown(prefix, collector);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      // What was collected before stays, and the other logs go on.
      this.#reason = error.message;
    } finally {
      collector.popLabel();
    }
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

  #find(): AttachedTelemetry | undefined {
    try {
      this.attach();
      const telemetry = this.#log?.look(AT_REST_MS);
      this.#reason = this.#log?.reason;
      // The last values of a log that was closed would look like those of one that stands still.
      if (telemetry === undefined || telemetry.status === 'gone') return undefined;
      this.#logId = telemetry.logId;
      return telemetry;
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.close();
      this.#reason = error.message;
      return undefined;
    }
  }

  /** Once the scrape is over, each reason once. */
  tellReason(): void {
    const reason = this.#reason;
    if (reason !== undefined && reason !== this.#told) this.#tell(reason);
    this.#told = reason;
  }

  close(): void {
    this.#log?.close();
    this.#log = undefined;
  }
}
