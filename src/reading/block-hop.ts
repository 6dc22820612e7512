// Goes from block to block by their headers alone: an index of a segment that has no seal, redone
// in memory. Each header is true by its own checksum and follows the one before it; what payloads
// hold is not looked at, so whoever begins where this leads has not verified what lies before.
//
// Headers also lead over a write that a crash has torn: what lies behind that is not of the log,
// and its ids will be used again. So they lead no further than to what is durable up to there.
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  BlockKind,
  decodeBlockHeader,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { decodeFrame } from '../segment/frame.js';
import { maxBlockBytes } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { KIB } from '../units.js';
import { searchPlaces } from './binary-search.js';
import { readSegment, type SegmentFile } from './segment-file.js';
import { type SegmentPosition, startOf } from './segment-reader.js';

/** Read at once: small blocks follow each other closely, of large ones nothing else is needed. */
const PEEK_BYTES = 4 * KIB;
/** Positions that a search by time keeps; where there are more blocks, every 2nd, 4th, … */
const KEPT_POSITIONS = 1024;

class HeaderWalk {
  /** Where the current block stands. */
  position: SegmentPosition;
  header: BlockHeader | undefined;
  /** Up to here events are durable, as the segment itself tells; all, where that is pinned. */
  #durableEventId: number;
  readonly #storage: Storage;
  readonly #file: SegmentFile;
  readonly #endOffset: number;
  readonly #peek = new Uint8Array(PEEK_BYTES);
  #peekOffset = 0;
  #peekedBytes = 0;

  /** @param endOffset what the next segment pins; infinite: nothing does */
  constructor(storage: Storage, file: SegmentFile, endOffset: number) {
    // Of a segment that is not known to be the last one nothing outside of it tells.
    const isPinned = endOffset !== Number.POSITIVE_INFINITY;
    this.#durableEventId = isPinned ? Number.POSITIVE_INFINITY : file.header.firstEventId - 1;
    this.#storage = storage;
    this.#file = file;
    this.#endOffset = Math.min(endOffset, file.bytes, file.header.segmentBytes);
    this.position = startOf(file);
  }

  /** To the next block; false where none follows, for whatever reason. */
  next(): boolean {
    const after = this.header === undefined ? this.position : behind(this.position, this.header);
    const header = this.#headerAt(after.offset);
    if (header === undefined) return false;
    const follows =
      header.previousBlockChecksum === after.previousBlockChecksum &&
      header.blockIndex === after.nextBlockIndex &&
      header.firstEventId === after.nextEventId &&
      header.kind !== BlockKind.seal &&
      after.offset + BLOCK_HEADER_BYTES + header.payloadBytes <= this.#endOffset;
    if (!follows) return false;
    this.position = after;
    this.header = header;
    this.#durableEventId = Math.max(this.#durableEventId, header.durableEventId);
    return true;
  }

  /** Whether all before the position is durable, as far as the headers that were met tell. */
  isSound({ nextEventId }: SegmentPosition): boolean {
    return nextEventId - 1 <= this.#durableEventId;
  }

