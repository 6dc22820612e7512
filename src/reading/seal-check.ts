// Whether a seal is true of the blocks that it closes. Its checksums say that it is there as it was
// written, not that it was written right: only the blocks themselves tell that.
import { WalError } from '../errors.js';
import { BlockKind } from '../segment/block-header.js';
import { type Defect, isDefect, makeDefect } from '../segment/defect.js';
import { decodeFrame, highestTimestampNs } from '../segment/frame.js';
import type { SealTotals } from '../segment/seal.js';
import { SegmentTally } from '../segment/segment-tally.js';
import { restoreAdvice } from './advice.js';
import type { SealBlock } from './seal-block.js';
import { type SegmentReader, startOf } from './segment-reader.js';

/** Adds the reader's current block to `tally`. */
export function tallyBlock(tally: SegmentTally, reader: SegmentReader): void {
  const { block, bytes, payloadStart, payloadEnd, blockOffset } = reader;
  if (block?.kind === BlockKind.watermark) tally.addWatermark();
  if (block?.kind !== BlockKind.events) return;
  const place = { offset: blockOffset, blockIndex: block.blockIndex };
  const first = decodeFrame(bytes, payloadStart).timestampNs;
  tally.addEvents(block, place, first, highestTimestampNs(bytes, payloadStart, payloadEnd));
}

const TOTALS = [
  'firstEventId',
  'lastEventId',
  'eventCount',
  'eventBlocks',
  'watermarkBlocks',
  'payloadBytes',
  'firstTimestampNs',
  'highestTimestampNs',
] as const satisfies readonly (keyof SealTotals)[];

/** Compares a seal with its blocks, which are added from the first to the last. */
export class SealCheck {
  readonly #block: SealBlock;
  readonly #tally: SegmentTally;
  /** So many entries of the index were met. */
  #entriesMet = 0;
  #entryProblem: string | undefined;

  constructor(block: SealBlock, firstEventId: number) {
    this.#block = block;
    this.#tally = new SegmentTally(firstEventId);
  }

  /**
   * For the seal at `offset`, of the segment at whose start `reader` stands; undefined where no
   * seal is there whole, which is legal in a finished segment.
   */
  static at(reader: SegmentReader, offset: number): SealCheck | undefined {
    const block = reader.sealBlockAt(offset);
    return block && new SealCheck(block, reader.file.header.firstEventId);
  }

  /** Adds the reader's current block. */
  add(reader: SegmentReader): void {
    const { block, blockOffset } = reader;
    const { seal } = this.#block;
    tallyBlock(this.#tally, reader);
    if (block?.kind !== BlockKind.events || isDefect(seal)) return;
    const entry = seal.entries[this.#entriesMet];
    if (entry === undefined || entry.offset > blockOffset) return;
    const isTrue =
      entry.offset === blockOffset &&
      entry.eventId === block.firstEventId &&
      entry.blockIndex === block.blockIndex &&
      entry.highestTimestampNs === this.#tally.highestTimestampNs;
    if (!isTrue) this.#entryProblem ??= this.#entryText();
    this.#entriesMet++;
  }

  /** What is wrong with the seal; `reader` stands behind the last block that was added. */
  defect(reader: SegmentReader): Defect | undefined {
    const { header, seal } = this.#block;
    if (isDefect(seal)) return seal;
    const { nextEventId, nextBlockIndex, previousBlockChecksum } = reader.position;
    const follows =
      header.firstEventId === nextEventId &&
      header.blockIndex === nextBlockIndex &&
      header.previousBlockChecksum === previousBlockChecksum;
    if (!follows) return makeDefect('field', 'the seal does not follow the block before it');
    const { totals } = this.#tally;
    const wrong = TOTALS.find((name) => seal.totals[name] !== totals[name]);
    if (wrong !== undefined) {
      const [told, found] = [seal.totals[wrong], totals[wrong]];
      return makeDefect('field', `the seal has ${wrong} ${told}, its blocks ${found}`);
    }
    if (this.#entriesMet < seal.entries.length) this.#entryProblem ??= this.#entryText();
    return this.#entryProblem === undefined ? undefined : makeDefect('field', this.#entryProblem);
  }

  #entryText(): string {
    return `entry ${this.#entriesMet} of the seal names no block that is there`;
  }
}

/**
 * What is wrong with the seal right behind the last block that `reader` has verified. The blocks of
 * the segment are read once more for that, from the first on, into the same buffer. Undefined also
 * where no seal is there whole, and where not all blocks can be read: nothing shows it to be wrong.
 */
export function sealDefect(reader: SegmentReader): Defect | undefined {
  const { endOffset } = reader.end;
  const again = reader.readerAt(startOf(reader.file));
  const check = SealCheck.at(again, endOffset);
  if (check === undefined) return undefined;
  while (again.next(endOffset)) check.add(again);
  return again.offset === endOffset ? check.defect(again) : undefined;
}

/**
 * Whether the segment, which `reader` has read to its end, ends with a seal that is true of its
 * blocks. One that is not ends nothing: `reader` then stands before it, and `stop` tells why. Asked
 * where it matters only, at the end of a log and where a successor cannot be read: the segment is
 * read twice for the answer, once in the life of a reader.
 */
export function confirmSeal(reader: SegmentReader): boolean {
  if (reader.hasUnconfirmedSeal) reader.settleSeal(sealDefect(reader));
  return reader.sealed;
}

/** The error for a seal of a finished segment that is not true of its blocks. */
export function sealError(
  { path }: SegmentReader['file'],
  offset: number,
  defect: Defect,
): WalError {
  const message =
    `${path}: the seal at offset ${offset} is not true of the blocks before it ` +
    `(${defect.message}). No event is lost: readers do without it. ${restoreAdvice(path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path, offset });
}
