// Thread module: a host of SegmentMaintainers.
import { monotonicClock } from '../../clock/clock.js';
import { isOperational, serializeError } from '../../errors.js';
import { attachRegion } from '../../region/region-factories.js';
import { ringOfRegion } from '../../ring/ring-memory.js';
import { callsDoneWithout, nodeStorage } from '../../storage/node-storage.js';
import { rootedStorage } from '../../storage/rooted-storage.js';
import { heartbeatOf } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { SegmentMaintainerUpdater } from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { runHost, type Service } from '../threads/host.js';
import type { MaintainerStart } from '../threads/messages.js';
import { verificationListener } from '../threads/verification.js';
import type { ServedBody } from '../threads/worker-loop.js';
import { BelievedTime } from './believed-time.js';
import { maintainerOf } from './maintainer-of-log.js';

/** A close waits so long, at most, for what is to be removed. */
const DRAIN_NS = 200e6;

function maintain({ start, signals, tell, undisturbed }: Service<MaintainerStart>): ServedBody {
  const { directory, options, logId, recoveredTimestampNs, held, region: handle } = start;
  const storage = rootedStorage(nodeStorage, directory, () => held.root);
  const region = attachRegion(handle, undisturbed);
  const { segmentMaintainer } = LogTelemetry.inRegion(region);
  const telemetry = new SegmentMaintainerUpdater(segmentMaintainer);
  const listener = verificationListener(signals, telemetry, (error) =>
    tell({ kind: 'damage', error: serializeError(error) }),
  );
  const memory = ringOfRegion(region);
  const time = new BelievedTime(monotonicClock, Date.now, recoveredTimestampNs);
  const times = { clock: monotonicClock, wallClockMs: Date.now, time };
  // One for all logs of this thread: where one of them has no such sync, none is used again.
  const areNamesDurable = (): boolean => !callsDoneWithout().includes('syncDirectory');
  const log = { directory, logId, memory, signals, ...times, areNamesDurable };
  const maintainer = maintainerOf(storage, log, options, telemetry, listener);
  let [asked, answered] = [0, 0];
  const step = (): number => {
    const requests = signals.get('deleteRequests');
    if (requests !== asked) maintainer.ask();
    asked = requests;
    time.look();
    const waitMs = maintainer.step();
    const { isSettled, firstEventId = 1, error } = maintainer.removal;
    if (isSettled && requests !== answered) {
      answered = requests;
      const serialized = error === undefined ? undefined : serializeError(error);
      tell({ kind: 'deleted', requests, firstEventId, error: serialized });
    }
    return waitMs;
  };
  let endsNs: number | undefined;
  const end = (): number | undefined => {
    endsNs ??= monotonicClock.nowNs() + DRAIN_NS;
    if (maintainer.isRemoving && monotonicClock.nowNs() < endsNs) return step();
    try {
      maintainer.close();
    } catch (error) {
      // What cannot be removed now is removed by the next open.
      if (!isOperational(error)) throw error;
      telemetry.onMaintenanceFailure();
    }
    return undefined;
  };
  tell({ kind: 'running' });
  const beat = heartbeatOf(region, 'maintainer', monotonicClock);
  return { step, beat, end };
}

runHost('maintainer', maintain);
