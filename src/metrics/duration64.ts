// How often something was timed and how long it took: samples, sum, shortest, longest, on one line.
import { layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { HIGH_HALF, NS_PER_SECOND } from '../units.js';
import { isClockStep, LONGEST_NS } from './elapsed.js';
import { beginChange, endChange } from './sequence.js';
import { addHalves, increment, readU64 } from './u64.js';

export const Duration64 = layout('Duration64')
  .field(0, 'ended', u32)
  .field(4, 'spare0', pad(4))
  .field(8, 'samples', u64)
  .field(16, 'totalNs', u64)
  .field(24, 'minNs', u64)
  .field(32, 'maxNs', u64)
  /** Samples whose start lay in the future: recorded as 0. Modulo 2^32, like `dropped`. */
  .field(40, 'clockSteps', u32)
  /** Calls whose start was no number: not recorded. */
  .field(44, 'dropped', u32)
  .field(48, 'spare1', pad(12))
  .field(60, 'begun', u32)
  .end(64, 64);

const SAMPLES = wordOf(Duration64.offset.samples);
const TOTAL = wordOf(Duration64.offset.totalNs);
const MIN = wordOf(Duration64.offset.minNs);
const MAX = wordOf(Duration64.offset.maxNs);
const CLOCK_STEPS = wordOf(Duration64.offset.clockSteps);
const DROPPED_CALLS = wordOf(Duration64.offset.dropped);

/** Adds one sample, its nanoseconds (below 2^53) as two halves, within a change under way. */
export function addSample(words: Uint32Array, at: number, low: number, high: number): void {
  const isFirst = words[at + SAMPLES] === 0 && words[at + SAMPLES + 1] === 0;
  increment(words, at + SAMPLES);
  addHalves(words, at + TOTAL, low, high);
  if (isFirst || isLess(low, high, words, at + MIN)) put(words, at + MIN, low, high);
  raiseMax(words, at, low, high);
}

/** Raises the longest to a time that is not counted as a sample, within a change under way. */
export function raiseMax(words: Uint32Array, at: number, low: number, high: number): void {
  if (!isLess(low, high, words, at + MAX)) put(words, at + MAX, low, high);
}

function isLess(low: number, high: number, words: Uint32Array, at: number): boolean {
  const otherHigh = words[at + 1] as number;
  return high < otherHigh || (high === otherHigh && low >>> 0 < (words[at] as number));
}

function put(words: Uint32Array, at: number, low: number, high: number): void {
  words[at] = low;
  words[at + 1] = high;
}

/** Counts a start in the future, within a change that is under way. */
export function addClockStep(words: Uint32Array, at: number): void {
  words[at + CLOCK_STEPS] = (words[at + CLOCK_STEPS] as number) + 1;
}

/** Counts a call that could not be recorded, within a change that is under way. */
export function addDropped(words: Uint32Array, at: number): void {
  words[at + DROPPED_CALLS] = (words[at + DROPPED_CALLS] as number) + 1;
}

/** Adds the time between the two looks at the clock in `interval`; true when it was a sample. */
export function addInterval(words: Uint32Array, at: number, interval: Float64Array): boolean {
  let elapsed = Math.floor((interval[1] as number) - (interval[0] as number) + 0.5);
  if (!(elapsed >= 0 && elapsed <= LONGEST_NS)) {
    if (!isClockStep(interval)) {
      addDropped(words, at);
      return false;
    }
    addClockStep(words, at);
    elapsed = 0;
  }
  addSample(words, at, elapsed | 0, (elapsed * HIGH_HALF) | 0);
  return true;
}

/**
 * Records one duration at word `at`. Its one writer only; allocates nothing and never throws.
 * @param interval of `newInterval`: start and end; anything may stand in it
 */
export function recordInterval(words: Uint32Array, at: number, interval: Float64Array): void {
  beginChange(words, at);
  addInterval(words, at, interval);
  endChange(words, at);
}

/** The durations of an activity, as they were at one moment. */
export class DurationReading {
  /** Number of durations. */
  readonly samples: number;
  /** Their sum in nanoseconds. */
  readonly totalNs: number;
  /** The shortest, in nanoseconds; 0 without samples. */
  readonly minNs: number;
  /** The longest, in nanoseconds; 0 without samples. */
  readonly maxNs: number;
  /** Samples whose start was in the future, because the clock was stepped; they count as 0. */
  readonly clockSteps: number;
  /** Calls whose start was not a number; they are not among the samples. */
  readonly dropped: number;

  constructor(words: Uint32Array, at: number) {
    this.samples = readU64(words, at + SAMPLES);
    this.totalNs = readU64(words, at + TOTAL);
    this.minNs = readU64(words, at + MIN);
    this.maxNs = readU64(words, at + MAX);
    this.clockSteps = words[at + CLOCK_STEPS] as number;
    this.dropped = words[at + DROPPED_CALLS] as number;
  }

  /** Mean in nanoseconds; 0 without samples. */
  get avgNs(): number {
    return this.samples === 0 ? 0 : this.totalNs / this.samples;
  }

  /** Longest minus shortest, in nanoseconds. */
  get jitterNs(): number {
    return this.maxNs - this.minNs;
  }

  /** Samples per second of measured time; 0 without samples. */
  get ratePerSecond(): number {
    return this.totalNs === 0 ? 0 : this.samples / (this.totalNs / NS_PER_SECOND);
  }
}
