// A segment's header pins the end of its predecessor. Up to there everything must validate; behind
// it, a seal or the remains of a torn write, everything is legal.
import { WalError } from '../errors.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { lostSentence, restoreAdvice } from './advice.js';
import type { SegmentReader } from './segment-reader.js';
import { type SalvageBounds, SegmentSalvager } from './segment-salvager.js';

/** Whether what `reader` has verified so far ends exactly where the successor's header pins. */
export function endsAtPin(reader: SegmentReader, pin: SegmentHeader): boolean {
  const { endOffset, blockChecksum, lastEventId } = reader.end;
  return (
    endOffset === pin.previousEndOffset &&
    lastEventId === pin.previousLastEventId &&
    (blockChecksum === undefined || blockChecksum === pin.previousBlockChecksum)
  );
}

/** What counts in a segment whose end is pinned. */
export const boundsOf = (pin: SegmentHeader): SalvageBounds => ({
  limitOffset: pin.previousEndOffset,
  lastEventId: pin.previousLastEventId,
});

/**
 * A finished segment that does not validate up to its pin. Looks for what stands behind the damage,
 * so that the ids that it names are those that are lost.
 */
export function pinError(storage: Storage, reader: SegmentReader, pin: SegmentHeader): WalError {
  const { file, stop, end } = reader;
  const { previousLastEventId, previousEndOffset, segmentIndex } = pin;
  const hole = new SegmentSalvager(storage, reader).skipHole(boundsOf(pin));
  const lastLost = hole === undefined ? previousLastEventId : end.lastEventId + hole.events;
  const message =
    `${file.path} is sound up to offset ${end.endOffset}, event ${end.lastEventId} ` +
    `(then: ${stop?.message}), and segment ${segmentIndex} says that it holds events up to ` +
    `${previousLastEventId}, offset ${previousEndOffset}.` +
    `${lostSentence(end.lastEventId + 1, lastLost)} ${restoreAdvice(file.path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, {
    path: file.path,
    offset: end.endOffset,
  });
}
