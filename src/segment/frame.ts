// A frame is one event, in the ring and on disk alike. Frames follow each other at multiples
// of 8 bytes; what lies between the end of a payload and the next multiple is zero. Frames are read
// by the million: field by field, or by words, and never as a whole structure of the codec.
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, safeU64, u16, u32, u64, wordOf } from '../memory/layout.js';
import { EVENT_ID_END, TWO_POW_32 } from '../units.js';
import type { Defect } from './defect.js';

export const FrameLayout = layout('Frame')
  .field(0, 'frameBytes', u32)
  .field(4, 'kind', u16)
  .field(6, 'type', u16)
  .field(8, 'eventId', safeU64)
  .field(16, 'timestampNs', u64)
  .end(24, 8);

/** Header of a frame; `frameBytes` counts it and the payload, not the spare bytes after. */
export const FRAME_HEADER_BYTES = FrameLayout.size;
export const FRAME_ALIGNMENT = 8;
/** So that the id that comes next is still below 2^53, in every field that holds one. */
export const MAX_EVENT_ID = EVENT_ID_END - 2;

export const FrameKind = {
  event: 1,
  /** An event whose batch continues with the next frame: both survive or none. */
  continued: 2,
  /** Fills the end of the ring; never on disk. */
  padding: 3,
} as const;

const { field } = codecOf(FrameLayout);
const OFFSET = FrameLayout.offset;
// walkFrames reads by words of 4 bytes: the same offsets, divided by 4.
const WORD = {
  frameBytes: wordOf(OFFSET.frameBytes),
  kindAndType: wordOf(OFFSET.kind),
  eventId: wordOf(OFFSET.eventId),
} as const;
assert(OFFSET.type === OFFSET.kind + 2, 'kind and type share one word of the frame');
assert(FRAME_HEADER_BYTES % FRAME_ALIGNMENT === 0, 'a payload starts aligned');

/** Bytes from one frame to the next: `frameBytes` (below 2^31 - 7) rounded up to 8. */
export const frameSpan = (frameBytes: number): number => (frameBytes + 7) & -8;

interface DecodedFrame {
  readonly kind: number;
  /** The user's own tag, a u16. */
  readonly type: number;
  readonly eventId: number;
  /** Unix epoch. */
  readonly timestampNs: bigint;
  /** Where the payload starts in the bytes that were given. */
  readonly payloadOffset: number;
  readonly payloadBytes: number;
}

/** Reads the frame at `offset`; only for bytes that walkFrames has accepted. */
export function decodeFrame(bytes: Uint8Array, offset: number): DecodedFrame {
  const view = viewOf(bytes, offset, FRAME_HEADER_BYTES);
  return {
    kind: field.kind.get(view, 0),
    type: field.type.get(view, 0),
    eventId: field.eventId.get(view, 0),
    timestampNs: field.timestampNs.get(view, 0),
    payloadOffset: offset + FRAME_HEADER_BYTES,
    payloadBytes: field.frameBytes.get(view, 0) - FRAME_HEADER_BYTES,
  };
}

interface FrameDefect extends Defect {
  /** Of the frame, in the bytes that were given. */
  readonly offset: number;
  /** The id that was expected there. */
  readonly eventId: number;
}

/**
 * Checks that [start, end) is exactly `eventCount` whole frames with the ids `firstEventId` and
 * following, events only, spare bytes zero, and that the last batch ends. Hot: 20 M frames/s.
 */
