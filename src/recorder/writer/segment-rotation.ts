// The segments of an open log, one after the other: which is written to, where the one before ends,
// and how the next one takes its place.
//
// - A segment that has a successor is durable whole: last block, seal, sync, and only then a header
//   that pins its end.
// - A header that finds no space leaves a prepared file, which is taken up again later.
import { join } from 'node:path';
import { isPassing } from '../../errors.js';
import { BLOCK_ALIGNMENT } from '../../segment/block-header.js';
import { preparedFileName, segmentFileName } from '../../segment/file-names.js';
import {
  encodeSegmentHeader,
  flagsForBlocksOf,
  RECYCLED_BODY_FLAG,
} from '../../segment/segment-header.js';
import { SegmentTally } from '../../segment/segment-tally.js';
import type { PredecessorPin } from '../threads/messages.js';
import { openPrepared, type PreparedSegment } from '../threads/prepared-segments.js';
import type { ActiveSegment } from './active-segment.js';
import { RetentionBrake } from './retention-brake.js';
import { type NamedSegment, nameSegment, publishName } from './segment-birth.js';
import { segmentFailure } from './segment-failure.js';
import type { SegmentWatch } from './segment-watch.js';
import type { SpaceRefusal } from './space-refusal.js';
import type {
  SegmentWriterDependencies,
  SegmentWriterOptions,
  WriterStart,
} from './writer-dependencies.js';
import type { WriterProgress } from './writer-progress.js';

export class SegmentRotation {
  readonly #d: SegmentWriterDependencies;
  readonly #options: SegmentWriterOptions;
  readonly #progress: WriterProgress;
  readonly #space: SpaceRefusal;
  readonly #watch: SegmentWatch;
  readonly #brake: RetentionBrake;
  #active: ActiveSegment | undefined;
  #predecessor: PredecessorPin;
  #segmentCount: number;
  #toldHot = -1;
  #toldCold = -1;
  /** Taken, and not to be opened until this process may open more files. */
  #taken: PreparedSegment | undefined;
  #openRefusal: unknown;
  /** It has its name, whose folder is to be synced once this process may open more files. */
  #named: NamedSegment | undefined;
  #rotations = 0;
  /** How long it took to finish the segment that has no successor yet; undefined: there is none. */
  #finishNs: number | undefined;

  constructor(
    dependencies: SegmentWriterDependencies,
    options: SegmentWriterOptions,
    start: WriterStart,
    progress: WriterProgress,
    space: SpaceRefusal,
    watch: SegmentWatch,
  ) {
    this.#d = dependencies;
    this.#options = options;
    this.#active = start.active;
    this.#predecessor = start.predecessor;
    this.#segmentCount = start.segmentCount;
    this.#progress = progress;
    this.#space = space;
    this.#watch = watch;
    this.#brake = new RetentionBrake(dependencies.signals, dependencies.clock);
    if (start.active === undefined) return;
    dependencies.prepared.announceActive(start.active.givenBytes);
    dependencies.prepared.announceUse(start.active.usedParts);
  }

  /** What is written to; undefined in a new log, and behind a roll that was cut short. */
  get active(): ActiveSegment | undefined {
    return this.#active;
  }

  /** Segments that this opening has begun. */
  get rotations(): number {
    return this.#rotations;
  }

  /** Why no file could be opened for the next segment, for now. */
  get openRefusal(): unknown {
    return this.#openRefusal;
  }

