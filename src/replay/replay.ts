// The convenient way to read: `for (const event of replay(dir))`.

import {
  checkChoice,
  checkDirectory,
  checkEventId,
  checkFlag,
  checkOptions,
} from '../reading/event-range.js';
import type { LoggedEvent, ReplayOptions, ReusedEvent, Reusing } from '../reading/events.js';
import { checkTelemetry } from '../reading/reading-meter.js';
import { walkersOf } from './ahead-walker.js';
import { CurrentEvent } from './current-event.js';
import { cursorAt, cursorInside, findPlace, LogCursor } from './cursor.js';
import type { LogPlace } from './log-walker.js';
import type { ReplayPorts } from './read-ahead.js';
import { checkStart, type Start } from './start.js';
import { REPLAY_PORTS } from './thread-read-ahead.js';

interface Range {
  readonly start: Start;
  readonly to: number;
  readonly reuse: boolean;
}

function* events(
  { walker, blocks }: ReturnType<typeof walkersOf>,
  place: LogPlace | undefined,
  { start, to, reuse }: Range,
): Generator<LoggedEvent, void, undefined> {
  const cursor = cursorAt(LogCursor, walker, place, start, blocks);
  try {
    const event = reuse ? new CurrentEvent(cursor) : undefined;
    while (cursor.next() && cursor.eventId <= to) {
      yield event === undefined ? cursorInside.copyEvent(cursor) : event.show();
      if (cursor.eventId === to) return;
    }
  } finally {
    cursor.close();
  }
}

/**
 * Iterates over all events from `from` to `to` (both included), in order and verified. Takes no
 * lock; if the log is being written, it ends at the end that it finds. Each event is a separate
 * object with its own payload, to keep, send or transfer; with `reuse: true` one object serves them
 * all, which is faster. The range is checked at once; files are open only while the iteration runs,
 * and are closed when it ends, breaks or throws.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG, _OUT_OF_RANGE for a `from` before
 * the first event or beyond last + 1 (which is empty), _EXPIRED for one that no longer exists;
 * during the iteration _CORRUPT or _UNDECIDABLE, after all events before the damage
 * @example
 * import { replay } from 'flashstrike';
 *
 * for (const { eventId, type, timestampNs, payload } of replay('./orders', { from: 1000 })) {
 *   console.log(eventId, type, timestampNs, Buffer.from(payload).toString());
 * }
 */
export function replay(
  dir: string | URL,
  options: ReplayOptions & Reusing,
): IterableIterator<ReusedEvent>;
export function replay(dir: string | URL, options?: ReplayOptions): IterableIterator<LoggedEvent>;
export function replay(
  dir: string | URL,
  options: ReplayOptions = {},
): IterableIterator<LoggedEvent> {
  return replayThrough(REPLAY_PORTS, checkDirectory(dir), options);
}

/** {@link replay} with other ports than those of this machine. */
export function replayThrough(
  ports: ReplayPorts,
  dir: string,
  options: ReplayOptions = {},
): IterableIterator<LoggedEvent> {
  checkOptions(options);
  const start = checkStart(options);
  const to = checkEventId('to', options.to) ?? Number.MAX_SAFE_INTEGER;
  const reuse = checkFlag('reuse', options.reuse);
  const readAhead = checkChoice('readAhead', options.readAhead);
  const walkers = walkersOf(ports, dir, checkTelemetry(options.telemetry), readAhead);
  return events(walkers, findPlace(walkers.walker, start), { start, to, reuse });
}
