// Appends what comes from outside, at the pace at which the log takes it: where the ring is full,
// whoever brings events waits, and the event loop does not.
import { invalidOption } from '../errors.js';

const TYPE_MAX = 0xffff;

/** What of a log takes events in. */
export interface TakingLog {
  append(payload: Uint8Array, type?: number): number;
  tryAppend(payload: Uint8Array, type?: number): number | undefined;
  room(bytes: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
  durable(eventId?: number): Promise<number>;
  readonly durableEventId: number;
  readonly state: 'open' | 'no-space' | 'fenced' | 'failed' | 'closing' | 'closed';
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function checkEventType(type: number | undefined): void {
  if (type === undefined || (Number.isInteger(type) && type >= 0 && type <= TYPE_MAX)) return;
  throw invalidOption(`type must be a whole number from 0 to ${TYPE_MAX}.`);
}

export class Appender {
  readonly log: TakingLog;
  readonly #type: number;
  readonly #signal: AbortSignal;
  events = 0;
  payloadBytes = 0;
  /** 0: none yet. */
  firstEventId = 0;
  /** 0: none yet. */
  lastEventId = 0;

  /** @param signal ends the waiting for room */
  constructor(log: TakingLog, type: number, signal: AbortSignal) {
    this.log = log;
    this.#type = type;
    this.#signal = signal;
  }

  /** Appends unless it would have to wait. @throws WalError as `tryAppend` does */
  tryPut(payload: Uint8Array): boolean {
    const eventId = this.log.tryAppend(payload, this.#type);
    if (eventId === undefined) return false;
    this.#count(eventId, payload.length);
    return true;
  }

  /** Waits for room. @throws WalError as `room` does; the reason of the signal */
  async put(payload: Uint8Array): Promise<void> {
    while (!this.tryPut(payload)) await this.log.room(payload.length, { signal: this.#signal });
  }

  /** Blocks the thread instead. @throws WalError as `append` does */
  putNow(payload: Uint8Array): void {
    this.#count(this.log.append(payload, this.#type), payload.length);
  }

  #count(eventId: number, payloadBytes: number): void {
    if (this.events === 0) this.firstEventId = eventId;
    this.events += 1;
    this.payloadBytes += payloadBytes;
    this.lastEventId = eventId;
  }
}
