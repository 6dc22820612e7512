// Which of the causes it was: a pure function of the waits and of the intervals around them.
//
// A wait is a chain, and each part of its length goes to one cause:
//
//   stopped   threads slept longer than they had asked for, and were not ready to run meanwhile
//   late      what was waited for was there, and the application's thread did not take it: the
//             collector, no processor, or the application's own code
//   segment   the writer waited for a segment: no processor, another log, a full disk, else the
//             preparer
//   the rest  is the writer's: no processor, another log, write and sync
//   what is   left goes to the application's side again: it did not ask for what it waited for
//
// What counts a call that ended within an interval may have begun before the stall, so each part is
// at most what is left of the length.
import { STALL_CAUSES, type StallCause, type StallShares, type WaitKind } from './causes.js';
import { INTERVAL_MARKS, type Interval, WRITER_DOES } from './interval.js';

/** A wait, or several at about the same time. */
interface StallWindow {
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** The longest wait of each kind, in microseconds; 0: none. */
  readonly longestUs: Readonly<Record<WaitKind, number>>;
  /** How long all waits for a segment took. */
  readonly segmentUs: number;
  /** How long what durable() waited for had been durable when it ended, of all such waits. */
  readonly lateUs: number;
  /** What was told by then is of it: a collection is, once the event loop turns. */
  readonly toldMs: number;
}

interface StallJudgement {
  readonly cause: StallCause;
  readonly shares: StallShares;
}

/** Calls that take less than this part of a wait are none that it waited for. */
const SHORT_PART = 1 / 4;

/** A length of which parts are taken until nothing is left. */
class Rest {
  us: number;
  readonly #shares: Record<StallCause, number>;

  constructor(us: number, shares: Record<StallCause, number>) {
    this.us = us;
    this.#shares = shares;
  }

  give(cause: StallCause, us: number): number {
    const given = Math.max(0, Math.min(us, this.us));
    this.us -= given;
    this.#shares[cause] += given;
    return given;
  }

