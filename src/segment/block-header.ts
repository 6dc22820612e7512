// A block is a header and, right after it, the payload: whole frames, a seal, or nothing. It
// starts at a multiple of 8 in its file and never ends inside a batch. Written once, never
// rewritten.
//
//   | header (64) | frame | frame | frame | header (64) | frame | ...
//     payloadChecksum        the frames of this block, seeded with the segment's salt
//     headerChecksum         this header, seeded with the salt XOR its offset in the file
//     previousBlockChecksum  the headerChecksum of the block before
//
// A header is written and read once a block, so field by field: as a whole structure, through the
// codec's encode and decode, it would take three times as long.
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, safeU64, u8, u16, u32, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { alignUp, EVENT_ID_END, KIB, MIB } from '../units.js';
import { xxh64 } from './checksum.js';
import { type Defect, isDefect, makeDefect } from './defect.js';
import { FRAME_ALIGNMENT, FRAME_HEADER_BYTES, walkFrames } from './frame.js';
import { decodeSeal, SEAL_PAYLOAD_BYTES_MAX, SEAL_RESERVED_BYTES } from './seal.js';

export const BlockHeaderLayout = layout('BlockHeader')
  .field(0, 'magic', u16)
  .field(2, 'kind', u8)
  .field(3, 'flags', u8)
  .field(4, 'payloadBytes', u32)
  .field(8, 'firstEventId', safeU64)
  .field(16, 'eventCount', u32)
  .field(20, 'blockIndex', u32)
  .field(24, 'durableEventId', safeU64)
  .field(32, 'payloadChecksum', u64)
  .field(40, 'previousBlockChecksum', u64)
  .field(48, 'writtenTsNs', u64)
  .field(56, 'headerChecksum', u64)
  .end(64, 8);

/** The bytes `FB`. */
export const BLOCK_MAGIC = 0x4246;
export const BLOCK_HEADER_BYTES = BlockHeaderLayout.size;
export const BLOCK_ALIGNMENT = 8;
/** Header included. */
export const MAX_BLOCK_BYTES = MIB;
export const MAX_BLOCK_PAYLOAD_BYTES = MAX_BLOCK_BYTES - BLOCK_HEADER_BYTES;
/** The same in a segment that has large blocks: a payload of 64 MiB, and what comes on top. */
export const MAX_LARGE_BLOCK_BYTES = 64 * MIB + 4 * KIB;

/** A block of one event, or of a batch that takes no more: what a log may have to write at once. */
export const blockBytesFor = (maxEventBytes: number): number =>
  alignUp(BLOCK_HEADER_BYTES + FRAME_HEADER_BYTES + maxEventBytes, BLOCK_ALIGNMENT);

export const BlockKind = { events: 1, watermark: 2, seal: 3 } as const;

const { field } = codecOf(BlockHeaderLayout);
const OFFSET = BlockHeaderLayout.offset;
assert(MAX_BLOCK_PAYLOAD_BYTES % FRAME_ALIGNMENT === 0, 'a full block ends aligned');
assert(SEAL_PAYLOAD_BYTES_MAX + BLOCK_HEADER_BYTES === SEAL_RESERVED_BYTES, 'a seal fits');
assert(OFFSET.magic === 0 && BlockHeaderLayout.align === 8, 'findBlock looks at words');

export interface BlockHeader {
  /** One of {@link BlockKind}. */
  readonly kind: number;
  /** No flag is defined: 0. */
  readonly flags: number;
  /** A multiple of 8; the spare bytes after the last frame are included. */
  readonly payloadBytes: number;
  /** Of the first event; in a watermark or seal the id that comes next. */
  readonly firstEventId: number;
  /** 0 in a watermark or seal. */
  readonly eventCount: number;
  /** Counts all blocks of a segment from 0. */
  readonly blockIndex: number;
  /** Highest id known to be durable when this was written; below `firstEventId`. */
  readonly durableEventId: number;
  readonly payloadChecksum: bigint;
  /** `headerChecksum` of the block before, or of the segment header. */
  readonly previousBlockChecksum: bigint;
  /** Unix epoch. */
  readonly writtenTsNs: bigint;
  readonly headerChecksum: bigint;
}

