// Finds block headers anywhere in a segment: each is judged by itself, at its own place and under
// the segment's salt, because after damage there is no chain to follow. Memory is one chunk.
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  findBlock,
  headerProblem,
  readBlockHeader,
} from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { MAX_SEGMENT_BYTES, maxBlockBytes } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { MIB } from '../units.js';
import { readSegment, type SegmentFile } from './segment-file.js';

export interface FoundHeader {
  readonly header: BlockHeader;
  /** False where its checksum holds and a field of it is impossible: what it claims counts. */
  readonly isPossible: boolean;
  /** Of the header in the file. */
  readonly offset: number;
}

const CHUNK_BYTES = MIB;
const ZEROS = new Uint8Array(CHUNK_BYTES);

/** Compiled as memcmp: a gigabyte of zeros takes a tenth of a second. */
const isZero = (bytes: Uint8Array): boolean =>
  Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;

export class BlockScanner {
  readonly endOffset: number;
  readonly #storage: Storage;
  readonly #file: SegmentFile;
  readonly #buffer: Uint8Array;
  /** The file's bytes from `#chunkOffset` on. */
  #chunk: Uint8Array = ZEROS.subarray(0, 0);
  #chunkOffset = 0;
  #nonZeroEndOffset = 0;

  constructor(storage: Storage, file: SegmentFile) {
    this.#storage = storage;
    this.#file = file;
    this.endOffset = Math.min(file.bytes, MAX_SEGMENT_BYTES);
    this.#buffer = new Uint8Array(Math.min(CHUNK_BYTES, this.endOffset));
  }

  /** Just after the last byte seen so far that is not zero; 0 for none. */
  get nonZeroEndOffset(): number {
    return this.#nonZeroEndOffset;
  }

  /**
   * The first header from `fromOffset` on, a multiple of 8, whose checksum holds; whether its
   * payload does is the caller's to look at. Chunks that were read before are not read again.
   */
  find(fromOffset: number): FoundHeader | undefined {
    let offset = fromOffset;
    while (offset < this.endOffset) {
      if (!this.#holds(offset)) this.#load(offset);
      const found = this.#findInChunk(offset);
      if (found !== undefined) return found;
      const chunkEnd = this.#chunkOffset + this.#chunk.length;
      // A header may straddle two chunks: where none fits in this one, the next one begins.
      const isLast = chunkEnd >= this.endOffset || this.#chunk.length < CHUNK_BYTES;
      if (isLast) return undefined;
      offset = chunkEnd - BLOCK_HEADER_BYTES + BLOCK_ALIGNMENT;
    }
    return undefined;
  }

  #holds(offset: number): boolean {
    const chunkEnd = this.#chunkOffset + this.#chunk.length;
    return offset >= this.#chunkOffset && offset + BLOCK_HEADER_BYTES <= chunkEnd;
  }

  #load(offset: number): void {
    const wanted = this.#buffer.subarray(0, Math.min(CHUNK_BYTES, this.endOffset - offset));
    const count = readSegment(this.#storage, this.#file, wanted, offset);
    this.#chunk = wanted.subarray(0, count);
    this.#chunkOffset = offset;
    if (isZero(this.#chunk)) return;
    let last = count;
    while (last > 0 && this.#chunk[last - 1] === 0) last--;
    this.#nonZeroEndOffset = Math.max(this.#nonZeroEndOffset, offset + last);
  }

  #findInChunk(fromOffset: number): FoundHeader | undefined {
    // Nothing but zeros from the chunk's start on, which is quick to tell.
    if (this.#nonZeroEndOffset <= fromOffset) return undefined;
    const { salt } = this.#file.header;
    const chunk = this.#chunk;
    const from = fromOffset - this.#chunkOffset;
    for (let at = findBlock(chunk, from); at >= 0; at = findBlock(chunk, at + BLOCK_ALIGNMENT)) {
      const offset = this.#chunkOffset + at;
      const header = readBlockHeader(chunk, at, salt, offset);
      if (isDefect(header)) continue;
      const isPossible = headerProblem(header, maxBlockBytes(this.#file.header)) === undefined;
      return { header, isPossible, offset };
    }
    return undefined;
  }
}