  /** A part of it, with its own end. */
  part(us: number): Rest {
    const given = Math.max(0, Math.min(us, this.us));
    this.us -= given;
    return new Rest(given, this.#shares);
  }
}

/** Intervals that touch a window, one that begins as it ends included. */
export const touching = (
  window: Pick<StallWindow, 'startMs' | 'endMs'>,
  intervals: readonly Interval[],
): readonly Interval[] =>
  intervals.filter(
    ({ endMs, lengthUs }) => endMs > window.startMs && endMs - lengthUs / 1000 <= window.endMs,
  );

/** What the intervals around a window come to. */
function totalsOf(window: StallWindow, intervals: readonly Interval[]) {
  const around = touching(window, intervals);
  const { startMs, endMs, toldMs } = window;
  const told = touching({ startMs, endMs: Math.max(endMs, toldMs) }, intervals);
  const collectorUs = sumOf(told, (each) => each.collectorUs);
  const sum = (amount: (interval: Interval) => number): number => sumOf(around, amount);
  const last = around.at(-1);
  // A call that has not ended is in no total yet.
  const lasting = (what: (typeof WRITER_DOES)[number]): number =>
    last !== undefined && WRITER_DOES[last.writerDoes] === what ? last.writerInUs : 0;
  const isFull = around.some(({ marks }) => (marks & INTERVAL_MARKS.noSpace) !== 0);
  return { around, sum, lasting, isFull, collectorUs, stoppedUs: stoppedUs(told) };
}

function sumOf(intervals: readonly Interval[], amount: (interval: Interval) => number): number {
  return intervals.reduce((total, interval) => total + amount(interval), 0);
}

/**
 * How long nobody ran who should have. A thread that comes back from a sleep late was kept from
 * running, and the system has counted by then how much of that it was ready and had no processor.
 * The rest is what no load explains. Of two threads the one that slept is the witness: the other
 * may have been in a call. On a busy machine all threads are ready for long once a process goes
 * on; that is no part of it, and does not hide it either.
 */
function stoppedUs(intervals: readonly Interval[]): number {
  const known = intervals.filter(({ marks }) => (marks & INTERVAL_MARKS.threadTimes) !== 0);
  const ofWriter = sumOf(known, (each) => each.writerOversleptUs - each.writerReadyUs);
  const ofHelper = sumOf(known, (each) => each.helperOversleptUs - each.helperReadyUs);
  return Math.max(0, ofWriter, ofHelper);
}

/**
 * Says what a stall was caused by.
 * @param intervals around it, the oldest first; those that do not touch it are not looked at
 */
export function judgeStall(window: StallWindow, intervals: readonly Interval[]): StallJudgement {
  const shares = Object.fromEntries(STALL_CAUSES.map((cause) => [cause, 0])) as Record<
    StallCause,
    number
  >;
  const { around, sum, lasting, isFull, collectorUs, stoppedUs } = totalsOf(window, intervals);
  const rest = new Rest(Math.max(0, (window.endMs - window.startMs) * 1000), shares);
  const { append, durable } = window.longestUs;
  rest.give('stopped', stoppedUs);

  const applicationReadyUs = sum((each) => each.applicationReadyUs);
  // Of several kinds of waits only the longest is the stall's, and an append blocks the thread.
  const late = rest.part(durable > append ? window.lateUs : 0);
  const collected = late.give('collector', collectorUs);
  const notRun = late.give('scheduler', applicationReadyUs);
  late.give('application', late.us);

  const taking = rest.part(window.segmentUs);
  taking.give(
    'scheduler',
    sum((each) => each.preparerReadyUs),
  );
  taking.give(
    'neighbour',
    sum((each) => each.preparerAtOthersUs),
  );
  taking.give(isFull ? 'space' : 'preparer', taking.us);

  rest.give(
    'scheduler',
    sum((each) => each.writerReadyUs),
  );
  rest.give(
    'neighbour',
    sum((each) => each.writerAtOthersUs),
  );
  if (isFull) rest.give('space', rest.us);
  const writeUs = sum((each) => each.writeUs) + lasting('write');
  const syncUs = sum((each) => each.syncUs) + lasting('sync') + lasting('rotation');
  const longestUs = Math.max(lasting('write'), lasting('sync'), ...around.map(longestCallUs));
  giveDisk(rest, writeUs, syncUs, longestUs < SHORT_PART * append);

  if (durable > append) {
    rest.give('collector', collectorUs - collected);
    rest.give('scheduler', applicationReadyUs - notRun);
    rest.give(
      'application',
      sum((each) => each.applicationRunUs),
    );
  } else if (append > 0 && around.length > 0) {
    rest.give('ring', rest.us);
  }
  rest.give('unknown', rest.us);
  return { cause: largestOf(shares), shares };
}

/** About the longest call that ended in an interval: beside a long one there are few others. */
const longestCallUs = ({ writes, writeUs, syncs, syncUs }: Interval): number =>
  Math.max(writeUs / Math.max(1, writes), syncUs / Math.max(1, syncs));

/**
 * The calls of the writer, in the proportion that they have to each other.
 * @param isLoad none of them is what an append waited for: the ring is too small for this burst, or
 * the disk for this load
 */
function giveDisk(rest: Rest, writeUs: number, syncUs: number, isLoad: boolean): void {
  const bothUs = writeUs + syncUs;
  if (bothUs === 0) return;
  const disk = rest.part(bothUs);
  if (isLoad) {
    disk.give('ring', disk.us);
    return;
  }
  disk.give('sync', (disk.us * syncUs) / bothUs);
  disk.give('write', disk.us);
}

function largestOf(shares: StallShares): StallCause {
  let largest: StallCause = 'unknown';
  for (const cause of STALL_CAUSES) if (shares[cause] > shares[largest]) largest = cause;
  return largest;
}
