// `trim`: removes the oldest segments of a log that nobody has open, by what an open log does it
// with. The last segment is never touched, so nothing of the log's end has to be recovered for it.
import { resolve } from 'node:path';
import { unixNsOf } from '../../clock/wall-clock.js';
import { writing } from '../../consumers/consumer-failure.js';
import { ConsumerHolds } from '../../consumers/consumer-holds.js';
import { assert, invalidArgument, WalError } from '../../errors.js';
import { logIdIn } from '../../judgement/log-identity.js';
import { checkDirectory, checkLock } from '../../reading/event-range.js';
import {
  isLogFolder,
  listLog,
  noLogIn,
  readMeta,
  usableMeta,
} from '../../reading/log-directory.js';
import type { WalMeta } from '../../segment/wal-meta.js';
import { nodeStorage } from '../../storage/node-storage.js';
import type { Storage } from '../../storage/storage.js';
import {
  SegmentMaintainer as Metrics,
  SegmentMaintainerUpdater,
} from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { NS_PER_MS } from '../../units.js';
import { MetaStore } from '../housekeeping/meta-store.js';
import { Custody } from '../threads/custody.js';
import { SegmentMaintainer } from './segment-maintainer.js';

/** Options of `trim`. */
export interface TrimOptions {
  /**
   * `none` for a disk without file locks: you make sure that nobody has the log open. Default
   * `flock`.
   */
  readonly lock?: 'flock' | 'none' | undefined;
}

/** What `trim` has removed. */
export interface TrimReport {
  /** The first event that is still there. */
  readonly firstEventId: number;
  /** Segments that were removed. */
  readonly removedSegments: number;
  /** Bytes of their files. */
  readonly freedBytes: number;
}

/**
 * Removes the oldest segments of the log in `dir`, which nobody may have open: those with nothing
 * but events before `eventId`. As `wal.deleteBefore` on one that is open.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED while it is open; _CORRUPT if a segment that should go is
 * damaged, _UNDECIDABLE without a wal.meta; _NOT_A_LOG, _INVALID_ARGUMENT, _LOCK_UNAVAILABLE,
 * _ACCESS, _IO
 * @example
 * import { trim } from 'flashstrike';
 *
 * const { firstEventId } = await trim('./orders', 1_000_000);
 * console.log(firstEventId);
 */
export async function trim(
  dir: string | URL,
  eventId: number,
  options: TrimOptions = {},
): Promise<TrimReport> {
  const directory = resolve(checkDirectory(dir));
  const lock = checkLock(options);
  if (!Number.isSafeInteger(eventId) || eventId < 1) {
    throw invalidArgument(`trim() takes an event id from 1 on; it is ${eventId}.`);
  }
  if (!isLogFolder(nodeStorage, directory)) throw noLogIn(directory);
  const custody = new Custody(nodeStorage);
  try {
    // The folder as well as LOCK: of a log that is open, somebody may have removed LOCK.
    await writing(directory, () => custody.lock(directory, lock));
    return await removeBefore(custody.storageOf(directory), directory, eventId);
  } finally {
    custody.release();
  }
}

async function removeBefore(storage: Storage, dir: string, eventId: number): Promise<TrimReport> {
  const listing = listLog(storage, dir);
  const activeIndex = listing.segments.at(-1)?.index;
  const logId = logIdIn(storage, listing);
  if (activeIndex === undefined || logId === undefined) {
    return { firstEventId: 1, removedSegments: 0, freedBytes: 0 };
  }
  const record = new KeptRecord(storage, dir, logId);
  const nowNs = (): bigint => unixNsOf(Date.now);
  const durableEventId = (): number => record.durableEventId;
  const metrics = new Metrics();
  const clock = new SteppedClock();
  const maintainer = new SegmentMaintainer(
    storage,
    clock,
    {
      directory: dir,
      logId,
      activeIndex: () => activeIndex,
      deleteBefore: () => eventId,
      keepFrom: (first) => record.keepFrom(first),
      keptFrom: () => record.keptFrom,
      keepRefusal: () => undefined,
      onRemoved: () => {},
      nowNs,
    },
    { retention: undefined, verifiesAll: false },
    // Nobody is dropped for its age: whether the clock is right nobody has watched.
    new ConsumerHolds(storage, { dir, logId, durableEventId, nowNs }),
    new SegmentMaintainerUpdater(metrics, clock),
    { toVerify: () => {}, verified: () => {}, verifiedAll: () => {} },
  );
  try {
    while (!maintainer.removal.isSettled) {
      // Nobody else needs the disk: no rest.
      clock.advanceMs(maintainer.step());
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    maintainer.close();
  }
  const { firstEventId = 1, error } = maintainer.removal;
  if (error !== undefined) throw error;
  const { maintenanceRetention, freedBytes } = metrics;
  return { firstEventId, removedSegments: maintenanceRetention.successes, freedBytes };
}

/** Moves over the rests between two steps. */
class SteppedClock {
  #nowNs = 0;

  nowNs(): number {
    return this.#nowNs;
  }

  advanceMs(ms: number): void {
    this.#nowNs += ms * NS_PER_MS;
  }
}

/** wal.meta of a log that nobody writes: all but its first kept event stays as it is. */
class KeptRecord {
  readonly #store: MetaStore;
  #meta: WalMeta;

  constructor(storage: Storage, dir: string, logId: bigint) {
    const meta = usableMeta(readMeta(storage, dir), dir, logId);
    if (meta === undefined || meta.segmentIndex === 0) {
      const message =
        `${dir}: without a wal.meta that is sound nothing can be removed from the log. Open and ` +
        'close it once.';
      throw new WalError('ERR_FLASHSTRIKE_UNDECIDABLE', message, { path: dir });
    }
    this.#meta = meta;
    this.#store = new MetaStore(storage, dir);
  }

  get durableEventId(): number {
    return this.#meta.durableEventId;
  }

  get keptFrom(): number {
    return this.#meta.firstKeptEventId;
  }

  keepFrom(firstKeptEventId: number): void {
    assert(firstKeptEventId > this.keptFrom, 'what is kept only becomes less');
    // Whatever has a successor is durable, also where a crash kept wal.meta from saying so.
    const durableEventId = Math.max(this.#meta.durableEventId, firstKeptEventId - 1);
    const meta = { ...this.#meta, durableEventId, firstKeptEventId };
    this.#store.flush(meta);
    this.#meta = meta;
  }
}
