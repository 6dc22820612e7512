// Replicators of a log in processes of their own (`flashstrike replicate`): each puts a copy of its
// metrics beside the log, four times a second, which is read here. Whether it is alive, the lock of
// its consumer says.
import { WalError } from '../errors.js';
import type { MetricSource } from '../metrics/snapshot.js';
import { reading } from '../reading/read-failure.js';
import { isStreamFed, readStreamReport, streamReportNames } from '../reading/stream-reports.js';
import { nodeStorage } from '../storage/node-storage.js';
import { Replication } from '../telemetry/recorder/replication-metrics.js';
import { imageSource } from '../telemetry/struct-image.js';
import { NS_PER_SECOND } from '../units.js';

/** A folder may have many names, so it is listed no more often. */
const LIST_NS = NS_PER_SECOND;

export class FedElsewhere {
  readonly #directory: string;
  readonly #logId: bigint;
  #names: readonly string[] = [];
  #listedNs = Number.NEGATIVE_INFINITY;
  /** What the folder's names looked like at the last two listings. */
  #changes: readonly (bigint | undefined)[] = [undefined, undefined];

  constructor(directory: string, logId: bigint) {
    this.#directory = directory;
    this.#logId = logId;
  }

  /**
   * The metrics of the replicator that is at work and furthest behind; undefined where there is
   * none that can be read.
   */
  read(nowNs: number): MetricSource | undefined {
    try {
      return this.#read(nowNs);
    } catch (error) {
      // A folder that is gone, or that this user may not list: the log's own memory still tells.
      if (error instanceof WalError) return undefined;
      throw error;
    }
  }

  #read(nowNs: number): MetricSource | undefined {
    this.#list(nowNs);
    const fed = this.#names.flatMap((name) => {
      const file = readStreamReport(nodeStorage, this.#directory, name, this.#logId);
      const { report, stream = '' } = file ?? {};
      const source = report && imageSource(Replication.definition, report);
      if (report === undefined || source === undefined) return [];
      return isStreamFed(nodeStorage, this.#directory, stream) ? [{ report, source }] : [];
    });
    fed.sort((a, b) => a.report.confirmedEventId - b.report.confirmedEventId);
    return fed[0]?.source;
  }

  #list(nowNs: number): void {
    if (nowNs - this.#listedNs < LIST_NS) return;
    const change = reading(this.#directory, () => nodeStorage.folderChange(this.#directory));
    // Names that come right after a listing may leave the number as it was: so one listing more.
    const isKnown = change !== undefined && this.#changes.every((each) => each === change);
    this.#listedNs = nowNs;
    if (isKnown) return;
    this.#names = streamReportNames(nodeStorage, this.#directory);
    this.#changes = [this.#changes[1], change];
  }
}
