// Reads the content of a compressed segment as if it was a file of its own, wherever it is asked
// for. Blocks are found by hopping from size to size, once, and unpacked one at a time; no length
// in the file makes this take more memory than a block has.
//
// A damaged block reads as bytes that no structure of a segment begins with: whoever reads the
// segment meets them as damage at their place, and what stands before and behind is read as ever.
import { assert } from '../errors.js';
import { type Defect, isDefect, makeDefect } from '../segment/defect.js';
import type { Storage } from '../storage/storage.js';
import { unpackBlock } from './lz4-block.js';
import {
  BLOCK_CONTENT_BYTES,
  blockAt,
  blocksOf,
  CHECKSUM_BYTES,
  contentOffsetOf,
  decodeFrameHeader,
  decodeSizeWord,
  decodeU32,
  END_MARK,
  FRAME_END_BYTES,
  LZ4_HEADER_BYTES,
  LZ4_HEADER_BYTES_MAX,
  SIZE_WORD_BYTES,
  type SizeWord,
} from './lz4-frame.js';
import { xxh32 } from './xxh32.js';

/** In place of what cannot be unpacked: never a block's magic, and never zeros. */
const STAND_IN = 0xee;

const SCRATCH_BYTES = SIZE_WORD_BYTES + BLOCK_CONTENT_BYTES + CHECKSUM_BYTES;

export class FrameReader {
  /** Bytes of the segment in the frame. */
  readonly contentBytes: number;
  /** Bytes of the file when it was opened. */
  readonly fileBytes: number;
  readonly #storage: Storage;
  readonly #fd: number;
  readonly #blocks: number;
  /** File offsets of the size words found so far; behind those of all blocks, that of the end. */
  readonly #places: number[] = [LZ4_HEADER_BYTES];
  readonly #sizes: SizeWord[] = [];
  readonly #damage = new Map<number, Defect>();
  /** Where the way from size to size ends: all blocks from this one on are out of reach. */
  #lost: { readonly index: number; readonly defect: Defect } | undefined;
  #scratch: Uint8Array = new Uint8Array(0);
  #unpacked: Uint8Array = new Uint8Array(0);
  #unpackedIndex = -1;

  private constructor(storage: Storage, fd: number, fileBytes: number, contentBytes: number) {
    this.#storage = storage;
    this.#fd = fd;
    this.fileBytes = fileBytes;
    this.contentBytes = contentBytes;
    this.#blocks = blocksOf(contentBytes);
  }

  /** For a file that stays open for as long as this reads; a defect where it is no such frame. */
  static open(storage: Storage, fd: number): FrameReader | Defect {
    const head = new Uint8Array(LZ4_HEADER_BYTES_MAX);
    const contentBytes = decodeFrameHeader(head.subarray(0, storage.read(fd, head, 0)));
    if (typeof contentBytes !== 'number') return contentBytes;
    return new FrameReader(storage, fd, storage.statusOf(fd).bytes, contentBytes);
  }

  /**
   * Reads until `target` is full or the content ends; returns the bytes read. What is damaged is
   * filled with what no reader takes for valid.
   */
  read(target: Uint8Array, offset: number): number {
    const end = Math.min(offset + target.length, this.contentBytes);
    let at = offset;
    while (at < end) {
      const index = blockAt(at);
      const blockStart = contentOffsetOf(index, this.contentBytes);
      const blockEnd = contentOffsetOf(index + 1, this.contentBytes);
      const partEnd = Math.min(end, blockEnd);
      const content = this.#contentOf(index);
      if (content === undefined) target.fill(STAND_IN, at - offset, partEnd - offset);
      else target.set(content.subarray(at - blockStart, partEnd - blockStart), at - offset);
      at = partEnd;
    }
    return Math.max(0, at - offset);
  }

