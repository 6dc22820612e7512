// Sizes and units that several layers speak of.

export const KIB = 1024;
export const MIB = 1024 * 1024;
export const PAGE_BYTES = 4096;
export const CACHE_LINE_BYTES = 64;
/** One more than the largest number that two u32 halves may spell as an event id. */
export const EVENT_ID_END = 2 ** 53;
export const TWO_POW_32 = 2 ** 32;
/** Times a number, its upper half: exact, as of a power of two, and far cheaper than dividing. */
export const HIGH_HALF = 1 / TWO_POW_32;
export const NS_PER_US = 1e3;
export const NS_PER_MS = 1e6;
export const NS_PER_SECOND = 1e9;
/** What a timer of Node can wait for at the most. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const alignUp = (value: number, alignment: number): number =>
  Math.ceil(value / alignment) * alignment;

/** A 64-bit value as 16 hexadecimal digits. */
export const hexOf64 = (value: bigint): string =>
  BigInt.asUintN(64, value).toString(16).padStart(16, '0');
