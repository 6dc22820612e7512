// A SegmentWriter with everything around it that the threads would bring: stepped by hand, on a
// clock that stands still and a disk in memory that records every call.
import assert from 'node:assert/strict';
import { FakeClock } from '../../src/clock/fake-clock.js';
import { TimestampSource } from '../../src/clock/timestamp-source.js';
import { readNumber } from '../../src/memory/sequence-latch.js';
import { random64 } from '../../src/random.js';
import { openSegment } from '../../src/reading/segment-file.js';
import { SegmentReader } from '../../src/reading/segment-reader.js';
import { offer, PreparedSegments } from '../../src/recorder/threads/prepared-segments.js';
import { Signals } from '../../src/recorder/threads/signals.js';
import type { SyncMode } from '../../src/recorder/threads/wal-options.js';
import { SegmentWriter } from '../../src/recorder/writer/segment-writer.js';
import { WallClockWatch } from '../../src/recorder/writer/wall-clock-watch.js';
import { NO_PREDECESSOR } from '../../src/recorder/writer/writer-dependencies.js';
import { walkSegment } from '../../src/recovery/segment-walk.js';
import { RingConsumer } from '../../src/ring/ring-consumer.js';
import { RingControlLayout } from '../../src/ring/ring-control.js';
import { RingProducer } from '../../src/ring/ring-producer.js';
import { durablePointOf, ringOfSections } from '../../src/ring/ring-snapshot.js';
import { BLOCK_HEADER_BYTES, type BlockHeader } from '../../src/segment/block-header.js';
import { preparedFileName, segmentFileName } from '../../src/segment/file-names.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../../src/segment/frame.js';
import { SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../src/segment/segment-header.js';
import { ManagerUpdater } from '../../src/telemetry/recorder/manager-metrics.js';
import { SegmentWriterUpdater } from '../../src/telemetry/recorder/segment-writer-metrics.js';
import { Telemetry } from '../../src/telemetry/recorder/telemetry.js';
import { SegmentPreparerUpdater } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { KIB, MIB, NS_PER_MS } from '../../src/units.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import { FaultyStorage } from './faulty-storage.js';

export const DIRECTORY = '/log';
export const SEGMENT_BYTES = 64 * KIB;
export const RING_BYTES = 1024 * KIB;
const LOG_ID = 0x1234n;
/** Two of these do not fit into one segment. */
export const LARGE_BYTES = 27 * KIB;
/** Where the first block ends when it holds one of these. */
export const LARGE_END = 4096 + BLOCK_HEADER_BYTES + FRAME_HEADER_BYTES + LARGE_BYTES;

/** Where the seal behind one such block and a watermark ends. */
export const SEAL_END =
  LARGE_END + 2 * BLOCK_HEADER_BYTES + SealTotalsLayout.size + SealEntryLayout.size;

interface BenchOptions {
  readonly mode?: SyncMode;
  readonly intervalMs?: number;
  readonly maxUnsyncedBytes?: number;
  readonly keepsTime?: boolean;
  readonly segmentBytes?: number;
}

/** A writer with everything around it that the threads would bring. */
export class Bench {
  readonly clock = new FakeClock();
  /** The wall clock when `clock` began; a test may step it. */
  wallMs = 1_700_000_000_000;
  readonly disk = new SimulatedDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  readonly memory = ringOfSections(
    new Uint8Array(RingControlLayout.size),
    new Uint8Array(RING_BYTES),
  );
  readonly producer = new RingProducer(this.memory, 1);
  readonly telemetry = new Telemetry();
  readonly writer: SegmentWriter;
  readonly #segmentBytes: number;
  #ticket = 0;

  constructor({
    mode = 'manual',
    intervalMs = 10,
    maxUnsyncedBytes = 8 * MIB,
    keepsTime = false,
    segmentBytes = SEGMENT_BYTES,
  }: BenchOptions = {}) {
    this.#segmentBytes = segmentBytes;
    this.disk.makeDirectory(DIRECTORY);
    this.disk.syncDirectory('/');
    const startNs = this.clock.nowNs();
    const anchor = { unixNs: BigInt(this.wallMs) * 1_000_000n, monotonicNs: startNs };
    this.writer = new SegmentWriter(
      {
        storage: this.storage,
        clock: this.clock,
        timestamps: new TimestampSource(this.clock, anchor, 0n, this.signals.wallLatch),
        wallClock: new WallClockWatch(
          this.clock,
          () => this.wallMs + (this.clock.nowNs() - startNs) / NS_PER_MS,
          this.signals.wallLatch,
          new ManagerUpdater(this.telemetry.manager, this.clock),
          anchor,
          keepsTime,
        ),
        prepared: new PreparedSegments(
          this.signals,
          this.clock,
          new SegmentPreparerUpdater(this.telemetry.segmentPreparer, this.clock),
        ),
        signals: this.signals,
        telemetry: {
          segmentWriter: new SegmentWriterUpdater(this.telemetry.segmentWriter, this.clock),
          manager: new ManagerUpdater(this.telemetry.manager, this.clock),
        },
        random64,
      },
      {
        directory: DIRECTORY,
        logId: LOG_ID,
        sync: { mode, intervalMs, maxUnsyncedBytes },
        maxBlockBytes: SEGMENT_BYTES,
        keepsTime,
      },
      {
        active: undefined,
        predecessor: NO_PREDECESSOR,
        nextEventId: 1,
        durableEventId: 0,
        segmentCount: 0,
      },
      this.memory,
      new RingConsumer(this.memory, 1),
    );
    this.prepare();
    this.writer.beginSegment();
    this.writer.open();
    this.storage.calls.length = 0;
  }

  /**
   * What the preparer would do; its calls are not told.
   * @param content the file was a segment before, and has this behind its header page
   */
  prepare(content?: Uint8Array): void {
    const segmentBytes = this.#segmentBytes;
    const told = this.storage.calls.length;
    const ticket = ++this.#ticket;
    const fd = this.storage.open(`${DIRECTORY}/${preparedFileName(ticket)}`, 'create');
    this.storage.allocate(fd, segmentBytes);
    if (content !== undefined) {
      const body = content.subarray(SEGMENT_HEADER_PAGE_BYTES);
      this.storage.write(fd, [body], SEGMENT_HEADER_PAGE_BYTES);
    }
    const { inode } = this.storage.statusOf(fd);
    this.storage.close(fd);
    const written = { writtenBytes: segmentBytes, isRecycled: content !== undefined };
    assert.ok(offer(this.signals.preparedQueue, { ticket, inode, segmentBytes, ...written }));
    this.storage.calls.length = told;
  }

  append(payloadBytes = 16, kind: number = FrameKind.event): number {
    const span = frameSpan(FRAME_HEADER_BYTES + payloadBytes);
    assert.ok(this.producer.reserve(span), 'the ring has room');
    const payload = new Uint8Array(payloadBytes).fill(this.producer.lastEventId + 1);
    const id = this.producer.put(
      payload,
      payload.length,
      kind,
      0,
      this.producer.lastEventId + 1,
      5,
    );
    this.producer.publish();
    return id;
  }

  /** One event that alone fills most of a segment. */
  appendLarge(): number {
    return this.append(LARGE_BYTES);
  }

  /** Steps until there is nothing left to do at once; returns what was done to the disk. */
  settle(limit = 100): string[] {
    const told = this.storage.calls.length;
    let steps = 0;
    while (this.writer.step() === 0 && !this.writer.hasFailed) {
      assert.ok(++steps < limit, 'the writer never comes to rest');
    }
    return this.story(told);
  }

  /** The same, and what is put off for a moment in case that more comes: the watermark. */
  rest(): string[] {
    const story = this.settle();
    this.clock.advanceNs(2 * NS_PER_MS);
    return [...story, ...this.settle()];
  }

  /** One step; what it did to the disk. */
  step(): string[] {
    const told = this.storage.calls.length;
    this.writer.step();
    return this.story(told);
  }

  /** What was done; looks, which change nothing, are left out. */
  story(from = 0): string[] {
    return this.storage
      .story()
      .slice(from)
      .filter((line) => !line.startsWith('status'));
  }

  get written(): number {
    return readNumber(this.memory.words, this.memory.control.writtenEventId);
  }

  get durable(): number {
    return durablePointOf(this.memory).lastEventId;
  }

  get state(): number {
    return Atomics.load(this.memory.words, this.memory.control.state);
  }

  /** The blocks of a segment, as the reading side sees them. */
  blocksOf(segmentIndex: number): BlockHeader[] {
    const path = `${DIRECTORY}/${segmentFileName(segmentIndex)}`;
    const file = openSegment(this.disk, path, { index: segmentIndex, logId: LOG_ID });
    assert.ok(file !== undefined);
    const blocks: BlockHeader[] = [];
    walkSegment(new SegmentReader(this.disk, file), undefined, ({ block }) => {
      if (block !== undefined) blocks.push(block);
    });
    return blocks;
  }
}

export const kindsOf = (blocks: readonly BlockHeader[]): number[] => blocks.map(({ kind }) => kind);
export const claimsOf = (blocks: readonly BlockHeader[]): number[] =>
  blocks.map(({ durableEventId }) => durableEventId);

/** Calls on a descriptor are told under the name that it was opened by: that before the rename. */
export const asSegment = (story: readonly string[]): string[] =>
  story.map((line) =>
    line.replace(
      /^((?:write|sync|close|read|statusOf) )prepared-(\d+)\.tmp/,
      (_, call, ticket) => `${call}${segmentFileName(Number(ticket))}`,
    ),
  );
