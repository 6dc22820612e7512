// What processes that are gone left in shared memory, as those tell it who meet it: recovery, which
// puts it to disk, and verify, which says what recovery will do.
import { printable, WalError } from '../errors.js';
import type { RingMemory } from '../ring/ring-memory.js';
import type { RingDefect, UnreadEvents } from '../ring/ring-snapshot.js';

/** The ring of one region whose process is gone. */
export interface LeftRing {
  readonly path: string;
  readonly logId: bigint;
  /** A copy, for who reads it alone. */
  readonly memory: RingMemory;
  readonly unread: UnreadEvents | RingDefect | undefined;
  /** Id of the last event that the process had handed to the kernel; 0 for none. */
  readonly writtenEventId: number;
}

export interface LeftRegions {
  readonly rings: readonly LeftRing[];
  /** What LOCK names and the next opening cannot use, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * The last event that a ring brings to files which go on with event `expected`; undefined where they
 * lack nothing of it; a defect where what waits cannot follow.
 */
export function lastToTake(
  unread: LeftRing['unread'],
  expected: number,
): number | RingDefect | undefined {
  if (unread === undefined || 'defect' in unread) return unread;
  const { firstEventId, lastEventId } = unread;
  if (lastEventId < expected) return undefined;
  if (firstEventId <= expected) return lastEventId;
  return { defect: `it begins with event ${firstEventId}, the files end with ${expected - 1}` };
}

/** The error for a ring that cannot follow what the files hold. */
export const ringMismatch = (path: string, { defect }: RingDefect): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_RING_MISMATCH',
    `${path}: the events that the crashed process left in shared memory do not follow what the ` +
      `files hold (${defect}). Both are kept. Put back the files that are missing, or open with ` +
      "recovery: 'tolerate-tail' to go on without the ring.",
    { path },
  );

/** A note where the kernel had more events, never durable, than are there now. */
export const writtenNote = (writtenEventId: number, lastEventId: number): string =>
  `The shared region tells that events up to ${writtenEventId} had been written; ` +
  `those behind ${lastEventId}, none of them durable, are not there.`;

export const unusableNote = (path: string, reason: string): string =>
  `The shared region ${printable(path)} was not used: ${reason}`;

/** LOCK names a region after a crash only, and a power cut or a restart takes it along. */
export const missingNote = (path: string): string =>
  `The shared region ${printable(path)}, which LOCK names, is gone: events that a crashed process had ` +
  'appended and that were not written yet, if there were any, went with it.';
