// How large an event, or a batch, can be, and what to do with one that is larger.
import { assert, WalError } from '../../errors.js';
import {
  BLOCK_HEADER_BYTES,
  MAX_BLOCK_BYTES,
  MAX_LARGE_BLOCK_BYTES,
} from '../../segment/block-header.js';
import { FRAME_HEADER_BYTES } from '../../segment/frame.js';
import { MIN_SEGMENT_BYTES } from '../../segment/segment-header.js';
import { KIB, MIB } from '../../units.js';
import { blockRoomBytes, segmentBytesFor } from '../writer/active-segment.js';

export const MIN_RING_BYTES = 64 * KIB;
/** A block of one event: what comes on top of its payload. */
const EVENT_OVERHEAD_BYTES = BLOCK_HEADER_BYTES + FRAME_HEADER_BYTES;
/** The largest payload that any log takes. */
const LARGEST_OF_ALL_BYTES = 64 * MIB;
assert(LARGEST_OF_ALL_BYTES + EVENT_OVERHEAD_BYTES <= MAX_LARGE_BLOCK_BYTES, 'a block holds it');

/**
 * Parts of a ring of which an event takes one at the most, so that appending never waits for long.
 */
const RING_PARTS = 4;

/** The options that bound an event. */
interface SizeOptions {
  readonly ringBytes: number;
  readonly segmentBytes: number;
  readonly maxEventBytes: number;
}

/** The largest payload of a log: 64 MiB, a quarter of the ring, the room of a fresh segment. */
export const largestEventBytes = (ringBytes: number, segmentBytes: number): number =>
  Math.min(
    Math.min(ringBytes / RING_PARTS, blockRoomBytes(segmentBytes)) - EVENT_OVERHEAD_BYTES,
    LARGEST_OF_ALL_BYTES,
  );

/**
 * The same of a log that is not asked for more: a block of it is no longer than 1 MiB, so its
 * readers need no more memory, and its second segment no more space.
 */
export const usualEventBytes = (largestBytes: number): number =>
  Math.min(largestBytes, MAX_BLOCK_BYTES - EVENT_OVERHEAD_BYTES);

/** What frames of a batch may take in all: as much as the largest event with its own. */
export const largestBatchBytes = ({ maxEventBytes }: SizeOptions): number =>
  (maxEventBytes + FRAME_HEADER_BYTES + 7) & ~7;

export function eventTooLarge(payloadBytes: number, options: SizeOptions): WalError {
  return new WalError(
    'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
    `The payload has ${payloadBytes} bytes; in this log an event can have at most ` +
      `${options.maxEventBytes}. ${remedy(payloadBytes, options)}`,
  );
}

/** @param span bytes that the batch takes with its frames, or those of it that were looked at */
export function batchTooLarge(span: number, options: SizeOptions): WalError {
  return new WalError(
    'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
    `The batch takes at least ${span} bytes, including a header of ${FRAME_HEADER_BYTES} bytes ` +
      `per event; in this log a batch can take at most ${largestBatchBytes(options)}. ` +
      remedy(span - FRAME_HEADER_BYTES, options),
  );
}

/** Advice that works: with these options, `payloadBytes` are accepted. */
function remedy(payloadBytes: number, { ringBytes, segmentBytes }: SizeOptions): string {
  if (payloadBytes > LARGEST_OF_ALL_BYTES) {
    return `No options allow more than ${LARGEST_OF_ALL_BYTES} bytes in one event: split it.`;
  }
  const needed = {
    ringBytes: powerOfTwoFrom((payloadBytes + EVENT_OVERHEAD_BYTES) * RING_PARTS, MIN_RING_BYTES),
    segmentBytes: Math.max(segmentBytesFor(payloadBytes + FRAME_HEADER_BYTES), MIN_SEGMENT_BYTES),
  };
  const options = [
    ...(needed.ringBytes > ringBytes ? [`ringBytes ${needed.ringBytes}`] : []),
    ...(needed.segmentBytes > segmentBytes ? [`segmentBytes ${needed.segmentBytes}`] : []),
    `maxEventBytes ${payloadBytes}`,
  ];
  return `Split it, or open the log with ${options.join(', ')} or more.`;
}

function powerOfTwoFrom(least: number, smallest: number): number {
  let value = smallest;
  while (value < least) value *= 2;
  return value;
}
