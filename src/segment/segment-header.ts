// The first page of a segment file. It is written once and names the log, the segment, its salt,
// and the last block of the predecessor that counts (the pin): a predecessor that was cut at a
// block boundary is noticed. Magic, version, headerBytes and a checksum in the last 8 of
// headerBytes stay the same in every version, so a newer file is not mistaken for a damaged one.
//
//   0             4096                                                  segmentBytes
//   | header page | block | block | watermark | block | seal | zeros ...           |
//                                                     ^ pinned by the header of the next segment
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, pad, safeU64, u8, u16, u32, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { EVENT_ID_END, KIB, MIB, PAGE_BYTES, TWO_POW_32 } from '../units.js';
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  MAX_BLOCK_BYTES,
  MAX_LARGE_BLOCK_BYTES,
} from './block-header.js';
import { xxh64 } from './checksum.js';
import { type Defect, makeDefect } from './defect.js';
import { SEAL_RESERVED_BYTES } from './seal.js';

export const SegmentHeaderLayout = layout('SegmentHeader')
  .field(0, 'magic', u64)
  .field(8, 'version', u16)
  .field(10, 'headerBytes', u16)
  .field(12, 'blockAlignment', u16)
  .field(14, 'checksumKind', u8)
  .field(15, 'spare0', pad(1))
  .field(16, 'incompatibleFlags', u32)
  .field(20, 'compatibleFlags', u32)
  .field(24, 'segmentIndex', u32)
  .field(28, 'spare1', pad(4))
  .field(32, 'segmentBytes', safeU64)
  .field(40, 'firstEventId', safeU64)
  .field(48, 'logId', u64)
  .field(56, 'salt', u64)
  .field(64, 'createdTsNs', u64)
  .field(72, 'previousLastEventId', safeU64)
  .field(80, 'previousEndOffset', safeU64)
  .field(88, 'previousBlockChecksum', u64)
  .field(96, 'spare2', pad(24))
  .field(120, 'headerChecksum', u64)
  .end(128, 8);

/** The bytes `FLASHWAL`. */
const SEGMENT_MAGIC = 0x4c41_5748_5341_4c46n;
const FORMAT_VERSION = 1;
const SEGMENT_HEADER_BYTES = SegmentHeaderLayout.size;
/** The header has the first page to itself; blocks start after it. */
export const SEGMENT_HEADER_PAGE_BYTES = PAGE_BYTES;
export const MIN_SEGMENT_BYTES = 64 * KIB;
/** Offsets in a seal and in `wal.meta` are u32. */
export const MAX_SEGMENT_BYTES = 1024 * MIB;
/** So that the index that comes next is still a u32. */
const MAX_SEGMENT_INDEX = TWO_POW_32 - 2;
/** `checksumKind` of XXH64, the only one so far. */
export const CHECKSUM_KIND_XXH64 = 1;
/** `compatibleFlags` bit: the file held other blocks before, under another salt. */
export const RECYCLED_BODY_FLAG = 1;
/** What no block of this segment has overwritten may be of an earlier use of the file. */
export const hasRecycledBody = ({
  compatibleFlags,
}: {
  readonly compatibleFlags: number;
}): boolean => (compatibleFlags & RECYCLED_BODY_FLAG) !== 0;
/** `incompatibleFlags` bit: blocks may be longer than 1 MiB. */
export const LARGE_BLOCKS_FLAG = 1;
/** Bits of `incompatibleFlags` that this version understands. */
const KNOWN_INCOMPATIBLE_FLAGS = LARGE_BLOCKS_FLAG;
/** No block of this segment is longer, its header included. */
export const maxBlockBytes = ({
  incompatibleFlags,
}: {
  readonly incompatibleFlags: number;
}): number =>
  (incompatibleFlags & LARGE_BLOCKS_FLAG) === 0 ? MAX_BLOCK_BYTES : MAX_LARGE_BLOCK_BYTES;
/** The `incompatibleFlags` of a segment that is to take blocks of `bytes`, headers included. */
export const flagsForBlocksOf = (bytes: number): number =>
  bytes > MAX_BLOCK_BYTES ? LARGE_BLOCKS_FLAG : 0;

