// When each thread of a log was last seen to move: a metric that a stalled thread feeds looks
// healthy, its heartbeat does not. The hearts beat in the header page of the log's region.

import type { Collector } from '../metrics/collector.js';
import {
  heartbeatIndex,
  readHeartbeat,
  THREAD_NAMES,
  type ThreadName,
} from '../region/heartbeat.js';
import { NS_PER_MS, NS_PER_SECOND, TWO_POW_32 } from '../units.js';

export interface ThreadReading {
  /** Turns of its loop since the log was opened, modulo 2^32; 0 before the first. */
  readonly beats: number;
  /** Time since the last one, to the millisecond; undefined before the first. */
  readonly ageNs: number | undefined;
}

export type ThreadReadings = Readonly<Record<ThreadName, ThreadReading>>;

const readingsOf = (read: (thread: number) => ThreadReading): ThreadReadings =>
  Object.freeze(
    Object.fromEntries(THREAD_NAMES.map((name, thread) => [name, read(thread)])),
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
    const { beats, nowMs } = readHeartbeat(words, heartbeatIndex(thread));
    return { beats, ageNs: beats === 0 ? undefined : ageSince(nowMs, nowNs) };
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
  for (const [thread, { ageNs }] of Object.entries(threads)) {
    if (ageNs === undefined) continue;
    collector.pushLabel('thread', thread);
    try {
      collector.gauge({ name, help: 'Since the thread was seen to move' }, ageNs / NS_PER_SECOND);
    } finally {
      collector.popLabel();
    }
  }
}
