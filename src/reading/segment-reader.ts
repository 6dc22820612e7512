// Reads one segment block by block and verifies everything on the way: header, chain, ids, payload,
// frames. Memory is one buffer of fixed size. Only a block that is longer gets memory of its own,
// once its header has proven to be the next one and to lie within the file, and for as long as it
// is the current one.
//
// Invariants: the buffer's first byte stands at a multiple of 8 of the file, so frames are aligned
// in memory as they are on disk. A position only moves over a block that validated whole. What does
// not validate in bytes that were read ahead is read once more before it is called a defect: a live
// writer may have completed it since.
import { assert } from '../errors.js';
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  BlockKind,
  decodeBlockHeader,
  MAX_BLOCK_BYTES,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { type Defect, isDefect } from '../segment/defect.js';
import { maxBlockBytes, SEGMENT_HEADER_PAGE_BYTES } from '../segment/segment-header.js';
import type { Verdict } from '../segment/verdict.js';
import type { Storage } from '../storage/storage.js';
import { alignUp, MIB } from '../units.js';
import { reading } from './read-failure.js';
import { readSealBlock, type SealBlock } from './seal-block.js';
import { readSegment, type SegmentFile } from './segment-file.js';
import { SegmentMeter } from './segment-meter.js';
import type { Stop } from './stop.js';

/** Bytes that are read at once: more than any block but large ones. */
const READ_CHUNK_BYTES = 2 * MIB;
assert(READ_CHUNK_BYTES >= MAX_BLOCK_BYTES, 'a whole block fits into the buffer, if not large');

/** The first read after a block that did not validate: at the end of a live log mostly in vain. */
const PROBE_BYTES = BLOCK_HEADER_BYTES;
/** Growth of read-ahead from block to block until it is a whole chunk again. */
const READ_AHEAD_GROWTH = 8;

/** Where a reader is: enough to continue from there, also with another descriptor of the file. */
export interface SegmentPosition {
  /** File offset of the next block. */
  readonly offset: number;
  /** Id that the next event must have. */
  readonly nextEventId: number;
  readonly nextBlockIndex: number;
  /** `headerChecksum` of the block before; undefined, after a jump, leaves one link unchecked. */
  readonly previousBlockChecksum: bigint | undefined;
}

/** The end of the last event or watermark block, as a successor's header pins it. */
export interface SegmentEnd {
  readonly endOffset: number;
  readonly blockChecksum: bigint | undefined;
  readonly lastEventId: number;
}

const LIMIT: Stop = { reason: 'limit', message: 'the end that the next segment pins' };
const FULL: Stop = { reason: 'full', message: 'the segment has no room for another block' };
const CUT: Stop = { reason: 'truncated', message: 'the file ends inside a block' };
const SEALED: Stop = { reason: 'sealed', message: 'the segment is sealed' };

/** The position after the header page. */
export const startOf = (file: SegmentFile): SegmentPosition => ({
  offset: SEGMENT_HEADER_PAGE_BYTES,
  nextEventId: file.header.firstEventId,
  nextBlockIndex: 0,
  previousBlockChecksum: file.header.headerChecksum,
});

/** How long the buffer of a reader must be. */
export const bufferBytes = (fileBytes: number): number =>
  Math.min(READ_CHUNK_BYTES, alignUp(fileBytes, 8));

/** A buffer that several readers of files of up to `fileBytes` may use one after the other. */
export const readBuffer = (fileBytes = READ_CHUNK_BYTES): Uint8Array =>
  new Uint8Array(bufferBytes(fileBytes));

export class SegmentReader {
  readonly file: SegmentFile;
  /** The current block's payload stands at [payloadStart, payloadEnd) of these. */
  bytes: Uint8Array;
  /** The same, but for a block that is longer than that. */
  buffer: Uint8Array;
  payloadStart = 0;
  payloadEnd = 0;
  /** Header of the current block; undefined before the first and after the last. */
  block: BlockHeader | undefined;
  /** File offset of the current block. */
  blockOffset = 0;
  /** Why the last call of `next` returned false. */
  stop: Stop | undefined;
  /** Highest `durableEventId` in a header read so far; 0 for none. */
  durableEventId = 0;
  /** Bytes read from the file so far. */
  bytesRead = 0;

