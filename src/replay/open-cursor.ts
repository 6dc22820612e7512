// The fastest way to read: fields instead of objects.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory, checkOptions } from '../reading/event-range.js';
import type { CursorOptions, EventCursor } from '../reading/events.js';
import { checkTelemetry } from '../reading/reading-meter.js';
import { cursorAt, cursorInside, findPlace, LogCursor } from './cursor.js';
import { HandOut } from './hand-out.js';
import { LogWalker } from './log-walker.js';
import { checkStart, type Start } from './start.js';

/** A cursor, with memory that it may hand out. */
class OpenCursor extends LogCursor implements EventCursor {
  readonly payloadOffset = 0;
  readonly #handOut: HandOut;

  constructor(walker: LogWalker, start: Start) {
    const handOut = new HandOut();
    super(walker, start, handOut);
    this.#handOut = handOut;
  }

  get block(): Uint8Array {
    return this.#handOut.bytes;
  }

  get payload(): Uint8Array {
    return this.#handOut.view(cursorInside.putPayload(this, this.#handOut));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a cursor over the log in `dir`: the fastest way to read. Takes no lock, even if the log is
 * being written. Uses at most two descriptors and 3 MiB of memory, until `close`.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG, _OUT_OF_RANGE for an id before the
 * first event or beyond last + 1, _EXPIRED for one that no longer exists, and what reading finds
 * @example
 * import { openCursor } from 'flashstrike';
 *
 * const cursor = openCursor('./orders', { from: 1 });
 * let bytes = 0;
 * try {
 *   while (cursor.next()) bytes += cursor.payloadBytes;
 * } finally {
 *   cursor.close();
 * }
 * console.log(bytes);
 */
export function openCursor(dir: string, options: CursorOptions = {}): EventCursor {
  return openCursorThrough(REGION_PORTS, dir, options);
}

/** {@link openCursor} with other ports than those of this machine. */
export function openCursorThrough(
  ports: ReadingPorts,
  dir: string,
  options: CursorOptions = {},
): EventCursor {
  checkDirectory(dir);
  checkOptions(options);
  const start = checkStart(options);
  const walker = new LogWalker(ports, dir, checkTelemetry(options.telemetry));
  return cursorAt(OpenCursor, walker, findPlace(walker, start), start);
}
