// Flushes the meta store when the writer asks for it, at a roll, when idle, at the end, and when
// the maintainer is about to remove segments. Never on the commit path. A failed flush is counted
// and tried again; the state on disk stays the old one, which is true as well, only older.
// Where segments are to go, the next flush has its space before it is asked for: removing is what
// makes space on a disk that is full.
import type { Clock } from '../../clock/clock.js';
import { isNoSpace, isOperational } from '../../errors.js';
import type { DurablePoint } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import type { WalMeta } from '../../segment/wal-meta.js';
import type { MetaStoreUpdater } from '../../telemetry/recorder/meta-store-metrics.js';
import { NS_PER_MS } from '../../units.js';
import { type Signals, Trouble } from '../threads/signals.js';
import type { MetaStore } from './meta-store.js';

const IDLE_MS = 1000;
const RETRY_NS = 100e6;

export class MetaCoordinator {
  readonly #store: MetaStore;
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #region: Pick<RingMemory, 'words' | 'control'>;
  readonly #logId: bigint;
  readonly #telemetry: MetaStoreUpdater;
  readonly #reserves: boolean;
  /** As wal.meta says durably. */
  #firstKeptEventId: number;
  #flushed: number;
  #isLost = false;
  #notBeforeNs = 0;

  constructor(
    store: MetaStore,
    clock: Clock,
    signals: Signals,
    telemetry: MetaStoreUpdater,
    region: Pick<RingMemory, 'words' | 'control'> & {
      readonly logId: bigint;
      /** Of the wal.meta that is there. */
      readonly firstKeptEventId: number;
      /** Whether segments are removed in time. */
      readonly hasRetention?: boolean;
    },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#signals = signals;
    this.#telemetry = telemetry;
    this.#region = region;
    this.#logId = region.logId;
    this.#firstKeptEventId = region.firstKeptEventId;
    this.#reserves = region.hasRetention === true;
    signals.publishKeptFrom(region.firstKeptEventId);
    this.#flushed = signals.get('metaRequests');
  }

  /** One flush where one is asked for; returns 0 to go on, else how many ms may pass. */
  step(): number {
    const requested = this.#signals.get('metaRequests');
    const isTrimmed = this.#signals.keepFrom > this.#firstKeptEventId;
    if (requested === this.#flushed && !this.#isLost && !isTrimmed) {
      this.#reserve();
      return IDLE_MS;
    }
    const waitNs = this.#notBeforeNs - this.#clock.nowNs();
    if (waitNs > 0) return waitNs / NS_PER_MS;
    try {
      this.flush(false);
      this.#flushed = requested;
      this.#isLost = false;
      this.#signals.tellTrouble('metaTrouble', Trouble.none);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.#notBeforeNs = this.#clock.nowNs() + RETRY_NS;
      const trouble = isNoSpace(error) ? Trouble.noSpace : Trouble.error;
      this.#signals.tellTrouble('metaTrouble', trouble);
    }
    return 0;
  }

  /** What cannot be had now is asked for again at the next look; the flush itself tells. */
  #reserve(): void {
    if (!this.#reserves) return;
    try {
      this.#store.reserve();
    } catch (error) {
      if (!isOperational(error)) throw error;
    }
  }

  /** The file has been taken away: the next step writes it again. */
  renew(): void {
    this.#isLost = true;
  }

  /** Writes the durable point as it is now, and returns it. */
  flush(cleanlyClosed: boolean): DurablePoint {
    // Before the point: what is kept from then on begins at the point that follows, or before it.
    const firstKeptEventId = Math.max(this.#firstKeptEventId, this.#signals.keepFrom);
    const point = durablePointOf(this.#region);
    const logId = this.#logId;
    const durableEventId = point.lastEventId;
    this.#write({ ...point, cleanlyClosed, durableEventId, logId, firstKeptEventId });
    this.#tellKept(firstKeptEventId);
    return point;
  }

  /** Only now, when it is durable, may what stands before it go. */
  #tellKept(firstKeptEventId: number): void {
    if (firstKeptEventId === this.#firstKeptEventId) return;
    this.#firstKeptEventId = firstKeptEventId;
    this.#signals.publishKeptFrom(firstKeptEventId);
  }

  #write(meta: WalMeta): void {
    const startNs = this.#clock.nowNs();
    try {
      this.#store.flush(meta);
    } catch (error) {
      this.#telemetry.onAsyncMetaFlushFailed();
      throw error;
    }
    this.#telemetry.onAsyncMetaFlushCompleted(startNs);
  }
}
