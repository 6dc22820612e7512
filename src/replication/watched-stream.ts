// What a replicator does, where it is seen: in the telemetry of the open log or, where a folder is
// replicated, in a struct of its own, a copy of which goes into the report beside the log.
import { monotonicClock } from '../clock/clock.js';
import type { LogReplicas } from '../recorder/application/log-replicas.js';
import type { Storage } from '../storage/storage.js';
import { Replication, ReplicationUpdater } from '../telemetry/recorder/replication-metrics.js';
import { imageOf, type StructImage } from '../telemetry/struct-image.js';
import type { ReplicatorObserver } from './replicator-ports.js';
import { ReportFile } from './report-file.js';
import { StreamMeter } from './stream-meter.js';

/** Who watches a folder's replicator looks at the file; of an open log only `inspect` does. */
const FOLDER_INTERVAL_MS = 250;
const LOG_INTERVAL_MS = 1_000;

const NO_IMAGE: StructImage = Object.freeze({ metricsLayout: 0, metrics: new Uint8Array(0) });

interface WatchedPlace {
  readonly storage: Storage;
  readonly dir: string;
  readonly logId: bigint;
  readonly stream: string;
}

export class WatchedStream {
  /** Is told what happens, and passes it on. */
  readonly meter: StreamMeter;
  readonly #report: ReportFile;
  readonly #tellStanding: (streams: number) => void;

  /**
   * @param fed the streams of the open log; undefined for a folder
   * @param onFailure is told of a mistake of ours in writing the report
   */
  constructor(
    place: WatchedPlace,
    observer: ReplicatorObserver,
    fed: LogReplicas | undefined,
    onFailure: (error: unknown) => void,
  ) {
    const own = new Replication();
    const updater = fed?.updater ?? new ReplicationUpdater(own);
    const wallClockMs = Date.now;
    const clocks = { nowNs: () => monotonicClock.nowNs(), wallClockMs };
    const meter = new StreamMeter(observer, place.logId, updater, () => this.#tell(), clocks);
    this.meter = meter;
    this.#tellStanding = (streams) => {
      if (fed === undefined) updater.setStanding({ ...meter.standing, streams, fenced: 0 });
      else fed.tell();
    };
    const intervalMs = fed === undefined ? FOLDER_INTERVAL_MS : LOG_INTERVAL_MS;
    const known = () => ({
      owner: meter.owner,
      confirmedEventId: meter.confirmedEventId,
      image: fed === undefined ? imageOf(own) : NO_IMAGE,
    });
    this.#report = new ReportFile({ ...place, wallClockMs, intervalMs }, known, onFailure);
    this.#tell();
  }

  #tell(): void {
    this.#tellStanding(1);
    this.#report.changed();
  }

  /** It has ended, and still holds its consumer. */
  end(): void {
    this.#tellStanding(0);
    this.#report.changed();
    this.#report.close();
  }
}
