// Heartbeats: each thread of a log counts its turns in the header page of the region, and others
// see whether it is still running. A metric that a stalled thread updates looks healthy; its
// heartbeat does not.
import type { Clock } from '../clock/clock.js';
import { assert } from '../errors.js';
import { layout, pad, u32, wordOf } from '../memory/layout.js';
import type { Collector } from '../metrics/collector.js';
import { underLabels } from '../metrics/labels.js';
import { RegionHeaderLayout } from '../region/region-layout.js';
import { NS_PER_MS, NS_PER_SECOND, TWO_POW_32 } from '../units.js';

/** The threads that every log has. */
export const THREAD_NAMES = ['writer', 'preparer', 'housekeeping'] as const;
/** One that maintains finished segments is there only for logs that ask for it. */
export type ThreadName = (typeof THREAD_NAMES)[number] | 'maintainer';

/**
 * All that have a heartbeat, each at its place: the threads of a log, and the event loop of the
 * application that has opened it.
 */
const HEART_NAMES = [...THREAD_NAMES, 'application', 'maintainer'] as const;
type HeartName = (typeof HEART_NAMES)[number];

/** A beat's counter and the milliseconds of the monotonic clock at it; one writer: its thread. */
const Heartbeat = layout('Heartbeat')
  .field(0, 'beats', u32)
  .field(4, 'nowMs', u32)
  .field(8, 'spare', pad(120))
  .end(128, 64);
const BEATS = wordOf(Heartbeat.offset.beats);
const NOW_MS = wordOf(Heartbeat.offset.nowMs);

const HEARTBEATS = 8;
assert(HEARTBEATS * Heartbeat.size === 1024, 'the heartbeats fill their place');
assert(HEART_NAMES.length <= HEARTBEATS, 'each thread has a heartbeat');

/** Word index of the heartbeat of a thread, in words over the whole region. */
const indexOf = (thread: number): number =>
  wordOf(RegionHeaderLayout.offset.heartbeats + thread * Heartbeat.size);

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
    const nowMs = Math.floor(clock.nowNs() / NS_PER_MS);
    Atomics.store(words, index + NOW_MS, (nowMs % TWO_POW_32) | 0);
    Atomics.store(words, index + BEATS, (Atomics.load(words, index + BEATS) + 1) | 0);
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
    return { beats, ageNs: beats === 0 ? undefined : ageSince(beatMs, nowNs) };
  });
}

/** Both clocks are the machine's, read by two threads: one may be a moment ahead. */
function ageSince(beatMs: number, nowNs: number): number {
  const ageMs = (Math.floor(nowNs / NS_PER_MS) - beatMs) % TWO_POW_32;
  const positive = ageMs < 0 ? ageMs + TWO_POW_32 : ageMs;
  return positive >= TWO_POW_32 / 2 ? 0 : positive * NS_PER_MS;
}

/**
 * Hands on the ages of those that have been seen:
 * `<prefix>_heartbeat_age_seconds{thread="writer"}`.
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
}
