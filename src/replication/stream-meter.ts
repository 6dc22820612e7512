// Records what a replicator does, for who watches the log, and passes it on.
import { decodeFrame } from '../segment/frame.js';
import type {
  ReplicationUpdater,
  StreamStanding,
} from '../telemetry/recorder/replication-metrics.js';
import { NS_PER_MS } from '../units.js';
import type { StreamFailureReason } from './block-stream.js';
import type { OutgoingRun } from './outgoing-runs.js';
import type { Activity, ReplicatorObserver } from './replicator-ports.js';

/** Where times come from. */
interface MeterClocks {
  /** Monotonic. */
  readonly nowNs: () => number;
  /** Since the Unix epoch. */
  readonly wallClockMs: () => number;
}

export interface StreamOwner {
  readonly logId: bigint;
  readonly epoch: number;
}

export class StreamMeter implements ReplicatorObserver {
  readonly #next: ReplicatorObserver;
  readonly #logId: bigint;
  readonly #updater: ReplicationUpdater;
  readonly #tell: () => void;
  readonly #clocks: MeterClocks;
  #sentNs = 0;
  confirmedEventId = 0;
  confirmedEventBytes = 0;
  unconfirmedSinceNs = 0;
  waitingSinceNs = 0;
  answeredNs = 0;
  /** Who has the stream, and since which epoch; undefined: nobody is known to. */
  owner: StreamOwner | undefined;

  /**
   * @param logId of the log that is replicated
   * @param tell is called whenever one of the fields may have changed
   */
  constructor(
    next: ReplicatorObserver,
    logId: bigint,
    updater: ReplicationUpdater,
    tell: () => void,
    clocks: MeterClocks,
  ) {
    this.#next = next;
    this.#logId = logId;
    this.#updater = updater;
    this.#tell = tell;
    this.#clocks = clocks;
  }

  get standing(): StreamStanding {
    const { confirmedEventId, confirmedEventBytes, unconfirmedSinceNs } = this;
    const { waitingSinceNs, answeredNs } = this;
    const since = { unconfirmedSinceNs, waitingSinceNs, answeredNs };
    return { confirmedEventId, confirmedEventBytes, ...since };
  }

  onActivity(activity: Activity): void {
    this.#next.onActivity(activity);
  }

  onSending(run: OutgoingRun): void {
    const nowNs = this.#clocks.nowNs();
    this.#sentNs = nowNs;
    const { timestampNs } = decodeFrame(run.frames, 0);
    const ageNs = this.#clocks.wallClockMs() * NS_PER_MS - Number(timestampNs);
    this.unconfirmedSinceNs = Math.max(1, Math.min(nowNs, nowNs - ageNs));
    this.#tell();
    this.#next.onSending(run);
  }

  onClaimed(epoch: number, confirmedEventId: number): void {
    this.#updater.onClaim(epoch);
    this.owner = { logId: this.#logId, epoch };
    this.confirmedEventId = confirmedEventId;
    this.unconfirmedSinceNs = 0;
    this.#tell();
    this.#next.onClaimed(epoch, confirmedEventId);
  }

  onFenced(ownerLogId: bigint, epoch: number): void {
    this.owner = { logId: ownerLogId, epoch };
    this.#tell();
    this.#next.onFenced(ownerLogId, epoch);
  }

  onConfirmed(run: OutgoingRun, ackMs: number): void {
    const { firstEventId, eventCount, frames } = run;
    this.#updater.onConfirmed(this.#sentNs, eventCount, frames.length);
    this.confirmedEventId = firstEventId + eventCount - 1;
    this.confirmedEventBytes = Math.round(frames.length / eventCount);
    this.unconfirmedSinceNs = 0;
    this.#tell();
    this.#next.onConfirmed(run, ackMs);
  }

  onProven(sentMs: number): void {
    if (this.waitingSinceNs > 0) this.#updater.onEngineWait(this.waitingSinceNs);
    this.waitingSinceNs = 0;
    this.answeredNs = this.#clocks.nowNs();
    this.#tell();
    this.#next.onProven(sentMs);
  }

  onFoundStored(): void {
    this.#updater.onFoundStored();
    this.#next.onFoundStored();
  }

  onFailure(reason: StreamFailureReason, message: string): void {
    this.#updater.onFailure(reason);
    if (this.waitingSinceNs === 0) this.waitingSinceNs = this.#clocks.nowNs();
    this.#tell();
    this.#next.onFailure(reason, message);
  }

  onRegression(fromEventId: number, toEventId: number): void {
    this.#updater.onRegression(fromEventId - toEventId);
    this.#next.onRegression(fromEventId, toEventId);
  }
}
