// A segment's header pins the end of its predecessor. Up to there everything must validate; behind
// it, a seal or the remains of a torn write, everything is legal.
import { WalError } from '../errors.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { SegmentReader } from './segment-reader.js';

/** Whether what `reader` has verified so far ends exactly where the successor's header pins. */
export function endsAtPin(reader: SegmentReader, pin: SegmentHeader): boolean {
  const { endOffset, blockChecksum, lastEventId } = reader.end;
  return (
    endOffset === pin.previousEndOffset &&
    lastEventId === pin.previousLastEventId &&
    (blockChecksum === undefined || blockChecksum === pin.previousBlockChecksum)
  );
}

/** Events that a finished segment should hold and that `reader` could not verify. */
export const eventsBeforePin = (reader: SegmentReader, pin: SegmentHeader): number =>
  Math.max(0, pin.previousLastEventId - reader.end.lastEventId);

/** A finished segment that does not validate up to its pin. */
export function pinError(reader: SegmentReader, pin: SegmentHeader): WalError {
  const { file, stop, end } = reader;
  const { previousLastEventId, previousEndOffset, segmentIndex } = pin;
  const ids =
    eventsBeforePin(reader, pin) > 0
      ? ` Events ${end.lastEventId + 1} to ${previousLastEventId} are lost.`
      : '';
  const message =
    `${file.path} is sound up to offset ${end.endOffset}, event ${end.lastEventId} ` +
    `(then: ${stop?.message}), and segment ${segmentIndex} says that it holds events up to ` +
    `${previousLastEventId}, offset ${previousEndOffset}.${ids} ` +
    'Nothing was changed; restore the file from a copy, or salvage what is readable.';
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, {
    path: file.path,
    offset: end.endOffset,
  });
}
