// Branded numbers: an index, an id, an offset and a duration are four different words, and the
// compiler keeps them apart. At run time each is a plain number.

declare const unit: unique symbol;
interface Unit<Name extends string> {
  readonly [unit]: Name;
}

/** Number of an event, 1 for the first of a log; gap-free; below 2^53. */
export type EventId = number & Unit<'EventId'>;
/** Number of a segment file, 1 for the first of a log; a u32. */
export type SegmentIndex = number & Unit<'SegmentIndex'>;
/** Distance in bytes from the start of a file. */
export type ByteOffset = number & Unit<'ByteOffset'>;
/** A point of the monotonic clock or a length of time, in nanoseconds. */
export type Nanoseconds = number & Unit<'Nanoseconds'>;

export const eventId = (value: number): EventId => value as EventId;
export const segmentIndex = (value: number): SegmentIndex => value as SegmentIndex;
export const byteOffset = (value: number): ByteOffset => value as ByteOffset;
export const nanoseconds = (value: number): Nanoseconds => value as Nanoseconds;

export const KIB = 1024;
export const MIB = 1024 * 1024;
export const PAGE_BYTES = 4096;
export const CACHE_LINE_BYTES = 64;
/** One more than the largest number that two u32 halves may spell as an event id. */
export const EVENT_ID_END = 2 ** 53;
export const TWO_POW_32 = 2 ** 32;

export const alignUp = (value: number, alignment: number): number =>
  Math.ceil(value / alignment) * alignment;
