// One 64-bit number on a line of its own: a count that only grows, a value that comes and goes, one
// that never changes after the start, or the time since when something has been so.
import { layout, pad, u32, u64, wordOf } from '../memory/layout.js';
import { HIGH_HALF } from '../units.js';
import { changeLine } from './sequence.js';
import { addHalves, readU64, writeU64 } from './u64.js';

const ValueLayout = layout('Value64')
  .field(0, 'ended', u32)
  .field(4, 'spare0', pad(4))
  .field(8, 'value', u64)
  .field(16, 'spare1', pad(44))
  .field(60, 'begun', u32)
  .end(64, 64);

/** A count; modulo 2^64. */
export const Counter64 = ValueLayout;
/** A value of now. */
export const Gauge64 = ValueLayout;

// A module's own constant goes into the compiled code; what is imported is checked at each use.
const putLine = changeLine;
const VALUE = wordOf(ValueLayout.offset.value);

/** Adds within a change that is under way: of a group, or of this line. */
export const addToValue = (words: Uint32Array, at: number, low: number, high = 0): void =>
  addHalves(words, at + VALUE, low, high);

/** Sets within a change that is under way. `value`: a whole number from 0 to 2^53. */
export const putValue = (words: Uint32Array, at: number, value: number): void =>
  writeU64(words, at + VALUE, value);

/** Adds `by`, a whole number below 2^32, to the counter at word `at`. Its one writer only. */
export function addCounter(words: Uint32Array, at: number, by: number): void {
  const low = words[at + VALUE] as number;
  const sum = (low + by) >>> 0;
  const high = (words[at + VALUE + 1] as number) + (sum < low ? 1 : 0);
  changeLine(words, at, at + VALUE, sum | 0, high);
}

/** Sets the value at word `at`, a whole number from 0 to 2^53. Its one writer only. */
export function setValue(words: Uint32Array, at: number, value: number): void {
  changeLine(words, at, at + VALUE, value | 0, (value * HIGH_HALF) | 0);
}

/**
 * Sets a count that grows by less than 2^32 at a time, as cheaply as can be: while its upper half
 * stays the same, one store of the lower one is a whole change.
 * @param low the count's halves; may come as signed words, which are never boxed
 */
export function setCount(words: Uint32Array, at: number, low: number, high: number): void {
  if (words[at + VALUE + 1] === high) words[at + VALUE] = low;
  else putLine(words, at, at + VALUE, low, high);
}

export const readValue = (words: Uint32Array, at: number): number => readU64(words, at + VALUE);
