// Thread module: a host of SegmentPreparers.
import { monotonicClock } from '../../clock/clock.js';
import { serializeError, systemCode, WalError } from '../../errors.js';
import { attachRegion } from '../../region/region-factories.js';
import { blockBytesFor } from '../../segment/block-header.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import { ownThreadId, timesOfThread } from '../../storage/thread-times.js';
import { heartbeatOf } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { SegmentPreparationUpdater } from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import { StallMemory } from '../../telemetry/stalls/stall-memory.js';
import { StallSampler } from '../../telemetry/stalls/stall-sampler.js';
import { threadMarksOf } from '../../telemetry/thread-marks.js';
import { runHost, type Service } from '../threads/host.js';
import type { HelperStart } from '../threads/messages.js';
import type { ServedBody } from '../threads/worker-loop.js';
import { SegmentPreparer } from './segment-preparer.js';

function prepareFor({ start, signals, tell, undisturbed }: Service<HelperStart>): ServedBody {
  const { directory, options, firstTicket, held, region: handle } = start;
  const storage = rootedStorage(nodeStorage, directory, () => held.root);
  const region = attachRegion(handle, undisturbed);
  const { segmentBytes, maxEventBytes, preparedSegments, preallocate } = options;
  const { segmentPreparer } = LogTelemetry.inRegion(region);
  const telemetry = new SegmentPreparationUpdater(segmentPreparer);
  const preparer = new SegmentPreparer(storage, monotonicClock, signals, telemetry, {
    directory,
    segmentBytes,
    maxBlockBytes: blockBytesFor(maxEventBytes),
    preparedSegments,
    preallocate,
    firstTicket,
  });
  const end = (): undefined => {
    try {
      preparer.close();
    } catch (error) {
      tell({ kind: 'refused', error: serializeError(notRemoved(directory, error)) });
    }
  };
  tell({ kind: 'running' });
  const beat = heartbeatOf(region, 'preparer', monotonicClock);
  const marks = threadMarksOf(region, 'preparer', ownThreadId());
  const sampler = new StallSampler(StallMemory.of(region), monotonicClock, timesOfThread);
  const step = (): number => {
    sampler.lookIfLate();
    return preparer.step();
  };
  return { step, beat, marks, end };
}

function notRemoved(directory: string, cause: unknown): WalError {
  const message =
    `${directory}: every event is on disk, but a prepared segment could not be removed ` +
    `(${systemCode(cause) ?? cause}). The next open removes it.`;
  return new WalError('ERR_FLASHSTRIKE_IO', message, { path: directory, cause });
}

runHost('preparer', prepareFor);
