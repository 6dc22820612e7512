// What readers of a log hand out and accept.
import type { Telemetry } from '../telemetry/recovery/telemetry.js';

/** An event as plain data of its own, valid for as long as anyone holds it. */
export interface EventCopy {
  readonly eventId: number;
  /** The tag that was given to `append`, a u16. */
  readonly type: number;
  /** Unix epoch. */
  readonly timestampNs: bigint;
  readonly payload: Uint8Array;
}

/**
 * The event at which an iteration stands. One object serves the whole iteration: it and its payload
 * are valid until the next step; `copy()` is what may be kept.
 */
export interface LoggedEvent extends EventCopy {
  /** A view of the read buffer, valid until the next step. */
  readonly payload: Uint8Array;
  copy(): EventCopy;
}

/** What all readers accept. */
export interface ReadingOptions {
  /** Records into it: `new recovery.Telemetry()` of `flashstrike/telemetry`; default: nothing. */
  readonly telemetry?: Telemetry | undefined;
}

export interface ReplayOptions extends ReadingOptions {
  /** First event id; default: the first that the log still holds. */
  readonly from?: number | undefined;
  /** Last event id, inclusive; default, and for an id beyond it: the end of the log. */
  readonly to?: number | undefined;
}

export interface CursorOptions extends ReadingOptions {
  /** First event id; default: the first that the log still holds. */
  readonly from?: number | undefined;
}

export interface FollowOptions extends ReadingOptions {
  /** First event id; default: the first that the log still holds. A later id is waited for. */
  readonly from?: number | undefined;
  /** Ends the iteration, also while it waits. */
  readonly signal?: AbortSignal | undefined;
  /** Also events that a power failure could still take back. */
  readonly undurable?: boolean | undefined;
}

/** Steps over events without an object for each. Fields are of the event that `next` moved to. */
export interface EventCursor extends Disposable {
  /** 0 before the first call of `next`, and after one that returned false. */
  readonly eventId: number;
  readonly type: number;
  /** The payload is `block.subarray(payloadOffset, payloadOffset + payloadBytes)`. */
  readonly payloadOffset: number;
  readonly payloadBytes: number;
  /** The read buffer: valid until the next call of `next`. */
  readonly block: Uint8Array;
  /** Unix epoch; made on request. */
  readonly timestampNs: bigint;
  /** A view of `block`, made on request. */
  readonly payload: Uint8Array;
  /**
   * Moves to the next event. False at the end of the log; on a live log a later call may go on.
   * @throws WalError ERR_FLASHSTRIKE_CORRUPT where the log is damaged: all events before it were
   * given out; _UNDECIDABLE, _EXPIRED, _IO … likewise. The cursor is closed then.
   */
  next(): boolean;
  /** Closes the files; idempotent. */
  close(): void;
}
