// How the segments of a log are connected: each header pins the end of the segment before it. What
// two headers and the size of a file show is checked here; whether the pinned block is in the file
// takes a look into it (reading/pin.ts).
import { BLOCK_HEADER_BYTES } from './block-header.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import { SEGMENT_HEADER_PAGE_BYTES, type SegmentHeader } from './segment-header.js';

/** A segment as its first page and the length of its file tell of it. */
interface ChainedSegment {
  readonly header: SegmentHeader;
  readonly bytes: number;
}

/**
 * Why `segment` cannot be what the header of its successor says of it, in a clause after the
 * file's name; undefined where nothing speaks against it.
 */
export function linkProblem(
  { header, bytes }: ChainedSegment,
  successor: SegmentHeader,
): string | undefined {
  const { firstEventId } = header;
  const { previousEndOffset, previousLastEventId } = successor;
  const says = `segment ${successor.segmentIndex} says that events up to ${previousLastEventId}`;
  if (bytes < previousEndOffset) {
    return `has ${bytes} bytes; ${says} end at offset ${previousEndOffset}`;
  }
  const events = previousLastEventId + 1 - firstEventId;
  if (events < 0) return `begins with event ${firstEventId}; ${says} are before it`;
  const isEmpty = previousEndOffset === SEGMENT_HEADER_PAGE_BYTES;
  const room = previousEndOffset - SEGMENT_HEADER_PAGE_BYTES - BLOCK_HEADER_BYTES;
  if (isEmpty ? events > 0 : events * FRAME_HEADER_BYTES > room) {
    return `begins with event ${firstEventId}; ${says} end at offset ${previousEndOffset}`;
  }
  return undefined;
}
