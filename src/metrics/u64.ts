// 64-bit little-endian values in u32 words, without BigInts: those would allocate. Reading gives a
// number, exact below 2^53 (104 days in nanoseconds) and the nearest double above.
import { HIGH_HALF, TWO_POW_32 } from '../units.js';

export const readU64 = (words: Uint32Array, at: number): number =>
  (words[at + 1] as number) * TWO_POW_32 + (words[at] as number);

/** @param value a whole number from 0 to 2^53 */
export function writeU64(words: Uint32Array, at: number, value: number): void {
  // Stores to a Uint32Array take the value modulo 2^32.
  words[at] = value;
  words[at + 1] = value * HIGH_HALF;
}

/**
 * Adds the 64-bit number that `low` and `high` spell, modulo 2^64. Halves may come as signed words:
 * those are never boxed when they cross a call.
 */
export function addHalves(words: Uint32Array, at: number, low: number, high: number): void {
  const addend = low >>> 0;
  const sum = ((words[at] as number) + addend) >>> 0;
  words[at] = sum;
  // 0xffff_fffe + 3 = 1 modulo 2^32, less than what was added: carry.
  words[at + 1] = (words[at + 1] as number) + high + (sum < addend ? 1 : 0);
}

/** Adds one. */
export function increment(words: Uint32Array, at: number): void {
  addHalves(words, at, 1, 0);
}
