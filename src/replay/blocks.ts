// The verified blocks of a log, one after the other, as a cursor steps over them.
import type { ReadingMeter } from '../reading/reading-meter.js';

export interface Blocks {
  readonly meter: ReadingMeter;
  /**
   * The current block's frames stand at [payloadStart, payloadEnd). The same object from block to
   * block, except for one that is larger than a reader's buffer, and behind that.
   */
  readonly bytes: Uint8Array;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  /** Of the current block. */
  readonly firstEventId: number;
  /** Id that comes after the current block. */
  readonly nextEventId: number;
  /** Moves to the next block of events; false at the end of what is there. */
  next(): boolean;
  /** Whether that end is the end of a sound log; false: the log went on meanwhile. */
  confirmEnd(): boolean;
  /** The same, though this end was judged before. */
  confirmEndAgain(): boolean;
  /** Closes the files; idempotent. */
  close(): void;
}