  readonly #storage: Storage;
  readonly #meter: SegmentMeter;
  readonly #renew: () => Uint8Array | undefined;
  /** No block reaches past this offset: the file's end, as it was when it was last looked at. */
  #endOffset: number;
  #offset: number;
  #nextEventId: number;
  #nextBlockIndex: number;
  #previousBlockChecksum: bigint | undefined;
  #sealed = false;
  #isSealConfirmed = false;
  /** A seal whose checksums hold and that is no seal; its checksum names it. */
  #refusedSeal: { readonly headerChecksum: bigint; readonly stop: Stop } | undefined;
  #pinOffset: number;
  #pinChecksum: bigint | undefined;
  // The buffer holds the file's bytes [#bufferStart, #bufferEnd).
  #bufferStart = 0;
  #bufferEnd = 0;
  #readAheadBytes = READ_CHUNK_BYTES;
  /** Bytes from this file offset on were read during the running call of `next`. */
  #freshFrom = Number.POSITIVE_INFINITY;

  /**
   * @param buffer from {@link readBuffer}; it is overwritten from call to call of `next`
   * @param renew asked before that for another buffer; undefined: none, it is overwritten
   */
  constructor(
    storage: Storage,
    file: SegmentFile,
    buffer = readBuffer(file.bytes),
    from = startOf(file),
    meter = new SegmentMeter(),
    renew: () => Uint8Array | undefined = () => undefined,
  ) {
    assert(buffer.length >= bufferBytes(file.bytes), 'the buffer comes from readBuffer');
    assert(buffer.byteOffset % 8 === 0 && from.offset % 8 === 0, 'blocks stand at multiples of 8');
    this.#storage = storage;
    this.#meter = meter;
    this.#renew = renew;
    this.file = file;
    this.bytes = buffer;
    this.buffer = buffer;
    this.#endOffset = Math.min(file.bytes, file.header.segmentBytes);
    this.#offset = from.offset;
    this.#nextEventId = from.nextEventId;
    this.#nextBlockIndex = from.nextBlockIndex;
    this.#previousBlockChecksum = from.previousBlockChecksum;
    this.#pinOffset = from.offset;
    this.#pinChecksum = from.previousBlockChecksum;
  }

  /** E, once `next` returned false: file offset of the first position that does not validate. */
  get offset(): number {
    return this.#offset;
  }

  /** s: the id that the next event must have. */
  get nextEventId(): number {
    return this.#nextEventId;
  }

  /** The last block is a seal; whether it is true of the others, confirmSeal tells. */
  get sealed(): boolean {
    return this.#sealed;
  }

  get hasUnconfirmedSeal(): boolean {
    return this.#sealed && !this.#isSealConfirmed;
  }

