// Compressed segments for tests, made from the description of the LZ4 frame alone: sound ones, and
// with any part of them forged so that the checksums hold.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { xxh32 } from '@node-rs/xxhash';
import lz4 from 'lz4-napi';
import { compressedPath } from '../../src/segment/file-names.js';

const MAGIC = 0x184d2204;
/** Version 1, independent blocks, checksums of blocks and content, size of the content. */
const FLG = 0x7c;
/** Blocks of up to 256 KiB. */
const BD = 0x50;
const PAGE_BYTES = 4096;
const BLOCK_BYTES = 256 * 1024;
const STORED_BIT = 0x8000_0000;

/** What differs from the frame that a segment has. */
export interface FrameForgery {
  readonly magic?: number;
  readonly flg?: number;
  readonly bd?: number;
  readonly contentBytes?: bigint;
  readonly dictionaryId?: number;
  /** Where the content of the first block ends, and that of each further one. */
  readonly blockEnds?: readonly number[];
  /** Blocks, by index, instead of what the content gives. */
  readonly packed?: Readonly<Record<number, Uint8Array>>;
  readonly contentChecksum?: number;
  /** All blocks stand there as they are. */
  readonly stored?: boolean;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** The header of a frame, its checksum included. */
function headerOf(contentBytes: number, forgery: FrameForgery): Buffer {
  const { magic = MAGIC, flg = FLG, bd = BD, dictionaryId } = forgery;
  const descriptor: Buffer[] = [Buffer.from([flg, bd])];
  if ((flg & 8) !== 0) descriptor.push(u64(forgery.contentBytes ?? BigInt(contentBytes)));
  if (dictionaryId !== undefined) descriptor.push(u32(dictionaryId));
  const bytes = Buffer.concat(descriptor);
  return Buffer.concat([u32(magic), bytes, Buffer.from([(xxh32(bytes, 0) >>> 8) & 0xff])]);
}

function* endsOf(contentBytes: number): Generator<number> {
  for (let end = PAGE_BYTES; end < contentBytes; end += BLOCK_BYTES) yield end;
  yield contentBytes;
}

function blockOf(content: Uint8Array, stored: boolean): Buffer[] {
  const plain = Buffer.from(new Uint8Array(content));
  const packed = Buffer.from(lz4.compressSync(plain).subarray(4));
  const isStored = stored || packed.length >= plain.length;
  const bytes = isStored ? plain : packed;
  return [u32(bytes.length + (isStored ? STORED_BIT : 0)), bytes, u32(xxh32(bytes, 0))];
}

/** The frame of a segment of which `content` are the bytes up to its end. */
export function frameOf(content: Uint8Array, forgery: FrameForgery = {}): Uint8Array {
  const parts = [headerOf(content.length, forgery)];
  let from = 0;
  for (const [index, end] of [...(forgery.blockEnds ?? endsOf(content.length))].entries()) {
    const packed = forgery.packed?.[index];
    if (packed !== undefined) {
      parts.push(u32(packed.length), Buffer.from(packed), u32(xxh32(packed, 0)));
    } else parts.push(...blockOf(content.subarray(from, end), forgery.stored === true));
    from = end;
  }
  const checksum = forgery.contentChecksum ?? xxh32(Buffer.from(content), 0);
  return new Uint8Array(Buffer.concat([...parts, u32(0), u32(checksum)]));
}

/** Bytes up to the last that is not zero, at a multiple of 8: behind it is nothing but room. */
export function withoutRoom(segment: Uint8Array): Uint8Array {
  let end = segment.length;
  while (end > 0 && segment[end - 1] === 0) end--;
  return segment.subarray(0, Math.ceil(end / 8) * 8);
}

/** Compresses the file of a segment in place; returns the path that it has by now. */
export function compressFile(path: string, forgery?: FrameForgery): string {
  const target = compressedPath(path);
  writeFileSync(target, frameOf(withoutRoom(readFileSync(path)), forgery));
  unlinkSync(path);
  return target;
}
