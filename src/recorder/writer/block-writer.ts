// Makes blocks of what the ring holds, and watermarks where nothing follows, and writes them to the
// active segment; a block that does not fit there goes to the next one.
import { assert } from '../../errors.js';
import type { RingConsumer } from '../../ring/ring-consumer.js';
import { BLOCK_HEADER_BYTES, MAX_LARGE_BLOCK_BYTES } from '../../segment/block-header.js';
import { KIB } from '../../units.js';
import { Rest } from '../threads/worker-loop.js';
import type { ActiveSegment, EventsContent } from './active-segment.js';
import type { SegmentRotation } from './segment-rotation.js';
import type { SegmentWatch } from './segment-watch.js';
import type { SpaceRefusal } from './space-refusal.js';
import type { SegmentWriterDependencies, WriteOutcome } from './writer-dependencies.js';
import type { WriterProgress } from './writer-progress.js';

/**
 * Blocks aim at this size: large enough to spread the cost of a call, small enough for the cache.
 */
const TARGET_BLOCK_BYTES = 256 * KIB;
/** The writer gets to a ring that fills at its own speed before less is in it. */
const LITTLE_BYTES = 4 * KIB;
/** A ring that was left behind may hold more than the options of this opening allow. */
const LARGEST_RUN_BYTES = MAX_LARGE_BLOCK_BYTES - BLOCK_HEADER_BYTES;

const bigTimestamp = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

export class BlockWriter {
  readonly #d: SegmentWriterDependencies;
  readonly #progress: WriterProgress;
  readonly #segments: SegmentRotation;
  readonly #space: SpaceRefusal;
  readonly #watch: SegmentWatch;
  #ring: RingConsumer;
  #occupancyBytesMax = 0;
  #hasCaughtUp = false;

  constructor(
    dependencies: SegmentWriterDependencies,
    progress: WriterProgress,
    segments: SegmentRotation,
    space: SpaceRefusal,
    watch: SegmentWatch,
    ring: RingConsumer,
  ) {
    this.#d = dependencies;
    this.#progress = progress;
    this.#segments = segments;
    this.#space = space;
    this.#watch = watch;
    this.#ring = ring;
  }

