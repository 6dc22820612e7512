// The wall clock: an anchor of it on the monotonic clock, and the words through which a thread
// tells others a new one. The monotonic clock does not count the time that a machine is suspended
// for, nor does it follow a step of the wall clock; `performance.timeOrigin` is read once, as a
// process starts.

import { wordOf } from '../memory/layout.js';
import { LatchLayout, publishWords, readWords } from '../memory/sequence-latch.js';
import { NS_PER_MS } from '../units.js';
import type { Clock } from './clock.js';

/** One instant on both clocks. */
export interface WallAnchor {
  readonly unixNs: bigint;
  readonly monotonicNs: number;
}

/** Milliseconds since 1970, as the system says at this moment. */
export type WallClockMs = () => number;

/** The same in nanoseconds. */
export const unixNsOf = (wallClockMs: WallClockMs): bigint =>
  BigInt(Math.floor(wallClockMs())) * BigInt(NS_PER_MS);

/** `Date.now` moves once in a millisecond. */
const LONGEST_SEARCH_NS = 2 * NS_PER_MS;
/** For a clock of a test that stands still. */
const LOOKS_MAX = 50_000;
/** Two looks with more between them were interrupted. */
const CLOSE_NS = 20_000;
/** Then the time between them is the error: so much is no more than whole milliseconds bring. */
const LONGEST_GAP_NS = NS_PER_MS;
/** On a machine so busy that each look is interrupted: the best there was must do. */
const LONGEST_WAIT_NS = 50 * NS_PER_MS;

/** `unixMs` to the microsecond: finer than that, milliseconds in a double do not tell. */
const pair = (unixMs: number, monotonicNs: number): WallAnchor => ({
  unixNs: BigInt(Math.round(unixMs * 1e3)) * 1000n,
  monotonicNs,
});

/**
 * Pairs the wall clock with `clock` now. A wall clock that tells whole milliseconds is watched
 * until it moves, for two milliseconds: that moment is known a thousand times better. A look that
 * was interrupted between the two clocks would be wrong by as much as that took: it is not used
 * unless there is no other.
 */
export function anchorWallClock(clock: Clock, wallClockMs: WallClockMs = Date.now): WallAnchor {
  const startNs = clock.nowNs();
  let beforeNs = startNs;
  let unixMs = wallClockMs();
  let best = pair(unixMs, beforeNs);
  let bestGapNs = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS_MAX && Number.isInteger(unixMs); look++) {
    const nextMs = wallClockMs();
    const afterNs = clock.nowNs();
    const gapNs = afterNs - beforeNs;
    if (nextMs !== unixMs && gapNs <= CLOSE_NS) return pair(nextMs, afterNs);
    if (gapNs <= bestGapNs) {
      best = pair(nextMs, afterNs);
      bestGapNs = gapNs;
    }
    const searchedNs = afterNs - startNs;
    if (searchedNs > LONGEST_WAIT_NS) break;
    if (searchedNs > LONGEST_SEARCH_NS && bestGapNs <= LONGEST_GAP_NS) break;
    unixMs = nextMs;
    beforeNs = afterNs;
  }
  return best;
}

/** Words of a latch that holds what the wall clock said at a log's monotonic anchor. */
export interface WallLatch {
  readonly words: Int32Array;
  /** Index of the latch's first word: its counter, which moves with each new value. */
  readonly index: number;
}

/** One that never moves. */
export const stillWallLatch = (): WallLatch => ({
  words: new Int32Array(wordOf(LatchLayout.size)),
  index: 0,
});

const halves = new Int32Array(2);

/** Tells all threads of a log what the wall clock said at its anchor. One thread only. */
export function publishWall({ words, index }: WallLatch, unixNs: bigint): void {
  halves[0] = Number(BigInt.asIntN(32, unixNs));
  halves[1] = Number(BigInt.asIntN(32, unixNs >> 32n));
  publishWords(words, index, halves);
}

/** The two halves that were told last, as signed words. */
export const readWall = ({ words, index }: WallLatch, target: Int32Array): void =>
  readWords(words, index, target);
