// Sizes that several layers speak of.

export const KIB = 1024;
export const MIB = 1024 * 1024;
export const PAGE_BYTES = 4096;
export const CACHE_LINE_BYTES = 64;
/** One more than the largest number that two u32 halves may spell as an event id. */
export const EVENT_ID_END = 2 ** 53;
export const TWO_POW_32 = 2 ** 32;

export const alignUp = (value: number, alignment: number): number =>
  Math.ceil(value / alignment) * alignment;
