// The segment that is being written: one descriptor from header to last sync, blocks behind each
// other, each chained to the one before. Any error here is final for the log: after a failed write
// or sync nobody knows what the file holds, and a retry would only hide that. The one exception is
// a block that finds no space (on a copy-on-write file system an overwrite needs some): it is given
// up as torn, and nothing more is written to its file.
import { assert, isNoSpace } from '../../errors.js';
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  BlockKind,
  encodeBlockHeader,
} from '../../segment/block-header.js';
import { xxh64 } from '../../segment/checksum.js';
import { encodeSeal, SEAL_RESERVED_BYTES } from '../../segment/seal.js';
import { SEGMENT_HEADER_PAGE_BYTES } from '../../segment/segment-header.js';
import type { SegmentTally } from '../../segment/segment-tally.js';
import type { FileStatus, Storage } from '../../storage/storage.js';
import { alignUp, MIB, PAGE_BYTES } from '../../units.js';
import type { HandedSegmentState } from '../threads/messages.js';
import { SEGMENT_PARTS } from '../threads/segment-growth.js';
import { noSpaceFor, segmentFailure } from './segment-failure.js';

/** All that is needed to go on writing a segment. */
interface SegmentState extends HandedSegmentState {
  readonly tally: SegmentTally;
}

interface BlockContent {
  readonly kind: number;
  readonly payload: Uint8Array;
  readonly firstEventId: number;
  readonly eventCount: number;
  readonly durableEventId: number;
  readonly writtenTsNs: bigint;
}

export interface EventsContent {
  readonly payload: Uint8Array;
  readonly firstEventId: number;
  readonly eventCount: number;
  readonly durableEventId: number;
  readonly writtenTsNs: bigint;
  readonly firstTimestampNs: bigint;
  readonly lastTimestampNs: bigint;
}

/** Room for blocks in a segment of this size: all but the header page and the seal's reserve. */
export const blockRoomBytes = (segmentBytes: number): number =>
  segmentBytes - SEGMENT_HEADER_PAGE_BYTES - SEAL_RESERVED_BYTES;

/** The smallest segment whose one block holds `payloadBytes`. */
export const segmentBytesFor = (payloadBytes: number): number =>
  alignUp(
    SEGMENT_HEADER_PAGE_BYTES + SEAL_RESERVED_BYTES + BLOCK_HEADER_BYTES + payloadBytes,
    PAGE_BYTES,
  );

const NO_BYTES = new Uint8Array(0);
/**
 * Once so much is written, the disk begins with it: a sync of 8 MiB takes a quarter less then, and
 * small ones, of which there may be thousands a second, are left alone.
 */
const WRITEBACK_BYTES = 2 * MIB;

export class ActiveSegment {
  readonly path: string;
  readonly segmentIndex: number;
  readonly segmentBytes: number;
  readonly tally: SegmentTally;
  readonly #storage: Storage;
  readonly #fd: number;
  readonly #fileBytes: number;
  readonly #maxBlockBytes: number;
  readonly #salt: bigint;
  readonly #startOffset: number;
  readonly #header = new Uint8Array(BLOCK_HEADER_BYTES);
  #offset: number;
  #blockIndex: number;
  #lastChecksum: bigint;
  #pin: HandedSegmentState['pin'];
  #durableClaim: number;
  /** Which file the descriptor is; nobody else gets its inode while that is open. */
  #identity: Pick<FileStatus, 'device' | 'inode'> | undefined;
  #hasUnsynced = false;
  /** Up to here the disk has begun with what was written. */
  #writebackOffset: number;
  #takesBlocks = true;
  #closed = false;

  constructor(storage: Storage, fd: number, path: string, state: SegmentState) {
    this.#storage = storage;
    this.#fd = fd;
    this.path = path;
    this.segmentIndex = state.segmentIndex;
    this.segmentBytes = state.segmentBytes;
    this.#maxBlockBytes = state.maxBlockBytes;
    this.tally = state.tally;
    this.#fileBytes = state.fileBytes;
    this.#salt = state.salt;
    this.#startOffset = state.offset;
    this.#offset = state.offset;
    this.#writebackOffset = state.offset;
    this.#blockIndex = state.nextBlockIndex;
    this.#lastChecksum = state.lastChecksum;
    this.#pin = state.pin;
    this.#durableClaim = state.durableClaim;
  }

