// Heartbeats: a counter for each thread of a log in the header page of its region, so that others
// see whether the thread still goes round.
import { assert } from '../errors.js';
import { layout, pad, u32, wordOf } from '../memory/layout.js';
import { TWO_POW_32 } from '../units.js';
import { RegionHeaderLayout } from './region-layout.js';

/** The threads of a log, each at the place of its heartbeat. */
export const THREAD_NAMES = ['writer', 'preparer', 'housekeeping'] as const;
export type ThreadName = (typeof THREAD_NAMES)[number];

/** A beat's counter and the milliseconds of the monotonic clock at it; one writer: its thread. */
const Heartbeat = layout('Heartbeat')
  .field(0, 'beats', u32)
  .field(4, 'nowMs', u32)
  .field(8, 'spare', pad(120))
  .end(128, 64);

const HEARTBEATS = 8;
assert(HEARTBEATS * Heartbeat.size === 1024, 'the heartbeats fill their place');

/** Word index of the beat of thread `thread` (0 … 7), in words over the whole region. */
export function heartbeatIndex(thread: number): number {
  assert(
    Number.isInteger(thread) && thread >= 0 && thread < HEARTBEATS,
    `there is no heartbeat ${thread}`,
  );
  return wordOf(RegionHeaderLayout.offset.heartbeats + thread * Heartbeat.size);
}

const BEATS = wordOf(Heartbeat.offset.beats);
const NOW_MS = wordOf(Heartbeat.offset.nowMs);

/** Counts a beat at `nowMs` of the monotonic clock. `index` from `heartbeatIndex`. */
export function beat(words: Int32Array, index: number, nowMs: number): void {
  // The time first: who sees a beat counted sees its time or a later one.
  Atomics.store(words, index + NOW_MS, (Math.floor(nowMs) % TWO_POW_32) | 0);
  Atomics.store(words, index + BEATS, (Atomics.load(words, index + BEATS) + 1) | 0);
}

interface HeartbeatReading {
  /** Beats since the region was made, modulo 2^32. */
  readonly beats: number;
  /** Milliseconds of the monotonic clock at the last beat, modulo 2^32. */
  readonly nowMs: number;
}

/** The last beat; works on a live region and on a copy of the header page. */
export function readHeartbeat(words: Int32Array, index: number): HeartbeatReading {
  const beats = Atomics.load(words, index + BEATS) >>> 0;
  return { beats, nowMs: Atomics.load(words, index + NOW_MS) >>> 0 };
}
