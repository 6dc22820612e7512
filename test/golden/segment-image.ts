// Builds the bytes of one segment block by block, from fixed times and salts, for golden files.
import { BlockKind, encodeBlockHeader } from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { FrameKind, highestTimestampNs } from '../../src/segment/frame.js';
import { encodeSeal } from '../../src/segment/seal.js';
import {
  encodeSegmentHeader,
  MIN_SEGMENT_BYTES,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
  SegmentHeaderLayout,
} from '../../src/segment/segment-header.js';
import { SegmentTally } from '../../src/segment/segment-tally.js';
import { encodeFrame } from '../support/frames.js';

export const LOG_ID = 0x0123_4567_89ab_cdefn;
/** 2023-11-14 22:13:20 UTC. */
export const START_NS = 1_700_000_000_000_000_000n;
const BLOCK_HEADER_BYTES = 64;

/** Fields of a header that follows `previous`, or of the first of a log. */
export function headerFields(
  salt: bigint,
  previous?: SegmentImage,
): Omit<SegmentHeader, 'headerChecksum'> {
  const segmentIndex = (previous?.header.segmentIndex ?? 0) + 1;
  const previousLastEventId = (previous?.nextEventId ?? 1) - 1;
  return {
    segmentIndex,
    segmentBytes: MIN_SEGMENT_BYTES,
    firstEventId: previousLastEventId + 1,
    incompatibleFlags: 0,
    compatibleFlags: 0,
    checksumKind: 1,
    blockAlignment: 8,
    logId: LOG_ID,
    salt,
    createdTsNs: START_NS + BigInt(segmentIndex),
    previousLastEventId,
    previousEndOffset: previous?.pinOffset ?? 0,
    previousBlockChecksum: previous?.pinChecksum ?? 0n,
  };
}

export interface GoldenEvent {
  readonly text: string;
  /** Instead of the text. */
  readonly payload?: Uint8Array;
  readonly type?: number;
  /** Its batch goes on with the next event. */
  readonly continued?: boolean;
}

/** Whole frames of `events`, one microsecond apart by id. */
export function encodeEvents(firstEventId: number, events: readonly GoldenEvent[]): Uint8Array {
  const longest = events.reduce((bytes, { text, payload }) => bytes + (payload ?? text).length, 0);
  const target = new Uint8Array(MIN_SEGMENT_BYTES + longest);
  let at = 0;
  for (const [index, event] of events.entries()) {
    const { text, type = 0, continued = false, payload = Buffer.from(text) } = event;
    const kind = continued ? FrameKind.continued : FrameKind.event;
    const eventId = firstEventId + index;
    const timestampNs = START_NS + BigInt(eventId) * 1000n;
    at += encodeFrame(target, at, { kind, type, eventId, timestampNs, payload });
  }
  return target.slice(0, at);
}

export class SegmentImage {
  readonly bytes: Uint8Array;
  readonly header: Omit<SegmentHeader, 'headerChecksum'>;
  /** Where each block starts. */
  readonly offsets: number[] = [];
  readonly #tally: SegmentTally;
  nextEventId: number;
  /** Behind the last block. */
  endOffset: number = SEGMENT_HEADER_PAGE_BYTES;
  pinOffset = this.endOffset;
  pinChecksum: bigint;
  #lastChecksum: bigint;

  constructor(header: Omit<SegmentHeader, 'headerChecksum'>) {
    const page = encodeSegmentHeader(header);
    this.header = header;
    this.bytes = new Uint8Array(header.segmentBytes);
    this.bytes.set(page);
    const { headerChecksum } = SegmentHeaderLayout.offset;
    this.#lastChecksum = new DataView(page.buffer).getBigUint64(headerChecksum, true);
    this.pinChecksum = this.#lastChecksum;
    this.nextEventId = header.firstEventId;
    this.#tally = new SegmentTally(header.firstEventId);
  }

  events(durableEventId: number, events: readonly GoldenEvent[]): this {
    const payload = encodeEvents(this.nextEventId, events);
    const payloadBytes = payload.length;
    const block = { firstEventId: this.nextEventId, eventCount: events.length, payloadBytes };
    const place = { offset: this.endOffset, blockIndex: this.offsets.length };
    const firstTimestampNs = START_NS + BigInt(this.nextEventId) * 1000n;
    const highest = highestTimestampNs(payload, 0, payloadBytes);
    this.#tally.addEvents(block, place, firstTimestampNs, highest);
    this.#append(BlockKind.events, durableEventId, payload, events.length);
    return this.#pinHere();
  }

  /** What follows has an id too high by one. */
  skipId(): this {
    this.nextEventId++;
    return this;
  }

  watermark(durableEventId: number): this {
    this.#tally.addWatermark();
    this.#append(BlockKind.watermark, durableEventId, new Uint8Array(0), 0);
    return this.#pinHere();
  }

  seal(durableEventId: number): this {
    const payload = encodeSeal(this.#tally.totals, this.#tally.entries);
    this.#append(BlockKind.seal, durableEventId, payload, 0);
    return this;
  }

  #append(kind: number, durableEventId: number, payload: Uint8Array, eventCount: number): void {
    const blockIndex = this.offsets.length;
    const { salt } = this.header;
    const fields = {
      kind,
      flags: 0,
      payloadBytes: payload.length,
      firstEventId: this.nextEventId,
      eventCount,
      blockIndex,
      durableEventId,
      payloadChecksum: xxh64(payload, salt),
      previousBlockChecksum: this.#lastChecksum,
      writtenTsNs: START_NS + 1_000_000n * BigInt(this.nextEventId + blockIndex),
    };
    const target = this.bytes.subarray(this.endOffset);
    this.#lastChecksum = encodeBlockHeader(target, fields, salt, this.endOffset);
    target.set(payload, BLOCK_HEADER_BYTES);
    this.offsets.push(this.endOffset);
    this.endOffset += BLOCK_HEADER_BYTES + payload.length;
    this.nextEventId += eventCount;
  }

  #pinHere(): this {
    this.pinOffset = this.endOffset;
    this.pinChecksum = this.#lastChecksum;
    return this;
  }
}
