// The writer: takes what the ring holds, makes blocks of it, writes and syncs them, rotates.
// An object with a bounded `step()` that never waits inside; the thread module is only the loop.
//
//   SegmentWriter ── what a step does, and how the log opens, drains, fails
//     ├─ BlockWriter ────── ring → blocks of events, watermarks
//     ├─ RingPreparation ── memory for a ring that fills
//     ├─ SegmentRotation ── the active segment, and how the next one takes its place
//     ├─ CommitPacing ───── when to sync, how long to sleep
//     ├─ GroupCommit ────── the sync, and the end of a log
//     ├─ SegmentWatch ───── what others do to the file
//     ├─ SpaceRefusal ───── what waits for space
//     └─ WriterProgress ─── written, durable, and who is told ── ControlPublisher ── region
//
// Invariants
// - "written" is published after the write returned, "durable" after the sync that covers it did.
// - A durable id is claimed in a header only by blocks that were written after that sync ended.
// - The first failed write, sync or rotation is the last operation on this log (sticky). A write
//   that finds no space is none: what it was to bring is still in the ring, and goes to another
//   segment.
import { assert, type WalError } from '../../errors.js';
import type { RingConsumer } from '../../ring/ring-consumer.js';
import { type DurablePoint, LogState } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { NS_PER_MS } from '../../units.js';
import type { HandedWriter } from '../threads/messages.js';
import { Trouble } from '../threads/signals.js';
import type { Rest } from '../threads/worker-loop.js';
import { BlockWriter } from './block-writer.js';
import { CommitPacing } from './commit-pacing.js';
import { ControlPublisher } from './control-publisher.js';
import { GroupCommit } from './group-commit.js';
import { handedSegment } from './handed-segment.js';
import { lockLost, regionLost } from './lost-files.js';
import { RingPreparation } from './ring-preparation.js';
import { SegmentRotation } from './segment-rotation.js';
import { SegmentWatch } from './segment-watch.js';
import { SpaceRefusal } from './space-refusal.js';
import type {
  SegmentWriterDependencies,
  SegmentWriterOptions,
  WriteOutcome,
  WriterStart,
} from './writer-dependencies.js';
import { WriterProgress } from './writer-progress.js';

/** Meta is flushed once the log has been idle for this long. */
const META_IDLE_NS = 200 * NS_PER_MS;
/** What a lost region's ring holds is written before the log ends, for so long at the most. */
const LAST_DRAIN_NS = 1000 * NS_PER_MS;
/** A log at rest takes a step so often, with a look at its file. */
const REST_STEP_NS = 2000 * NS_PER_MS;

/** What a step did: 0 = something, go on; else the milliseconds that may pass until the next. */
type StepOutcome = number;
const BUSY: StepOutcome = 0;

export class SegmentWriter {
  readonly #d: SegmentWriterDependencies;
  readonly #directory: string;
  readonly #control: ControlPublisher;
  readonly #progress: WriterProgress;
  readonly #space: SpaceRefusal;
  readonly #watch: SegmentWatch;
  readonly #segments: SegmentRotation;
  readonly #blocks: BlockWriter;
  readonly #preparation: RingPreparation;
  readonly #pacing: CommitPacing;
  readonly #commit: GroupCommit;
  #rest: Rest | undefined;
  /** What a sync is due for is on its way to the disk: the next step syncs. */
  #isSubmitted = false;

  constructor(
    dependencies: SegmentWriterDependencies,
    options: SegmentWriterOptions,
    start: WriterStart,
    memory: RingMemory,
    ring: RingConsumer,
  ) {
    const { clock, signals, telemetry } = dependencies;
    const control = new ControlPublisher(memory);
    const progress = new WriterProgress(dependencies, control, start, ring.position);
    const space = new SpaceRefusal(signals);
    const watch = new SegmentWatch(clock, progress.lastWriteNs);
    const segments = new SegmentRotation(dependencies, options, start, progress, space, watch);
    this.#d = dependencies;
    this.#directory = options.directory;
    this.#control = control;
    this.#progress = progress;
    this.#space = space;
    this.#watch = watch;
    this.#segments = segments;
    this.#blocks = new BlockWriter(dependencies, progress, segments, space, watch, ring);
    this.#preparation = new RingPreparation(clock, signals, telemetry.manager, memory, ring);
    this.#pacing = new CommitPacing(clock, signals, options, progress);
    this.#commit = new GroupCommit(dependencies, progress, segments, watch);
    progress.publishAll(segments.end);
    segments.tellSegments();
  }