  /** What is known to be wrong with the bytes [offset, end) of the content; the first of it. */
  damageIn(offset: number, end: number): Defect | undefined {
    const last = blockAt(Math.max(offset, end - 1));
    for (let index = blockAt(offset); index <= last; index++) {
      const defect = this.#damage.get(index);
      if (defect !== undefined) return defect;
      if (this.#lost !== undefined && index >= this.#lost.index) return this.#lost.defect;
    }
    return undefined;
  }

  /**
   * Why the file is not what its sizes tell, to its very end; undefined where it is. Nothing is
   * unpacked for that.
   */
  endDefect(): Defect | undefined {
    if (!this.#find(this.#blocks)) return this.#lost?.defect;
    const place = this.#places[this.#blocks] ?? 0;
    const mark = this.#readAt(place, SIZE_WORD_BYTES);
    if (mark.length < SIZE_WORD_BYTES || place + FRAME_END_BYTES > this.fileBytes) {
      return makeDefect('truncated', `the LZ4 frame has no end at byte ${place} of the file`);
    }
    if (decodeU32(mark, 0) !== END_MARK) {
      return makeDefect('field', `the LZ4 frame goes on at byte ${place} of the file`);
    }
    const end = place + FRAME_END_BYTES;
    const behind = this.fileBytes - end;
    return behind === 0
      ? undefined
      : makeDefect('field', `${behind} bytes follow the LZ4 frame, at byte ${end}`);
  }

  /** The checksum of the content that ends the file; undefined where it has no end. */
  contentChecksum(): number | undefined {
    if (!this.#find(this.#blocks)) return undefined;
    const place = (this.#places[this.#blocks] ?? 0) + SIZE_WORD_BYTES;
    const bytes = this.#readAt(place, CHECKSUM_BYTES);
    return bytes.length < CHECKSUM_BYTES ? undefined : decodeU32(bytes, 0);
  }

  /** The content of a block; undefined, and noted, where it is damaged. */
  #contentOf(index: number): Uint8Array | undefined {
    if (index === this.#unpackedIndex) return this.#unpacked;
    // Where the next one begins, this one ends.
    if (this.#damage.has(index) || !this.#find(index + 1)) return undefined;
    const content = this.#unpack(index);
    if (isDefect(content)) {
      this.#damage.set(index, content);
      return undefined;
    }
    this.#unpacked = content;
    this.#unpackedIndex = index;
    return content;
  }

  #unpack(index: number): Uint8Array | Defect {
    const place = this.#places[index] ?? 0;
    const size = this.#sizes[index];
    assert(size !== undefined, 'the block was found');
    const wholeBytes = SIZE_WORD_BYTES + size.bytes + CHECKSUM_BYTES;
    // The header page takes little, and mostly nothing else is asked for.
    if (this.#scratch.length < wholeBytes) {
      this.#scratch = new Uint8Array(index === 0 ? wholeBytes : SCRATCH_BYTES);
    }
    const bytes = this.#scratch.subarray(0, wholeBytes);
    const count = this.#storage.read(this.#fd, bytes, place);
    if (count < bytes.length)
      return defectAt(index, place, 'truncated', 'the file ends inside of it');
    const packedEnd = SIZE_WORD_BYTES + size.bytes;
    const checksum = xxh32(bytes.subarray(SIZE_WORD_BYTES, packedEnd));
    if (checksum !== decodeU32(bytes, packedEnd)) {
      return defectAt(index, place, 'checksum', 'its checksum does not match');
    }
    if (size.isStored) return bytes.slice(SIZE_WORD_BYTES, packedEnd);
    const content = unpackBlock(bytes.subarray(0, packedEnd), this.#contentBytesOf(index));
    return content ?? defectAt(index, place, 'field', 'it does not unpack to its size');
  }

  #contentBytesOf(index: number): number {
    const { contentBytes } = this;
    return contentOffsetOf(index + 1, contentBytes) - contentOffsetOf(index, contentBytes);
  }

  /** Goes from size to size up to that of block `index`, or where the frame ends. */
  #find(index: number): boolean {
    assert(index <= this.#blocks, 'the block is one of the frame');
    while (this.#places.length <= index) {
      const last = this.#places.length - 1;
      if (this.#lost !== undefined) return false;
      const size = this.#readSize(last);
      if (isDefect(size)) {
        this.#lost = { index: last, defect: size };
        return false;
      }
      const place = this.#places[last] ?? 0;
      this.#sizes.push(size);
      this.#places.push(place + SIZE_WORD_BYTES + size.bytes + CHECKSUM_BYTES);
    }
    return true;
  }

  /** The size of a block of which the place is known; a defect where no block has it. */
  #readSize(index: number): SizeWord | Defect {
    const place = this.#places[index] ?? 0;
    const bytes = this.#readAt(place, SIZE_WORD_BYTES);
    if (bytes.length < SIZE_WORD_BYTES) {
      return defectAt(index, place, 'truncated', 'the file ends before it');
    }
    const size = decodeSizeWord(bytes, 0);
    const contentBytes = this.#contentBytesOf(index);
    if (size.bytes === END_MARK && !size.isStored) {
      return defectAt(index, place, 'truncated', 'the frame ends before it');
    }
    const isPossible = size.isStored ? size.bytes === contentBytes : size.bytes < contentBytes;
    if (!isPossible) return defectAt(index, place, 'field', `it has ${size.bytes} bytes`);
    return size;
  }

  #readAt(place: number, byteCount: number): Uint8Array {
    const bytes = new Uint8Array(byteCount);
    return bytes.subarray(0, this.#storage.read(this.#fd, bytes, place));
  }
}

const defectAt = (index: number, place: number, defect: Defect['defect'], what: string): Defect =>
  makeDefect(defect, `LZ4 block ${index}, at byte ${place} of the file: ${what}`);
