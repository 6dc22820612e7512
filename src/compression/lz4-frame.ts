// The file of a compressed segment: one LZ4 frame (github.com/lz4/lz4, doc/lz4_Frame_format.md),
// which the program `lz4` reads. Of the many frames that the format allows, one kind is written and
// read here: blocks that are independent of each other and of a size that is known beforehand, so
// that a reader finds and unpacks just what it needs:
//
//   0        15
//   | header | size word | block 0 | XXH32 | size word | block 1 | XXH32 | ... | 0 | XXH32 |
//              the header page of          the next 256 KiB               end mark  of all content
//              the segment: 4096 bytes     of the segment
import { assert } from '../errors.js';
import { type Defect, makeDefect } from '../segment/defect.js';
import { MAX_SEGMENT_BYTES, SEGMENT_HEADER_PAGE_BYTES } from '../segment/segment-header.js';
import { KIB } from '../units.js';
import { xxh32 } from './xxh32.js';

const MAGIC = 0x184d2204;
const LEGACY_MAGIC = 0x184c2102;
/** The magic of a skippable frame, in which the lowest four bits may be anything. */
const SKIPPABLE_MAGIC = 0x184d2a50;

const FLG_OFFSET = 4;
const BD_OFFSET = 5;
const CONTENT_BYTES_OFFSET = 6;
export const LZ4_HEADER_BYTES = 15;

const FLG_VERSION = 0b0100_0000;
const FLG_VERSION_MASK = 0b1100_0000;
const FLG_INDEPENDENT = 0b0010_0000;
const FLG_BLOCK_CHECKSUM = 0b0001_0000;
const FLG_CONTENT_BYTES = 0b0000_1000;
const FLG_CONTENT_CHECKSUM = 0b0000_0100;
const FLG_RESERVED = 0b0000_0010;
const FLG_DICTIONARY = 0b0000_0001;
const FLG =
  FLG_VERSION | FLG_INDEPENDENT | FLG_BLOCK_CHECKSUM | FLG_CONTENT_BYTES | FLG_CONTENT_CHECKSUM;
/** Block maximum size 5 of the format: 256 KiB. */
const BD = 5 << 4;

/** Content of each block but the first, which has the header page, and the last. */
export const BLOCK_CONTENT_BYTES = 256 * KIB;
/** In front of each block: its size, and in the highest bit whether it is stored as it is. */
export const SIZE_WORD_BYTES = 4;
const STORED_BIT = 0x8000_0000;
export const CHECKSUM_BYTES = 4;
export const END_MARK = 0;
/** The end mark, and the checksum of the content. */
export const FRAME_END_BYTES = SIZE_WORD_BYTES + CHECKSUM_BYTES;

assert(FLG_OFFSET + 1 === BD_OFFSET && BD_OFFSET + 1 === CONTENT_BYTES_OFFSET, 'no gaps');

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, length);

/** The second byte of the XXH32 of what stands between the magic and it. */
const headerChecksum = (descriptor: Uint8Array): number => (xxh32(descriptor) >>> 8) & 0xff;

/** The start of a frame whose content has `contentBytes`. */
export function encodeFrameHeader(contentBytes: number): Uint8Array {
  assert(contentProblem(contentBytes) === undefined, 'the content is a segment');
  const header = new Uint8Array(LZ4_HEADER_BYTES);
  const view = viewOf(header);
  view.setUint32(0, MAGIC, true);
  view.setUint8(FLG_OFFSET, FLG);
  view.setUint8(BD_OFFSET, BD);
  view.setBigUint64(CONTENT_BYTES_OFFSET, BigInt(contentBytes), true);
  const checksumAt = LZ4_HEADER_BYTES - 1;
  view.setUint8(checksumAt, headerChecksum(header.subarray(FLG_OFFSET, checksumAt)));
  return header;
}

