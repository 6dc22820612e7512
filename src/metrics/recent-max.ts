// The longest of the last seconds, beside the longest since the log was opened, which never falls
// again: two windows on a line of its own. What is read is the longest of the window under way and
// of the one before it, so of the last 10 to 20 seconds.
import { layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { HIGH_HALF, NS_PER_SECOND, TWO_POW_32 } from '../units.js';
import { LONGEST_NS } from './elapsed.js';
import { BEGUN, changeGroup, LINE_WORDS } from './sequence.js';
import { readU64 } from './u64.js';

export const RecentMax64 = layout('RecentMax64')
  .field(0, 'ended', u32)
  /** Which window `currentNs` is of: windows since the clock's zero, modulo 2^32. */
  .field(4, 'window', u32)
  .field(8, 'currentNs', u64)
  .field(16, 'previousNs', u64)
  .field(24, 'spare0', pad(36))
  .field(60, 'begun', u32)
  .end(64, 64);

const WINDOW_NS = 10 * NS_PER_SECOND;
const WINDOW = wordOf(RecentMax64.offset.window);
const CURRENT = wordOf(RecentMax64.offset.currentNs);
const PREVIOUS = wordOf(RecentMax64.offset.previousNs);

/** The line as it is to be; its spare words stay zero. */
const line = new Uint32Array(LINE_WORDS);

/**
 * Takes the time between the two looks at the clock in `interval` into account, at word `at`. Its
 * one writer only; allocates nothing and never throws. A change is whole or there is none, should
 * the engine cut the calling thread short; no double crosses a call, where it may be boxed.
 */
export function recordRecentMax(words: Uint32Array, at: number, interval: Float64Array): void {
  const elapsed = Math.floor((interval[1] as number) - (interval[0] as number) + 0.5);
  if (!(elapsed >= 0 && elapsed <= LONGEST_NS)) return;
  const window = Math.floor((interval[1] as number) / WINDOW_NS) >>> 0;
  const seen = words[at + WINDOW] as number;
  const low = words[at + CURRENT] as number;
  const high = words[at + CURRENT + 1] as number;
  if (window === seen && elapsed <= high * TWO_POW_32 + low) return;
  const follows = window === (seen + 1) >>> 0;
  line[WINDOW] = window;
  line[CURRENT] = elapsed;
  line[CURRENT + 1] = elapsed * HIGH_HALF;
  const isSame = window === seen;
  line[PREVIOUS] = isSame ? (words[at + PREVIOUS] as number) : follows ? low : 0;
  line[PREVIOUS + 1] = isSame ? (words[at + PREVIOUS + 1] as number) : follows ? high : 0;
  changeGroup(words, at, line, BEGUN);
}

/** The longest of the window of `nowNs` and of the one before it; 0 where nothing was recorded. */
export function readRecentMax(words: Uint32Array, at: number, nowNs: number): number {
  const now = Math.floor(nowNs / WINDOW_NS) >>> 0;
  const seen = words[at + WINDOW] as number;
  const currentNs = readU64(words, at + CURRENT);
  // A record may have ended after `nowNs` was read: then its window is the next one.
  if (seen === now || seen === (now + 1) >>> 0) {
    return Math.max(currentNs, readU64(words, at + PREVIOUS));
  }
  return seen === (now - 1) >>> 0 ? currentNs : 0;
}
