// How far a log may outgrow its size while it is written faster than segments can be verified and
// removed: up to here, and then the writer waits. What cannot be removed at all (a consumer holds
// it, it is damaged, the disk refuses) holds nobody up: the caller lifts the wall then.
//
// A log that is larger than that when it is first looked at, or when it can be made smaller again,
// need not become smaller at once: the wall stands as far behind what there is, and comes nearer as
// segments go.
import { MIB } from '../../units.js';
import type { RetentionOptions } from './wal-options.js';

/** So many segments at least: a burst is no reason to wait. */
const SLACK_SEGMENTS = 4;
/** The larger part of what is kept, where that is more: removal catches up behind a long burst. */
const SLACK_PART = 4;
/** A fast log takes longer than a look apart for what is left up to the wall, if it is more. */
const NEAR_BYTES = 64 * MIB;

/** One size, with its own unit. */
class Wall {
  readonly #kept: number;
  readonly #slack: number;
  #limit = Number.POSITIVE_INFINITY;

  constructor(kept: number, slack: number) {
    this.#kept = kept;
    this.#slack = slack;
  }

  /** What may still be added to `size`. */
  room(size: number): number {
    this.#limit = Math.min(this.#limit, Math.max(this.#kept, size) + this.#slack);
    return Math.max(0, this.#limit - size);
  }

  /**
   * No more than `room` may be added to `size`, beyond what may be there in any case. An opening
   * counts compressed segments as whole ones: by its word alone the log would stop, for good, at
   * a size at which nothing is to be removed.
   */
  meet(size: number, room: number): void {
    this.#limit = Math.max(size + room, this.#kept + this.#slack);
  }

  lift(): void {
    this.#limit = Number.POSITIVE_INFINITY;
  }
}

export class SizeWall {
  readonly #segmentBytes: number;
  readonly #segments: Wall | undefined;
  readonly #bytes: Wall | undefined;

  /** @param segmentBytes of the segments that are yet to come, at most */
  constructor({ segments, bytes }: RetentionOptions, segmentBytes: number) {
    this.#segmentBytes = segmentBytes;
    this.#segments = wallOf(segments, SLACK_SEGMENTS);
    this.#bytes = wallOf(bytes, SLACK_SEGMENTS * segmentBytes);
  }

  /** Segments that may still be begun. */
  room(finishedSegments: number, bytes: number): number {
    const count = this.#segments?.room(finishedSegments) ?? Number.POSITIVE_INFINITY;
    const left = this.#bytes?.room(bytes) ?? Number.POSITIVE_INFINITY;
    return Math.min(count, Math.floor(left / this.#segmentBytes));
  }

  /** Takes over where so many segments may still be begun. */
  meet(finishedSegments: number, bytes: number, room: number): void {
    this.#segments?.meet(finishedSegments, room);
    this.#bytes?.meet(bytes, room * this.#segmentBytes);
  }

  /** Nothing can be removed for now. */
  lift(): void {
    this.#segments?.lift();
    this.#bytes?.lift();
  }

  /** Whether a fast log has used up `room` before long. */
  isNear(room: number): boolean {
    return room * this.#segmentBytes < NEAR_BYTES;
  }
}

const wallOf = (kept: number | undefined, slackMin: number): Wall | undefined =>
  kept === undefined ? undefined : new Wall(kept, Math.max(slackMin, Math.ceil(kept / SLACK_PART)));