  /** All that another thread needs to go on writing it, as plain data. */
  get state(): HandedSegmentState {
    return {
      segmentIndex: this.segmentIndex,
      segmentBytes: this.segmentBytes,
      maxBlockBytes: this.#maxBlockBytes,
      fileBytes: this.#fileBytes,
      salt: this.#salt,
      offset: this.#offset,
      nextBlockIndex: this.#blockIndex,
      lastChecksum: this.#lastChecksum,
      pin: this.#pin,
      durableClaim: this.#durableClaim,
    };
  }

  /** Which file it is. */
  get inode(): bigint {
    return this.#attempt('read its status', () => this.#storage.statusOf(this.#fd)).inode;
  }

  /** Where the next block goes. */
  get offset(): number {
    return this.#offset;
  }

  get pin(): HandedSegmentState['pin'] {
    return this.#pin;
  }

  get durableClaim(): number {
    return this.#durableClaim;
  }

  /** True when a block was written, a watermark perhaps, that no sync has covered yet. */
  get hasUnsynced(): boolean {
    return this.#hasUnsynced;
  }

  /** False once nothing more is written to it: the next block goes to another segment. */
  get takesBlocks(): boolean {
    return this.#takesBlocks;
  }

  giveUp(): void {
    this.#takesBlocks = false;
  }

  /**
   * Whether somebody has given the file a second name, as a snapshot by hard links does: what is
   * written from then on would show in the snapshot, too.
   */
  get isLinked(): boolean {
    const { links } = this.#attempt('read its status', () => this.#storage.statusOf(this.#fd));
    return links > 1;
  }

