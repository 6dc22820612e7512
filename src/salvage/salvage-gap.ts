// What salvage returns instead of events: where bytes are not what they should be, and which ids
// are missing because of that.
import { basename } from 'node:path';
import type { ErrorCode } from '../errors.js';

/** A place in a damaged log that could not be read. */
export interface SalvageGap {
  /** Distinguishes gaps from events. */
  readonly kind: 'gap';
  /** Name of the file in the folder, even if it is missing. */
  readonly file: string;
  /** Where the gap begins in the file; undefined for a missing file. */
  readonly offset: number | undefined;
  /** Number of unusable bytes from there on. */
  readonly bytes: number | undefined;
  /** First missing id; undefined if none is missing or known. */
  readonly firstEventId: number | undefined;
  /** Last missing id; undefined if none is missing or known. */
  readonly lastEventId: number | undefined;
  /** Number of missing events: 0 if none is missing, undefined if it is not known. */
  readonly lost: number | undefined;
  /**
   * - `ERR_FLASHSTRIKE_CORRUPT`, `_UNSAFE_FILE`, `_WRONG_LOG`, `_UNSUPPORTED`, `_IO`: why bytes
   *   that belong to the log cannot be read
   * - `ERR_FLASHSTRIKE_TORN_TAIL`: a write that a crash cut short, never reported durable
   * - `ERR_FLASHSTRIKE_RING_MISMATCH`: what a crashed process left in shared memory does not
   *   continue the files, or is damaged
   * - `ERR_FLASHSTRIKE_UNDECIDABLE`: nothing shows whether events are missing
   * - `ERR_FLASHSTRIKE_EXPIRED`: the oldest segments do not exist, as after retention
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
