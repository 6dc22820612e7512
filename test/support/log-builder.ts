// Builds logs block by block, sound or damaged, from the encoders alone: what a recorder would
// leave behind in each situation, without its threads and its timing.
import { existsSync, mkdtempSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { assert } from '../../src/errors.js';
import {
  BLOCK_HEADER_BYTES,
  BlockKind,
  encodeBlockHeader,
} from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { LOCK_FILE, META_FILE, segmentFileName } from '../../src/segment/file-names.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../../src/segment/frame.js';
import { encodeSeal } from '../../src/segment/seal.js';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  LARGE_BLOCKS_FLAG,
  SEGMENT_HEADER_PAGE_BYTES,
} from '../../src/segment/segment-header.js';
import { SegmentTally } from '../../src/segment/segment-tally.js';
import { encodeMeta, type WalMeta } from '../../src/segment/wal-meta.js';
import { encodeFrame } from './frames.js';

/** A folder that is gone after the test. */
export function temporaryFolder(test: { after(hook: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'flashstrike-'));
  test.after(() => removeFolder(dir));
  return dir;
}

/** The payload that the builder gives to an event: its id, over and over. */
export function payloadOf(eventId: number, payloadBytes: number): Uint8Array {
  const payload = new Uint8Array(payloadBytes);
  for (let at = 0; at < payloadBytes; at++) payload[at] = (eventId >>> (8 * (at % 4))) & 0xff;
  return payload;
}

export const typeOf = (eventId: number): number => (eventId * 7) & 0xffff;
export const timestampOf = (eventId: number): bigint =>
  1_700_000_000_000_000_000n + BigInt(eventId);

export const saltOf = (segmentIndex: number): bigint =>
  0x5a17_0000_0000_0000n + BigInt(segmentIndex);

export interface BuiltBlock {
  readonly segmentIndex: number;
  readonly kind: number;
  /** Of its header in the file. */
  readonly offset: number;
  /** Header included. */
  readonly bytes: number;
  readonly firstEventId: number;
  readonly eventCount: number;
}

export interface EventsOptions {
  /** What the block's header claims; default: nothing. */
  readonly durableEventId?: number;
  /** One size for all, or the size of each. */
  readonly payloadBytes?: number | ((eventId: number) => number);
  /** Instead of payloadOf. */
  readonly payload?: Uint8Array;
  /** Ids in the frames that contradict the header. */
  readonly badFrames?: boolean;
  /** Events whose batch continues with the next one. */
  readonly continued?: readonly number[];
}

export interface BuilderOptions {
  readonly segmentBytes?: number;
  readonly logId?: bigint;
  readonly payloadBytes?: number;
}

interface NewSegment {
  readonly recycled?: boolean;
  readonly largeBlocks?: boolean;
  readonly index?: number;
  readonly body?: Uint8Array;
}

interface OpenSegment {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly salt: bigint;
  readonly tally: SegmentTally;
  offset: number;
  blockIndex: number;
  checksum: bigint;
  pin: { endOffset: number; checksum: bigint };
}

export class LogBuilder {
  readonly dir: string;
  readonly logId: bigint;
  readonly blocks: BuiltBlock[] = [];
  /** Contents of the segment files by index; tests damage them before `write`. */
  readonly files = new Map<number, Uint8Array>();
  nextEventId = 1;
  readonly #segmentBytes: number;
  readonly #payloadBytes: number;
  #segment: OpenSegment | undefined;
  #meta: Uint8Array | undefined;

  constructor(dir: string, options: BuilderOptions = {}) {
    this.dir = dir;
    this.logId = options.logId ?? 0x1122_3344_5566_7788n;
    this.#segmentBytes = options.segmentBytes ?? 64 * 1024;
    this.#payloadBytes = options.payloadBytes ?? 40;
  }

  get lastEventId(): number {
    return this.nextEventId - 1;
  }

  pathOf(segmentIndex: number): string {
    return join(this.dir, segmentFileName(segmentIndex));
  }

  fileOf(segmentIndex: number): Uint8Array {
    const bytes = this.files.get(segmentIndex);
    assert(bytes !== undefined, `segment ${segmentIndex} was built`);
    return bytes;
  }

  /** The n-th block of a segment, counted from 0; negative from its end. */
  blockOf(segmentIndex: number, position: number): BuiltBlock {
    const block = this.blocks.filter((each) => each.segmentIndex === segmentIndex).at(position);
    assert(block !== undefined, `segment ${segmentIndex} has block ${position}`);
    return block;
  }

  /** Begins the next segment, pinned to the current one. */
  segment(header: NewSegment = {}): this {
    const previous = this.#segment;
    const index = header.index ?? (previous?.index ?? 0) + 1;
    const salt = saltOf(index);
    const page = encodeSegmentHeader({
      segmentIndex: index,
      segmentBytes: this.#segmentBytes,
      firstEventId: this.nextEventId,
      incompatibleFlags: header.largeBlocks === true ? LARGE_BLOCKS_FLAG : 0,
      compatibleFlags: header.recycled === true ? 1 : 0,
      checksumKind: 1,
      blockAlignment: 8,
      logId: this.logId,
      salt,
      createdTsNs: timestampOf(this.nextEventId),
      previousLastEventId: this.nextEventId - 1,
      previousEndOffset: previous?.pin.endOffset ?? (index === 1 ? 0 : SEGMENT_HEADER_PAGE_BYTES),
      previousBlockChecksum: previous?.pin.checksum ?? 0n,
    });
    const decoded = decodeSegmentHeader(page);
    assert(!('defect' in decoded), 'the header decodes');
    const bytes = new Uint8Array(this.#segmentBytes);
    if (header.body !== undefined) bytes.set(header.body.subarray(0, bytes.length));
    bytes.set(page);
    const checksum = decoded.headerChecksum;
    this.#segment = {
      index,
      bytes,
      salt,
      tally: new SegmentTally(this.nextEventId),
      offset: SEGMENT_HEADER_PAGE_BYTES,
      blockIndex: 0,
      checksum,
      pin: { endOffset: SEGMENT_HEADER_PAGE_BYTES, checksum },
    };
    this.files.set(index, bytes);
    return this;
  }