  /** The seal that stands at `offset`, where one is there whole. */
  sealBlockAt(offset: number): SealBlock | undefined {
    return readSealBlock(this.#storage, this.file, offset);
  }

  /** Takes the seal that was read for true, or with a `defect` steps back before it for good. */
  settleSeal(defect: Defect | undefined): void {
    assert(this.#sealed, 'a seal was read');
    this.#isSealConfirmed = defect === undefined;
    const headerChecksum = this.#previousBlockChecksum;
    if (defect === undefined || headerChecksum === undefined) return;
    const stop: Stop = { reason: defect.defect, message: defect.message, inPayload: true };
    this.#refusedSeal = { headerChecksum, stop };
    this.#sealed = false;
    this.#offset = this.#pinOffset;
    this.#nextBlockIndex--;
    this.#previousBlockChecksum = this.#pinChecksum;
    this.stop = stop;
    this.#forget();
  }

  get position(): SegmentPosition {
    return {
      offset: this.#offset,
      nextEventId: this.#nextEventId,
      nextBlockIndex: this.#nextBlockIndex,
      previousBlockChecksum: this.#previousBlockChecksum,
    };
  }

  /** Where another reader can continue: before a seal, for what is pinned ends there. */
  get resumePosition(): SegmentPosition {
    if (!this.#sealed) return this.position;
    return {
      offset: this.#pinOffset,
      nextEventId: this.#nextEventId,
      nextBlockIndex: this.#nextBlockIndex - 1,
      previousBlockChecksum: this.#pinChecksum,
    };
  }

  /** What a successor of this segment would pin now. */
  get end(): SegmentEnd {
    return {
      endOffset: this.#pinOffset,
      blockChecksum: this.#pinChecksum,
      lastEventId: this.#nextEventId - 1,
    };
  }

  /**
   * Verifies the next block and makes it the current one. False: `stop` tells why, the position is
   * E, and a later call looks at the file afresh.
   * @param limitOffset blocks up to here count; a block that reaches past it does not validate
   */
  next(limitOffset = this.file.header.segmentBytes): boolean {
    const startNs = this.#meter.nowNs();
    this.#freshFrom = Number.POSITIVE_INFINITY;
    let block = this.#look(limitOffset);
    if (isAboutBytes(block) && this.#freshFrom > this.#offset) {
      this.#forget();
      block = this.#look(limitOffset);
    }
    if (isStop(block)) {
      if (isAboutBytes(block)) this.#forget();
      this.stop = this.#explained(block);
      this.block = undefined;
      return false;
    }
    this.#accept(block);
    this.#meter.onBlock(startNs, BLOCK_HEADER_BYTES + block.payloadBytes, block.eventCount);
    return true;
  }

  /** Another reader of the same file, from `position` on; it uses the same buffer. */
  readerAt(position: SegmentPosition): SegmentReader {
    const [storage, meter, renew] = [this.#storage, this.#meter, this.#renew];
    const reader = new SegmentReader(storage, this.file, this.buffer, position, meter, renew);
    reader.#refusedSeal = this.#refusedSeal;
    return reader;
  }

  /** Records that the segment was read to the end that its successor pins; not `ok`: it was not. */
  recordEnd(ok: boolean): void {
    this.#meter.onEnd(ok, this.#offset, this.stop);
  }

  /** Records what the end of the last segment was judged to be. */
  recordVerdict(verdict: Verdict): void {
    this.#meter.onVerdict(verdict, this.#offset, this.stop);
  }

  /**
   * Whether the block at the position validates now, read afresh. Moves over nothing; when it does
   * not validate, `stop` tells why.
   */
  validatesNow(): boolean {
    this.#forget();
    const block = this.#look(this.file.header.segmentBytes);
    this.#forget();
    this.block = undefined;
    this.stop = isStop(block) ? this.#explained(block) : undefined;
    return !isStop(block);
  }

  /** The block at the position, verified and in the buffer, or why there is none. */
  #look(limitOffset: number): BlockHeader | Stop {
    const look = this.#lookWithin(limitOffset);
    const isAtEnd = isStop(look) && (look === FULL || look.reason === 'truncated');
    return isAtEnd && this.#hasGrown() ? this.#lookWithin(limitOffset) : look;
  }

  #lookWithin(limitOffset: number): BlockHeader | Stop {
    if (this.#sealed) return SEALED;
    if (this.#offset === limitOffset && limitOffset < this.#endOffset) return LIMIT;
    const endOffset = Math.min(limitOffset, this.#endOffset);
    if (this.#offset + BLOCK_HEADER_BYTES > endOffset) return FULL;
    if (!this.#ensure(BLOCK_HEADER_BYTES)) return CUT;
    const at = this.#offset - this.#bufferStart;
    const { header } = this.file;
    const { salt } = header;
    const block = decodeBlockHeader(this.bytes, at, salt, this.#offset, maxBlockBytes(header));
    if (isDefect(block)) return { reason: block.defect, message: block.message };
    const misplaced = this.#misplaced(block, endOffset);
    if (misplaced !== undefined) return misplaced;
    if (!this.#ensure(BLOCK_HEADER_BYTES + block.payloadBytes)) return CUT;
    const start = this.#offset - this.#bufferStart + BLOCK_HEADER_BYTES;
    const end = start + block.payloadBytes;
    const defect = verifyBlockPayload(block, this.bytes.subarray(start, end), salt);
    if (defect !== undefined) {
      return { reason: defect.defect, message: defect.message, inPayload: true };
    }
    if (block.headerChecksum === this.#refusedSeal?.headerChecksum) return this.#refusedSeal.stop;
    this.payloadStart = start;
    this.payloadEnd = end;
    return block;
  }

  /**
   * A log that is opened again goes on in a file that was cut behind its last block: that file
   * grows, and who waits at its end must see it.
   */
  #hasGrown(): boolean {
    const { fd, path, frame, header } = this.file;
    if (frame !== undefined || this.#endOffset >= header.segmentBytes) return false;
    const { bytes } = reading(path, () => this.#storage.statusOf(fd));
    if (bytes <= this.#endOffset) return false;
    this.#endOffset = Math.min(bytes, header.segmentBytes);
    this.#forget();
    if (bufferBytes(bytes) > this.buffer.length) this.buffer = new Uint8Array(bufferBytes(bytes));
    this.bytes = this.buffer;
    return true;
  }

  /** Where a compressed file is damaged, that is why no block can be read. */
  #explained(stop: Stop): Stop {
    const { frame } = this.file;
    if (frame === undefined || !isAboutBytes(stop)) return stop;
    const bytes = stop.inPayload === true ? maxBlockBytes(this.file.header) : BLOCK_HEADER_BYTES;
    const defect = frame.damageIn(this.#offset, Math.min(this.#offset + bytes, this.#endOffset));
    return defect === undefined ? stop : { ...stop, message: defect.message };
  }

  /** A block that is whole, yet not the one that follows here. */
  #misplaced(block: BlockHeader, endOffset: number): Stop | undefined {
    const chain = (message: string): Stop => ({ reason: 'chain', message });
    const previous = this.#previousBlockChecksum;
    if (previous !== undefined && block.previousBlockChecksum !== previous) {
      return chain('the block does not follow the one before it');
    }
    if (block.blockIndex !== this.#nextBlockIndex) {
      return chain(`block ${block.blockIndex} instead of block ${this.#nextBlockIndex}`);
    }
    if (block.firstEventId !== this.#nextEventId) {
      return chain(`event ${block.firstEventId} instead of event ${this.#nextEventId}`);
    }
    const blockEnd = this.#offset + BLOCK_HEADER_BYTES + block.payloadBytes;
    if (blockEnd <= endOffset) return undefined;
    return { reason: 'truncated', message: `the block extends beyond offset ${endOffset}` };
  }

  #accept(block: BlockHeader): void {
    this.stop = undefined;
    const readAheadBytes = this.#readAheadBytes * READ_AHEAD_GROWTH;
    this.#readAheadBytes = Math.min(readAheadBytes, READ_CHUNK_BYTES);
    this.block = block;
    this.blockOffset = this.#offset;
    this.#offset += BLOCK_HEADER_BYTES + block.payloadBytes;
    this.#nextEventId += block.eventCount;
    this.#nextBlockIndex++;
    this.#previousBlockChecksum = block.headerChecksum;
    if (block.durableEventId > this.durableEventId) this.durableEventId = block.durableEventId;
    if (block.kind === BlockKind.seal) {
      this.#sealed = true;
    } else {
      this.#pinOffset = this.#offset;
      this.#pinChecksum = block.headerChecksum;
    }
  }

  /** The next read begins at the position, and is small: see PROBE_BYTES. */
  #forget(): void {
    this.#bufferStart = this.#offset;
    this.#bufferEnd = this.#offset;
    this.#readAheadBytes = PROBE_BYTES;
  }

  /**
   * Has `byteCount` bytes from the position on in the buffer, or tells that the file is shorter.
   */
  #ensure(byteCount: number): boolean {
    if (this.#offset + byteCount <= this.#bufferEnd) return true;
    const kept = Math.max(0, this.#bufferEnd - this.#offset);
    const from = this.#offset - this.#bufferStart;
    this.buffer = this.#renew() ?? this.buffer;
    const isLarge = byteCount > this.buffer.length;
    const target = isLarge ? new Uint8Array(alignUp(byteCount, 8)) : this.buffer;
    if (target === this.bytes) target.copyWithin(0, from, from + kept);
    else target.set(this.bytes.subarray(from, from + kept));
    this.bytes = target;
    this.#bufferStart = this.#offset;
    const wanted = Math.min(
      Math.max(byteCount, isLarge ? 0 : this.#readAheadBytes),
      this.#endOffset - this.#offset,
    );
    const readOffset = this.#offset + kept;
    if (readOffset < this.#freshFrom) this.#freshFrom = readOffset;
    const missing = target.subarray(kept, wanted);
    const startNs = this.#meter.nowNs();
    let count: number | undefined;
    try {
      count = readSegment(this.#storage, this.file, missing, readOffset);
    } finally {
      this.#meter.onChunk(startNs, count);
    }
    this.bytesRead += count;
    this.#bufferEnd = readOffset + count;
    return this.#offset + byteCount <= this.#bufferEnd;
  }
}

const isStop = (look: BlockHeader | Stop): look is Stop => 'reason' in look;

/** Whether other bytes in the file would change the answer. */
const isAboutBytes = (look: BlockHeader | Stop): boolean =>
  isStop(look) && look !== LIMIT && look !== FULL && look !== SEALED;
