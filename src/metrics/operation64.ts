// A duration64 of something that can fail: the same line, and how often it succeeded.
import { layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { addInterval, Duration64, DurationReading } from './duration64.js';
import { beginChange, endChange } from './sequence.js';
import { increment, readU64 } from './u64.js';

export const Operation64 = layout('Operation64')
  .field(0, 'ended', u32)
  .field(4, 'spare0', pad(4))
  .field(8, 'samples', u64)
  .field(16, 'totalNs', u64)
  .field(24, 'minNs', u64)
  .field(32, 'maxNs', u64)
  .field(40, 'clockSteps', u32)
  .field(44, 'dropped', u32)
  .field(48, 'successes', u64)
  /** Failures whose times are kept elsewhere; they are not among the samples. Modulo 2^32. */
  .field(56, 'untimedFailures', u32)
  .field(60, 'begun', u32)
  .end(64, 64);

const SHARED = [
  'ended',
  'begun',
  'samples',
  'totalNs',
  'minNs',
  'maxNs',
  'clockSteps',
  'dropped',
] as const;
for (const name of SHARED) {
  if (Operation64.offset[name] !== Duration64.offset[name]) {
    throw new RangeError(`${name} has another offset in an operation64 than in a duration64`);
  }
}

const SUCCESSES = wordOf(Operation64.offset.successes);
const UNTIMED_FAILURES = wordOf(Operation64.offset.untimedFailures);

/** Records one operation at word `at`, as `recordInterval` records a duration. */
export function recordOperationInterval(
  words: Uint32Array,
  at: number,
  interval: Float64Array,
  ok: boolean,
): void {
  beginChange(words, at);
  if (addInterval(words, at, interval) && ok) addSuccess(words, at);
  endChange(words, at);
}

/** Counts a success of a sample that was added without one, within a change that is under way. */
export const addSuccess = (words: Uint32Array, at: number): void =>
  increment(words, at + SUCCESSES);

/** Counts a failure whose time is kept elsewhere, within a change that is under way. */
export function addUntimedFailure(words: Uint32Array, at: number): void {
  words[at + UNTIMED_FAILURES] = (words[at + UNTIMED_FAILURES] as number) + 1;
}

/** The durations and successes of an operation, as they were at one moment. */
export class OperationReading extends DurationReading {
  /** Number of samples that succeeded. */
  readonly successes: number;
  /** Number of failures. */
  readonly failures: number;

  constructor(words: Uint32Array, at: number) {
    super(words, at);
    this.successes = readU64(words, at + SUCCESSES);
    const untimed = words[at + UNTIMED_FAILURES] as number;
    this.failures = Math.max(0, this.samples - this.successes) + untimed;
  }
}
