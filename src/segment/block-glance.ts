// A look at the header of a block that another thread of ours has verified, in memory that nobody
// else writes to: which block it is, and where it ends. Its checksum is not computed again. That
// took half of the time in which a reader comes to blocks that were prepared for it, and would find
// nothing that the thread has not looked for.
import { wordOf } from '../memory/layout.js';
import { TWO_POW_32 } from '../units.js';
import { BLOCK_HEADER_BYTES, BLOCK_MAGIC, BlockHeaderLayout } from './block-header.js';

const { offset } = BlockHeaderLayout;
/** `magic`, `kind` and `flags` are one word. */
const MAGIC_WORD = wordOf(offset.magic);
const KIND_SHIFT = (offset.kind - offset.magic) * 8;
const PAYLOAD_BYTES = wordOf(offset.payloadBytes);
const FIRST_EVENT_ID = wordOf(offset.firstEventId);
const EVENT_COUNT = wordOf(offset.eventCount);
const BLOCK_INDEX = wordOf(offset.blockIndex);
const PREVIOUS = wordOf(offset.previousBlockChecksum);
const CHECKSUM = wordOf(offset.headerChecksum);

/** One object for all looks: its fields are of the last header. */
export class BlockGlance {
  kind = 0;
  payloadBytes = 0;
  firstEventId = 0;
  eventCount = 0;
  blockIndex = 0;
  /** The halves of `previousBlockChecksum`: a bigint would take longer than all else here. */
  previousLow = 0;
  previousHigh = 0;
  #checksumLow = 0;
  #checksumHigh = 0;

  /**
   * Whether a header begins at byte `at`, and its block ends up to `end`.
   * @param words of the memory
   * @param follows it must be of the block right behind that of the last look
   */
  look(words: Int32Array, at: number, end: number, follows: boolean): boolean {
    if (at + BLOCK_HEADER_BYTES > end) return false;
    const word = at >> 2;
    // In bounds: the header is there to its end.
    const first = words[word + MAGIC_WORD] as number;
    if ((first & 0xffff) !== BLOCK_MAGIC) return false;
    this.previousLow = words[word + PREVIOUS] as number;
    this.previousHigh = words[word + PREVIOUS + 1] as number;
    const isNext =
      this.previousLow === this.#checksumLow && this.previousHigh === this.#checksumHigh;
    if (follows && !isNext) return false;
    this.#checksumLow = words[word + CHECKSUM] as number;
    this.#checksumHigh = words[word + CHECKSUM + 1] as number;
    this.kind = (first >>> KIND_SHIFT) & 0xff;
    this.payloadBytes = (words[word + PAYLOAD_BYTES] as number) >>> 0;
    const high = (words[word + FIRST_EVENT_ID + 1] as number) >>> 0;
    this.firstEventId = high * TWO_POW_32 + ((words[word + FIRST_EVENT_ID] as number) >>> 0);
    this.eventCount = (words[word + EVENT_COUNT] as number) >>> 0;
    this.blockIndex = (words[word + BLOCK_INDEX] as number) >>> 0;
    return at + BLOCK_HEADER_BYTES + this.payloadBytes <= end;
  }
}

/** A u64 of its halves. */
export const joined = (low: number, high: number): bigint =>
  (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
