// Thread module: the loop around SegmentPreparer.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicClock } from '../../clock/clock.js';
import { assert, serializeError, systemCode, WalError } from '../../errors.js';
import { libc } from '../../memory/libc.js';
import { attachRegion } from '../../region/region-factories.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import { heartbeatOf } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { SegmentPreparationUpdater } from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import type { HelperStart } from '../threads/messages.js';
import { Signals } from '../threads/signals.js';
import { runUntilStopped } from '../threads/worker-loop.js';
import { SegmentPreparer } from './segment-preparer.js';

const port = parentPort;
assert(port !== null, 'the preparer thread is a worker');
const signals = new Signals(workerData as SharedArrayBuffer);
signals.undisturbed('preparer', libc);

// The thread starts while the writer thread still recovers; only then is there something to do.
port.once('message', (start: HelperStart | undefined) => {
  if (start !== undefined) run(start);
  signals.announceEnd('preparer');
});

function run({ directory, options, firstTicket, held, region: handle }: HelperStart): void {
  const storage = rootedStorage(nodeStorage, directory, () => held.root);
  const region = signals.undisturbed('preparer', () => attachRegion(handle));
  const { segmentBytes, preparedSegments } = options;
  const { segmentPreparer } = LogTelemetry.inRegion(region);
  const telemetry = new SegmentPreparationUpdater(segmentPreparer);
  const preparer = new SegmentPreparer(storage, monotonicClock, signals, telemetry, {
    directory,
    segmentBytes,
    preparedSegments,
    firstTicket,
  });
  const beat = heartbeatOf(region, 'preparer', monotonicClock);
  const body = { step: () => preparer.step(), beat, spinUs: 0 };
  port?.postMessage({ kind: 'running' });
  runUntilStopped('preparer', signals, monotonicClock, body);
  try {
    preparer.close();
  } catch (error) {
    port?.postMessage({ kind: 'refused', error: serializeError(notRemoved(directory, error)) });
  }
}

function notRemoved(directory: string, cause: unknown): WalError {
  const message =
    `${directory}: every event is on disk, but a prepared segment could not be removed ` +
    `(${systemCode(cause) ?? cause}). The next open removes it.`;
  return new WalError('ERR_FLASHSTRIKE_IO', message, { path: directory, cause });
}

port.postMessage({ kind: 'ready' });
