// Reads all of one segment that validates, over damage as well. Behind a hole a block counts when
// its header and payload validate at their own place under the segment's salt, and when it can
// follow: no id twice, and no more blocks and events missing than the hole has room for.
import { WalError } from '../errors.js';
import { BLOCK_ALIGNMENT, BLOCK_HEADER_BYTES, BlockKind } from '../segment/block-header.js';
import { FRAME_HEADER_BYTES } from '../segment/frame.js';
import type { Storage } from '../storage/storage.js';
import { lostSentence, restoreAdvice } from './advice.js';
import { BlockScanner, type FoundHeader } from './block-scan.js';
import { PayloadBudget } from './payload-budget.js';
import type { SegmentFile } from './segment-file.js';
import type { SegmentReader } from './segment-reader.js';

/** Bytes between two blocks that are of no use, and the events that stood there. */
export interface Hole {
  readonly offset: number;
  readonly bytes: number;
  /** Of the first event that is missing; `events` may be 0. */
  readonly firstEventId: number;
  readonly events: number;
  /** Why the first block of it does not validate. */
  readonly message: string;
}

export interface SalvageBounds {
  /** No block ends after this offset; default: the end of the segment. */
  readonly limitOffset?: number | undefined;
  /** Behind a hole, no block holds a later event. */
  readonly lastEventId?: number | undefined;
}

/** The error for a hole in a segment: what stands after it is sound. */
export function holeError(path: string, hole: Hole): WalError {
  const { offset, bytes, firstEventId, events, message: why } = hole;
  const message =
    `${path} is damaged from offset ${offset} to ${offset + bytes} (${why}).` +
    `${lostSentence(firstEventId, firstEventId + events - 1)} ${restoreAdvice(path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset });
}

export class SegmentSalvager {
  readonly file: SegmentFile;
  readonly #storage: Storage;
  #reader: SegmentReader;
  #scanner: BlockScanner | undefined;
  readonly #budget: PayloadBudget;

  /** @param reader continues from where it stands; its buffer is used after a hole, too */
  constructor(storage: Storage, reader: SegmentReader) {
    this.file = reader.file;
    this.#storage = storage;
    this.#reader = reader;
    this.#budget = new PayloadBudget(reader.file.bytes);
  }

  /** Stands on the current block, or where none follows. */
  get reader(): SegmentReader {
    return this.#reader;
  }

  /** Moves to the next block of events; false at a hole and at the end. */
  next({ limitOffset }: SalvageBounds = {}): boolean {
    while (this.#reader.next(limitOffset)) {
      if (this.#reader.block?.kind === BlockKind.events) return true;
    }
    return false;
  }

  /** Moves over the hole at which `next` ended; undefined where no block after it counts. */
  skipHole(bounds: SalvageBounds = {}): Hole | undefined {
    const { offset, nextEventId, sealed, stop } = this.#reader;
    if (sealed || stop?.reason === 'limit') return undefined;
    this.#scanner ??= new BlockScanner(this.#storage, this.file);
    let found = this.#scanner.find(offset);
    while (found !== undefined && !this.#budget.isSpent) {
      const reader = this.#canFollow(found, bounds) ? this.#readerAt(found) : undefined;
      if (reader?.validatesNow() === true) {
        this.#reader = reader;
        return {
          offset,
          bytes: found.offset - offset,
          firstEventId: nextEventId,
          events: found.header.firstEventId - nextEventId,
          message: stop?.message ?? 'no block',
        };
      }
      if (reader !== undefined) this.#budget.spend(found.header.payloadBytes);
      found = this.#scanner.find(found.offset + BLOCK_ALIGNMENT);
    }
    return undefined;
  }

  #canFollow({ header, isPossible, offset }: FoundHeader, bounds: SalvageBounds): boolean {
    if (!isPossible) return false;
    const { limitOffset = this.file.bytes, lastEventId = Number.POSITIVE_INFINITY } = bounds;
    const reader = this.#reader;
    const blocks = header.blockIndex - reader.position.nextBlockIndex;
    const events = header.firstEventId - reader.nextEventId;
    const holeBytes = offset - reader.offset;
    if (blocks < 0 || events < 0) return false;
    if (blocks * BLOCK_HEADER_BYTES + events * FRAME_HEADER_BYTES > holeBytes) return false;
    if (header.firstEventId + header.eventCount - 1 > lastEventId) return false;
    return offset + BLOCK_HEADER_BYTES + header.payloadBytes <= limitOffset;
  }

  #readerAt({ header, offset }: FoundHeader): SegmentReader {
    return this.#reader.readerAt({
      offset,
      nextEventId: header.firstEventId,
      nextBlockIndex: header.blockIndex,
      // The block before it is not known: its own checksums, its ids and all later links count.
      previousBlockChecksum: undefined,
    });
  }
}