  /**
   * What somebody has done to the file, so that it or its name no longer keeps what is written: a
   * reader, and the next open, would not find it. Undefined while all is well.
   */
  get harm(): string | undefined {
    return this.#attempt('read its status', () => {
      this.#identity ??= this.#storage.statusOf(this.#fd);
      const own = this.#identity;
      const named = this.#storage.statusAt(this.path);
      const isNamed = named?.inode === own.inode && named.device === own.device;
      // One call where all is well: it is made between a sync and whoever waits for that.
      const { bytes } = isNamed ? named : this.#storage.statusOf(this.#fd);
      if (bytes < this.#fileBytes) return 'truncated';
      return isNamed ? undefined : 'moved, removed or replaced';
    });
  }

  /**
   * The largest payload that one more block may have, before the seal's reserve; may be negative.
   */
  get roomBytes(): number {
    return this.segmentBytes - SEAL_RESERVED_BYTES - this.#offset - BLOCK_HEADER_BYTES;
  }

  /** The largest payload that any block of it may have, by its header. */
  get maxPayloadBytes(): number {
    return this.#maxBlockBytes - BLOCK_HEADER_BYTES;
  }

  /** True while the segment holds no block. */
  get isEmpty(): boolean {
    return this.#blockIndex === 0;
  }

  /** What this opening got to write to, as the size of a segment that begins there. */
  get givenBytes(): number {
    return this.segmentBytes - this.#startOffset + SEGMENT_HEADER_PAGE_BYTES;
  }

  /** How many SEGMENT_PARTS of that are used. */
  get usedParts(): number {
    const givenBytes = this.segmentBytes - SEAL_RESERVED_BYTES - this.#startOffset;
    if (givenBytes <= 0) return SEGMENT_PARTS;
    const usedBytes = this.#offset - this.#startOffset;
    return Math.min(SEGMENT_PARTS, Math.trunc((usedBytes * SEGMENT_PARTS) / givenBytes));
  }

  /**
   * One block of events, header and frames in one call.
   * @throws WalError ERR_FLASHSTRIKE_NO_SPACE: as if it had not been tried, but for `takesBlocks`
   */
  writeEvents(content: EventsContent): void {
    const place = { offset: this.#offset, blockIndex: this.#blockIndex };
    const { payload, firstEventId, eventCount, durableEventId, writtenTsNs } = content;
    const kind = BlockKind.events;
    this.#write({ kind, payload, firstEventId, eventCount, durableEventId, writtenTsNs });
    this.#pin = { endOffset: this.#offset, checksum: this.#lastChecksum };
    this.tally.addEvents(
      { firstEventId, eventCount, payloadBytes: payload.length },
      place,
      content.firstTimestampNs,
      content.lastTimestampNs,
    );
  }

  /**
   * A block without payload that tells how far the blocks before it are durable.
   * @throws WalError as `writeEvents`
   */
  writeWatermark(nextEventId: number, durableEventId: number, writtenTsNs: bigint): void {
    const kind = BlockKind.watermark;
    this.#write({
      kind,
      payload: NO_BYTES,
      firstEventId: nextEventId,
      eventCount: 0,
      durableEventId,
      writtenTsNs,
    });
    this.#pin = { endOffset: this.#offset, checksum: this.#lastChecksum };
    this.tally.addWatermark();
  }

  /**
   * The seal: totals and sparse index of a finished segment. It goes into its reserve.
   * @throws WalError as `writeEvents`
   */
  writeSeal(durableEventId: number, writtenTsNs: bigint): void {
    const totals = this.tally.totals;
    this.#write({
      kind: BlockKind.seal,
      payload: encodeSeal(totals, this.tally.entries),
      firstEventId: totals.lastEventId + 1,
      eventCount: 0,
      durableEventId,
      writtenTsNs,
    });
  }

  #write(content: BlockContent): void {
    const { payload } = content;
    assert(this.#takesBlocks, 'a block is written to a segment that was given up');
    assert(this.#offset % BLOCK_ALIGNMENT === 0, 'a block is not aligned');
    const end = this.#offset + BLOCK_HEADER_BYTES + payload.length;
    assert(end <= this.segmentBytes, 'a block leaves its segment');
    assert(payload.length <= this.maxPayloadBytes, 'a block is longer than its segment allows');
    const checksum = encodeBlockHeader(
      this.#header,
      {
        kind: content.kind,
        flags: 0,
        payloadBytes: payload.length,
        firstEventId: content.firstEventId,
        eventCount: content.eventCount,
        blockIndex: this.#blockIndex,
        durableEventId: content.durableEventId,
        payloadChecksum: xxh64(payload, this.#salt),
        previousBlockChecksum: this.#lastChecksum,
        writtenTsNs: content.writtenTsNs,
      },
      this.#salt,
      this.#offset,
    );
    this.#hasUnsynced = true;
    this.#put(payload.length === 0 ? [this.#header] : [this.#header, payload]);
    this.#offset = end;
    this.#blockIndex++;
    this.#lastChecksum = checksum;
    this.#durableClaim = content.durableEventId;
    if (end - this.#writebackOffset >= WRITEBACK_BYTES) this.#startWriteback();
  }

  /** The disk begins with what the next sync will wait for. */
  submit(): void {
    const from = this.#writebackOffset;
    this.#storage.startWriteback(this.#fd, from, this.#offset - from);
  }

  /** Whole pages: what comes into the last one would have to be written once more. */
  #startWriteback(): void {
    const from = this.#writebackOffset;
    const end = this.#offset - (this.#offset % PAGE_BYTES);
    this.#storage.startWriteback(this.#fd, from, end - from);
    this.#writebackOffset = end;
  }

  #put(parts: readonly Uint8Array[]): void {
    try {
      this.#storage.write(this.#fd, parts, this.#offset);
    } catch (error) {
      if (!isNoSpace(error)) throw segmentFailure('write a block', this.path, this.#offset, error);
      this.#takesBlocks = false;
      // Where zeros were to come, a part may be the whole: readers have it, so it is written.
      if (this.#attempt('read a block again', () => this.#holds(parts))) return;
      throw noSpaceFor('a block', this.path, this.#offset, error);
    }
  }

  #holds(parts: readonly Uint8Array[]): boolean {
    const block = Buffer.concat(parts);
    const found = new Uint8Array(block.length);
    return (
      this.#storage.read(this.#fd, found, this.#offset) === block.length && block.equals(found)
    );
  }

  sync(): void {
    this.#attempt('sync', () => this.#storage.sync(this.#fd));
    this.#hasUnsynced = false;
    this.#writebackOffset = this.#offset;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#storage.close(this.#fd);
  }

  #attempt<Result>(what: string, operation: () => Result): Result {
    try {
      return operation();
    } catch (error) {
      throw segmentFailure(what, this.path, this.#offset, error);
    }
  }
}