assert(MAX_SEGMENT_BYTES < TWO_POW_32, 'an offset in a segment is a u32');
assert(
  SEGMENT_HEADER_PAGE_BYTES + SEAL_RESERVED_BYTES + BLOCK_HEADER_BYTES < MIN_SEGMENT_BYTES,
  'the smallest segment has room for events',
);

const codec = codecOf(SegmentHeaderLayout);
const { field } = codec;
const OFFSET = SegmentHeaderLayout.offset;
const CHECKSUM_BYTES = SEGMENT_HEADER_BYTES - OFFSET.headerChecksum;
/** Where the part ends that is the same in every version. */
const ENVELOPE_BYTES = OFFSET.blockAlignment;

export interface SegmentHeader {
  /** 1 for the first of a log; the number in the file's name. */
  readonly segmentIndex: number;
  /** Of the whole file, a multiple of 4096. */
  readonly segmentBytes: number;
  /** Id of the first event that this segment holds or will hold. */
  readonly firstEventId: number;
  readonly incompatibleFlags: number;
  readonly compatibleFlags: number;
  readonly checksumKind: number;
  readonly blockAlignment: number;
  readonly logId: bigint;
  /** Seeds the checksums of this segment's blocks; another one each time a file is used. */
  readonly salt: bigint;
  /** Unix epoch. */
  readonly createdTsNs: bigint;
  /** The pin, all 0 in the first segment: last id of the predecessor … */
  readonly previousLastEventId: number;
  /** … offset just after its last event or watermark block (a seal does not count) … */
  readonly previousEndOffset: number;
  /** … and that block's `headerChecksum`; the segment header's, where there is no block. */
  readonly previousBlockChecksum: bigint;
  readonly headerChecksum: bigint;
}

/** What stands at the start of each segment header that this version writes. */
export const SEGMENT_HEADER_START = {
  magic: SEGMENT_MAGIC,
  version: FORMAT_VERSION,
  headerBytes: SEGMENT_HEADER_BYTES,
} as const;

/** The whole first page of a segment. */
export function encodeSegmentHeader(header: Omit<SegmentHeader, 'headerChecksum'>): Uint8Array {
  const problem = featureProblem(header) ?? fieldProblem(header);
  assert(problem === undefined, `a segment header is written only complete: ${problem}`);
  const page = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);
  codec.encode(page, { ...SEGMENT_HEADER_START, ...header, headerChecksum: 0n });
  const headerChecksum = xxh64(page.subarray(0, OFFSET.headerChecksum), 0n);
  field.headerChecksum.set(viewOf(page), 0, headerChecksum);
  return page;
}

/** Reads the first page of a segment; more bytes than a page are not looked at. */
export function decodeSegmentHeader(page: Uint8Array): SegmentHeader | Defect {
  if (page.length < SEGMENT_HEADER_PAGE_BYTES) {
    return makeDefect('truncated', `segment header page of ${page.length} bytes`);
  }
  const envelopeDefect = checkEnvelope(page);
  if (envelopeDefect !== undefined) return envelopeDefect;
  const header = readFields(page);
  const feature = featureProblem(header);
  if (feature !== undefined) return makeDefect('feature', feature);
  const problem = spareIsZero(page)
    ? fieldProblem(header)
    : 'spare bytes of the header page are not zero';
  return problem === undefined ? header : makeDefect('field', problem);
}

/** Field by field: an open reads one of each segment, and the codec's decode takes longer. */
function readFields(page: Uint8Array): SegmentHeader {
  const view = viewOf(page, 0, SEGMENT_HEADER_BYTES);
  return {
    segmentIndex: field.segmentIndex.get(view, 0),
    segmentBytes: field.segmentBytes.get(view, 0),
    firstEventId: field.firstEventId.get(view, 0),
    incompatibleFlags: field.incompatibleFlags.get(view, 0),
    compatibleFlags: field.compatibleFlags.get(view, 0),
    checksumKind: field.checksumKind.get(view, 0),
    blockAlignment: field.blockAlignment.get(view, 0),
    logId: field.logId.get(view, 0),
    salt: field.salt.get(view, 0),
    createdTsNs: field.createdTsNs.get(view, 0),
    previousLastEventId: field.previousLastEventId.get(view, 0),
    previousEndOffset: field.previousEndOffset.get(view, 0),
    previousBlockChecksum: field.previousBlockChecksum.get(view, 0),
    headerChecksum: field.headerChecksum.get(view, 0),
  };
}

