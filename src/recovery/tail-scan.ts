// What lies behind E: blocks that validate under the segment's salt at their own place, and whether
// anything but zeros is there. A header is judged by itself, for the chain is broken at E.
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  decodeBlockHeader,
  findBlock,
  MAX_BLOCK_BYTES,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { MAX_SEGMENT_BYTES } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { MIB } from '../units.js';
import { reading } from './read-failure.js';
import type { SegmentFile } from './segment-file.js';
import type { Behind } from './verdict.js';

export interface TailScan {
  /** E, where the scan began. */
  readonly fromOffset: number;
  /** Valid headers; for each the payload may be whole or not. */
  readonly validHeaders: number;
  /** Blocks whose header and payload validate, and the events in them. */
  readonly wholeBlocks: number;
  readonly wholeEvents: number;
  /** Highest `durableEventId` in a valid header; 0 for none. */
  readonly durableEventId: number;
  /** Highest id that a valid header speaks of as written; 0 for none. */
  readonly lastEventId: number;
  /** Just behind the last byte that is not zero; E when all are. */
  readonly nonZeroEndOffset: number;
  /** Just behind the last block with a valid header; E when there is none. */
  readonly blocksEndOffset: number;
}

const SCAN_BYTES = MIB;
const ZEROS = new Uint8Array(SCAN_BYTES);

/** Scans from `fromOffset` to the end of the file. */
export function scanTail(storage: Storage, file: SegmentFile, fromOffset: number): TailScan {
  return new TailScanner(storage, file, fromOffset).run();
}

/** Compiled as memcmp: a gigabyte of zeros takes a tenth of a second. */
const isZero = (bytes: Uint8Array): boolean =>
  Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;

class TailScanner {
  readonly #storage: Storage;
  readonly #file: SegmentFile;
  readonly #fromOffset: number;
  readonly #endOffset: number;
  readonly #chunk = new Uint8Array(SCAN_BYTES);
  #payload: Uint8Array | undefined;
  #validHeaders = 0;
  #wholeBlocks = 0;
  #wholeEvents = 0;
  #durableEventId = 0;
  #lastEventId = 0;
  #nonZeroEndOffset: number;
  #blocksEndOffset: number;

  constructor(storage: Storage, file: SegmentFile, fromOffset: number) {
    this.#storage = storage;
    this.#file = file;
    this.#fromOffset = fromOffset;
    this.#endOffset = Math.min(file.bytes, MAX_SEGMENT_BYTES);
    this.#nonZeroEndOffset = fromOffset;
    this.#blocksEndOffset = fromOffset;
  }

  run(): TailScan {
    let offset = this.#fromOffset;
    while (offset < this.#endOffset) {
      const chunk = this.#read(this.#chunk, offset);
      if (chunk.length === 0) break;
      const last = offset + chunk.length >= this.#endOffset || chunk.length < SCAN_BYTES;
      // A header may straddle two chunks: where none fits in this one, the next one begins.
      const step = last ? chunk.length : chunk.length - BLOCK_HEADER_BYTES + BLOCK_ALIGNMENT;
      offset = isZero(chunk) ? offset + step : this.#scanChunk(chunk, offset, offset + step);
    }
    return {
      fromOffset: this.#fromOffset,
      validHeaders: this.#validHeaders,
      wholeBlocks: this.#wholeBlocks,
      wholeEvents: this.#wholeEvents,
      durableEventId: this.#durableEventId,
      lastEventId: this.#lastEventId,
      nonZeroEndOffset: this.#nonZeroEndOffset,
      blocksEndOffset: this.#blocksEndOffset,
    };
  }

  /** Looks for blocks in one chunk; returns the file offset where the scan goes on. */
  #scanChunk(chunk: Uint8Array, offset: number, nextOffset: number): number {
    let last = chunk.length;
    while (last > 0 && chunk[last - 1] === 0) last--;
    this.#nonZeroEndOffset = Math.max(this.#nonZeroEndOffset, offset + last);
    const { salt } = this.#file.header;
    for (let at = findBlock(chunk, 0); at >= 0; at = findBlock(chunk, at + BLOCK_ALIGNMENT)) {
      const header = decodeBlockHeader(chunk, at, salt, offset + at);
      if (isDefect(header)) continue;
      const blockEnd = this.#note(header, offset + at);
      // A payload that validates is no place to look for blocks in.
      if (blockEnd === undefined) continue;
      this.#nonZeroEndOffset = Math.max(this.#nonZeroEndOffset, blockEnd);
      if (blockEnd >= nextOffset) return blockEnd;
      at = blockEnd - offset - BLOCK_ALIGNMENT;
    }
    return nextOffset;
  }

  /** Counts a valid header; the end of its block when the payload validates too. */
  #note(header: BlockHeader, offset: number): number | undefined {
    const blockEnd = offset + BLOCK_HEADER_BYTES + header.payloadBytes;
    this.#validHeaders++;
    this.#durableEventId = Math.max(this.#durableEventId, header.durableEventId);
    const lastEventId = header.firstEventId + header.eventCount - 1;
    this.#lastEventId = Math.max(this.#lastEventId, lastEventId);
    this.#blocksEndOffset = Math.max(this.#blocksEndOffset, blockEnd);
    this.#payload ??= new Uint8Array(MAX_BLOCK_BYTES);
    const target = this.#payload.subarray(0, header.payloadBytes);
    const payload = this.#read(target, offset + BLOCK_HEADER_BYTES);
    if (verifyBlockPayload(header, payload, this.#file.header.salt) !== undefined) return undefined;
    this.#wholeBlocks++;
    this.#wholeEvents += header.eventCount;
    return blockEnd;
  }

  #read(target: Uint8Array, offset: number): Uint8Array {
    const { fd, path } = this.#file;
    const wanted = target.subarray(
      0,
      Math.max(0, Math.min(target.length, this.#endOffset - offset)),
    );
    const count = reading(path, () => this.#storage.read(fd, wanted, offset), offset);
    return wanted.subarray(0, count);
  }
}

/** What the scan means for the verdict; stale bytes of an earlier life of the file are nothing. */
export function behindOf(scan: TailScan, recycledBody: boolean): Behind {
  if (scan.validHeaders > 0) return 'blocks';
  return scan.nonZeroEndOffset > scan.fromOffset && !recycledBody ? 'bytes' : 'nothing';
}
