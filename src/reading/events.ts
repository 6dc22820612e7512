// What readers of a log hand out and accept.
import type { Telemetry } from '../telemetry/recovery/telemetry.js';

/**
 * An event as plain data with its own memory: readers do not keep or change it, and do not notice
 * what is done to it.
 */
export interface LoggedEvent {
  /** 1 for the first event of the log, then one more for each. */
  readonly eventId: number;
  /** The tag that was passed to `append`: 0 … 65535. */
  readonly type: number;
  /** When it was appended: nanoseconds since the Unix epoch. */
  readonly timestampNs: bigint;
  /** A view of a buffer that is exactly as long. */
  readonly payload: Uint8Array;
}

/**
 * The current event of an iteration with `reuse: true`. One object serves the whole iteration: it
 * is valid until the next step. Keep, send or transfer only what `copy()` returns.
 */
export interface ReusedEvent extends LoggedEvent {
  /** A view of a much longer buffer, which the next step overwrites. */
  readonly payload: Uint8Array;
  /** The event with its own memory. */
  copy(): LoggedEvent;
}

/** Options of all readers. */
export interface ReadingOptions {
  /** Records metrics into a `new recovery.Telemetry()`, from `flashstrike/telemetry`. */
  readonly telemetry?: Telemetry | undefined;
}

/** Options of readers that return event objects. */
export interface EventOptions extends ReadingOptions {
  /**
   * True: one object serves the whole iteration and shows its current event, which is faster; see
   * {@link ReusedEvent}. Default: each event is a separate object.
   */
  readonly reuse?: boolean | undefined;
}

/** The option that makes an iteration return {@link ReusedEvent}s. */
export interface Reusing {
  /** See `reuse` of {@link EventOptions}. */
  readonly reuse: true;
}

/** Where readers begin: at one of the two at most. */
export interface StartOptions {
  /** First event id; default: the first in the log. */
  readonly from?: number | undefined;
  /**
   * Begins with the first event whose `timestampNs` is this or later: nanoseconds since the Unix
   * epoch, or a Date. All that follow come as well. Times never go back in a log, so neither is
   * what lies before it read, nor verified; where the first events were removed, it begins with
   * those that are left.
   */
  readonly fromTime?: bigint | Date | undefined;
  /**
   * The log that the events are to be of, as `wal.logId` or `logIdOf` tells: for who remembers a
   * position, which means nothing in a log that was made anew in the same folder. Another log is
   * refused with ERR_FLASHSTRIKE_WRONG_LOG. Default: whichever is there.
   */
  readonly logId?: bigint | undefined;
}

/** Options of readers that can have a thread read ahead of them. */
interface AheadOptions {
  /**
   * True: once 8 MiB were read, another thread reads, unpacks and verifies up to 8 MiB ahead. One
   * thread serves all readers of the thread that reads; it ends 2 s after the last of them. Where
   * it cannot be had, or does not get on, the reader reads by itself. Default: where there is more
   * than one processor; false for who needs the others himself. Without effect on `wal.replay`.
   */
  readonly readAhead?: boolean | undefined;
}

/** Options of `replay` and `wal.replay`. */
export interface ReplayOptions extends EventOptions, StartOptions, AheadOptions {
  /** Last event id, inclusive; default, and for an id beyond the end: the end of the log. */
  readonly to?: number | undefined;
}

/** Options of `openCursor`. */
export interface CursorOptions extends ReadingOptions, StartOptions, AheadOptions {}

/** Options of who waits for what is yet to come. */
interface WaitingOptions {
  /** Ends the iteration, even while it waits. */
  readonly signal?: AbortSignal | undefined;
  /**
   * True: where there is no log yet, nor perhaps its folder, it is waited for. Default: that is
   * refused with ERR_FLASHSTRIKE_NOT_A_LOG.
   */
  readonly waitForLog?: boolean | undefined;
}

/** Options of `follow` and `wal.follow`. Where it begins may be yet to come: that is waited for. */
export interface FollowOptions extends EventOptions, StartOptions, WaitingOptions {
  /** True: also return events that are written but not durable. */
  readonly undurable?: boolean | undefined;
}

/** Events of a block that were appended by one `appendBatch`: all of them survive, or none. */
export interface EventBatch {
  /** Id of its first event. */
  readonly firstEventId: number;
  /** Id of its last event. */
  readonly lastEventId: number;
}

/**
 * A block of a log: consecutive events that were written in one piece, and verified. No batch goes
 * from one block to the next, so whoever has whole blocks has whole batches.
 */
export interface LoggedBlock {
  /** Id of its first event. */
  readonly firstEventId: number;
  /** Id of its last event. */
  readonly lastEventId: number;
  /** When its first event was appended: nanoseconds since the Unix epoch. */
  readonly firstTimestampNs: bigint;
  /** When its last event was appended. */
  readonly lastTimestampNs: bigint;
  /** The batches in it, in order; events that belong to none are not listed. */
  readonly batches: readonly EventBatch[];
  /**
   * The block as it stands in its file: header and frames, see docs/FORMAT.md. With `reuse: true` a
   * view of a longer buffer, which the next step overwrites; else a buffer of its own.
   */
  readonly bytes: Uint8Array;
  /** What its checksums are made with, for who verifies it elsewhere: the salt of its segment. */
  readonly salt: bigint;
  /** The same: at which offset of the segment it stands. */
  readonly offset: number;
  /** Index of its segment, which names the file. */
  readonly segmentIndex: number;
  /** Id of the log, which a copy shares. */
  readonly logId: bigint;
}

/**
 * Options of `followBlocks` and `wal.followBlocks`. The first block is the one that holds the event
 * at which they are to begin: others may stand before that in it.
 */
export interface FollowBlocksOptions extends ReadingOptions, StartOptions, WaitingOptions {
  /** True: one object and one buffer serve all blocks, each until the next step. */
  readonly reuse?: boolean | undefined;
}

/**
 * Steps through events without creating an object for each: the fields show the event that `next`
 * moved to.
 */
export interface EventCursor extends Disposable {
  /** 0 before the first call of `next`, and after one that returned false. */
  readonly eventId: number;
  /** The tag that was passed to `append`: 0 … 65535. */
  readonly type: number;
  /** The payload is `block.subarray(payloadOffset, payloadOffset + payloadBytes)`. */
  readonly payloadOffset: number;
  /** Length of the payload. */
  readonly payloadBytes: number;
  /**
   * Holds a copy of the payload until the next call of `next`. It is the same object in every step,
   * unless its buffer was transferred.
   */
  readonly block: Uint8Array;
  /** Nanoseconds since the Unix epoch; created on access. */
  readonly timestampNs: bigint;
  /** A view of `block`, created on access. */
  readonly payload: Uint8Array;
  /**
   * Moves to the next event. Returns false at the end of the log; while the log is being written, a
   * later call may find more.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT where the log is damaged, after all events before the
   * damage; likewise _UNDECIDABLE, _EXPIRED, _IO … The cursor is then closed.
   */
  next(): boolean;
  /** Closes the files. May be called more than once. */
  close(): void;
  /** The same as `close`, for `using`. */
  [Symbol.dispose](): void;
}
