// What an iteration with `reuse: true` hands out.

import type { LoggedEvent, ReusedEvent } from '../reading/events.js';
import { cursorInside, type LogCursor } from './cursor.js';
import { HandOut } from './hand-out.js';

/** The one object that an iteration hands out; it shows the event at which its cursor stands. */
export class CurrentEvent implements ReusedEvent {
  eventId = 0;
  type = 0;
  readonly #cursor: LogCursor;
  readonly #handOut = new HandOut();

  constructor(cursor: LogCursor) {
    this.#cursor = cursor;
  }

  /** Takes over the event that the cursor moved to. */
  show(): this {
    this.eventId = this.#cursor.eventId;
    this.type = this.#cursor.type;
    return this;
  }

  get timestampNs(): bigint {
    return this.#cursor.timestampNs;
  }

  get payload(): Uint8Array {
    return this.#handOut.view(cursorInside.putPayload(this.#cursor, this.#handOut));
  }

  copy(): LoggedEvent {
    return cursorInside.copyEvent(this.#cursor);
  }
}
