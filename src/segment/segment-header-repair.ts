// A segment header that does not validate, put right where that can be proven. Most of its fields
// are known twice: by the format, the file's name and size, the other segments, and by each other.
// Its checksum is, too: the first block repeats it. So the candidates are tried, and the one whose
// checksum was written down is the header: 64 bits prove it, as they do for a header that was never
// damaged.
import { codecOf, viewOf } from '../memory/codec.js';
import { TWO_POW_32 } from '../units.js';
import {
  BLOCK_ALIGNMENT,
  type BlockHeader,
  decodeBlockHeader,
  MAX_LARGE_BLOCK_BYTES,
} from './block-header.js';
import { xxh64 } from './checksum.js';
import { isDefect } from './defect.js';
import {
  CHECKSUM_KIND_XXH64,
  decodeSegmentHeader,
  LARGE_BLOCKS_FLAG,
  RECYCLED_BODY_FLAG,
  SEGMENT_HEADER_PAGE_BYTES,
  SEGMENT_HEADER_START,
  type SegmentHeader,
  SegmentHeaderLayout,
} from './segment-header.js';

/** What is known of a segment without its header. */
interface SegmentKnowledge {
  /** By its name. */
  readonly segmentIndex: number;
  /** The size of its file. */
  readonly segmentBytes: number;
  /** By the other segments or wal.meta. */
  readonly logId: bigint | undefined;
}

const codec = codecOf(SegmentHeaderLayout);
const OFFSET = SegmentHeaderLayout.offset;
const CHECKED_BYTES = OFFSET.headerChecksum;
const POSSIBLE_FLAGS = [0, LARGE_BLOCKS_FLAG].flatMap((incompatibleFlags) =>
  [0, RECYCLED_BODY_FLAG].map((compatibleFlags) => ({ incompatibleFlags, compatibleFlags })),
);
/** Salt and time, and the rest of the pin: what stands in the page alone. */
const ONLY_IN_PAGE = [
  [OFFSET.salt, OFFSET.previousLastEventId],
  [OFFSET.previousEndOffset, OFFSET.spare2],
] as const;

/**
 * The header that `page` held, or undefined where that cannot be proven. What must have survived:
 * salt, time and pin, but for one flipped bit, and one of the two places that hold the checksum.
 * @param firstBlock the 64 bytes after the page, as far as there are any
 */
export function repairSegmentHeader(
  page: Uint8Array,
  firstBlock: Uint8Array,
  known: SegmentKnowledge,
): SegmentHeader | undefined {
  if (page.length < SEGMENT_HEADER_PAGE_BYTES) return undefined;
  const { salt, headerChecksum } = codec.decode(page);
  const at = SEGMENT_HEADER_PAGE_BYTES;
  const decoded = decodeBlockHeader(firstBlock, 0, salt, at, MAX_LARGE_BLOCK_BYTES);
  const block = isDefect(decoded) || decoded.blockIndex !== 0 ? undefined : decoded;
  const checksums = [headerChecksum];
  if (block !== undefined) checksums.push(block.previousBlockChecksum);
  for (const candidate of candidatesOf(page, block, known)) {
    const header = proven(candidate, checksums) ?? provenWithOneBit(candidate, checksums);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Header pages with all that is known filled in, in each way that it may be known. */
function* candidatesOf(
  page: Uint8Array,
  block: BlockHeader | undefined,
  known: SegmentKnowledge,
): Generator<Uint8Array, void, undefined> {
  const found = codec.decode(page);
  const firstEventIds = new Set([
    found.firstEventId,
    found.previousLastEventId + 1,
    block?.firstEventId ?? 1,
  ]);
  const logIds = new Set([known.logId ?? 0n, found.logId]);
  const indexes = new Set([known.segmentIndex, found.segmentIndex]);
  const sizes = new Set([known.segmentBytes, found.segmentBytes]);
  for (const firstEventId of firstEventIds) {
    if (!(firstEventId >= 1 && Number.isSafeInteger(firstEventId))) continue;
    for (const logId of logIds) {
      for (const segmentIndex of indexes) {
        for (const segmentBytes of sizes) {
          if (segmentBytes >= TWO_POW_32) continue;
          for (const flags of POSSIBLE_FLAGS) {
            yield candidateOf(page, { firstEventId, logId, segmentIndex, segmentBytes, ...flags });
          }
        }
      }
    }
  }
}

interface CandidateFields extends Omit<SegmentKnowledge, 'logId'> {
  readonly logId: bigint;
  readonly firstEventId: number;
  readonly compatibleFlags: number;
  readonly incompatibleFlags: number;
}

function candidateOf(page: Uint8Array, fields: CandidateFields): Uint8Array {
  const candidate = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);
  codec.encode(candidate, {
    ...SEGMENT_HEADER_START,
    ...fields,
    blockAlignment: BLOCK_ALIGNMENT,
    checksumKind: CHECKSUM_KIND_XXH64,
    previousLastEventId: fields.firstEventId - 1,
    salt: 0n,
    createdTsNs: 0n,
    previousEndOffset: 0,
    previousBlockChecksum: 0n,
    headerChecksum: 0n,
  });
  // As bytes: with a flipped bit, an offset may be no number that is exact.
  for (const [from, to] of ONLY_IN_PAGE) candidate.set(page.subarray(from, to), from);
  return candidate;
}

function proven(candidate: Uint8Array, checksums: readonly bigint[]): SegmentHeader | undefined {
  const checksum = xxh64(candidate.subarray(0, CHECKED_BYTES), 0n);
  if (!checksums.includes(checksum)) return undefined;
  codec.field.headerChecksum.set(viewOf(candidate), 0, checksum);
  const header = decodeSegmentHeader(candidate);
  return isDefect(header) ? undefined : header;
}

/** The same with each bit flipped of what stands in the page alone. */
function provenWithOneBit(
  candidate: Uint8Array,
  checksums: readonly bigint[],
): SegmentHeader | undefined {
  for (let at: number = OFFSET.salt; at < CHECKED_BYTES; at++) {
    const byte = candidate[at] ?? 0;
    for (let bit = 0; bit < 8; bit++) {
      candidate[at] = byte ^ (1 << bit);
      const header = proven(candidate, checksums);
      if (header !== undefined) return header;
    }
    candidate[at] = byte;
  }
  return undefined;
}
