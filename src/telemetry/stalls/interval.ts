// What happened to a log between two looks at it, in numbers: a tenth of a second while events
// come, longer while nothing happens or while a stall lasts.

/**
 * Fields, and the word of a record at which each stands. Times are microseconds. `…InUs`: how long
 * the thread had been in what it was doing when the interval ended. `…ReadyUs`: ready to run, and
 * without a processor. `…AtOthersUs`: at other logs while this one was due. `helper`: housekeeping.
 */
export const INTERVAL_FIELDS = {
  lengthUs: 4,
  /** How much longer housekeeping and the writer slept than they had asked for. */
  helperOversleptUs: 5,
  /** Events that were appended. */
  events: 6,
  /** Bytes in the ring at its end, and what the ring had room for. */
  waitingBytes: 7,
  ringBytes: 8,
  /** Calls that ended in it, and what they took, also before it. */
  writes: 9,
  writeUs: 10,
  syncs: 11,
  syncUs: 12,
  /** One of WRITER_DOES. */
  writerDoes: 13,
  writerInUs: 14,
  writerRunUs: 15,
  writerReadyUs: 16,
  writerAtOthersUs: 17,
  /** What the preparer's calls took that ended in it. */
  preparerUs: 18,
  preparerInUs: 19,
  preparerReadyUs: 20,
  preparerAtOthersUs: 21,
  applicationRunUs: 22,
  applicationReadyUs: 23,
  collectorUs: 24,
  /** How long what waits at its end has waited; 0: nothing waits. */
  appendUs: 25,
  durableUs: 26,
  segmentUs: 27,
  /** Bits: see INTERVAL_MARKS. */
  marks: 28,
  writerOversleptUs: 29,
  helperReadyUs: 30,
} as const;
/**
 * What is counted of an interval; times are in microseconds. `lengthUs` is its length; `writes`,
 * `writeUs`, `syncs`, `syncUs`, `preparerUs` are of calls that ended in it; `writerDoes` is what
 * the writer was in at its end (1 a write, 2 a sync, 3 a rotation), `writerInUs` for how long;
 * `…RunUs` how long a thread ran, `…ReadyUs` how long it was ready and had no processor,
 * `…OversleptUs` how much longer it slept than it had asked for, `…AtOthersUs` how long it was at
 * other logs while this one was due; `helper…` is the housekeeping thread; `appendUs`, `durableUs`,
 * `segmentUs` how long something had waited at its end; `marks` bit 0: the times of threads are
 * known, bit 1: out of space.
 */
export type IntervalField = keyof typeof INTERVAL_FIELDS;

/** What the writer thread is in: index of `writerDoes`. */
export const WRITER_DOES = ['nothing', 'write', 'sync', 'rotation'] as const;

export const INTERVAL_MARKS = {
  /** The times that threads ran and were ready are known. */
  threadTimes: 1,
  /** The log was out of space. */
  noSpace: 2,
} as const;

/** What happened to a log within one interval; see the fields of INTERVAL_FIELDS. */
export interface Interval extends Readonly<Record<IntervalField, number>> {
  /** Counts up; one that is missing was not kept. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly endMs: number;
}

export function intervalOf(
  number: number,
  endMs: number,
  words: Int32Array | Uint32Array,
): Interval {
  const fields = Object.entries(INTERVAL_FIELDS).map(
    ([name, at]) => [name, (words[at] as number) >>> 0] as const,
  );
  return { number, endMs, ...(Object.fromEntries(fields) as Record<IntervalField, number>) };
}
