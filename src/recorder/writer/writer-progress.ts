// How far the log has come: what is written, what is durable, what the files themselves say of it.
// Each step is told here, once: to the region, the application, housekeeping and the metrics.
//
// - "written" is published after the write returned, "durable" after the sync that covers it did.
// - The metrics first: who learns that an event is durable finds its commit in them.
import type { RingMemory } from '../../ring/ring-memory.js';
import { WRITER_DOES } from '../../telemetry/stalls/interval.js';
import type { PredecessorPin } from '../threads/messages.js';
import type { ControlPublisher } from './control-publisher.js';
import { LagHorizon } from './lag-horizon.js';
import type { SegmentWriterDependencies, WriterStart } from './writer-dependencies.js';

type End = Pick<PredecessorPin, 'segmentIndex' | 'endOffset'>;

export class WriterProgress {
  readonly horizon: LagHorizon;
  readonly #d: SegmentWriterDependencies;
  readonly #control: ControlPublisher;
  #writtenEventId: number;
  #durableEventId: number;
  #lastWriteNs: number;
  #lastSyncNs = 0;
  #unsyncedSinceNs = 0;
  /** When the first block that is not durable was written. */
  #firstWriteNs = 0;
  #unsyncedBytes = 0;
  /** When the last look found nothing to do; undefined once there was something. */
  #settledNs: number | undefined;
  #isUnwatermarked = false;
  #isMetaCurrent = true;
  #doing = false;

  constructor(
    dependencies: SegmentWriterDependencies,
    control: ControlPublisher,
    { nextEventId, durableEventId }: WriterStart,
    position: number,
  ) {
    this.#d = dependencies;
    this.#control = control;
    this.#writtenEventId = nextEventId - 1;
    this.#durableEventId = durableEventId;
    this.#lastWriteNs = dependencies.clock.nowNs();
    this.horizon = new LagHorizon(this.#lastWriteNs, position);
  }

  get writtenEventId(): number {
    return this.#writtenEventId;
  }

  /** The thread begins a call that may take long; `ends` tells that it is over. */
  begins(what: Exclude<(typeof WRITER_DOES)[number], 'nothing'>, sinceNs: number): void {
    this.#doing = true;
    this.#control.publishDoing(WRITER_DOES.indexOf(what), sinceNs);
  }

  ends(): void {
    if (!this.#doing) return;
    this.#doing = false;
    this.#control.publishDone();
  }

  get durableEventId(): number {
    return this.#durableEventId;
  }

  /** All that is written is durable. */
  get isDurable(): boolean {
    return this.#durableEventId === this.#writtenEventId;
  }

  /** When the last block of events was written; at first, when the writer began. */
  get lastWriteNs(): number {
    return this.#lastWriteNs;
  }

  /** When the last sync that made something durable ended. */
  get lastSyncNs(): number {
    return this.#lastSyncNs;
  }

  /** Since when the oldest event that is not durable may have waited for a sync. */
  get unsyncedSinceNs(): number {
    return this.#unsyncedSinceNs;
  }

  /** Bytes of blocks of events that are not durable. */
  get unsyncedBytes(): number {
    return this.isDurable ? 0 : this.#unsyncedBytes;
  }

  /** Housekeeping was asked to put into wal.meta what is there now. */
  get isMetaCurrent(): boolean {
    return this.#isMetaCurrent;
  }

  /** Goes on with the control words of another region. */
  moveTo(memory: RingMemory, end: End): void {
    this.#control.moveTo(memory);
    this.publishAll(end);
  }

  publishAll(end: End): void {
    this.#control.publishOpenedAt(this.#writtenEventId);
    this.#control.publishWritten(this.#writtenEventId);
    this.publishPoint(end);
    this.#control.publishState();
    this.#control.bell.hang();
  }

  publishPoint({ segmentIndex, endOffset }: End): void {
    this.#control.publishPoint(segmentIndex, endOffset, this.#durableEventId);
  }

  /** A look at the ring found `appended`, and `taken` taken of it; see LagHorizon. */
  onLook(nowNs: number, appended: number, taken: number): void {
    this.horizon.onLook(nowNs, appended, taken);
    if (!this.isDurable) return;
    this.horizon.onDurable();
    this.#tellUnsynced();
  }

  /** The ring was still empty at `position` at the last of the looks that are no steps. */
  onRest(lookedNs: number, position: number): void {
    this.horizon.onLook(lookedNs, position, position);
    this.horizon.onDurable();
    this.onSettled();
  }

  /** A look found nothing to do. */
  onSettled(): void {
    this.#settledNs = this.horizon.durableUntilNs;
  }

  /**
   * A block with events up to `lastEventId` is with the kernel.
   * @param startNs when its write began
   * @param bytes of it
   */
  onWritten(startNs: number, lastEventId: number, bytes: number): void {
    if (this.isDurable) {
      // What a sleeping writer finds may be as old as its last look.
      this.#unsyncedSinceNs = this.#settledNs ?? startNs;
      this.#firstWriteNs = startNs;
      this.#unsyncedBytes = 0;
    }
    this.#settledNs = undefined;
    this.#lastWriteNs = startNs;
    this.#isMetaCurrent = false;
    this.#writtenEventId = lastEventId;
    this.#unsyncedBytes += bytes;
    this.#tellUnsynced();
    // The block's header claims what was durable before it: that commit is told now.
    if (this.#isUnwatermarked) this.onClaimed();
    this.#control.publishWritten(lastEventId);
    this.#d.signals.announceWritten();
    this.#control.bell.onWritten();
  }

  /** A sync has ended that covers `eventId`, in a file that ends at `end`. */
  onDurable(eventId: number, end: End): void {
    const { segmentWriter } = this.#d.telemetry;
    segmentWriter.onDurable(this.#firstWriteNs, eventId - this.#durableEventId);
    this.#durableEventId = eventId;
    this.#lastSyncNs = this.#d.clock.nowNs();
    this.horizon.onDurable();
    this.#tellUnsynced();
    this.#isUnwatermarked = this.#lastSyncNs !== 0;
    segmentWriter.setUnwatermarkedSince(this.#lastSyncNs);
    this.#control.publishCommitted(this.#lastSyncNs);
    this.publishPoint(end);
    this.#d.signals.announceDurable();
    this.#control.bell.onDurable();
  }

  #tellUnsynced(): void {
    const { isDurable } = this;
    this.#d.telemetry.segmentWriter.setUnsynced(
      this.#writtenEventId - this.#durableEventId,
      this.unsyncedBytes,
      isDurable ? 0 : this.#firstWriteNs,
      this.horizon.durableUntilNs,
    );
  }

  /** A header in the files says what is durable. */
  onClaimed(): void {
    this.#isUnwatermarked = false;
    this.#d.telemetry.segmentWriter.setUnwatermarkedSince(0);
  }

  requestMetaFlush(): void {
    this.#isMetaCurrent = true;
    const { signals } = this.#d;
    signals.count('metaRequests', 1);
    signals.wake('housekeeping');
  }
}
