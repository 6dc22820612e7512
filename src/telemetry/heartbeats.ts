// Heartbeats: each thread of a log counts its turns in the header page of the region, and others
// see whether it is still running. A metric that a stalled thread updates looks healthy; its
// heartbeat does not.
import type { Clock } from '../clock/clock.js';
import { assert } from '../errors.js';
import { layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import type { Collector } from '../metrics/collector.js';
import { underLabels } from '../metrics/labels.js';
import { RegionHeaderLayout } from '../region/region-layout.js';
import { hexOf64, NS_PER_MS, NS_PER_SECOND, TWO_POW_32 } from '../units.js';

/** The threads that every log has. */
export const THREAD_NAMES = ['writer', 'preparer', 'housekeeping'] as const;
/** One that maintains finished segments is there only for logs that ask for it. */
export type ThreadName = (typeof THREAD_NAMES)[number] | 'maintainer';

/**
 * All that have a heartbeat, each at its place: the threads of a log, and the event loop of the
 * application that has opened it.
 */
const HEART_NAMES = [...THREAD_NAMES, 'application', 'maintainer'] as const;
export type HeartName = (typeof HEART_NAMES)[number];

/** The threads that may serve other logs as well. */
export const SERVING_THREADS = [...THREAD_NAMES, 'maintainer'] as const;
export type ServingThread = (typeof SERVING_THREADS)[number];

/**
 * A beat's counter and the milliseconds of the monotonic clock at it; one writer: its thread. Then
 * whether that is at another log, since when, and at which; one writer: the application's thread,
 * five times a second at the most. Then what the recorder of stalls needs to know of the thread.
 */
const Heartbeat = layout('Heartbeat')
  .field(0, 'beats', u32)
  .field(4, 'nowMs', u32)
  .field(8, 'isElsewhere', u32)
  .field(12, 'elsewhereMs', u32)
  .field(16, 'elsewhereLogId', u64)
  /** The system's number of the thread; 0: not known. Writer: the thread. */
  .field(24, 'threadId', u32)
  /** 1 from a beat until the work that it began is over. Writer: the thread. */
  .field(28, 'isInStep', u32)
  /** µs that it was at other logs while this one was due, modulo 2^32. Writer: the thread. */
  .field(32, 'atOthersUs', u32)
  /** µs that the collector held the application's thread, modulo 2^32. Writer: that thread. */
  .field(36, 'collectorUs', u32)
  /** µs by which its sleeps were longer than it had asked for, modulo 2^32. Writer: the thread. */
  .field(40, 'oversleptUs', u32)
  .field(44, 'spare', pad(84))
  .end(128, 64);
const BEATS = wordOf(Heartbeat.offset.beats);
const NOW_MS = wordOf(Heartbeat.offset.nowMs);
const IS_ELSEWHERE = wordOf(Heartbeat.offset.isElsewhere);
const ELSEWHERE_MS = wordOf(Heartbeat.offset.elsewhereMs);
const ELSEWHERE_LOG_ID = wordOf(Heartbeat.offset.elsewhereLogId);

const HEARTBEATS = 8;
assert(HEARTBEATS * Heartbeat.size === 1024, 'the heartbeats fill their place');
assert(HEART_NAMES.length <= HEARTBEATS, 'each thread has a heartbeat');

/** Word index of the heartbeat of a thread, in words over the whole region. */
const indexOf = (thread: number): number =>
  wordOf(RegionHeaderLayout.offset.heartbeats + thread * Heartbeat.size);

/** Where a field of a thread's heartbeat stands, in words over the whole region. */
export const heartWord = (thread: HeartName, field: keyof typeof Heartbeat.offset): number =>
  indexOf(HEART_NAMES.indexOf(thread)) + wordOf(Heartbeat.offset[field]);

/**
 * A function that beats the heart of `thread`.
 * @param region its words, the first of them in its header page
 */
export function heartbeatOf(
  { words }: { readonly words: Int32Array },
  thread: HeartName,
  clock: Clock,
): () => void {
  const index = indexOf(HEART_NAMES.indexOf(thread));
  return () => {
    // The time first: who sees a beat counted sees its time or a later one.
    Atomics.store(words, index + NOW_MS, wrappedMs(clock.nowNs()));
    Atomics.store(words, index + BEATS, (Atomics.load(words, index + BEATS) + 1) | 0);
  };
}

/** Milliseconds of a clock, as they stand in a word of shared memory. */
export const wrappedMs = (nowNs: number): number =>
  (Math.floor(nowNs / NS_PER_MS) % TWO_POW_32) | 0;

/** Another log, at which a thread is. */
export interface Elsewhere {
  /** 0 while it is being opened. */
  readonly logId: bigint;
  /** Since when, by `wrappedMs`. */
  readonly sinceMs: number;
}

/**
 * A function that tells, beside its heartbeat, at which other log `thread` is; undefined: at none.
 * @param region as for `heartbeatOf`
 */
export function elsewhereOf(
  { words }: { readonly words: Int32Array },
  thread: ServingThread,
): (elsewhere: Elsewhere | undefined) => void {
  const index = indexOf(HEART_NAMES.indexOf(thread));
  return (elsewhere) => {
    if (elsewhere === undefined) {
      if (words[index + IS_ELSEWHERE] === 0) return;
      Atomics.store(words, index + IS_ELSEWHERE, 0);
      return;
    }
    const { logId, sinceMs } = elsewhere;
    Atomics.store(words, index + ELSEWHERE_MS, sinceMs);
    Atomics.store(words, index + ELSEWHERE_LOG_ID, Number(BigInt.asIntN(32, logId)));
    Atomics.store(words, index + ELSEWHERE_LOG_ID + 1, Number(BigInt.asIntN(32, logId >> 32n)));
    Atomics.store(words, index + IS_ELSEWHERE, 1);
  };
}

/** The heartbeat of a thread. */
export interface ThreadReading {
  /**
   * Turns of its loop since the log was opened, modulo 2^32; 0 before the first. The application's
   * are those of a timer that is due five times a second.
   */
  readonly beats: number;
  /** Time since the last turn, to the millisecond; undefined before the first. */
  readonly ageNs: number | undefined;
  /**
   * Another log that this thread serves and is at, since its last turn for this one: then this one
   * waits for that. Told by the application's thread once it has lasted for 0.1 s; missing where
   * it is at none.
   */
  readonly elsewhere?: LogElsewhere;
}

/** A log that keeps a thread from others. */
interface LogElsewhere {
  /** 16 hexadecimal digits, as `flashstrike inspect` shows it; zeros while it is being opened. */
  readonly logId: string;
  /** How long it has been at it. */
  readonly ageNs: number;
}

/** The heartbeats of the threads of a log, and of the event loop of its application. */
export type ThreadReadings = Readonly<Record<HeartName, ThreadReading>>;

const readingsOf = (read: (thread: number) => ThreadReading): ThreadReadings =>
  Object.freeze(
    Object.fromEntries(HEART_NAMES.map((name, thread) => [name, read(thread)])),
  ) as ThreadReadings;

/** Of a log that no region shows. */
export const NEVER_SEEN = readingsOf(() => ({ beats: 0, ageNs: undefined }));

/**
 * The heartbeats of all threads.
 * @param words of the region's header page, or of a copy of it
 * @param nowNs of the monotonic clock
 */
export function readThreads(words: Int32Array, nowNs: number): ThreadReadings {
  return readingsOf((thread) => {
    const index = indexOf(thread);
    const beats = Atomics.load(words, index + BEATS) >>> 0;
    const beatMs = Atomics.load(words, index + NOW_MS) >>> 0;
    const ageNs = beats === 0 ? undefined : ageSince(beatMs, nowNs);
    const elsewhere = readElsewhere(words, index, nowNs, ageNs);
    return elsewhere === undefined ? { beats, ageNs } : { beats, ageNs, elsewhere };
  });
}

/** What was told before the last beat is over. */
function readElsewhere(
  words: Int32Array,
  index: number,
  nowNs: number,
  beatAgeNs = Number.POSITIVE_INFINITY,
): LogElsewhere | undefined {
  if (Atomics.load(words, index + IS_ELSEWHERE) !== 1) return undefined;
  const ageNs = ageSince(Atomics.load(words, index + ELSEWHERE_MS) >>> 0, nowNs);
  if (ageNs > beatAgeNs) return undefined;
  const low = BigInt(Atomics.load(words, index + ELSEWHERE_LOG_ID) >>> 0);
  const high = BigInt(Atomics.load(words, index + ELSEWHERE_LOG_ID + 1) >>> 0);
  return { logId: hexOf64((high << 32n) | low), ageNs };
}

/** Milliseconds since a moment that `wrappedMs` has told. */
export const elapsedMs = (sinceMs: number, nowNs: number): number =>
  ageSince(sinceMs >>> 0, nowNs) / NS_PER_MS;

/** Both clocks are the machine's, read by two threads: one may be a moment ahead. */
function ageSince(beatMs: number, nowNs: number): number {
  const ageMs = (Math.floor(nowNs / NS_PER_MS) - beatMs) % TWO_POW_32;
  const positive = ageMs < 0 ? ageMs + TWO_POW_32 : ageMs;
  return positive >= TWO_POW_32 / 2 ? 0 : positive * NS_PER_MS;
}

/**
 * Hands on the ages of those that have been seen, and for how long each has been at another log:
 * `<prefix>_heartbeat_age_seconds{thread="writer"}`, `<prefix>_heartbeat_elsewhere_seconds{…}`.
 */
export function collectHeartbeats(
  prefix: string,
  threads: ThreadReadings,
  collector: Collector,
): void {
  const name = `${prefix}_heartbeat_age_seconds`;
  const help = 'Time since the thread last gave a sign of life, at the moment of the scrape';
  for (const [thread, { ageNs }] of Object.entries(threads)) {
    if (ageNs === undefined) continue;
    underLabels(collector, [['thread', thread]], () => {
      collector.gauge({ name, help }, ageNs / NS_PER_SECOND);
    });
  }
  const elsewhere = {
    name: `${prefix}_heartbeat_elsewhere_seconds`,
    help:
      'How long the thread has been at another log that it serves, while this one waits, at the ' +
      'moment of the scrape; 0: it is not',
  };
  for (const thread of SERVING_THREADS) {
    const reading = threads[thread];
    if (reading.ageNs === undefined) continue;
    underLabels(collector, [['thread', thread]], () => {
      collector.gauge(elsewhere, (reading.elsewhere?.ageNs ?? 0) / NS_PER_SECOND);
    });
  }
}
