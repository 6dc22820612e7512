// How large the next segment is made. A log costs what it holds: it begins with a small segment,
// each one is larger than the one before, and full size is reached after a few. So a log of any
// size has few files, and none reserves much more than what the log has shown that it uses.
import { assert } from '../../errors.js';
import { MAX_BLOCK_BYTES } from '../../segment/block-header.js';
import { SEAL_RESERVED_BYTES } from '../../segment/seal.js';
import { MIN_SEGMENT_BYTES, SEGMENT_HEADER_PAGE_BYTES } from '../../segment/segment-header.js';
import { alignUp, KIB, MIB, NS_PER_SECOND, PAGE_BYTES } from '../../units.js';

const FIRST_SEGMENT_BYTES = 256 * KIB;
/** What a log that is opened again gets beside what its last segment holds, at most. */
const REOPENED_ROOM_BYTES = 2 * MIB;
/** Growth from one segment to the next: of a log that takes its time, and of one in a hurry. */
const LEAST_GROWTH = 2;
const LARGEST_GROWTH = 4;

/** The writer tells the preparer of each of so many parts of a segment that it has used. */
export const SEGMENT_PARTS = 8;

/** What is prepared is at most what the log could use in this time. */
export const AHEAD_NS = 4 * NS_PER_SECOND;

assert(FIRST_SEGMENT_BYTES >= MIN_SEGMENT_BYTES, 'the first segment is one that the format knows');

/**
 * The segment with which a log begins.
 * @param limitBytes the option `segmentBytes`
 */
export const firstSegmentBytes = (limitBytes: number): number =>
  Math.min(FIRST_SEGMENT_BYTES, limitBytes);

/** No larger than the first of any log: of a log whose limit is as low. */
export const isSmallSegment = (segmentBytes: number): boolean =>
  segmentBytes <= FIRST_SEGMENT_BYTES;

/**
 * The one that comes after a segment of `activeBytes`. Whatever the events are, it holds the
 * largest that `limitBytes` allows: an event that does not fit into the segment that is written
 * goes to the next one, and never further.
 * @param usableBytes what the log could use in AHEAD_NS, as fast as it is used now
 * @param maxBlockBytes the longest block that the log may write
 */
export function nextSegmentBytes(
  activeBytes: number,
  usableBytes: number,
  limitBytes: number,
  maxBlockBytes = MAX_BLOCK_BYTES,
): number {
  const wantedBytes = Math.max(activeBytes * LEAST_GROWTH, usableBytes);
  const grownBytes = Math.min(wantedBytes, activeBytes * LARGEST_GROWTH);
  const blockBytes = Math.max(MAX_BLOCK_BYTES, maxBlockBytes);
  const leastBytes = SEGMENT_HEADER_PAGE_BYTES + blockBytes + SEAL_RESERVED_BYTES;
  const roomyBytes = Math.max(grownBytes, alignUp(leastBytes, PAGE_BYTES));
  return alignUp(Math.min(roomyBytes, limitBytes), PAGE_BYTES);
}

/**
 * How long the file of the last segment is made for a log that goes on in it: twice what it holds,
 * within limits. The next segment takes over from there, whatever the header allows.
 * @param endOffset where the segment's blocks end
 * @param segmentBytes from its header
 */
export function reopenedBytes(endOffset: number, segmentBytes: number): number {
  const roomBytes = Math.min(Math.max(endOffset, FIRST_SEGMENT_BYTES), REOPENED_ROOM_BYTES);
  return Math.min(alignUp(endOffset + roomBytes, PAGE_BYTES), segmentBytes);
}

/** How long the file of a segment is once a log that ends in it has been closed. */
export const closedBytes = (endOffset: number): number => alignUp(endOffset, PAGE_BYTES);