  /** One block of `eventCount` events. */
  events(eventCount: number, options: EventsOptions = {}): this {
    const segment = this.#current();
    const payloads = Array.from({ length: eventCount }, (_, index) =>
      this.#payloadOf(this.nextEventId + index, options),
    );
    const spans = payloads.map(({ length }) => frameSpan(FRAME_HEADER_BYTES + length));
    const payload = new Uint8Array(spans.reduce((sum, span) => sum + span, 0));
    let offset = 0;
    for (const [index, bytes] of payloads.entries()) {
      const eventId = this.nextEventId + index;
      offset += encodeFrame(payload, offset, {
        kind: options.continued?.includes(eventId) === true ? FrameKind.continued : FrameKind.event,
        type: typeOf(eventId),
        eventId: options.badFrames === true ? eventId + 1 : eventId,
        timestampNs: timestampOf(eventId),
        payload: bytes,
      });
    }
    segment.tally.addEvents(
      { firstEventId: this.nextEventId, eventCount, payloadBytes: payload.length },
      { offset: segment.offset, blockIndex: segment.blockIndex },
      timestampOf(this.nextEventId),
      timestampOf(this.nextEventId + eventCount - 1),
    );
    this.#block(BlockKind.events, payload, eventCount, options.durableEventId);
    this.#segment = { ...segment, pin: { endOffset: segment.offset, checksum: segment.checksum } };
    return this;
  }

  #payloadOf(eventId: number, { payload, payloadBytes }: EventsOptions): Uint8Array {
    if (payload !== undefined) return payload;
    const bytes = typeof payloadBytes === 'function' ? payloadBytes(eventId) : payloadBytes;
    return payloadOf(eventId, bytes ?? this.#payloadBytes);
  }

  watermark(durableEventId = this.lastEventId): this {
    const segment = this.#current();
    segment.tally.addWatermark();
    this.#block(BlockKind.watermark, new Uint8Array(0), 0, durableEventId);
    this.#segment = { ...segment, pin: { endOffset: segment.offset, checksum: segment.checksum } };
    return this;
  }

  seal(durableEventId?: number): this {
    const { tally } = this.#current();
    this.#block(BlockKind.seal, encodeSeal(tally.totals, tally.entries), 0, durableEventId);
    return this;
  }

  /** wal.meta about the current end, or as told. */
  meta(fields: Partial<WalMeta> = {}): this {
    const segment = this.#segment;
    const durableEventId = fields.durableEventId ?? this.lastEventId;
    this.#meta = encodeMeta({
      cleanlyClosed: false,
      segmentIndex: segment?.index ?? 0,
      offset: segment?.pin.endOffset ?? 0,
      lastEventId: durableEventId,
      logId: this.logId,
      durableEventId,
      firstKeptEventId: 0,
      ...fields,
    });
    return this;
  }

  /** Writes all files; those of an earlier call that are not built any more go. */
  write(): this {
    for (const [index, bytes] of this.files) writeFileSync(this.pathOf(index), bytes);
    if (this.#meta !== undefined) writeFileSync(join(this.dir, META_FILE), this.#meta);
    // As an opening without shared memory leaves it: no region is to be looked for.
    const lock = join(this.dir, LOCK_FILE);
    if (this.files.size > 0 && !existsSync(lock)) writeFileSync(lock, '{"regions":[]}');
    return this;
  }

  /** Takes a segment out of what was built and out of the folder. */
  remove(segmentIndex: number): this {
    this.files.delete(segmentIndex);
    unlinkSync(this.pathOf(segmentIndex));
    return this;
  }

  #current(): OpenSegment {
    assert(this.#segment !== undefined, 'a segment was begun');
    return this.#segment;
  }

  #block(kind: number, payload: Uint8Array, eventCount: number, durableEventId = 0): void {
    const segment = this.#current();
    const { bytes, offset, salt } = segment;
    const header = new Uint8Array(BLOCK_HEADER_BYTES);
    segment.checksum = encodeBlockHeader(
      header,
      {
        kind,
        flags: 0,
        payloadBytes: payload.length,
        firstEventId: this.nextEventId,
        eventCount,
        blockIndex: segment.blockIndex,
        durableEventId,
        payloadChecksum: xxh64(payload, salt),
        previousBlockChecksum: segment.checksum,
        writtenTsNs: timestampOf(this.nextEventId),
      },
      salt,
      offset,
    );
    bytes.set(header, offset);
    bytes.set(payload, offset + BLOCK_HEADER_BYTES);
    const blockBytes = BLOCK_HEADER_BYTES + payload.length;
    const { index: segmentIndex } = segment;
    this.blocks.push({
      segmentIndex,
      kind,
      offset,
      bytes: blockBytes,
      firstEventId: this.nextEventId,
      eventCount,
    });
    segment.offset += blockBytes;
    segment.blockIndex++;
    this.nextEventId += eventCount;
  }
}
