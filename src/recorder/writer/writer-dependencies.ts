// What the writer works with, and where it begins.
import type { Clock } from '../../clock/clock.js';
import { TimestampSource } from '../../clock/timestamp-source.js';
import type { WallAnchor } from '../../clock/wall-clock.js';
import type { Random64 } from '../../random.js';
import type { Storage } from '../../storage/storage.js';
import type { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import type { SegmentWriterUpdater } from '../../telemetry/recorder/segment-writer-metrics.js';
import type { SegmentPreparerUpdater } from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import type { WaitRecorder } from '../../telemetry/stalls/wait-recorder.js';
import type { PredecessorPin } from '../threads/messages.js';
import { PreparedSegments } from '../threads/prepared-segments.js';
import type { Signals } from '../threads/signals.js';
import type { SyncOptions } from '../threads/wal-options.js';
import type { ActiveSegment } from './active-segment.js';
import type { OpeningPorts } from './opening-ports.js';
import { WallClockWatch } from './wall-clock-watch.js';

export interface SegmentWriterDependencies {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly timestamps: TimestampSource;
  readonly wallClock: WallClockWatch;
  readonly prepared: PreparedSegments;
  readonly signals: Signals;
  readonly telemetry: WriterTelemetry;
  /** For the salts of segments. */
  readonly random64: Random64;
}

/** What the writer thread records. */
interface WriterTelemetry {
  readonly segmentWriter: SegmentWriterUpdater;
  readonly manager: ManagerUpdater;
}

type Ports = Pick<OpeningPorts, 'storage' | 'clock' | 'wallClockMs' | 'random64'>;

/**
 * @param floorNs no timestamp lies before it
 * @param keepsTime the application takes its timestamps from the writer
 */
export function dependenciesOf(
  { storage, clock, wallClockMs, random64 }: Ports,
  signals: Signals,
  telemetry: WriterTelemetry,
  taking: SegmentPreparerUpdater,
  anchor: WallAnchor,
  floorNs: bigint,
  keepsTime: boolean,
  waits: WaitRecorder,
): SegmentWriterDependencies {
  const { wallLatch } = signals;
  return {
    storage,
    clock,
    timestamps: new TimestampSource(clock, anchor, floorNs, wallLatch),
    wallClock: new WallClockWatch(
      clock,
      wallClockMs,
      wallLatch,
      telemetry.manager,
      anchor,
      keepsTime,
    ),
    prepared: new PreparedSegments(signals, clock, taking, (startNs) =>
      waits.ended('segment', startNs),
    ),
    signals,
    telemetry,
    random64,
  };
}

export interface SegmentWriterOptions {
  readonly directory: string;
  readonly logId: bigint;
  readonly sync: SyncOptions;
  /** The longest block that segments are made for, its header included. */
  readonly maxBlockBytes: number;
  /** The application takes its timestamps from the writer, which so has to look often. */
  readonly keepsTime: boolean;
}

/** Where writing begins: behind what recovery accepted, or nowhere yet (a new log, a roll). */
export interface WriterStart {
  readonly active: ActiveSegment | undefined;
  /** What the next segment's header pins when there is no active segment to go on with. */
  readonly predecessor: PredecessorPin;
  readonly nextEventId: number;
  readonly durableEventId: number;
  /** Segment files in the folder. */
  readonly segmentCount: number;
}

/** The predecessor of a log's first segment. */
export const NO_PREDECESSOR: PredecessorPin = { segmentIndex: 0, endOffset: 0, checksum: 0n };

/**
 * What a look at the ring came to. `blocked`: what is in it waits for a segment, or for space.
 */
export type WriteOutcome = 'wrote' | 'empty' | 'blocked';
