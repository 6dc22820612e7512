// The sparse index of a finished segment, as a starting point near an event. It is believed only so
// far: whoever begins at an entry checks that the block stands there that the entry names.
import { isDefect } from '../segment/defect.js';
import type { Seal, SealEntry } from '../segment/seal.js';
import type { Storage } from '../storage/storage.js';
import { readSealBlock } from './seal-block.js';
import type { SegmentFile } from './segment-file.js';
import type { SegmentPosition } from './segment-reader.js';

/** The seal that stands at `offset`; undefined where it is missing, torn or impossible. */
export function readSeal(storage: Storage, file: SegmentFile, offset: number): Seal | undefined {
  const seal = readSealBlock(storage, file, offset)?.seal;
  return seal === undefined || isDefect(seal) ? undefined : seal;
}

/** The last indexed block that starts at or before `eventId`. */
export const positionNear = (seal: Seal, eventId: number): SegmentPosition | undefined =>
  positionOf(seal.entries.findLast((candidate) => candidate.eventId <= eventId));

/** The last indexed block up to whose end all events are before `timeNs`. */
export const positionBefore = (seal: Seal, timeNs: bigint): SegmentPosition | undefined =>
  positionOf(seal.entries.findLast((candidate) => candidate.highestTimestampNs < timeNs));

function positionOf(entry: SealEntry | undefined): SegmentPosition | undefined {
  return (
    entry && {
      offset: entry.offset,
      nextEventId: entry.eventId,
      nextBlockIndex: entry.blockIndex,
      // The index does not tell it; the block's own checksums and all later links are checked.
      previousBlockChecksum: undefined,
    }
  );
}