/** What can be judged of any version: magic, checksum, and then which version it is. */
function checkEnvelope(page: Uint8Array): Defect | undefined {
  const view = viewOf(page, 0, SEGMENT_HEADER_BYTES);
  if (field.magic.get(view, 0) !== SEGMENT_MAGIC) {
    return isZero(page, 0, SEGMENT_HEADER_PAGE_BYTES)
      ? makeDefect('zero', 'the segment header page is all zero')
      : makeDefect('magic', 'not a segment header');
  }
  const version = field.version.get(view, 0);
  const headerBytes = field.headerBytes.get(view, 0);
  const checksumOffset = headerBytes - CHECKSUM_BYTES;
  const inPage = checksumOffset >= ENVELOPE_BYTES && headerBytes <= SEGMENT_HEADER_PAGE_BYTES;
  if (!inPage || checksumAt(page, checksumOffset) !== xxh64(page.subarray(0, checksumOffset), 0n)) {
    return makeDefect('checksum', 'the checksum of the segment header does not match');
  }
  if (version !== FORMAT_VERSION) {
    return makeDefect('version', `format version ${version}; this version reads ${FORMAT_VERSION}`);
  }
  if (headerBytes !== SEGMENT_HEADER_BYTES) {
    return makeDefect('field', `segment header of ${headerBytes} bytes`);
  }
  return undefined;
}

/** Whether nothing stands in the page but the fields. */
const spareIsZero = (page: Uint8Array): boolean =>
  codec.spareIsZero(page) && isZero(page, SEGMENT_HEADER_BYTES, SEGMENT_HEADER_PAGE_BYTES);

/** The checksum of a header of any version, which ends it. */
const checksumAt = (page: Uint8Array, offset: number): bigint =>
  field.headerChecksum.get(viewOf(page), offset - OFFSET.headerChecksum);

function featureProblem(header: Omit<SegmentHeader, 'headerChecksum'>): string | undefined {
  const unknownFlags = (header.incompatibleFlags & ~KNOWN_INCOMPATIBLE_FLAGS) >>> 0;
  if (unknownFlags !== 0) {
    const bit = 31 - Math.clz32(unknownFlags & -unknownFlags);
    return `needs feature bit ${bit} (incompatible flags 0x${unknownFlags.toString(16)})`;
  }
  if (header.checksumKind !== CHECKSUM_KIND_XXH64) {
    return `needs checksum kind ${header.checksumKind}`;
  }
  if (header.blockAlignment !== BLOCK_ALIGNMENT) {
    return `needs a block alignment of ${header.blockAlignment}`;
  }
  return undefined;
}

function fieldProblem(header: Omit<SegmentHeader, 'headerChecksum'>): string | undefined {
  const { segmentIndex, segmentBytes, firstEventId } = header;
  if (segmentIndex < 1 || segmentIndex > MAX_SEGMENT_INDEX) return `segment index ${segmentIndex}`;
  if (
    segmentBytes < MIN_SEGMENT_BYTES ||
    segmentBytes > MAX_SEGMENT_BYTES ||
    segmentBytes % PAGE_BYTES !== 0
  ) {
    return `segment of ${segmentBytes} bytes`;
  }
  const { previousLastEventId, previousEndOffset, previousBlockChecksum } = header;
  if (firstEventId >= EVENT_ID_END || previousLastEventId + 1 !== firstEventId) {
    return `first event ${firstEventId} after ${previousLastEventId}`;
  }
  const pinned =
    segmentIndex === 1
      ? previousLastEventId === 0 && previousEndOffset === 0 && previousBlockChecksum === 0n
      : previousEndOffset >= SEGMENT_HEADER_PAGE_BYTES &&
        previousEndOffset <= MAX_SEGMENT_BYTES &&
        previousEndOffset % BLOCK_ALIGNMENT === 0;
  return pinned ? undefined : `segment ${segmentIndex} pins offset ${previousEndOffset}`;
}
