// Thread module: a host of meta flushes, and of a look now and then whether names still are ours.
import { monotonicClock } from '../../clock/clock.js';
import { unixNsOf } from '../../clock/wall-clock.js';
import { ConsumerHolds } from '../../consumers/consumer-holds.js';
import { serializeError } from '../../errors.js';
import { attachRegion } from '../../region/region-factories.js';
import { ringOfRegion } from '../../ring/ring-memory.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import { adoptLock } from '../../storage/lock-file.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import { ownThreadId, timesOfThread } from '../../storage/thread-times.js';
import { heartbeatOf } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { ConsumersUpdater } from '../../telemetry/recorder/consumers-metrics.js';
import { DiskUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { MetaStoreUpdater } from '../../telemetry/recorder/meta-store-metrics.js';
import { StallMemory } from '../../telemetry/stalls/stall-memory.js';
import { StallSampler } from '../../telemetry/stalls/stall-sampler.js';
import { threadMarksOf } from '../../telemetry/thread-marks.js';
import { runHost, type Service } from '../threads/host.js';
import type { HelperStart } from '../threads/messages.js';
import type { ServedBody } from '../threads/worker-loop.js';
import { endCleanly } from './clean-end.js';
import { ConsumerWatch } from './consumer-watch.js';
import { DiskWatch } from './disk-watch.js';
import { MetaCoordinator } from './meta-coordinator.js';
import { MetaStore } from './meta-store.js';
import { NameWatch } from './name-watch.js';

function keep({ start, signals, tell, undisturbed }: Service<HelperStart>): ServedBody {
  const { directory, logId, firstKeptEventId, held, region: handle, options } = start;
  const storage = rootedStorage(nodeStorage, directory, () => held.root);
  const region = undisturbed(() => attachRegion(handle));
  const { words, control } = ringOfRegion(region);
  const store = new MetaStore(storage, directory);
  const { metaStore, manager, consumers } = LogTelemetry.inRegion(region);
  const telemetry = new MetaStoreUpdater(metaStore);
  const coordinator = new MetaCoordinator(store, monotonicClock, signals, telemetry, {
    words,
    control,
    logId,
    firstKeptEventId,
    hasRetention: options.retention !== undefined,
  });
  const lock = adoptLock(storage, directory, held);
  const meta = { isNamed: () => store.isNamed(), renew: () => coordinator.renew() };
  const appended = (): number => Atomics.load(words, control.appended);
  const watch = new NameWatch(storage, monotonicClock, signals, lock, meta, handle, appended);
  const disk = new DiskWatch(storage, monotonicClock, directory, new DiskUpdater(manager));
  const holds = new ConsumerHolds(storage, {
    dir: directory,
    logId,
    durableEventId: () => durablePointOf({ words, control }).lastEventId,
    nowNs: () => unixNsOf(Date.now),
    clock: monotonicClock,
  });
  const folderChange = (): bigint | undefined => storage.folderChange(directory);
  const updater = new ConsumersUpdater(consumers);
  const readers = new ConsumerWatch(monotonicClock, holds, folderChange, updater);
  // First: what follows may wait for the disk.
  const stalls = new StallSampler(StallMemory.of(region), monotonicClock, timesOfThread);
  const step = (): number =>
    Math.min(stalls.look(), watch.look(), disk.look(), readers.look(), coordinator.step());
  const end = (): undefined => {
    try {
      // The writer has ended before this was asked for: the point is final.
      if (signals.failure.read() === undefined) endCleanly(storage, directory, coordinator, logId);
    } catch (error) {
      tell({ kind: 'refused', error: serializeError(error) });
    }
  };
  const beat = heartbeatOf(region, 'housekeeping', monotonicClock);
  const marks = threadMarksOf(region, 'housekeeping', ownThreadId());
  tell({ kind: 'running' });
  return { step, beat, marks, end };
}

runHost('housekeeping', keep);
