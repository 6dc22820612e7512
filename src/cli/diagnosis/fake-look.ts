// Looks at a log that there is not: its metrics are recorded by the real updaters, on a clock that
// tests move.
import { FakeClock } from '../../clock/fake-clock.js';
import type { ConsumerStatus } from '../../index.js';
import { addCounter } from '../../metrics/counter64.js';
import { structAccess } from '../../metrics/metrics-struct.js';
import { structsIn } from '../../telemetry/aggregate.js';
import { fillOf, type LogStanding } from '../../telemetry/log-standing.js';
import { appendedEventsOf } from '../../telemetry/recorder/manager-metrics.js';
import { recorder, recovery } from '../../telemetry.js';
import type { Look } from './look.js';

const SECOND_NS = 1e9;

export const NOTHING_LASTS: Look['lasting'] = {
  ringStallNs: 0,
  durableWaitNs: 0,
  nextSegmentNs: 0,
  durableLagNs: 0,
  unsyncedNs: 0,
  replicationLagNs: 0,
  engineWaitNs: 0,
  unwatermarkedNs: 0,
};

/** One that has not acknowledged the last `events`. */
export const consumer = (
  name: string,
  events: number,
  state: 'active' | 'dropped' = 'active',
): ConsumerStatus => ({
  name,
  state,
  acknowledgedEventId: 1_234_567 - events,
  acknowledgedTsNs: 1_700_000_000_000_000_000n,
  lag: { events, bytes: 64 * events, ms: 1000 },
  maxLagBytes: 0,
  maxLagMs: 0,
  policy: 'hold',
  damage: undefined,
});

/** A log that records; `look()` is a look at it now. */
export class FakeLog {
  readonly #metrics = new recorder.Telemetry();
  readonly #clock = new FakeClock();
  readonly manager = new recorder.ManagerUpdater(this.#metrics.manager, this.#clock);
  readonly writer = new recorder.SegmentWriterUpdater(this.#metrics.segmentWriter, this.#clock);
  readonly taker = new recorder.SegmentPreparerUpdater(this.#metrics.segmentPreparer, this.#clock);
  readonly preparation = new recorder.SegmentPreparationUpdater(
    this.#metrics.segmentPreparer,
    this.#clock,
  );
  readonly disk = new recorder.DiskUpdater(this.#metrics.manager, this.#clock);
  readonly consumers = new recorder.ConsumersUpdater(this.#metrics.consumers, this.#clock);
  readonly replication = new recorder.ReplicationUpdater(this.#metrics.replication, this.#clock);
  readonly maintainer = new recorder.SegmentMaintainerUpdater(
    this.#metrics.segmentMaintainer,
    this.#clock,
  );
  readonly meta = new recorder.MetaStoreUpdater(this.#metrics.metaStore, this.#clock);
  #seconds = 100;

  constructor() {
    this.manager.setConstants(42_000, 64);
    this.disk.setDiskFree(76e9);
  }

  /** Calls `record` with the start of something that took `ns`, `times` times. */
  took(ns: number, record: (startNs: number) => void, times = 1): void {
    for (let count = 0; count < times; count++) {
      const startNs = this.#clock.nowNs();
      this.#clock.advanceNs(ns);
      record(startNs);
    }
  }

  /** A stream is known to have all events up to that one. */
  replicatedUpTo(confirmedEventId: number): void {
    const none = { fenced: 0, unconfirmedSinceNs: 0, waitingSinceNs: 0, answeredNs: 1 };
    const stream = { streams: 1, confirmedEventId, confirmedEventBytes: 88 };
    this.replication.setStanding({ ...none, ...stream });
    this.replication.onClaim(3);
    this.took(4.3e6, (startNs) => this.replication.onConfirmed(startNs, 1_400, 123_200), 50);
  }

  append(events: number): void {
    const { words, at } = appendedEventsOf(this.#metrics.manager);
    addCounter(words, at, events);
  }

  /** A second passes between two looks. */
  look(changes: Partial<Look> = {}): Look {
    this.#seconds++;
    const copy = new recorder.Telemetry();
    this.#metrics.copyTo(copy);
    const alive = { beats: 9, ageNs: 3e6 };
    const standing: LogStanding = {
      state: 'open',
      appendedEventId: 1_234_567,
      writtenEventId: 1_234_567,
      durableEventId: 1_234_567,
      ringBytes: 16_777_216,
      ringCapacityBytes: 16_777_216,
      waitingBytes: 0,
      ...changes,
    };
    for (const [, struct] of structsIn(copy)) {
      const { definition, memory } = structAccess(struct);
      fillOf(definition, standing)(memory.words, memory.start);
    }
    return {
      directory: './orders',
      path: '/dev/shm/flashstrike-0000000000000001-0000000000000002',
      pid: 4242,
      build: { version: '0.1.0', node: '20.19.0' },
      status: 'running',
      ...standing,
      uptimeNs: 63 * SECOND_NS,
      takenAtNs: this.#seconds * SECOND_NS,
      threads: {
        writer: alive,
        preparer: alive,
        housekeeping: { beats: 2, ageNs: 612e6 },
        application: alive,
        maintainer: { beats: 0, ageNs: undefined },
      },
      incomplete: [],
      recorder: copy,
      recovery: new recovery.Telemetry(),
      // What is told to updaters lasts since a moment of the machine's clock: tests say it here.
      lasting: NOTHING_LASTS,
      folders: {},
      consumers: [],
      stalls: [],
      ...changes,
    };
  }

  /** A second of a log under load, all of it well. */
  recordSecond(): void {
    this.append(1_230_000);
    this.took(90, (startNs) => this.manager.onAppendEvent(startNs, true), 1000);
    this.took(14_000, (startNs) => this.manager.onAppendEvent(startNs, true), 5);
    this.took(200_000, (startNs) => this.writer.onWriteBlock(startNs, 262_144, 4096), 300);
    this.took(1.2e6, (startNs) => this.writer.onSync(startNs), 90);
    this.took(9e6, (startNs) => this.writer.onSync(startNs), 10);
    this.took(2.4e6, (startNs) => this.writer.onDurable(startNs, 12_300), 100);
    this.took(1.5e6, (startNs) => this.manager.onDurableWait(startNs), 20);
    this.took(400, (startNs) => this.taker.onGetNextSegment(startNs, 'ready', 2));
    for (let count = 0; count < 3; count++) this.preparation.onOffer(false);
    this.took(120_000, (startNs) => this.writer.onRotateSeal(startNs));
    this.took(2.1e6, (startNs) => this.writer.onRotateSync(startNs));
    this.took(1.1e6, (startNs) => this.writer.onRotateHeader(startNs));
    this.took(40_000, (startNs) => this.writer.onRotateRename(startNs));
    this.took(600_000, (startNs) => this.writer.onRotateDirectorySync(startNs));
    this.took(3.96e6, (startNs) => this.manager.onSegmentRotation(startNs));
    this.manager.setRingOccupancyMax(5_033_164);
    this.took(30_000, (startNs) => this.writer.onWriteWatermark(startNs));
  }
}
