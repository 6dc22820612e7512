// A log on a disk in memory, opened and driven on the test's own thread: what its threads do, one
// step after the other. Dropping it is a crash.
import assert from 'node:assert/strict';
import type { Clock } from '../../src/clock/clock.js';
import { TimestampSource } from '../../src/clock/timestamp-source.js';
import { listLog } from '../../src/reading/log-directory.js';
import { openSegment } from '../../src/reading/segment-file.js';
import { SegmentReader } from '../../src/reading/segment-reader.js';
import { giveBack } from '../../src/recorder/application/open-log-handles.js';
import { resolveOptions } from '../../src/recorder/application/options.js';
import { RingGrowth } from '../../src/recorder/application/ring-growth.js';
import { endCleanly } from '../../src/recorder/housekeeping/clean-end.js';
import { MetaCoordinator } from '../../src/recorder/housekeeping/meta-coordinator.js';
import { MetaStore } from '../../src/recorder/housekeeping/meta-store.js';
import { BelievedTime } from '../../src/recorder/maintainer/believed-time.js';
import { maintainerOf } from '../../src/recorder/maintainer/maintainer-of-log.js';
import type { SegmentMaintainer } from '../../src/recorder/maintainer/segment-maintainer.js';
import { SegmentPreparer } from '../../src/recorder/preparer/segment-preparer.js';
import { Signals } from '../../src/recorder/threads/signals.js';
import type { WalOptions } from '../../src/recorder/threads/wal-options.js';
import { openLog } from '../../src/recorder/writer/opening.js';
import { machinePorts, type OpeningPorts } from '../../src/recorder/writer/opening-ports.js';
import { adoptRegion } from '../../src/region/region-factories.js';
import type { RegionHandle, SharedRegion } from '../../src/region/shared-region.js';
import type { RingMemory } from '../../src/ring/ring-memory.js';
import { ringOfRegion } from '../../src/ring/ring-memory.js';
import { RingProducer } from '../../src/ring/ring-producer.js';
import { durablePointOf, writtenEventIdOf } from '../../src/ring/ring-snapshot.js';
import { BlockKind, blockBytesFor } from '../../src/segment/block-header.js';
import { decodeFrame, FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../../src/segment/frame.js';
import type { LogLock } from '../../src/storage/lock-file.js';
import type { Storage } from '../../src/storage/storage.js';
import { LogTelemetry } from '../../src/telemetry/log-telemetry.js';
import { ManagerUpdater } from '../../src/telemetry/recorder/manager-metrics.js';
import { MetaStoreUpdater } from '../../src/telemetry/recorder/meta-store-metrics.js';
import { SegmentMaintainerUpdater } from '../../src/telemetry/recorder/worker/segment-maintainer-metrics.js';
import { SegmentPreparationUpdater } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { KIB } from '../../src/units.js';
import { payloadOf } from './log-builder.js';

/** Moves with every look: what waits for time to pass does not wait for ever. */
export class TickingClock implements Clock {
  #nowNs = 1_000_000_000;

  nowNs(): number {
    this.#nowNs += 100_000;
    return this.#nowNs;
  }

  advanceMs(ms: number): void {
    this.#nowNs += ms * 1e6;
  }
}

/** The smallest there is; no file outside of the storage is touched. */
export const STEPPED: WalOptions = {
  segmentBytes: 64 * KIB,
  preparedSegments: 1,
  ringBytes: 64 * KIB,
  sharedMemory: 'off',
  lock: 'none',
  sync: { mode: 'manual' },
};

const PAYLOAD_BYTES = 100;
const STEPS_MAX = 100_000;
/** Without work in between: longer than what failed once waits to be tried again. */
const MAINTENANCE_REST_MS = 6000;

/** What is not given is the machine's. */
export interface SteppedPorts extends Partial<Omit<OpeningPorts, 'clock'>> {
  readonly storage: Storage;
  readonly clock?: TickingClock;
  /** The region that was created here, by its handle. */
  readonly adoptRegion?: (handle: RegionHandle) => SharedRegion;
}

export class SteppedLog {
  readonly signals = new Signals();
  readonly clock: TickingClock;
  readonly opened: ReturnType<typeof openLog>;
  readonly memory: RingMemory;
  readonly producer: RingProducer;
  readonly growth: RingGrowth;
  readonly region: SharedRegion;
  readonly telemetry: LogTelemetry;
  /** Those of the application, as `Wal` has them. */
  readonly timestamps: TimestampSource;
  #lock: LogLock | undefined;
  #writerSteps = 0;
  readonly #preparer: SegmentPreparer;
  readonly #coordinator: MetaCoordinator;
  readonly maintainer: SegmentMaintainer;
  readonly #time: BelievedTime;
  readonly #endCleanly: () => void;

  constructor(ports: SteppedPorts, directory: string, given: WalOptions = {}) {
    const options = resolveOptions({ ...STEPPED, ...given });
    const { storage, clock = new TickingClock() } = ports;
    this.clock = clock;
    const all = { ...machinePorts, ...ports, clock };
    const lockLog: OpeningPorts['lockLog'] = (...place) => {
      this.#lock = all.lockLog(...place);
      return this.#lock;
    };
    const calledNs = Math.round(all.clock.nowNs());
    this.opened = openLog({ ...all, lockLog }, this.signals, directory, options, calledNs);
    const { report } = this.opened;
    const { region: handle, nextEventId, firstTicket, firstKeptEventId, logId } = report;
    this.timestamps = new TimestampSource(
      clock,
      report.anchor,
      report.lastTimestampNs,
      this.signals.wallLatch,
    );
    this.region = (ports.adoptRegion ?? adoptRegion)(handle);
    this.memory = ringOfRegion(this.region);
    this.producer = new RingProducer(this.memory, nextEventId);
    const { segmentBytes, maxEventBytes, preparedSegments, preallocate } = options;
    const preparation = {
      directory,
      segmentBytes,
      maxBlockBytes: blockBytesFor(maxEventBytes),
      preparedSegments,
      preallocate,
      firstTicket,
    };
    const telemetry = LogTelemetry.inRegion(this.region);
    this.telemetry = telemetry;
    const manager = new ManagerUpdater(telemetry.manager, clock);
    this.growth = new RingGrowth(this.producer, this.memory, this.signals, clock, manager);
    this.#preparer = new SegmentPreparer(
      storage,
      this.clock,
      this.signals,
      new SegmentPreparationUpdater(telemetry.segmentPreparer, this.clock),
      preparation,
    );
    const { words, control } = this.memory;
    const store = new MetaStore(storage, directory);
    const hasRetention = options.retention !== undefined;
    const point = { words, control, logId, firstKeptEventId, hasRetention };
    this.#coordinator = new MetaCoordinator(
      store,
      this.clock,
      this.signals,
      new MetaStoreUpdater(telemetry.metaStore, this.clock),
      point,
    );
    const { signals, memory } = this;
    const { wallClockMs } = all;
    this.#time = new BelievedTime(clock, wallClockMs, report.recoveredTimestampNs);
    const times = { clock, wallClockMs, time: this.#time };
    this.maintainer = maintainerOf(
      storage,
      { directory, logId, memory, signals, ...times },
      options,
      new SegmentMaintainerUpdater(telemetry.segmentMaintainer, clock),
      { toVerify: () => {}, verified: () => {}, verifiedAll: () => {} },
    );
    this.#endCleanly = () => endCleanly(storage, directory, this.#coordinator, logId);
  }

  get recovery() {
    return this.opened.report.recovery;
  }

  get writtenEventId(): number {
    return writtenEventIdOf(this.memory);
  }

  get durableEventId(): number {
    return durablePointOf(this.memory).lastEventId;
  }

  /** Into the ring only. */
  append(payloadBytes = PAYLOAD_BYTES, kind: number = FrameKind.event): number {
    const id = this.producer.lastEventId + 1;
    const span = frameSpan(FRAME_HEADER_BYTES + payloadBytes);
    while (!this.growth.reserve(span)) this.step();
    this.timestamps.stamp();
    const [low = 0, high = 0] = this.timestamps.halves;
    this.producer.put(payloadOf(id, payloadBytes), payloadBytes, kind, 0, low, high);
    this.producer.publish();
    return id;
  }

  /** Every third step is one of a thread that serves other logs as well. */
  stepWriter(): number {
    return this.opened.body.step(++this.#writerSteps % 3 === 0);
  }

  stepPreparer(): number {
    return this.#preparer.step();
  }

  stepHousekeeping(): number {
    return this.#coordinator.step();
  }

  stepMaintainer(): number {
    this.#time.look();
    return this.maintainer.step();
  }

  /** As `deleteBefore()`. */
  deleteBefore(eventId: number): void {
    this.signals.requestDeletion(eventId);
    this.maintainer.ask();
  }

  /** Until the maintainer has nothing more to do, what had to be tried again later included. */
  maintain(): void {
    for (let restedMs = 0, steps = 0; restedMs < MAINTENANCE_REST_MS; steps++) {
      assert.ok(steps < STEPS_MAX, 'maintenance comes to rest');
      const restMs = this.stepMaintainer();
      this.#coordinator.step();
      restedMs = restMs < 100 ? 0 : restedMs + restMs;
      this.clock.advanceMs(restMs);
    }
  }

  /** Each thread but the maintainer does one thing. */
  step(): boolean {
    const waits = [this.stepWriter(), this.stepPreparer(), this.stepHousekeeping()];
    const failure = this.signals.failure.read();
    if (failure !== undefined) throw failure;
    return waits.includes(0);
  }

  /** Until nothing is left to be done now. */
  settle(): void {
    for (let steps = 0; this.step(); steps++) assert.ok(steps < STEPS_MAX, 'it comes to rest');
    // What is put off for a moment, in case that more comes.
    this.clock.advanceMs(2);
    this.step();
  }

  /** Appends and has the kernel take it. */
  write(count: number, payloadBytes?: number): void {
    for (let event = 0; event < count; event++) this.append(payloadBytes);
    this.settle();
  }

  /** As `durable()`; what is appended until it returns may be covered or not. */
  commit(): number {
    const eventId = this.producer.lastEventId;
    this.signals.requestDurable(eventId);
    for (let steps = 0; this.durableEventId < eventId; steps++) {
      assert.ok(steps < STEPS_MAX, 'it becomes durable');
      this.step();
    }
    return eventId;
  }

  /**
   * An end without a crash, in the order of the threads; what one of them cannot do keeps none of
   * the others from its own part.
   * @throws the first error, as `Wal.close` rejects
   */
  close(): void {
    const errors: unknown[] = [];
    const attempt = (part: () => void): void => {
      try {
        part();
      } catch (error) {
        errors.push(error);
      }
    };
    attempt(() => this.#endMaintenance());
    attempt(() => this.#drain());
    this.opened.writer.close();
    attempt(() => this.#preparer.close());
    if (this.signals.failure.read() === undefined) attempt(() => this.#endCleanly());
    const isWhole =
      this.signals.failure.read() === undefined &&
      this.durableEventId === this.producer.lastEventId;
    attempt(() => giveBack(this.#lock, this.region, isWhole));
    if (errors.length > 0) throw errors[0];
  }

  /** What is being removed is removed, as far as that goes on. */
  #endMaintenance(): void {
    for (let steps = 0; this.maintainer.isRemoving && steps < 10; steps++) {
      this.clock.advanceMs(this.maintainer.step());
    }
    this.maintainer.close();
  }

  #drain(): void {
    for (let steps = 0; !this.opened.writer.drain(); steps++) {
      assert.ok(steps < STEPS_MAX, 'it is drained');
      this.#preparer.step();
    }
    const failure = this.signals.failure.read();
    if (failure !== undefined) throw failure;
  }
}

/**
 * The ids of all events of a log, each segment read up to what its successor pins. Checks payloads;
 * takes no account of what is durable.
 */
export function eventIdsIn(storage: Storage, directory: string): number[] {
  const ids: number[] = [];
  const { segments } = listLog(storage, directory);
  segments.forEach(({ path, index }, position) => {
    const file = openSegment(storage, path, { index });
    assert.ok(file !== undefined);
    const next = segments[position + 1];
    let limitOffset: number | undefined;
    if (next !== undefined) {
      const successor = openSegment(storage, next.path, { index: next.index });
      assert.ok(successor !== undefined);
      storage.close(successor.fd);
      limitOffset = successor.header.previousEndOffset;
    }
    const reader = new SegmentReader(storage, file);
    while (reader.next(limitOffset)) {
      if (reader.block?.kind === BlockKind.events) ids.push(...checkedIds(reader));
    }
    if (limitOffset !== undefined) assert.equal(reader.offset, limitOffset, `${path} is whole`);
    storage.close(file.fd);
  });
  return ids;
}

function checkedIds({ bytes, payloadStart, payloadEnd }: SegmentReader): number[] {
  const ids: number[] = [];
  for (let at = payloadStart; at < payloadEnd; ) {
    const { eventId, payloadOffset, payloadBytes } = decodeFrame(bytes, at);
    const payload = bytes.subarray(payloadOffset, payloadOffset + payloadBytes);
    assert.deepEqual(Buffer.from(payload), Buffer.from(payloadOf(eventId, payloadBytes)));
    ids.push(eventId);
    at += frameSpan(FRAME_HEADER_BYTES + payloadBytes);
  }
  return ids;
}

/** The numbers 1 … last. */
export const idsTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1);

export const segmentsIn = (storage: Storage, directory: string): number[] =>
  listLog(storage, directory).segments.map(({ index }) => index);

export const namesIn = (storage: Storage, directory: string): string[] =>
  storage.list(directory).map(({ name }) => name);