  #headerAt(offset: number): BlockHeader | undefined {
    if (offset + BLOCK_HEADER_BYTES > this.#endOffset) return undefined;
    if (offset + BLOCK_HEADER_BYTES > this.#peekOffset + this.#peekedBytes) {
      this.#peekOffset = offset;
      this.#peekedBytes = readSegment(this.#storage, this.#file, this.#peek, offset);
      if (this.#peekedBytes < BLOCK_HEADER_BYTES) return undefined;
    }
    const { header: segment } = this.#file;
    const [at, max] = [offset - this.#peekOffset, maxBlockBytes(segment)];
    const header = decodeBlockHeader(this.#peek, at, segment.salt, offset, max);
    return isDefect(header) ? undefined : header;
  }
}

const behind = (position: SegmentPosition, header: BlockHeader): SegmentPosition => ({
  offset: position.offset + BLOCK_HEADER_BYTES + header.payloadBytes,
  nextEventId: position.nextEventId + header.eventCount,
  nextBlockIndex: position.nextBlockIndex + 1,
  previousBlockChecksum: header.headerChecksum,
});

/**
 * The last events block that starts at or before `eventId`, as far as headers lead there, or in a
 * segment that nothing pins one that is a few before it; undefined where they lead nowhere.
 * @param endOffset what the next segment pins; infinite: nothing does
 */
export function hopTowards(
  storage: Storage,
  file: SegmentFile,
  endOffset: number,
  eventId: number,
): SegmentPosition | undefined {
  const walk = new HeaderWalk(storage, file, endOffset);
  let last: SegmentPosition | undefined;
  let sound: SegmentPosition | undefined;
  /** A later header may call durable what lies before it. */
  let waiting: SegmentPosition | undefined;
  while (walk.next()) {
    const { position, header } = walk;
    if (position.nextEventId > eventId) {
      if (last === undefined || walk.isSound(last)) break;
    } else if (header?.kind === BlockKind.events) last = position;
    waiting ??= last;
    if (waiting === undefined || !walk.isSound(waiting)) continue;
    sound = waiting;
    waiting = undefined;
  }
  return last !== undefined && walk.isSound(last) ? last : sound;
}

/**
 * The same for the last block, of some of them, whose first event is before `timeNs`.
 * @param buffer as firstTimestampAt
 */
export function hopTowardsTime(
  storage: Storage,
  file: SegmentFile,
  endOffset: number,
  timeNs: bigint,
  buffer: Uint8Array,
): SegmentPosition | undefined {
  const kept = somePositions(new HeaderWalk(storage, file, endOffset));
  const { last } = searchPlaces([...kept.keys()], (place) => {
    const position = kept[place];
    const firstNs = position && firstTimestampAt(storage, file, position.offset, buffer);
    return firstNs === undefined ? undefined : firstNs >= timeNs;
  });
  return last === undefined ? undefined : kept[last];
}

/** Of the events blocks the first and every n-th after it, so that there are not too many. */
function somePositions(walk: HeaderWalk): SegmentPosition[] {
  let kept: SegmentPosition[] = [];
  let distance = 1;
  for (let count = 0; walk.next(); ) {
    if (walk.header?.kind !== BlockKind.events) continue;
    if (count % distance === 0) kept.push(walk.position);
    count++;
    if (kept.length < KEPT_POSITIONS) continue;
    kept = kept.filter((_position, at) => at % 2 === 0);
    distance *= 2;
  }
  return kept.filter((position) => walk.isSound(position));
}

/**
 * When the first event of the block at `offset` was appended, verified with its whole block;
 * undefined where no valid block of events stands there.
 * @param buffer from readBuffer, and is overwritten
 */
export function firstTimestampAt(
  storage: Storage,
  file: SegmentFile,
  offset: number,
  buffer: Uint8Array,
): bigint | undefined {
  const { salt } = file.header;
  const head = buffer.subarray(0, BLOCK_HEADER_BYTES);
  const headBytes = readSegment(storage, file, head, offset);
  const max = maxBlockBytes(file.header);
  const header = decodeBlockHeader(head.subarray(0, headBytes), 0, salt, offset, max);
  if (isDefect(header) || header.kind !== BlockKind.events) return undefined;
  const { payloadBytes } = header;
  const room = payloadBytes > buffer.length ? new Uint8Array(payloadBytes) : buffer;
  const payload = room.subarray(0, payloadBytes);
  const count = readSegment(storage, file, payload, offset + BLOCK_HEADER_BYTES);
  const defect = verifyBlockPayload(header, payload.subarray(0, count), salt);
  return defect === undefined ? decodeFrame(payload, 0).timestampNs : undefined;
}

/** The same of the segment's first block of events. */
export function firstTimestampOf(
  storage: Storage,
  file: SegmentFile,
  buffer: Uint8Array,
): bigint | undefined {
  const walk = new HeaderWalk(storage, file, Number.POSITIVE_INFINITY);
  while (walk.next()) {
    if (walk.header?.kind !== BlockKind.events) continue;
    return firstTimestampAt(storage, file, walk.position.offset, buffer);
  }
  return undefined;
}
