// What the calls of updaters leave in memory, from the time that a call took instead of two looks
// at a clock.
import { recordInterval } from '../../src/metrics/duration64.js';
import { addToHistogram } from '../../src/metrics/latency-histogram.js';
import { recordOperationInterval } from '../../src/metrics/operation64.js';

/** A call whose start was no time at all. */
export const DROPPED = Number.NaN;
/** A call that began in the future. */
export const CLOCK_STEP = -1;

/** Records one call that took `elapsedNs`, or one of the two above, in a duration64. */
export const recordTime = (words: Uint32Array, at: number, elapsedNs: number): void =>
  recordInterval(words, at, Float64Array.of(0, elapsedNs));

/** The same in an operation64. */
export const recordOutcome = (
  words: Uint32Array,
  at: number,
  elapsedNs: number,
  ok: boolean,
): void => recordOperationInterval(words, at, Float64Array.of(0, elapsedNs), ok);

/** Adds a value, a whole number from 0 to 2^53, to a latency_histogram. */
export const addValue = (words: Uint32Array, at: number, value: number): void =>
  addToHistogram(words, at, value | 0, Math.floor(value / 2 ** 32));