/**
 * Writes a header to the first 64 bytes of `target` and returns its `headerChecksum`, which the
 * next block repeats. `fileOffset` is where the header will stand: it is part of the checksum's
 * seed, so a block that was copied elsewhere does not validate.
 */
export function encodeBlockHeader(
  target: Uint8Array,
  header: Omit<BlockHeader, 'headerChecksum'>,
  salt: bigint,
  fileOffset: number,
): bigint {
  const problem = headerProblem(header, MAX_LARGE_BLOCK_BYTES);
  assert(problem === undefined, `a block is written only complete: ${problem}`);
  assert(fileOffset % BLOCK_ALIGNMENT === 0, 'a block starts aligned');
  const view = viewOf(target, 0, BLOCK_HEADER_BYTES);
  field.magic.set(view, 0, BLOCK_MAGIC);
  field.kind.set(view, 0, header.kind);
  field.flags.set(view, 0, header.flags);
  field.payloadBytes.set(view, 0, header.payloadBytes);
  field.firstEventId.set(view, 0, header.firstEventId);
  field.eventCount.set(view, 0, header.eventCount);
  field.blockIndex.set(view, 0, header.blockIndex);
  field.durableEventId.set(view, 0, header.durableEventId);
  field.payloadChecksum.set(view, 0, header.payloadChecksum);
  field.previousBlockChecksum.set(view, 0, header.previousBlockChecksum);
  field.writtenTsNs.set(view, 0, header.writtenTsNs);
  const headerChecksum = checksumOf(target, 0, salt, fileOffset);
  field.headerChecksum.set(view, 0, headerChecksum);
  return headerChecksum;
}

/**
 * Reads the header at `at` of `bytes`, which stands at `fileOffset` in its file.
 * @param maxBytes of a block, as the header of its segment tells
 */
export function decodeBlockHeader(
  bytes: Uint8Array,
  at: number,
  salt: bigint,
  fileOffset: number,
  maxBytes = MAX_BLOCK_BYTES,
): BlockHeader | Defect {
  const header = readBlockHeader(bytes, at, salt, fileOffset);
  const problem = isDefect(header) ? undefined : headerProblem(header, maxBytes);
  return problem === undefined ? header : makeDefect('field', problem);
}

/** The same for a header whose checksum holds, be its fields possible or not. */
export function readBlockHeader(
  bytes: Uint8Array,
  at: number,
  salt: bigint,
  fileOffset: number,
): BlockHeader | Defect {
  if (!(at >= 0 && at + BLOCK_HEADER_BYTES <= bytes.length)) {
    return makeDefect('truncated', 'the block header is cut off');
  }
  const view = viewOf(bytes, at, BLOCK_HEADER_BYTES);
  if (field.magic.get(view, 0) !== BLOCK_MAGIC) {
    return isZero(bytes, at, at + BLOCK_HEADER_BYTES)
      ? makeDefect('zero', 'zeros instead of a block header')
      : makeDefect('magic', 'not a block header');
  }
  const headerChecksum = field.headerChecksum.get(view, 0);
  if (headerChecksum !== checksumOf(bytes, at, salt, fileOffset)) {
    return makeDefect('checksum', 'the checksum of the block header does not match');
  }
  return {
    kind: field.kind.get(view, 0),
    flags: field.flags.get(view, 0),
    payloadBytes: field.payloadBytes.get(view, 0),
    firstEventId: field.firstEventId.get(view, 0),
    eventCount: field.eventCount.get(view, 0),
    blockIndex: field.blockIndex.get(view, 0),
    durableEventId: field.durableEventId.get(view, 0),
    payloadChecksum: field.payloadChecksum.get(view, 0),
    previousBlockChecksum: field.previousBlockChecksum.get(view, 0),
    writtenTsNs: field.writtenTsNs.get(view, 0),
    headerChecksum,
  };
}

