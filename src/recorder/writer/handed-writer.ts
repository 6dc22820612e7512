// A log that was opened on one thread and is written by another: opening reads, rewrites and waits
// for the application's thread, so it is done where no other log would have to wait for that. What
// is handed over is plain data. At that moment all events are durable and the ring is empty; the
// descriptor stays behind, because each thread opens and closes its own.
import type { WallAnchor } from '../../clock/wall-clock.js';
import type { SharedRegion } from '../../region/shared-region.js';
import { RingConsumer } from '../../ring/ring-consumer.js';
import { ringOfRegion } from '../../ring/ring-memory.js';
import { blockBytesFor } from '../../segment/block-header.js';
import { heartbeatOf } from '../../telemetry/heartbeats.js';
import { LogTelemetry } from '../../telemetry/log-telemetry.js';
import { ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { SegmentWriterUpdater } from '../../telemetry/recorder/segment-writer-metrics.js';
import { SegmentPreparerUpdater } from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import { StallMemory } from '../../telemetry/stalls/stall-memory.js';
import { WaitRecorder } from '../../telemetry/stalls/wait-recorder.js';
import { threadMarksOf } from '../../telemetry/thread-marks.js';
import type { HandedWriter } from '../threads/messages.js';
import type { Signals } from '../threads/signals.js';
import type { ResolvedOptions } from '../threads/wal-options.js';
import type { LoopBody } from '../threads/worker-loop.js';
import { openHanded } from './handed-segment.js';
import type { OpeningPorts } from './opening-ports.js';
import { SegmentWriter } from './segment-writer.js';
import { dependenciesOf } from './writer-dependencies.js';

export interface ServedLog {
  readonly writer: SegmentWriter;
  readonly body: LoopBody;
}

/** What the loop does with the writer of an open log. */
export function bodyOf(
  writer: SegmentWriter,
  region: SharedRegion,
  { clock, threadId }: Pick<OpeningPorts, 'clock' | 'threadId'>,
): LoopBody {
  return {
    step: (isShared) => writer.step(isShared),
    get rest() {
      return writer.rest;
    },
    beat: heartbeatOf(region, 'writer', clock),
    marks: threadMarksOf(region, 'writer', threadId()),
  };
}

/**
 * The writer of a log that another thread has opened.
 * @throws WalError, or the system's error, where its segment cannot be opened any more
 */
export function adoptWriter(
  ports: Pick<OpeningPorts, 'storage' | 'clock' | 'wallClockMs' | 'random64' | 'threadId'>,
  signals: Signals,
  directory: string,
  { sync, timestamps, maxEventBytes, stallThresholdMs }: ResolvedOptions,
  logId: bigint,
  anchor: WallAnchor,
  region: SharedRegion,
  handed: HandedWriter,
): ServedLog {
  const { segmentWriter, segmentPreparer, manager } = LogTelemetry.inRegion(region);
  const { clock } = ports;
  const telemetry = {
    segmentWriter: new SegmentWriterUpdater(segmentWriter, clock),
    manager: new ManagerUpdater(manager, clock),
  };
  const taking = new SegmentPreparerUpdater(segmentPreparer, clock);
  const floorNs = handed.lastTimestampNs;
  const keepsTime = timestamps === 'coarse';
  const memory = ringOfRegion(region);
  const { active, predecessor, nextEventId, segmentCount } = handed;
  const waits = new WaitRecorder(clock, stallThresholdMs, StallMemory.of(region));
  const writer = new SegmentWriter(
    dependenciesOf(ports, signals, telemetry, taking, anchor, floorNs, keepsTime, waits),
    { directory, logId, sync, keepsTime, maxBlockBytes: blockBytesFor(maxEventBytes) },
    {
      active: active === undefined ? undefined : openHanded(ports.storage, active),
      predecessor,
      nextEventId,
      durableEventId: nextEventId - 1,
      segmentCount,
    },
    memory,
    new RingConsumer(memory, nextEventId),
  );
  writer.open();
  return { writer, body: bodyOf(writer, region, ports) };
}