  attach(ring: RingConsumer): void {
    assert(this.#ring.isEmpty, 'the ring is exchanged before it is empty');
    this.#ring = ring;
    this.#progress.horizon.moveTo(ring.position);
  }

  /** Once each step, before anything is taken: what is behind, and since when. */
  look(): void {
    // The time first: what was appended after it may be missed, and nothing before it.
    const nowNs = this.#d.clock.nowNs();
    this.#progress.onLook(nowNs, this.#ring.appended, this.#ring.position);
  }

  /** To wait for the next event, of a log of which all is durable. */
  restUntil(untilNs: number): Rest {
    const { appendedWord, position } = this.#ring;
    const { durableUntilNs } = this.#progress.horizon;
    return new Rest(appendedWord.words, appendedWord.at, position, untilNs, durableUntilNs);
  }

  /** What was last taken from the ring was so little that no more can be waiting. */
  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  get isRingEmpty(): boolean {
    return this.#ring.isEmpty;
  }

  /** One block, or the rotation that has to come before it. */
  writeNext(): WriteOutcome {
    const { active } = this.#segments;
    this.#hasCaughtUp = false;
    const roomBytes = active?.roomBytes ?? 0;
    const targetBytes = Math.min(TARGET_BLOCK_BYTES, Math.max(0, roomBytes));
    if (this.#ring.isEmpty) return 'empty';
    const { manager } = this.#d.telemetry;
    this.#noteOccupancy();
    const planNs = this.#d.clock.nowNs();
    if (!this.#ring.gather(targetBytes, LARGEST_RUN_BYTES)) return 'empty';
    const { run } = this.#ring;
    this.#watch.lookAtLinks(active);
    if (active?.takesBlocks === false) return this.#segments.rotate() ? 'wrote' : 'blocked';
    const isTooLarge = run.bytes > Math.min(roomBytes, active?.maxPayloadBytes ?? 0);
    if (active === undefined || isTooLarge) {
      // Else the log would rotate for ever. Too small may be a segment of an earlier opening, and
      // the first one of this.
      const isNew = this.#segments.rotations > 1 && active?.isEmpty === true;
      assert(!isNew, `${run.bytes} bytes do not fit into a new segment`);
      return this.#segments.rotate() ? 'wrote' : 'blocked';
    }
    manager.onWorkPlanning(planNs);
    return this.#writeRun(active) ? 'wrote' : 'blocked';
  }

  /** One block of what was gathered; false: there is no space for it, and it stays in the ring. */
  #writeRun(active: ActiveSegment): boolean {
    const { run } = this.#ring;
    const startNs = this.#d.clock.nowNs();
    this.#progress.begins('write', startNs);
    const content = this.#contentOfRun();
    if (!this.#space.hasSpaceFor(() => active.writeEvents(content))) return false;
    const { segmentWriter } = this.#d.telemetry;
    const bytes = BLOCK_HEADER_BYTES + run.bytes;
    segmentWriter.onWriteBlock(startNs, bytes, run.eventCount);
    // The id first: who sees the ring's space released must find its events counted as written.
    this.#progress.onWritten(startNs, run.firstEventId + run.eventCount - 1, bytes);
    // The ring is fullest just before something is released.
    this.#noteOccupancy();
    this.#ring.release();
    this.#hasCaughtUp = run.bytes < LITTLE_BYTES;
    this.#progress.horizon.onTaken(this.#ring.position);
    this.#d.signals.announceRoom();
    this.#d.prepared.announceUse(active.usedParts);
    return true;
  }

  #contentOfRun(): EventsContent {
    const { bytes, run } = this.#ring;
    const lastTimestampNs = bigTimestamp(run.lastTimestampLow, run.lastTimestampHigh);
    // No block, seal or segment is dated before an event that came before it.
    this.#d.timestamps.notBefore(lastTimestampNs);
    return {
      payload: bytes.subarray(run.offset, run.offset + run.bytes),
      firstEventId: run.firstEventId,
      eventCount: run.eventCount,
      durableEventId: this.#progress.durableEventId,
      writtenTsNs: this.#d.timestamps.nowNs(),
      firstTimestampNs: bigTimestamp(run.firstTimestampLow, run.firstTimestampHigh),
      lastTimestampNs,
    };
  }

  #noteOccupancy(): void {
    const bytes = this.#ring.waitingBytes;
    if (bytes <= this.#occupancyBytesMax) return;
    this.#occupancyBytesMax = bytes;
    this.#d.telemetry.manager.setRingOccupancyMax(bytes);
  }

  /**
   * Whether the active segment is to say what is durable: a header speaks only for blocks before
   * it, so without a watermark the last commit would stay unproven.
   */
  get lacksWatermark(): boolean {
    const { active } = this.#segments;
    if (active === undefined || !this.#progress.isDurable) return false;
    return active.durableClaim < this.#progress.durableEventId && active.roomBytes >= 0;
  }

  /**
   * Writes the watermark that is lacking. Where the segment takes no more blocks, the header of a
   * new one says the same.
   * @param canRotate false where the log ends: there wal.meta says it
   */
  writeWatermark(canRotate: boolean): void {
    const { active } = this.#segments;
    if (active === undefined || !this.lacksWatermark) return;
    this.#watch.lookAtLinks(active);
    if (!active.takesBlocks) {
      if (canRotate) this.#segments.rotate();
      return;
    }
    const { writtenEventId, durableEventId } = this.#progress;
    const startNs = this.#d.clock.nowNs();
    const isWritten = this.#space.hasSpaceFor(() =>
      active.writeWatermark(writtenEventId + 1, durableEventId, this.#d.timestamps.nowNs()),
    );
    if (!isWritten) return;
    this.#d.telemetry.segmentWriter.onWriteWatermark(startNs);
    this.#progress.onClaimed();
  }
}
