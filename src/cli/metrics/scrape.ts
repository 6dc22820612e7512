// One answer to Prometheus: what a log shows at this moment, or that it shows nothing.

import { WalError } from '../../errors.js';
import { PrometheusCollector } from '../../prometheus.js';
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

/**
 * The metrics of a log that may be closed, killed and opened again between two scrapes: all of that
 * is a value of `<prefix>_up`, and no failure.
 */
export class ScrapedLog {
  readonly #dir: string;
  readonly #options: ScrapeOptions;
  readonly #tell: (text: string) => void;
  #log: WatchedLog | undefined;
  #told: string | undefined;

  /** @param tell is called when the reason why there are no metrics changes */
  constructor(dir: string, options: ScrapeOptions, tell: (text: string) => void) {
    this.#dir = dir;
    this.#options = options;
    this.#tell = tell;
  }

  /** @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG and what else keeps the log from being looked at */
  attach(): void {
    this.#log ??= new WatchedLog(this.#dir);
  }

  scrape(): Scrape {
    const { prefix, referenceNames } = this.#options;
    const collector = new PrometheusCollector({ referenceNames });
    try {
      this.attach();
      const telemetry = this.#log?.look();
      // The last values of a log that was closed would look like those of one that stands still.
      if (telemetry === undefined || telemetry.status === 'gone') this.#down(collector);
      else telemetry.collect(prefix, collector);
      this.#tellOnce(this.#log?.reason);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      this.#forget();
      this.#tellOnce(error.message);
      return this.#nothing();
    }
    return answer(collector);
  }

  #nothing(): Scrape {
    const collector = new PrometheusCollector();
    this.#down(collector);
    return answer(collector);
  }

  #down(collector: PrometheusCollector): void {
    const help = 'Whether a process has the log open';
    collector.gauge({ name: `${this.#options.prefix}_up`, help }, 0);
  }

  #tellOnce(reason: string | undefined): void {
    if (reason !== undefined && reason !== this.#told) this.#tell(reason);
    this.#told = reason;
  }

  #forget(): void {
    this.#log?.close();
    this.#log = undefined;
  }

  close(): void {
    this.#forget();
  }
}

const answer = (collector: PrometheusCollector): Scrape => ({
  text: collector.toString(),
  contentType: collector.contentType,
});
