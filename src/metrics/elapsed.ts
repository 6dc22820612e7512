// From two looks at the clock to what is recorded: never an exception, never a negative time.

import { TWO_POW_32 } from '../units.js';

/** Longer than any length of time that is recorded: 2^53 ns are 104 days. */
export const LONGEST_NS = Number.MAX_SAFE_INTEGER;
/** Upper halves of the two codes below, which no length of time has. */
export const DROPPED_HIGH = -1;
export const CLOCK_STEP_HIGH = -2;
/** What was measured is no length of time: it is dropped, and counted. */
export const DROPPED = DROPPED_HIGH * TWO_POW_32;
/** The start lies in the future: the clock was stepped. Counted, and recorded as 0. */
export const CLOCK_STEP = CLOCK_STEP_HIGH * TWO_POW_32;

/**
 * Whole nanoseconds from `startNs` to `nowNs`, or one of DROPPED and CLOCK_STEP. Takes anything:
 * a caller without types must not bring a recording thread down.
 */
export function elapsedNs(startNs: number, nowNs: number): number {
  if (typeof startNs !== 'number' || typeof nowNs !== 'number') return DROPPED;
  const elapsed = Math.floor(nowNs - startNs + 0.5);
  if (elapsed >= 0 && elapsed <= LONGEST_NS) return elapsed;
  return isInFuture(elapsed) ? CLOCK_STEP : DROPPED;
}

/**
 * What `elapsedNs` would return of the two looks at the clock in `interval`, where that is one of
 * the two codes: its upper half. An integer, and the numbers stay in their array: nothing is boxed.
 */
export function irregularHigh(interval: Float64Array): number {
  const elapsed = Math.floor((interval[1] as number) - (interval[0] as number) + 0.5);
  return isInFuture(elapsed) ? CLOCK_STEP_HIGH : DROPPED_HIGH;
}

/** However far: an infinite start is no time, and every other one ahead of the clock is a step. */
const isInFuture = (elapsed: number): boolean => elapsed < 0 && elapsed > Number.NEGATIVE_INFINITY;
