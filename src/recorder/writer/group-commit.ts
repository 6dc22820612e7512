// One sync for all that was written before it, and the end of a log, whose files say by themselves
// what is durable.
import { assert } from '../../errors.js';
import type { BlockWriter } from './block-writer.js';
import type { SegmentRotation } from './segment-rotation.js';
import type { SegmentWatch } from './segment-watch.js';
import type { SegmentWriterDependencies } from './writer-dependencies.js';
import type { WriterProgress } from './writer-progress.js';

export class GroupCommit {
  readonly #d: SegmentWriterDependencies;
  readonly #progress: WriterProgress;
  readonly #segments: SegmentRotation;
  readonly #watch: SegmentWatch;

  constructor(
    dependencies: SegmentWriterDependencies,
    progress: WriterProgress,
    segments: SegmentRotation,
    watch: SegmentWatch,
  ) {
    this.#d = dependencies;
    this.#progress = progress;
    this.#segments = segments;
    this.#watch = watch;
  }

  /** Makes durable what is written. */
  sync(): void {
    const { active } = this.#segments;
    assert(active !== undefined, 'a sync without a segment');
    const covered = this.#progress.writtenEventId;
    const startNs = this.#d.clock.nowNs();
    this.#progress.begins('sync', startNs);
    active.sync();
    this.#watch.refuseHarm(active);
    this.#d.telemetry.segmentWriter.onSync(startNs);
    this.#progress.onDurable(covered, this.#segments.end);
  }

  /** The same at the end of the log, with a watermark that says it, synced as well. */
  syncWhole(blocks: BlockWriter): void {
    const { active } = this.#segments;
    if (active === undefined) return;
    const startNs = this.#d.clock.nowNs();
    if (!this.#progress.isDurable) this.sync();
    blocks.writeWatermark(false);
    // Also a watermark that was written while the log was idle: the point told now includes it.
    if (active.hasUnsynced) active.sync();
    this.#watch.refuseHarm(active);
    this.#d.telemetry.manager.onPersistCurrentSegment(startNs);
    this.#progress.publishPoint(this.#segments.end);
  }
}
