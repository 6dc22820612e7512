// The content of a compressed segment, read as docs/FORMAT.md says. Imports nothing of Flashstrike:
// see independent-reader.
import { xxh32 } from '@node-rs/xxhash';

const PAGE_BYTES = 4096;
const BLOCK_BYTES = 2 ** 18;
const GIB = 2 ** 30;

export type FrameProblem = 'corrupt' | 'unsupported';

export interface Frame {
  /** What is damaged is neither zero nor a block header. */
  readonly content: Buffer;
  /** The whole file is one frame. */
  readonly isWhole: boolean;
}

/** @returns the word of the refusal where the header is refused, or the first block damaged */
export function readFrame(file: Buffer): Frame | FrameProblem {
  const contentBytes = contentBytesOf(file);
  if (typeof contentBytes !== 'number') return contentBytes;
  const content = Buffer.alloc(contentBytes, 0xee);
  let [at, place] = [0, 15];
  while (at < contentBytes) {
    const end = at === 0 ? PAGE_BYTES : Math.min(at + BLOCK_BYTES, contentBytes);
    const word = place + 4 > file.length ? 0 : file.readUInt32LE(place);
    const [size, isStored] = [word % 2 ** 31, word >= 2 ** 31];
    const isPossible = isStored ? size === end - at : size > 0 && size < end - at;
    const next = place + 4 + size + 4;
    if (!isPossible) return at === 0 ? 'corrupt' : { content, isWhole: false };
    const block = next <= file.length ? file.subarray(place + 4, next - 4) : undefined;
    if (block !== undefined && xxh32(block, 0) === file.readUInt32LE(next - 4)) {
      const part = isStored ? block : unpack(block, end - at);
      if (part?.length === end - at) part.copy(content, at);
      else if (at === 0) return 'corrupt';
    } else if (at === 0) return 'corrupt';
    at = end;
    place = next;
  }
  const isWhole = file.length === place + 8 && file.readUInt32LE(place) === 0;
  return { content, isWhole };
}

function contentBytesOf(file: Buffer): number | FrameProblem {
  if (file.length < 15 || file.readUInt32LE(0) !== 0x184d2204) return 'corrupt';
  const flg = file.readUInt8(4);
  const checksumAt = 6 + ((flg & 8) !== 0 ? 8 : 0) + ((flg & 1) !== 0 ? 4 : 0);
  if (checksumAt >= file.length) return 'corrupt';
  const checksum = (xxh32(file.subarray(4, checksumAt), 0) >>> 8) & 0xff;
  if (checksum !== file[checksumAt]) return 'corrupt';
  if (flg !== 0x7c || file[5] !== 0x50) return 'unsupported';
  const contentBytes = Number(file.readBigUInt64LE(6));
  return contentBytes >= PAGE_BYTES && contentBytes <= GIB ? contentBytes : 'corrupt';
}

/** The content of an LZ4 block; undefined where it is not valid, or longer than `room`. */
function unpack(block: Buffer, room: number): Buffer | undefined {
  const out = Buffer.alloc(room);
  let [at, length] = [0, 0];
  const more = (nibble: number): number => {
    let count = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; count += byte) byte = block[at++] ?? 0;
    return count;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = more(token >> 4);
    if (at + literals > block.length || length + literals > room) return undefined;
    length += block.copy(out, length, at, at + literals);
    at += literals;
    if (at === block.length) return out.subarray(0, length);
    const distance = at + 2 > block.length ? 0 : block.readUInt16LE(at);
    at += 2;
    const matched = more(token & 15) + 4;
    if (distance === 0 || distance > length || length + matched > room) return undefined;
    for (let left = matched; left > 0; left--, length++) out[length] = out[length - distance] ?? 0;
  }
  return undefined;
}