  /** Goes on with another ring: after a crash the old ring is drained first, then the new one. */
  attach(memory: RingMemory, ring: RingConsumer): void {
    this.#blocks.attach(ring);
    this.#preparation.attach(memory, ring);
    this.#progress.moveTo(memory, this.#segments.end);
  }

  get writtenEventId(): number {
    return this.#progress.writtenEventId;
  }

  get durableEventId(): number {
    return this.#progress.durableEventId;
  }

  /** The latest time that was given to anything that the log holds. */
  get lastTimestampNs(): bigint {
    return this.#d.timestamps.lastNs;
  }

  get hasActiveSegment(): boolean {
    return this.#segments.active !== undefined;
  }

  /** The durable point as wal.meta tells it. */
  get durablePoint(): DurablePoint {
    const { segmentIndex, endOffset } = this.#segments.end;
    return { segmentIndex, offset: endOffset, lastEventId: this.durableEventId };
  }

  /** What `drain` waits for, where it is space for what it writes, and not for a segment. */
  get spaceRefusal(): WalError | undefined {
    return this.#space.error;
  }

  get hasFailed(): boolean {
    return this.#control.state === LogState.failed;
  }

  /** Begins a segment ahead of the first event; one must be prepared. */
  beginSegment(): void {
    try {
      const begun = this.#segments.rotate();
      const refusal = this.#segments.openRefusal ?? this.#space.error;
      if (refusal !== undefined) throw refusal;
      assert(begun, 'no segment is prepared');
    } catch (error) {
      this.fail(error);
    }
  }

  /** Appends are accepted from now on. */
  open(): void {
    this.#control.setState(LogState.open);
  }

  /**
   * One bounded piece of work: a block, a sync or a rotation.
   * After a failure it does nothing any more.
   * @param isShared other logs of the thread have steps before the next one of this
   */
  step(isShared = false): StepOutcome {
    this.#endRest();
    if (this.hasFailed) return this.#pacing.sleepMs();
    try {
      return this.#isSubmitted ? this.#sync() : this.#advance(isShared);
    } catch (error) {
      this.fail(error);
      return BUSY;
    } finally {
      this.#progress.ends();
    }
  }

  /** Set while all that can come is an event: who wants anything else of the writer wakes it. */
  get rest(): Rest | undefined {
    return this.#rest;
  }

  /** The looks since the last step were looks at an empty ring. */
  #endRest(): void {
    if (this.#rest === undefined) return;
    this.#progress.onRest(this.#rest.lookedNs, this.#rest.value);
    this.#rest = undefined;
  }

  #advance(isShared: boolean): StepOutcome {
    this.#publishTime();
    if (this.#d.signals.get('lockNameLost') === 1) throw lockLost(this.#directory);
    if (this.#d.signals.get('regionNameLost') === 1) return this.#endWithoutRegion();
    this.#watch.lookForHarm(this.#segments.active);
    this.#blocks.look();
    this.#preparation.look();
    if (this.#isSettled) return this.#settledMs();
    const written = this.#blocks.writeNext();
    const { active } = this.#segments;
    if (active !== undefined && this.#pacing.syncIsDue(written)) {
      if (!isShared) return this.#sync();
      // The disk works for several logs at once, where each sync would wait for its own block.
      active.submit();
      this.#isSubmitted = true;
      return BUSY;
    }
    if (written === 'wrote') return this.#whenWritten();
    if (written === 'empty') this.#whenEmpty();
    this.#updateState(written);
    return this.#pacing.sleepMs();
  }

  /**
   * A block of a few events costs as much as one of a few hundred, and whoever waits for theirs
   * asks for a sync. So where the writer has caught up, the next ones gather.
   */
  #whenWritten(): StepOutcome {
    const isAwaited = this.#d.signals.get('writtenWaiting') > 0;
    return this.#blocks.hasCaughtUp && !isAwaited ? this.#pacing.gatheringMs() : BUSY;
  }

  #sync(): StepOutcome {
    this.#isSubmitted = false;
    const startNs = this.#d.clock.nowNs();
    this.#commit.sync();
    this.#pacing.onSync(this.#progress.lastSyncNs - startNs);
    return BUSY;
  }

  /** Nothing waits in the ring, for a sync, for a watermark or for a flush of meta. */
  get #isSettled(): boolean {
    const { isMetaCurrent, isDurable, durableEventId } = this.#progress;
    if (!isMetaCurrent || !isDurable) return false;
    const isClaimed = (this.#segments.active?.durableClaim ?? 0) >= durableEventId;
    return isClaimed && this.#blocks.isRingEmpty;
  }