  /** Where the log ends now. */
  get end(): PredecessorPin {
    if (this.#active === undefined) return this.#predecessor;
    const { endOffset, checksum } = this.#active.pin;
    return { segmentIndex: this.#active.segmentIndex, endOffset, checksum };
  }

  /** How many segments there are, behind those that the maintainer has removed. */
  tellSegments(): void {
    const { signals, telemetry } = this.#d;
    const cold = signals.get('coldSegments');
    const hot = this.#segmentCount - signals.get('removedSegments') - cold;
    if (hot === this.#toldHot && cold === this.#toldCold) return;
    this.#toldHot = hot;
    this.#toldCold = cold;
    telemetry.manager.setHotSegments(hot);
    telemetry.manager.setColdSegments(cold);
  }

  /**
   * True when a new segment is active, false while none is prepared, others are to be removed
   * first, its header finds no space, or its folder cannot be opened.
   */
  rotate(): boolean {
    const { prepared } = this.#d;
    const { manager } = this.#d.telemetry;
    this.#named ??= this.#nameNext();
    if (this.#named === undefined || !this.#publishName(this.#named)) return false;
    const startNs = this.#named.startNs - (this.#finishNs ?? 0);
    this.#active = this.#named.segment;
    this.#named = undefined;
    this.#rotations++;
    this.#space.clear();
    // What begins a log, or continues behind a torn end, finishes nothing and is no rotation.
    if (this.#finishNs !== undefined) manager.onSegmentRotation(startNs);
    this.#finishNs = undefined;
    this.#progress.onClaimed();
    this.#segmentCount++;
    this.tellSegments();
    this.#progress.publishPoint(this.end);
    this.#d.signals.publishActiveFrom(this.#progress.writtenEventId + 1);
    // Before the preparer is woken: it looks at once how large the next one is to be.
    prepared.announceActive(this.#active.givenBytes);
    prepared.announceTaken();
    this.#progress.requestMetaFlush();
    return true;
  }

  /** The next segment, with its name; undefined while none is prepared, or without space. */
  #nameNext(): NamedSegment | undefined {
    const { prepared } = this.#d;
    const next = this.#takeNext();
    if (next === undefined) {
      const { error } = prepared;
      if (error !== undefined) throw error;
      return undefined;
    }
    this.#progress.begins('rotation', this.#d.clock.nowNs());
    try {
      this.#finishActive();
      return this.#name(next.segment, next.fd);
    } catch (error) {
      this.#d.storage.close(next.fd);
      this.#space.note(error);
      // It has no name as a segment yet: a later look writes its header again.
      this.#taken = next.segment;
      return undefined;
    }
  }

  /** False while this process may open no more files. */
  #publishName(named: NamedSegment): boolean {
    const { storage, clock, telemetry } = this.#d;
    this.#openRefusal = publishName(storage, clock, telemetry.segmentWriter, named);
    return this.#openRefusal === undefined;
  }

  /** The next prepared file, open; undefined while there is none, or none that can be opened. */
  #takeNext(): { readonly segment: PreparedSegment; readonly fd: number } | undefined {
    for (;;) {
      const segment = this.#taken ?? this.#d.prepared.getNextSegment(this.#isHeldBack);
      if (segment === undefined) return undefined;
      this.#taken = segment;
      try {
        const fd = openPrepared(this.#d.storage, this.#preparedPath(segment), segment);
        this.#taken = undefined;
        this.#openRefusal = undefined;
        if (fd !== undefined) return { segment, fd };
        // Somebody has taken that file away, put another there, or linked it: nothing is lost with
        // it.
        this.#d.prepared.announceTaken();
      } catch (error) {
        // A prepared segment waits for that.
        if (!isPassing(error)) {
          throw segmentFailure('open a prepared segment', this.#preparedPath(segment), 0, error);
        }
        this.#openRefusal = error;
        return undefined;
      }
    }
  }

  get #isHeldBack(): boolean {
    return this.#brake.holds((this.#active ?? this.#predecessor).segmentIndex + 1);
  }

  /** Runs `work`, in which no segment waits for those that are to be removed. */
  unbraked<T>(work: () => T): T {
    this.#brake.isReleased = true;
    try {
      return work();
    } finally {
      this.#brake.isReleased = false;
    }
  }

  #preparedPath({ ticket }: PreparedSegment): string {
    return join(this.#options.directory, preparedFileName(ticket));
  }

  #name(next: PreparedSegment, fd: number): NamedSegment {
    const { segmentIndex, endOffset, checksum } = this.#predecessor;
    const { writtenEventId, durableEventId } = this.#progress;
    const firstEventId = writtenEventId + 1;
    const { directory, logId } = this.#options;
    return nameSegment(this.#d.storage, this.#d.clock, this.#d.telemetry.segmentWriter, {
      fd,
      preparedPath: this.#preparedPath(next),
      directory,
      fileName: segmentFileName(segmentIndex + 1),
      tally: new SegmentTally(firstEventId),
      durableClaim: durableEventId,
      isRotation: this.#finishNs !== undefined,
      page: encodeSegmentHeader({
        segmentIndex: segmentIndex + 1,
        segmentBytes: next.segmentBytes,
        firstEventId,
        incompatibleFlags: flagsForBlocksOf(this.#options.maxBlockBytes),
        compatibleFlags: next.isRecycled ? RECYCLED_BODY_FLAG : 0,
        checksumKind: 1,
        blockAlignment: BLOCK_ALIGNMENT,
        logId,
        salt: this.#d.random64(),
        createdTsNs: this.#d.timestamps.nowNs(),
        previousLastEventId: writtenEventId,
        previousEndOffset: endOffset,
        previousBlockChecksum: checksum,
      }),
    });
  }

  /** Last block, seal, sync: a segment that has a successor is durable whole. */
  #finishActive(): void {
    const active = this.#active;
    if (active === undefined) return;
    const { segmentWriter } = this.#d.telemetry;
    const startNs = this.#d.clock.nowNs();
    let isClosed = false;
    try {
      // A seal is a convenience; a file that somebody else has by name keeps its content.
      if (active.isLinked) active.giveUp();
      if (active.takesBlocks) {
        const nowNs = this.#d.timestamps.nowNs();
        const { durableEventId } = this.#progress;
        this.#space.hasSpaceFor(() => active.writeSeal(durableEventId, nowNs));
      }
      segmentWriter.onRotateSeal(startNs);
      const syncNs = this.#d.clock.nowNs();
      active.sync();
      this.#watch.refuseHarm(active);
      segmentWriter.onRotateSync(syncNs);
      this.#predecessor = this.end;
      const { isDurable, writtenEventId } = this.#progress;
      if (!isDurable) this.#progress.onDurable(writtenEventId, this.#predecessor);
      active.close();
      isClosed = true;
    } finally {
      segmentWriter.onCloseSegment(startNs, isClosed);
    }
    this.#active = undefined;
    this.#finishNs = this.#d.clock.nowNs() - startNs;
  }

  /** How many files of segments there are. */
  get segmentCount(): number {
    return this.#segmentCount;
  }

  /** Closes the descriptors. */
  close(): void {
    this.#active?.close();
    this.#active = undefined;
    this.#named?.segment.close();
    this.#named = undefined;
  }
}
