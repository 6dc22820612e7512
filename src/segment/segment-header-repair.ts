// A segment header that does not validate, put right where that can be proven. Most of its fields
// are known twice: by the format, the file's name and size, the other segments, and by each other.
// Its checksum is, too: the first block repeats it. So the candidates are tried, and the one whose
// checksum was written down is the header: 64 bits prove it, as they do for a header that was never
// damaged.
import { TWO_POW_32 } from '../units.js';
import { BLOCK_ALIGNMENT, type BlockHeader, decodeBlockHeader } from './block-header.js';
import { xxh64 } from './checksum.js';
import { isDefect } from './defect.js';
import {
  CHECKSUM_KIND_XXH64,
  decodeSegmentHeader,
  FORMAT_VERSION,
  RECYCLED_BODY_FLAG,
  SEGMENT_HEADER_BYTES,
  SEGMENT_HEADER_PAGE_BYTES,
  SEGMENT_MAGIC,
  type SegmentHeader,
  SegmentHeaderLayout,
} from './segment-header.js';
import { readU64, viewOf, writeU64 } from './u64.js';

/** What is known of a segment without its header. */
interface SegmentKnowledge {
  /** By its name. */
  readonly segmentIndex: number;
  /** The size of its file. */
  readonly segmentBytes: number;
  /** By the other segments or wal.meta. */
  readonly logId: bigint | undefined;
}

const OFFSET = SegmentHeaderLayout.offset;
const CHECKED_BYTES = OFFSET.headerChecksum;

/**
 * The header that `page` held, or undefined where that cannot be proven. What must have survived:
 * salt, time and pin, but for one flipped bit, and one of the two places that hold the checksum.
 * @param firstBlock the 64 bytes behind the page, as far as there are any
 */
export function repairSegmentHeader(
  page: Uint8Array,
  firstBlock: Uint8Array,
  known: SegmentKnowledge,
): SegmentHeader | undefined {
  if (page.length < SEGMENT_HEADER_PAGE_BYTES) return undefined;
  const view = viewOf(page);
  const salt = view.getBigUint64(OFFSET.salt, true);
  const decoded = decodeBlockHeader(firstBlock, 0, salt, SEGMENT_HEADER_PAGE_BYTES);
  const block = isDefect(decoded) || decoded.blockIndex !== 0 ? undefined : decoded;
  const checksums = [view.getBigUint64(OFFSET.headerChecksum, true)];
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
  const view = viewOf(page);
  const firstEventIds = new Set([
    readU64(view, OFFSET.firstEventId),
    readU64(view, OFFSET.previousLastEventId) + 1,
    block?.firstEventId ?? 1,
  ]);
  const logIds = new Set([known.logId ?? 0n, view.getBigUint64(OFFSET.logId, true)]);
  const indexes = new Set([known.segmentIndex, view.getUint32(OFFSET.segmentIndex, true)]);
  const sizes = new Set([known.segmentBytes, readU64(view, OFFSET.segmentBytes)]);
  for (const firstEventId of firstEventIds) {
    if (!(firstEventId >= 1 && Number.isSafeInteger(firstEventId))) continue;
    for (const logId of logIds) {
      for (const segmentIndex of indexes) {
        for (const segmentBytes of sizes) {
          if (segmentBytes >= TWO_POW_32) continue;
          for (const flags of [0, RECYCLED_BODY_FLAG]) {
            const fields = { firstEventId, logId, segmentIndex, segmentBytes, flags };
            yield candidateOf(page, fields);
          }
        }
      }
    }
  }
}

interface CandidateFields extends Omit<SegmentKnowledge, 'logId'> {
  readonly logId: bigint;
  readonly firstEventId: number;
  readonly flags: number;
}

function candidateOf(page: Uint8Array, fields: CandidateFields): Uint8Array {
  const candidate = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);
  const source = viewOf(page);
  const view = viewOf(candidate);
  view.setBigUint64(OFFSET.magic, SEGMENT_MAGIC, true);
  view.setUint16(OFFSET.version, FORMAT_VERSION, true);
  view.setUint16(OFFSET.headerBytes, SEGMENT_HEADER_BYTES, true);
  view.setUint16(OFFSET.blockAlignment, BLOCK_ALIGNMENT, true);
  view.setUint8(OFFSET.checksumKind, CHECKSUM_KIND_XXH64);
  view.setUint32(OFFSET.compatibleFlags, fields.flags, true);
  view.setUint32(OFFSET.segmentIndex, fields.segmentIndex, true);
  writeU64(view, OFFSET.segmentBytes, fields.segmentBytes);
  writeU64(view, OFFSET.firstEventId, fields.firstEventId);
  view.setBigUint64(OFFSET.logId, fields.logId, true);
  writeU64(view, OFFSET.previousLastEventId, fields.firstEventId - 1);
  for (const offset of [
    OFFSET.salt,
    OFFSET.createdTsNs,
    OFFSET.previousEndOffset,
    OFFSET.previousBlockChecksum,
  ]) {
    view.setBigUint64(offset, source.getBigUint64(offset, true), true);
  }
  return candidate;
}

function proven(candidate: Uint8Array, checksums: readonly bigint[]): SegmentHeader | undefined {
  const checksum = xxh64(candidate.subarray(0, CHECKED_BYTES), 0n);
  if (!checksums.includes(checksum)) return undefined;
  viewOf(candidate).setBigUint64(OFFSET.headerChecksum, checksum, true);
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