/** Judges the bytes after a sound header: `payload` is exactly what the header announces. */
export function verifyBlockPayload(
  header: BlockHeader,
  payload: Uint8Array,
  salt: bigint,
): Defect | undefined {
  if (payload.length !== header.payloadBytes) {
    const { payloadBytes } = header;
    return makeDefect('truncated', `payload of ${payload.length} bytes, ${payloadBytes} expected`);
  }
  if (xxh64(payload, salt) !== header.payloadChecksum) {
    return makeDefect('checksum', 'the checksum of the payload does not match');
  }
  if (header.kind === BlockKind.events) {
    return walkFrames(payload, 0, payload.length, header.firstEventId, header.eventCount);
  }
  if (header.kind !== BlockKind.seal) return undefined;
  const seal = decodeSeal(payload);
  if (isDefect(seal)) return seal;
  if (seal.totals.lastEventId + 1 === header.firstEventId) return undefined;
  const { lastEventId } = seal.totals;
  return makeDefect(
    'field',
    `seal ends at ${lastEventId}, its block at ${header.firstEventId - 1}`,
  );
}

const checksumOf = (bytes: Uint8Array, at: number, salt: bigint, fileOffset: number): bigint =>
  xxh64(bytes.subarray(at, at + OFFSET.headerChecksum), salt ^ BigInt(fileOffset));

/**
 * What is impossible in a header; undefined for one that may be of a block.
 * @param maxBytes as decodeBlockHeader
 */
export function headerProblem(
  header: Omit<BlockHeader, 'headerChecksum'>,
  maxBytes = MAX_BLOCK_BYTES,
): string | undefined {
  const { kind, flags, payloadBytes, firstEventId, eventCount, durableEventId } = header;
  if (flags !== 0) return `unknown flags ${flags}`;
  if (firstEventId < 1 || firstEventId + eventCount >= EVENT_ID_END) return 'ids out of range';
  if (durableEventId >= firstEventId) {
    return `block of event ${firstEventId} reports event ${durableEventId} durable`;
  }
  if (payloadBytes % FRAME_ALIGNMENT !== 0) return `payload of ${payloadBytes} bytes`;
  switch (kind) {
    case BlockKind.events: {
      const fits = payloadBytes <= maxBytes - BLOCK_HEADER_BYTES;
      const filled = eventCount >= 1 && payloadBytes >= eventCount * FRAME_HEADER_BYTES;
      return fits && filled ? undefined : `${eventCount} events in ${payloadBytes} bytes`;
    }
    case BlockKind.watermark:
      return payloadBytes === 0 && eventCount === 0 ? undefined : 'watermark with a payload';
    case BlockKind.seal: {
      const fits = payloadBytes > 0 && payloadBytes <= SEAL_PAYLOAD_BYTES_MAX;
      return fits && eventCount === 0 ? undefined : `seal of ${payloadBytes} bytes`;
    }
    default:
      return `unknown kind ${kind}`;
  }
}

/**
 * The first multiple of 8 from `from` on where a header may stand, or -1: it begins as one and is
 * there to its end, and its checksum decides. `bytes` starts at a multiple of 8 in its file.
 */
export function findBlock(bytes: Uint8Array, from: number): number {
  const start = Math.ceil(Math.max(0, from) / BLOCK_ALIGNMENT) * BLOCK_ALIGNMENT;
  const lastStart = bytes.length - BLOCK_HEADER_BYTES;
  if (bytes.byteOffset % 4 !== 0) {
    for (let at = start; at <= lastStart; at += BLOCK_ALIGNMENT) {
      if (bytes[at] === (BLOCK_MAGIC & 0xff) && bytes[at + 1] === BLOCK_MAGIC >> 8) return at;
    }
    return -1;
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let at = start >> 2, last = lastStart >> 2; at <= last; at += 2) {
    // In bounds: a header of 64 bytes fits after `last`.
    if (((words[at] as number) & 0xffff) === BLOCK_MAGIC) return at * 4;
  }
  return -1;
}
