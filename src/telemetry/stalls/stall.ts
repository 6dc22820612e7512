// A stall as it is handed out.
import {
  STALL_CAUSES,
  type StallCause,
  type StallWaits,
  WAIT_KINDS,
  type WaitKind,
} from './causes.js';
import type { Interval } from './interval.js';
import type { LeftStalls } from './left-stalls.js';
import type { StallRecord } from './stall-records.js';

/** A time in which a log kept somebody waiting, and what it was. */
export interface Stall {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly startMs: number;
  /** How long it took, or has taken so far. */
  readonly durationMs: number;
  /**
   * - `over`: what waited has been answered
   * - `lasts`: something still waits
   * - `killed`: the process ended while something waited
   */
  readonly end: 'over' | 'lasts' | 'killed';
  /** Who waited; kinds of which none did are missing. */
  readonly waits: Readonly<Partial<Record<WaitKind, StallWaits>>>;
  /** What most of it went to. */
  readonly cause: StallCause;
  /** Microseconds that went to each cause; together they are its length. None is 0. */
  readonly sharesUs: Readonly<Partial<Record<StallCause, number>>>;
  /** Events that were appended in the intervals that it touches. */
  readonly events: number;
  /** Writes to the segment that ended in them, seals and watermarks included. */
  readonly writes: number;
  /** Syncs that ended in them, and the steps of rotations that wait for the disk as a sync does. */
  readonly syncs: number;
  /** Most bytes in the ring at the end of one of them. */
  readonly waitingBytesMax: number;
  /** What the ring had room for. */
  readonly ringBytes: number;
  /** What was recorded around it, as far as it is still there: the oldest first. */
  readonly intervals: readonly Interval[];
}

/** Before and behind a stall. */
const AROUND_MS = 500;

/** All stalls of an area, the oldest first. */
export function stallsOf({ area, lastingNumber }: LeftStalls): readonly Stall[] {
  const intervals = area.intervals.all();
  return area.past.all().map((record) => stallOf(record, intervals, lastingNumber));
}

function stallOf(
  record: StallRecord,
  intervals: readonly Interval[],
  lastingNumber: number | undefined,
): Stall {
  const { startMs, durationMs, isOver, events, writes, syncs, waitingBytesMax, ringBytes } = record;
  const waits = WAIT_KINDS.flatMap((kind, at) => {
    const ofKind = record.waits[at];
    return ofKind === undefined || ofKind.count === 0 ? [] : [[kind, ofKind] as const];
  });
  const shares = STALL_CAUSES.flatMap((cause, at) => {
    const us = record.shares[at] ?? 0;
    return us === 0 ? [] : [[cause, us] as const];
  });
  return {
    startMs,
    durationMs,
    end: isOver ? 'over' : record.number === lastingNumber ? 'lasts' : 'killed',
    waits: Object.fromEntries(waits),
    cause: STALL_CAUSES[record.causeAt] ?? 'unknown',
    sharesUs: Object.fromEntries(shares),
    events,
    writes,
    syncs,
    waitingBytesMax,
    ringBytes,
    intervals: intervals.filter(
      ({ endMs, lengthUs }) =>
        endMs > startMs - AROUND_MS && endMs - lengthUs / 1000 < startMs + durationMs + AROUND_MS,
    ),
  };
}
