// What salvage tells instead of events: where bytes were not what they should be, and which ids are
// missing for it.
import { basename } from 'node:path';
import type { ErrorCode } from '../errors.js';

export interface SalvageGap {
  readonly kind: 'gap';
  /** Name of the file in the folder, also of one that is not there. */
  readonly file: string;
  /** Where it begins in the file; undefined for a file that is not there. */
  readonly offset: number | undefined;
  /** Bytes from there on that are of no use. */
  readonly bytes: number | undefined;
  /** The ids that are missing, both ends included; undefined where none is, or none is known. */
  readonly firstEventId: number | undefined;
  readonly lastEventId: number | undefined;
  /** Events known to be missing: 0 where none is, undefined where that cannot be told. */
  readonly lost: number | undefined;
  /**
   * - `ERR_FLASHSTRIKE_CORRUPT`, `_UNSAFE_FILE`, `_WRONG_LOG`, `_UNSUPPORTED`, `_IO`: why bytes
   *   that belong to the log are not readable
   * - `ERR_FLASHSTRIKE_TORN_TAIL`: a write that a crash cut short, and that nobody called durable
   * - `ERR_FLASHSTRIKE_RING_MISMATCH`: what a crashed process left in shared memory does not go on
   *   where the files end, or is not sound
   * - `ERR_FLASHSTRIKE_UNDECIDABLE`: nothing tells whether events are missing
   * - `ERR_FLASHSTRIKE_EXPIRED`: the oldest segments are not there, as retention leaves a log
   */
  readonly code: ErrorCode;
  /** What is wrong there, in a sentence. */
  readonly message: string;
}

/** The place of a gap: a path or a name, and what of it. */
export interface GapPlace {
  readonly path: string;
  readonly offset?: number | undefined;
  readonly bytes?: number | undefined;
}

export type GapCause = Pick<SalvageGap, 'code' | 'message'>;

/** A gap without events: what is wrong there cost none. */
export const harmlessGap = (place: GapPlace, cause: GapCause): SalvageGap => ({
  ...placed(place, cause),
  firstEventId: undefined,
  lastEventId: undefined,
  lost: 0,
});

/**
 * A gap that the events from `firstEventId` on are missing for: up to `lastEventId` where that is
 * known. None, where the last comes before the first.
 */
export function gapOf(
  place: GapPlace,
  cause: GapCause,
  firstEventId: number,
  lastEventId: number | undefined,
): SalvageGap {
  if (lastEventId === undefined) {
    return { ...placed(place, cause), firstEventId, lastEventId, lost: undefined };
  }
  const lost = lastEventId - firstEventId + 1;
  if (lost <= 0) return harmlessGap(place, cause);
  return { ...placed(place, cause), firstEventId, lastEventId, lost };
}

const placed = ({ path, offset, bytes }: GapPlace, { code, message }: GapCause) =>
  ({ kind: 'gap', file: basename(path), offset, bytes, code, message }) as const;
