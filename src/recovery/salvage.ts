// Reads what is left of a damaged log: events that are provably its own, and a gap for all else.
import { decodeFrame, FRAME_HEADER_BYTES, frameSpan } from '../segment/frame.js';
import { checkDirectory } from './event-range.js';
import type { EventCopy, LoggedEvent } from './events.js';
import { LogSalvager, type SalvagedBlock } from './log-salvager.js';
import type { ReadingPorts } from './reading-ports.js';
import { REGION_PORTS } from './region-ports.js';
import type { SalvageGap } from './salvage-gap.js';

/** An event; as in a replay, one object serves the whole iteration. */
export interface SalvagedEvent extends LoggedEvent {
  readonly kind: 'event';
}

export type SalvageItem = SalvagedEvent | SalvageGap;

class CurrentSalvagedEvent implements SalvagedEvent {
  readonly kind = 'event';
  eventId = 0;
  type = 0;
  timestampNs = 0n;
  #bytes: Uint8Array = new Uint8Array(0);
  #payloadOffset = 0;
  #payloadBytes = 0;

  /** Takes over the frame at `offset`; returns where the next one starts. */
  show(bytes: Uint8Array, offset: number): number {
    const frame = decodeFrame(bytes, offset);
    this.eventId = frame.eventId;
    this.type = frame.type;
    this.timestampNs = frame.timestampNs;
    this.#bytes = bytes;
    this.#payloadOffset = frame.payloadOffset;
    this.#payloadBytes = frame.payloadBytes;
    return offset + frameSpan(FRAME_HEADER_BYTES + frame.payloadBytes);
  }

  get payload(): Uint8Array {
    return this.#bytes.subarray(this.#payloadOffset, this.#payloadOffset + this.#payloadBytes);
  }

  copy(): EventCopy {
    const { eventId, type, timestampNs, payload } = this;
    return { eventId, type, timestampNs, payload: payload.slice() };
  }
}

function* eventsOf(
  { bytes, start, end }: SalvagedBlock,
  event: CurrentSalvagedEvent,
): Generator<SalvagedEvent, void, undefined> {
  let offset = start;
  while (offset < end) {
    offset = event.show(bytes, offset);
    yield event;
  }
}

function* items(salvager: LogSalvager): Generator<SalvageItem, void, undefined> {
  const event = new CurrentSalvagedEvent();
  for (const part of salvager.parts()) {
    if (part.kind === 'gap') yield part;
    else yield* eventsOf(part, event);
  }
}

/**
 * Everything that can be proven to be of the log in `dir`, however damaged, in ascending order of
 * ids; takes no lock and changes nothing. An item is an event (`kind: 'event'`, the same object in
 * every step: use `copy()` to keep one) or a gap (`kind: 'gap'`), which names the place, what is
 * wrong there, and the ids that are missing, where these can be known. A sound log yields no gap.
 *
 * An event is given out when its block's header and payload validate at their own place under its
 * segment's salt, its segment belongs to this log, and its id was not there before. That includes
 * events behind a hole that nobody called durable: an opening of the log would drop them. The gap
 * before them says so (`ERR_FLASHSTRIKE_TORN_TAIL`). Last come the events that a crashed process left
 * in its shared region and that the files lack.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG at once; _ACCESS, _IO also later
 */
export function salvage(
  dir: string,
  ports: ReadingPorts = REGION_PORTS,
): IterableIterator<SalvageItem> {
  checkDirectory(dir);
  return items(new LogSalvager(ports, dir));
}
