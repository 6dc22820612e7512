// What lies behind E: blocks that validate under the segment's salt at their own place, and whether
// anything but zeros is there. A header is judged by itself, for the chain is broken at E.

import { BlockScanner, type FoundHeader } from '../reading/block-scan.js';
import { PayloadBudget } from '../reading/payload-budget.js';
import { readSegment, type SegmentFile } from '../reading/segment-file.js';
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  BlockKind,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { MAX_EVENT_ID } from '../segment/frame.js';
import type { Behind } from '../segment/verdict.js';
import type { Storage } from '../storage/storage.js';

export interface TailScan {
  /** E, where the scan began. */
  readonly fromOffset: number;
  /** Headers whose checksum holds; for each the payload may be whole or not. */
  readonly validHeaders: number;
  /** Those of seals. */
  readonly sealHeaders: number;
  /** Blocks whose header and payload validate, and the events in them. */
  readonly wholeBlocks: number;
  readonly wholeEvents: number;
  /** Highest `durableEventId` in a header whose checksum holds; 0 for none. */
  readonly durableEventId: number;
  /** Highest id that a valid header speaks of as written; 0 for none. */
  readonly lastEventId: number;
  /** First id of the first whole block of events; 0 for none. */
  readonly firstWholeEventId: number;
  /** Highest id that a whole seal counts to the segment; 0 for none. */
  readonly sealedEventId: number;
  /** Just behind the last byte that is not zero; E when all are. */
  readonly nonZeroEndOffset: number;
  /** Just behind the last block with a valid header; E when there is none. */
  readonly blocksEndOffset: number;
}

/** Scans from `fromOffset` to the end of the file. */
export function scanTail(storage: Storage, file: SegmentFile, fromOffset: number): TailScan {
  return new TailScanner(storage, file, fromOffset).run();
}

class TailScanner {
  readonly #storage: Storage;
  readonly #file: SegmentFile;
  readonly #fromOffset: number;
  readonly #scanner: BlockScanner;
  readonly #budget: PayloadBudget;
  #payload = new Uint8Array(0);
  #validHeaders = 0;
  #sealHeaders = 0;
  #wholeBlocks = 0;
  #wholeEvents = 0;
  #durableEventId = 0;
  #lastEventId = 0;
  #firstWholeEventId = 0;
  #sealedEventId = 0;
  #wholeEndOffset: number;
  #blocksEndOffset: number;

  constructor(storage: Storage, file: SegmentFile, fromOffset: number) {
    this.#storage = storage;
    this.#file = file;
    this.#fromOffset = fromOffset;
    this.#scanner = new BlockScanner(storage, file);
    this.#budget = new PayloadBudget(this.#scanner.endOffset);
    this.#wholeEndOffset = fromOffset;
    this.#blocksEndOffset = fromOffset;
  }

  run(): TailScan {
    const scanner = this.#scanner;
    let found = scanner.find(this.#fromOffset);
    while (found !== undefined) {
      // A payload that validates is no place to look for blocks in.
      found = scanner.find(this.#note(found) ?? found.offset + BLOCK_ALIGNMENT);
    }
    return {
      fromOffset: this.#fromOffset,
      validHeaders: this.#validHeaders,
      sealHeaders: this.#sealHeaders,
      wholeBlocks: this.#wholeBlocks,
      wholeEvents: this.#wholeEvents,
      durableEventId: this.#durableEventId,
      lastEventId: this.#lastEventId,
      firstWholeEventId: this.#firstWholeEventId,
      sealedEventId: this.#sealedEventId,
      nonZeroEndOffset: Math.max(this.#wholeEndOffset, scanner.nonZeroEndOffset),
      blocksEndOffset: this.#blocksEndOffset,
    };
  }

  /** Counts a valid header; the end of its block when the payload validates too. */
  #note({ header, isPossible, offset }: FoundHeader): number | undefined {
    this.#validHeaders++;
    if (header.kind === BlockKind.seal) this.#sealHeaders++;
    const durableEventId = Math.min(header.durableEventId, MAX_EVENT_ID);
    this.#durableEventId = Math.max(this.#durableEventId, durableEventId);
    // No crash makes such a header. Who wrote it has told of the claim, whatever else is wrong.
    if (!isPossible) return undefined;
    const blockEnd = offset + BLOCK_HEADER_BYTES + header.payloadBytes;
    const lastEventId = header.firstEventId + header.eventCount - 1;
    this.#lastEventId = Math.max(this.#lastEventId, lastEventId);
    this.#blocksEndOffset = Math.max(this.#blocksEndOffset, blockEnd);
    if (!this.#isWhole(header, offset)) return undefined;
    this.#wholeBlocks++;
    this.#wholeEvents += header.eventCount;
    this.#wholeEndOffset = Math.max(this.#wholeEndOffset, blockEnd);
    if (this.#firstWholeEventId === 0 && header.kind === BlockKind.events) {
      this.#firstWholeEventId = header.firstEventId;
    }
    if (header.kind === BlockKind.seal) {
      this.#sealedEventId = Math.max(this.#sealedEventId, lastEventId);
    }
    return blockEnd;
  }

  #isWhole(header: BlockHeader, offset: number): boolean {
    if (this.#budget.isSpent) return false;
    const payloadOffset = offset + BLOCK_HEADER_BYTES;
    const room = Math.max(0, this.#scanner.endOffset - payloadOffset);
    const byteCount = Math.min(header.payloadBytes, room);
    if (this.#payload.length < byteCount) this.#payload = new Uint8Array(byteCount);
    const target = this.#payload.subarray(0, byteCount);
    const count = readSegment(this.#storage, this.#file, target, payloadOffset);
    const payload = target.subarray(0, count);
    if (verifyBlockPayload(header, payload, this.#file.header.salt) === undefined) return true;
    this.#budget.spend(count);
    return false;
  }
}

/** What the scan means for the verdict; stale bytes of an earlier life of the file are nothing. */
export function behindOf(scan: TailScan, recycledBody: boolean): Behind {
  if (scan.sealHeaders > 0) return 'seal';
  if (scan.validHeaders > 0) return 'blocks';
  return scan.nonZeroEndOffset > scan.fromOffset && !recycledBody ? 'bytes' : 'nothing';
}
