// The convenient way to read: `for (const event of replay(dir))`.
import { cursorAt, findPlace } from './cursor.js';
import { checkDirectory, checkEventId, checkOptions } from './event-range.js';
import type { EventCopy, EventCursor, LoggedEvent, ReplayOptions } from './events.js';
import { type LogPlace, LogWalker } from './log-walker.js';
import { checkTelemetry } from './reading-meter.js';
import type { ReadingPorts } from './reading-ports.js';
import { REGION_PORTS } from './region-ports.js';

/** The one object that an iteration hands out; it shows the event at which its cursor stands. */
export class CurrentEvent implements LoggedEvent {
  eventId = 0;
  type = 0;
  readonly #cursor: EventCursor;

  constructor(cursor: EventCursor) {
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
    return this.#cursor.payload;
  }

  copy(): EventCopy {
    const { eventId, type, timestampNs, payload } = this;
    return { eventId, type, timestampNs, payload: payload.slice() };
  }
}

function* events(
  walker: LogWalker,
  place: LogPlace | undefined,
  from: number | undefined,
  to: number,
): Generator<LoggedEvent, void, undefined> {
  const cursor = cursorAt(walker, place, from);
  try {
    const event = new CurrentEvent(cursor);
    while (cursor.next() && cursor.eventId <= to) {
      yield event.show();
      if (cursor.eventId === to) return;
    }
  } finally {
    cursor.close();
  }
}

/**
 * All events from `from` to `to`, both included, in order and verified; takes no lock, also on a log
 * that is being written, where it goes to the end that it meets. The event object is the same in
 * every step: use `copy()` to keep one. The range is checked at once; files are only open while the
 * iteration runs, and are closed when it ends, breaks or throws.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG, _OUT_OF_RANGE for a `from` before
 * the first event or beyond last + 1 (which is empty), _EXPIRED for one that is no longer there;
 * in the iteration _CORRUPT or _UNDECIDABLE, after all events before the damage
 */
export function replay(
  dir: string,
  options: ReplayOptions = {},
  ports: ReadingPorts = REGION_PORTS,
): IterableIterator<LoggedEvent> {
  checkDirectory(dir);
  checkOptions(options);
  const from = checkEventId('from', options.from);
  const to = checkEventId('to', options.to) ?? Number.MAX_SAFE_INTEGER;
  const walker = new LogWalker(ports, dir, checkTelemetry(options.telemetry));
  return events(walker, findPlace(walker, from), from, to);
}
