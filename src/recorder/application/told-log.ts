// A log for who brings typed events as bytes: it is told what they are made of before they come.
import type { TakingLog } from '../../intake/appender.js';

/** What is known of the events. */
interface ToldEvents {
  /** Bytes of the schema event's payload; 0: the log is told nothing. */
  readonly schemaBytes: number;
  /** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for what is no payload of such an event */
  check(payload: Uint8Array): void;
  /** Tells the log; waits where the ring has no room. */
  tell(): void;
  /** The same; false where the ring has no room. */
  tryTell(): boolean;
}

export class ToldLog implements TakingLog {
  readonly #log: TakingLog;
  readonly #events: ToldEvents;

  constructor(log: TakingLog, events: ToldEvents) {
    this.#log = log;
    this.#events = events;
  }

  get durableEventId(): number {
    return this.#log.durableEventId;
  }
  get state(): TakingLog['state'] {
    return this.#log.state;
  }

  append(payload: Uint8Array, type?: number): number {
    // Before the schema: of an event that is refused nothing is in the log.
    this.#events.check(payload);
    this.#events.tell();
    return this.#log.append(payload, type);
  }

  tryAppend(payload: Uint8Array, type?: number): number | undefined {
    this.#events.check(payload);
    return this.#events.tryTell() ? this.#log.tryAppend(payload, type) : undefined;
  }

  /** It may be the schema that has found none. */
  room(bytes: number, options?: { readonly signal?: AbortSignal }): Promise<void> {
    return this.#log.room(Math.max(bytes, this.#events.schemaBytes), options);
  }

  durable(eventId?: number): Promise<number> {
    return this.#log.durable(eventId);
  }
}