  /** The short way of a log that has nothing to do. */
  #settledMs(): StepOutcome {
    this.#progress.onSettled();
    this.#segments.tellSegments();
    this.#updateState('empty');
    if (this.#control.state === LogState.open && this.#pacing.mayRest) {
      this.#rest = this.#blocks.restUntil(this.#d.clock.nowNs() + REST_STEP_NS);
    }
    return this.#pacing.sleepMs();
  }

  /** The ring is empty: put the durable id into the file, and the meta state when all is quiet. */
  #whenEmpty(): void {
    if (this.#segments.active === undefined) {
      // A rotation that came as far as the header: the log has to get over that by itself.
      if (this.#space.error !== undefined) this.#segments.rotate();
    } else if (this.#blocks.lacksWatermark && !this.#pacing.nextCommitIsNear) {
      // Else the next block says it as well: a write of its own would only stand in its way.
      this.#blocks.writeWatermark(true);
    }
    const { isMetaCurrent, isDurable, lastWriteNs } = this.#progress;
    if (isMetaCurrent || !isDurable) return;
    if (this.#d.clock.nowNs() - lastWriteNs >= META_IDLE_NS) this.#progress.requestMetaFlush();
  }

  /**
   * The region's name is gone: a kill would lose what the ring holds. So all of it goes to disk,
   * the application is refused from then on, and what it appended before it saw that goes to disk
   * as well.
   */
  #endWithoutRegion(): StepOutcome {
    this.#drainUntil(this.#d.clock.nowNs() + LAST_DRAIN_NS);
    this.fail(regionLost(this.#directory, this.durableEventId));
    this.#drainUntil(this.#d.clock.nowNs() + LAST_DRAIN_NS);
    return BUSY;
  }

  #drainUntil(deadlineNs: number): void {
    const isOver = (): boolean => this.#d.clock.nowNs() >= deadlineNs;
    this.#segments.unbraked(() => {
      while (!isOver() && this.#blocks.writeNext() === 'wrote');
    });
    if (!this.#progress.isDurable) this.#commit.sync();
  }

  /**
   * Writes and syncs all that the ring holds, and makes the file itself say so.
   * @returns true when done, false while it has to wait for a segment or for space
   */
  drain(): boolean {
    if (this.hasFailed) return true;
    try {
      const written = this.#segments.unbraked(() => this.#writeAll());
      if (written === 'blocked') {
        this.#updateState(written);
        return false;
      }
      this.#commit.syncWhole(this.#blocks);
    } catch (error) {
      this.fail(error);
    }
    return true;
  }

  /** `empty`, or why there is more to write. */
  #writeAll(): WriteOutcome {
    for (;;) {
      const written = this.#blocks.writeNext();
      if (written !== 'wrote') return written;
    }
  }

  get segmentCount(): number {
    return this.#segments.segmentCount;
  }

  /** For another thread to go on with, when all is durable; this one has to close. */
  get handed(): HandedWriter {
    assert(this.#progress.isDurable, 'what is handed over is durable');
    const { active, end, segmentCount } = this.#segments;
    return {
      active: active === undefined ? undefined : handedSegment(active),
      predecessor: end,
      nextEventId: this.writtenEventId + 1,
      lastTimestampNs: this.lastTimestampNs,
      segmentCount,
    };
  }

  /** Closes the descriptor. */
  close(): void {
    this.#d.prepared.giveUp();
    this.#segments.close();
  }

  /** Ends the log for good with `error`; whoever waits learns it. */
  fail(error: unknown): void {
    this.#d.prepared.giveUp();
    this.#d.signals.failure.write(error);
    this.#control.setState(LogState.failed);
    this.#d.signals.announceDurable();
    this.#d.signals.announceRoom();
  }

  #updateState(written: WriteOutcome): void {
    const { state } = this.#control;
    if (state !== LogState.open && state !== LogState.noSpace) return;
    const { signals, prepared } = this.#d;
    const noSpace =
      this.#space.error !== undefined ||
      prepared.isOutOfSpace ||
      signals.get('metaTrouble') === Trouble.noSpace;
    this.#control.setState(noSpace ? LogState.noSpace : LogState.open);
    if (noSpace && written === 'blocked') signals.announceRoom();
  }

  #publishTime(): void {
    const offsetNs = this.#d.timestamps.sample();
    this.#control.publishTime(offsetNs);
    this.#d.wallClock.look(offsetNs);
  }
}