export function walkFrames(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstEventId: number,
  eventCount: number,
): FrameDefect | undefined {
  const fail = (at: number, index: number, message: string): FrameDefect => ({
    defect: 'field',
    message: `event ${firstEventId + index}: ${message}`,
    offset: start + at,
    eventId: firstEventId + index,
  });
  if (!(start >= 0 && start <= end && end <= bytes.length)) {
    return { ...fail(0, 0, 'the frames end outside the buffer'), defect: 'truncated' };
  }
  if ((end - start) % FRAME_ALIGNMENT !== 0)
    return fail(0, 0, 'the end of the frames is not aligned');
  const words = wordsOf(bytes, start, end);
  const wordCount = words.length;
  // The id as two words, compared and counted up without leaving 32-bit integers.
  let idLow = firstEventId | 0;
  let idHigh = Math.floor(firstEventId / TWO_POW_32) | 0;
  let kind = 0;
  let index = 0;
  let at = 0;
  // Indices are in bounds by the checks on wordCount; `| 0` makes that plain to the compiler too.
  while (at < wordCount) {
    const frameBytes = (words[at + WORD.frameBytes] as number) | 0;
    const remainingBytes = (wordCount - at) * 4;
    if (frameBytes < FRAME_HEADER_BYTES || frameBytes > remainingBytes) {
      return fail(at * 4, index, `frame of ${frameBytes >>> 0} bytes, ${remainingBytes} remain`);
    }
    kind = (words[at + WORD.kindAndType] as number) & 0xffff;
    if (kind !== FrameKind.event && kind !== FrameKind.continued) {
      return fail(at * 4, index, `frame of kind ${kind}`);
    }
    if (words[at + WORD.eventId] !== idLow || words[at + WORD.eventId + 1] !== idHigh) {
      return fail(at * 4, index, 'its frame has another id');
    }
    const next = at + (((frameBytes + 7) & -8) >> 2);
    const usedBytes = frameBytes & 7;
    if (usedBytes !== 0) {
      const low = words[next - 2] as number;
      const high = words[next - 1] as number;
      // Worked example: 5 used bytes leave 3 spare ones, the top three of the second word.
      const spare =
        usedBytes < 4 ? (low >>> (usedBytes * 8)) | high : high >>> ((usedBytes - 4) * 8);
      if (spare !== 0) return fail(at * 4, index, 'the spare bytes after its frame are not zero');
    }
    at = next;
    index++;
    idLow = (idLow + 1) | 0;
    if (idLow === 0) idHigh++;
  }
  if (index !== eventCount) return fail(at * 4, index, `${index} frames, ${eventCount} expected`);
  if (kind === FrameKind.continued) return fail(at * 4, index - 1, 'its batch is incomplete');
  return undefined;
}

/** The bytes as words; a copy where they do not lie on a multiple of 4 in memory. */
function wordsOf(bytes: Uint8Array, start: number, end: number): Int32Array {
  const address = bytes.byteOffset + start;
  if (address % 4 === 0) return new Int32Array(bytes.buffer, address, (end - start) / 4);
  // Not by `slice`, which is a view of the same memory where it is Node's Buffer.
  return new Int32Array(new Uint8Array(bytes.subarray(start, end)).buffer);
}

interface FrameMarks {
  /** Of the last frame, in the bytes that were given. */
  readonly lastOffset: number;
  readonly batches: readonly { readonly firstEventId: number; readonly lastEventId: number }[];
}

/** Where batches begin and end in [start, end), and the last frame; as above. */
export function frameMarks(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstEventId: number,
): FrameMarks {
  const words = wordsOf(bytes, start, end);
  const wordCount = words.length;
  const batches: { firstEventId: number; lastEventId: number }[] = [];
  let batchEventId = 0;
  let eventId = firstEventId;
  let last = 0;
  for (let at = 0; at < wordCount; eventId++) {
    last = at;
    const kind = (words[at + WORD.kindAndType] as number) & 0xffff;
    if (kind === FrameKind.continued) {
      if (batchEventId === 0) batchEventId = eventId;
    } else if (batchEventId !== 0) {
      batches.push({ firstEventId: batchEventId, lastEventId: eventId });
      batchEventId = 0;
    }
    at += frameSpan(words[at + WORD.frameBytes] as number) >> 2;
  }
  return { lastOffset: start + last * 4, batches };
}

/** The highest timestamp in [start, end); only for bytes that walkFrames has accepted. */
export function highestTimestampNs(bytes: Uint8Array, start: number, end: number): bigint {
  const view = viewOf(bytes);
  // As two halves: a BigInt for each frame would cost more than the checks of the frame do.
  let highestHigh = 0;
  let highestLow = 0;
  for (let at = start; at < end; at += frameSpan(field.frameBytes.get(view, at))) {
    const low = view.getUint32(at + FrameLayout.offset.timestampNs, true);
    const high = view.getUint32(at + FrameLayout.offset.timestampNs + 4, true);
    if (high < highestHigh || (high === highestHigh && low <= highestLow)) continue;
    highestHigh = high;
    highestLow = low;
  }
  return (BigInt(highestHigh) << 32n) | BigInt(highestLow);
}

/** Gives the frames in [start, end) new ids; only for bytes that walkFrames has accepted. */
export function renumberFrames(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstEventId: number,
): void {
  const view = viewOf(bytes);
  let eventId = firstEventId;
  for (let at = start; at < end; at += frameSpan(field.frameBytes.get(view, at))) {
    assert(eventId <= MAX_EVENT_ID, 'id out of range');
    field.eventId.set(view, at, eventId++);
  }
}
