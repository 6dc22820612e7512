// What readers of a log hand out and accept.
import type { Telemetry } from '../telemetry/recovery/telemetry.js';

/**
 * An event as plain data of its own: no reader keeps it, changes it, or notices what is done to it.
 */
export interface LoggedEvent {
  readonly eventId: number;
  /** The tag that was given to `append`, a u16. */
  readonly type: number;
  /** Unix epoch. */
  readonly timestampNs: bigint;
  readonly payload: Uint8Array;
}

/**
 * The event at which an iteration with `reuse: true` stands. One object serves the whole iteration:
 * it is valid until the next step. `copy()` is what may be kept, sent or transferred.
 */
export interface ReusedEvent extends LoggedEvent {
  /** A view of memory that the next step writes over; much longer than the payload. */
  readonly payload: Uint8Array;
  copy(): LoggedEvent;
}

/** What all readers accept. */
export interface ReadingOptions {
  /** Records into it: `new recovery.Telemetry()` of `flashstrike/telemetry`; default: nothing. */
  readonly telemetry?: Telemetry | undefined;
}

/** What readers accept that hand out event objects. */
export interface EventOptions extends ReadingOptions {
  /**
   * True: one object serves the whole iteration and shows the event at which it stands, see
   * {@link ReusedEvent}: faster. Default: each event is an object of its own.
   */
  readonly reuse?: boolean | undefined;
}

/** The options that make an iteration hand out {@link ReusedEvent}s. */
export interface Reusing {
  readonly reuse: true;
}

export interface ReplayOptions extends EventOptions {
  /** First event id; default: the first that the log still holds. */
  readonly from?: number | undefined;
  /** Last event id, inclusive; default, and for an id beyond it: the end of the log. */
  readonly to?: number | undefined;
}

export interface CursorOptions extends ReadingOptions {
  /** First event id; default: the first that the log still holds. */
  readonly from?: number | undefined;
}

export interface FollowOptions extends EventOptions {
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
  /**
   * Holds a copy of the payload until the next call of `next`. The same object in every step; only
   * whoever transfers its buffer finds another one here.
   */
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
