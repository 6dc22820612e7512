// Thread module: meta flushes, and a look now and then whether the region's name still is ours.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../../clock/clock.js';
import { assert, isNoSpace, serializeError, systemCode, WalError } from '../../errors.js';
import { libc } from '../../memory/libc.js';
import { attachRegion } from '../../region/region-factories.js';
import { ringOfRegion } from '../../ring/ring-memory.js';
import { adoptLock } from '../../storage/lock-file.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import { heartbeatOf } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { DiskUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { MetaStoreUpdater } from '../../telemetry/recorder/meta-store-metrics.js';
import { FinishedVerification } from '../../verification/finished-verification.js';
import type { HelperStart } from '../threads/messages.js';
import { Signals } from '../threads/signals.js';
import { verificationListener } from '../threads/verification.js';
import { runUntilStopped } from '../threads/worker-loop.js';
import { DiskWatch } from './disk-watch.js';
import { MetaCoordinator } from './meta-coordinator.js';
import { MetaStore } from './meta-store.js';
import { NameWatch } from './name-watch.js';

const port = parentPort;
assert(port !== null, 'the housekeeping thread is a worker');
const signals = new Signals(workerData as SharedArrayBuffer);
signals.undisturbed('housekeeping', libc);

port.once('message', (start: HelperStart | undefined) => {
  if (start !== undefined) run(start);
  signals.announceEnd('housekeeping');
});

function run({ directory, options, logId, held, region: handle }: HelperStart): void {
  const storage = rootedStorage(nodeStorage, directory, () => held.root);
  const region = signals.undisturbed('housekeeping', () => attachRegion(handle));
  const { words, control } = ringOfRegion(region);
  const store = new MetaStore(storage, directory);
  const { metaStore, segmentMaintainer, manager } = LogTelemetry.inRegion(region);
  const telemetry = new MetaStoreUpdater(metaStore);
  const coordinator = new MetaCoordinator(store, monotonicClock, signals, telemetry, {
    words,
    control,
    logId,
  });
  const lock = adoptLock(storage, directory, held);
  const meta = { isNamed: () => store.isNamed(), renew: () => coordinator.renew() };
  const watch = new NameWatch(storage, monotonicClock, signals, lock, meta, handle);
  const disk = new DiskWatch(storage, monotonicClock, directory, new DiskUpdater(manager));
  const listener = verificationListener(signals, segmentMaintainer, (error) =>
    port?.postMessage({ kind: 'damage', error: serializeError(error) }),
  );
  const verification =
    options.verify === 'background'
      ? new FinishedVerification(storage, monotonicClock, directory, listener)
      : undefined;
  const step = (): number => {
    const untilLookMs = Math.min(watch.look(), disk.look());
    const untilReadMs = verification?.step() ?? Number.POSITIVE_INFINITY;
    return Math.min(untilLookMs, coordinator.step(), untilReadMs);
  };
  const beat = heartbeatOf(region, 'housekeeping', monotonicClock);
  port?.postMessage({ kind: 'running' });
  runUntilStopped('housekeeping', signals, monotonicClock, { step, beat, spinUs: 0 });
  verification?.close();
  try {
    // The writer has ended before this thread was asked to stop: the point is final.
    if (signals.failure.read() === undefined) coordinator.flush(true);
  } catch (error) {
    port?.postMessage({ kind: 'refused', error: serializeError(notFlushed(directory, error)) });
  }
}

function notFlushed(directory: string, cause: unknown): WalError {
  const code = isNoSpace(cause) ? 'ERR_FLASHSTRIKE_NO_SPACE' : 'ERR_FLASHSTRIKE_IO';
  const message =
    `${directory}: every event is on disk, but wal.meta could not be written ` +
    `(${systemCode(cause) ?? cause}). The next open treats this close as a crash, and loses ` +
    'nothing.';
  return new WalError(code, message, { path: directory, cause });
}

port.postMessage({ kind: 'ready' });
