// A walk to the end of one segment, with all that an append needs to go on from there.

import { confirmSeal, tallyBlock } from '../reading/seal-check.js';
import type { SegmentEnd, SegmentPosition, SegmentReader } from '../reading/segment-reader.js';
import type { Stop } from '../reading/stop.js';
import { SegmentTally } from '../segment/segment-tally.js';

export interface SegmentWalk {
  /** E and what follows there: where and how the next block would be written. */
  readonly position: SegmentPosition;
  /** What a successor pins: the last event or watermark block, the seal excluded. */
  readonly end: SegmentEnd;
  readonly sealed: boolean;
  /** Highest durable id that a block of the valid prefix claims; 0 for none. */
  readonly durableEventId: number;
  /** Valid blocks, watermarks and the seal included. */
  readonly blocks: number;
  /** Totals and sparse index of the valid prefix; a writer goes on with the same object. */
  readonly tally: SegmentTally;
  /** `writtenTsNs` of the last block, 0n for none. */
  readonly lastWrittenTsNs: bigint;
  /** Why E does not validate. */
  readonly stop: Stop;
}

/**
 * Walks a fresh reader to the end; a seal counts where it is true of its blocks.
 * @param onBlock called after each block, the reader standing on it
 */
export function walkSegment(
  reader: SegmentReader,
  limitOffset?: number,
  onBlock: (reader: SegmentReader) => void = () => {},
): SegmentWalk {
  const tally = new SegmentTally(reader.nextEventId);
  let lastWrittenTsNs = 0n;
  while (reader.next(limitOffset)) {
    lastWrittenTsNs = reader.block?.writtenTsNs ?? lastWrittenTsNs;
    tallyBlock(tally, reader);
    onBlock(reader);
  }
  const sealed = confirmSeal(reader);
  const { position, end, durableEventId } = reader;
  const blocks = position.nextBlockIndex;
  const stop = reader.stop ?? { reason: 'full', message: 'the walk ended' };
  return { position, end, sealed, durableEventId, blocks, tally, lastWrittenTsNs, stop };
}
