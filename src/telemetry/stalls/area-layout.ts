// The memory in which stalls are recorded: the end of a region's telemetry section, which is there
// anyway and has room to spare. It has a magic and a version of its own, so that a region of an
// earlier version, or with another area, is still a region.
//
//   header · last sample · waits (3 kinds × 16) · recent intervals (24) · kept ones (128) · stalls
//
// Waits have one writer each: the thread that waited. All else is written by whichever thread takes
// the sample, one at a time (`lock`). Records carry their number at both ends, and the number of
// the newest stands in the header behind them: one that a kill has left half is passed over, and so
// is one that is overwritten while it is read.
import { assert } from '../../errors.js';
import { block, layout, pad, u32, u64 } from '../../memory/layout.js';
import { TWO_POW_32 } from '../../units.js';
import { WAIT_KINDS } from './causes.js';

export const RECORD_WORDS = 32;
const RECORD_BYTES = 4 * RECORD_WORDS;
export const WAIT_BYTES = 32;

/** So many waits of a kind are known; those that overlap are one. */
export const WAITS = 16;
/** Intervals of 0.1 s: what was before a wait passes its threshold and is noticed. */
export const RECENT = 24;
/** Those around stalls: six for a short one, at most about 100 for one that lasts an hour. */
export const KEPT = 128;
export const STALLS = 40;

const StallHeader = layout('StallHeader')
  .field(0, 'magic', u64)
  .field(8, 'version', u32)
  .field(12, 'thresholdMs', u32)
  /** 0, or when it was had, by `wrappedMs`, with the lowest bit set. */
  .field(16, 'lock', u32)
  /** Numbers of the newest: interval, kept interval, stall. */
  .field(20, 'intervals', u32)
  .field(24, 'kept', u32)
  .field(28, 'stalls', u32)
  /** When the next sample is due, in ms of the monotonic clock; 0: nothing happens. */
  .field(32, 'dueMs', u64)
  /** When the stall began that is not over, in ms since 1970; 0: there is none. */
  .field(40, 'windowStartMs', u64)
  /** Looks in a row that found nothing new. */
  .field(48, 'quietLooks', u32)
  /** By kind of wait, the number of the last that is part of a recorded stall. */
  .field(52, 'filed', block(12, 4))
  /** By cause, the stalls of this opening. */
  .field(64, 'counts', block(64, 4))
  /** Beats of the application when its last wait was seen to be over, of which `endMs` is known. */
  .field(128, 'beatsAtEnd', u32)
  .field(132, 'spare0', pad(4))
  .field(136, 'endMs', u64)
  .field(144, 'spare', pad(112))
  .end(256, 8);

const AreaLayout = layout('StallArea')
  .field(0, 'header', StallHeader)
  .field(256, 'last', block(256, 8))
  .field(512, 'waits', block(1536, 8))
  .field(2048, 'recent', block(3072, 8))
  .field(5120, 'keptIntervals', block(16384, 8))
  .field(21504, 'past', block(5120, 8))
  .end(26624, 8);

export const STALL_AREA_BYTES = AreaLayout.size;
/** Its beginning, which has the counts. */
export const STALL_HEADER_BYTES = StallHeader.size;

/** Where the parts of an area, and the fields of its header, begin, in bytes. */
export const { offset: place } = AreaLayout;
export const { offset: header } = StallHeader;
assert(place.recent - place.waits === WAIT_KINDS.length * WAITS * WAIT_BYTES, 'waits fit');
assert(place.keptIntervals - place.recent === RECENT * RECORD_BYTES, 'recent intervals fit');
assert(place.past - place.keptIntervals === KEPT * RECORD_BYTES, 'kept intervals fit');
assert(AreaLayout.size - place.past === STALLS * RECORD_BYTES, 'stalls fit');

/** The bytes `FLASHSTL`. */
export const MAGIC_LOW = 0x5341_4c46;
export const MAGIC_HIGH = 0x4c54_5348;
export const VERSION = 1;

/** What is more than fits is the most that does; what is no number, nothing. */
export const toU32 = (value: number): number =>
  value > 0 ? Math.min(Math.round(value), TWO_POW_32 - 1) : 0;
