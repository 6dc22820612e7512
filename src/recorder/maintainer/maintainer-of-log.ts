// The maintainer of an open log, put together from the log's options.
import type { Clock } from '../../clock/clock.js';
import { ConsumerHolds } from '../../consumers/consumer-holds.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import type { Storage } from '../../storage/storage.js';
import type { SegmentMaintainerUpdater } from '../../telemetry/recorder/worker/segment-maintainer-metrics.js';
import { KIB } from '../../units.js';
import type { Signals } from '../threads/signals.js';
import type { VerificationListener } from '../threads/verification.js';
import type { ResolvedOptions } from '../threads/wal-options.js';
import type { BelievedTime } from './believed-time.js';
import { holdingLog, maintainedLog } from './maintained-log.js';
import { SegmentMaintainer } from './segment-maintainer.js';
import { SegmentRecycler } from './segment-recycler.js';

/** The log, and the times by which the age of its events is measured. */
interface OpenedLog {
  readonly directory: string;
  readonly logId: bigint;
  readonly memory: Pick<RingMemory, 'words' | 'control'>;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly wallClockMs: () => number;
  /** One for both: neither events nor consumers become old at once where a clock jumps. */
  readonly time: BelievedTime;
  /** False where a sync of a folder that succeeded was none; by default it is one. */
  readonly areNamesDurable?: () => boolean;
}

type MaintenanceOptions = Pick<
  ResolvedOptions,
  'segmentBytes' | 'retention' | 'compression' | 'hotSegments' | 'verify' | 'preallocate'
>;

/** What a full segment leaves free for its seal, and a little more. */
const RECYCLED_TAIL_BYTES = 64 * KIB;

export function maintainerOf(
  storage: Storage,
  log: OpenedLog,
  options: MaintenanceOptions,
  telemetry: SegmentMaintainerUpdater,
  listener: VerificationListener,
): SegmentMaintainer {
  const { directory, logId, memory, signals, clock, wallClockMs, time } = log;
  const { segmentBytes, retention, verify, compression, preallocate } = options;
  const hotSegments = compression === 'none' ? undefined : options.hotSegments;
  const keptTailBytes = preallocate === 'recycle' ? RECYCLED_TAIL_BYTES : 0;
  return new SegmentMaintainer(
    storage,
    clock,
    maintainedLog(directory, logId, memory, signals, time),
    { retention, verifiesAll: verify === 'background', hotSegments, keptTailBytes, segmentBytes },
    new ConsumerHolds(storage, holdingLog(directory, logId, memory, wallClockMs, log)),
    telemetry,
    listener,
    new SegmentRecycler(
      storage,
      signals,
      () => telemetry.onMaintenanceFailure(),
      log.areNamesDurable,
    ),
  );
}
