// The fastest way to read: fields instead of objects.

import { checkChoice, checkDirectory, checkOptions } from '../reading/event-range.js';
import type { CursorOptions, EventCursor } from '../reading/events.js';
import { checkTelemetry } from '../reading/reading-meter.js';
import { walkersOf } from './ahead-walker.js';
import type { Blocks } from './blocks.js';
import { cursorAt, cursorInside, findPlace, LogCursor } from './cursor.js';
import { HandOut } from './hand-out.js';
import type { ReplayPorts } from './read-ahead.js';
import { checkStart, type Start } from './start.js';
import { REPLAY_PORTS } from './thread-read-ahead.js';

/** A cursor, with memory that it may hand out. */
class OpenCursor extends LogCursor implements EventCursor {
  readonly payloadOffset = 0;
  readonly #handOut: HandOut;

  constructor(blocks: Blocks, start: Start) {
    const handOut = new HandOut();
    super(blocks, start, handOut);
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
 * being written. Uses at most two descriptors and 3 MiB of memory, until `close`; where another
 * thread reads ahead (`readAhead`) 8 MiB more, and the descriptors of that. Where an event has
 * more than 1 MiB it takes as much until `close`, and once more while it is the current one.
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
export function openCursor(dir: string | URL, options: CursorOptions = {}): EventCursor {
  return openCursorThrough(REPLAY_PORTS, checkDirectory(dir), options);
}

/** {@link openCursor} with other ports than those of this machine. */
export function openCursorThrough(
  ports: ReplayPorts,
  dir: string,
  options: CursorOptions = {},
): EventCursor {
  checkOptions(options);
  const start = checkStart(options);
  const readAhead = checkChoice('readAhead', options.readAhead);
  const { walker, blocks } = walkersOf(ports, dir, checkTelemetry(options.telemetry), readAhead);
  return cursorAt(OpenCursor, walker, findPlace(walker, start), start, blocks);
}