/** The bytes of the content of a frame; more than its header is not looked at. */
export function decodeFrameHeader(bytes: Uint8Array): number | Defect {
  if (bytes.length < LZ4_HEADER_BYTES) {
    return makeDefect('truncated', `an LZ4 frame of ${bytes.length} bytes`);
  }
  const view = viewOf(bytes);
  const magic = view.getUint32(0, true);
  if (magic !== MAGIC) return makeDefect('magic', magicProblem(magic));
  const flg = view.getUint8(FLG_OFFSET);
  // Two flags decide where the checksum stands: without one of them it is not where ours is.
  const end = LZ4_HEADER_BYTES - 1;
  const contentEnd = (flg & FLG_CONTENT_BYTES) !== 0 ? end : end - 8;
  const checksumAt = (flg & FLG_DICTIONARY) !== 0 ? contentEnd + 4 : contentEnd;
  if (checksumAt >= bytes.length) return makeDefect('truncated', 'an LZ4 frame without a header');
  if (headerChecksum(bytes.subarray(FLG_OFFSET, checksumAt)) !== view.getUint8(checksumAt)) {
    return makeDefect('checksum', 'the checksum of the LZ4 frame header does not match');
  }
  const feature = featureProblem(flg, view.getUint8(BD_OFFSET));
  if (feature !== undefined) return makeDefect('feature', feature);
  const contentBytes = view.getBigUint64(CONTENT_BYTES_OFFSET, true);
  const problem = contentProblem(contentBytes);
  return problem === undefined ? Number(contentBytes) : makeDefect('field', problem);
}

/** So many bytes {@link decodeFrameHeader} needs to tell what it does not know by name. */
export const LZ4_HEADER_BYTES_MAX = LZ4_HEADER_BYTES + 4;

function magicProblem(magic: number): string {
  if (magic === LEGACY_MAGIC) return 'an LZ4 frame of the legacy format';
  const isSkippable = (magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC;
  return isSkippable ? 'begins with a skippable LZ4 frame' : 'not an LZ4 frame';
}

function featureProblem(flg: number, bd: number): string | undefined {
  if ((flg & FLG_VERSION_MASK) !== FLG_VERSION) return `an LZ4 frame of version ${flg >>> 6}`;
  if ((flg & FLG_RESERVED) !== 0) return 'an LZ4 frame with an unknown flag';
  if ((flg & FLG_DICTIONARY) !== 0) return 'an LZ4 frame that needs a dictionary';
  if ((flg & FLG_INDEPENDENT) === 0) return 'an LZ4 frame of linked blocks';
  if ((flg & FLG_CONTENT_BYTES) === 0) return 'an LZ4 frame that does not tell its content size';
  if (flg !== FLG) return 'an LZ4 frame without all checksums';
  return bd === BD ? undefined : `an LZ4 frame with blocks of another size (0x${bd.toString(16)})`;
}

function contentProblem(contentBytes: number | bigint): string | undefined {
  const isPossible = contentBytes >= SEGMENT_HEADER_PAGE_BYTES && contentBytes <= MAX_SEGMENT_BYTES;
  return isPossible ? undefined : `an LZ4 frame with a content of ${contentBytes} bytes`;
}

/** Blocks of a frame whose content has `contentBytes`. */
export const blocksOf = (contentBytes: number): number =>
  1 + Math.ceil((contentBytes - SEGMENT_HEADER_PAGE_BYTES) / BLOCK_CONTENT_BYTES);

/** The block that holds the byte at `offset` of the content. */
export const blockAt = (offset: number): number =>
  offset < SEGMENT_HEADER_PAGE_BYTES
    ? 0
    : 1 + Math.floor((offset - SEGMENT_HEADER_PAGE_BYTES) / BLOCK_CONTENT_BYTES);

/** Where the content of block `index` begins, and for the first that is not there, all ends. */
export const contentOffsetOf = (index: number, contentBytes: number): number =>
  index === 0
    ? 0
    : Math.min(contentBytes, SEGMENT_HEADER_PAGE_BYTES + (index - 1) * BLOCK_CONTENT_BYTES);

export interface SizeWord {
  /** Of the block, without this word and the checksum. */
  readonly bytes: number;
  /** The block is the content itself. */
  readonly isStored: boolean;
}

export function decodeSizeWord(bytes: Uint8Array, at: number): SizeWord {
  const word = viewOf(bytes).getUint32(at, true);
  return { bytes: word & ~STORED_BIT, isStored: word >= STORED_BIT };
}

export const encodeSizeWord = ({ bytes, isStored }: SizeWord): Uint8Array =>
  encodeU32(isStored ? (bytes | STORED_BIT) >>> 0 : bytes);

export function encodeU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
}

export const decodeU32 = (bytes: Uint8Array, at: number): number =>
  viewOf(bytes).getUint32(at, true);
