// Reads what is still valid in a damaged log: events that provably belong to it, and a gap for
// everything else.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory } from '../reading/event-range.js';
import type { LoggedEvent } from '../reading/events.js';
import { decodeFrame, FRAME_HEADER_BYTES, frameSpan } from '../segment/frame.js';
import { LogSalvager, type SalvagedBlock } from './log-salvager.js';
import type { SalvageGap } from './salvage-gap.js';

/** An event as plain data with its own memory, as in a replay. */
export interface SalvagedEvent extends LoggedEvent {
  /** Distinguishes events from gaps. */
  readonly kind: 'event';
}

/** What {@link salvage} yields. */
export type SalvageItem = SalvagedEvent | SalvageGap;

/** The events of a block; nobody outside gets hold of the memory that was verified. */
function* eventsOf({ bytes, start, end }: SalvagedBlock): Generator<SalvagedEvent> {
  let offset = start;
  while (offset < end) {
    const { eventId, type, timestampNs, payloadOffset, payloadBytes } = decodeFrame(bytes, offset);
    const payload = bytes.slice(payloadOffset, payloadOffset + payloadBytes);
    yield { kind: 'event', eventId, type, timestampNs, payload };
    offset += frameSpan(FRAME_HEADER_BYTES + payloadBytes);
  }
}

function* items(salvager: LogSalvager): Generator<SalvageItem, void, undefined> {
  for (const part of salvager.parts()) {
    if (part.kind === 'gap') yield part;
    else yield* eventsOf(part);
  }
}

/**
 * Iterates over everything that provably belongs to the log in `dir`, however damaged it is, in
 * ascending order of ids. Takes no lock and changes nothing. An item is an event (`kind: 'event'`)
 * or a gap (`kind: 'gap'`), which says where it is, what is wrong there, and which ids are missing,
 * as far as that is known. A sound log yields no gap.
 *
 * An event is returned if the header and the payload of its block are valid at their own position
 * under the salt of its segment, its segment belongs to this log, and its id was not returned
 * before. That includes events after a hole that were never reported durable, which opening the log
 * would drop; the gap before them says so (`ERR_FLASHSTRIKE_TORN_TAIL`). Last come the events that
 * a crashed process left in its shared region and that are not in the files.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG at once; _ACCESS, _IO also later
 * @example
 * import { salvage } from 'flashstrike';
 *
 * for (const item of salvage('./damaged')) {
 *   if (item.kind === 'event') console.log(item.eventId, item.payload);
 *   else console.warn(item.file, item.offset, item.message);
 * }
 */
export function salvage(dir: string | URL): IterableIterator<SalvageItem> {
  return salvageThrough(REGION_PORTS, checkDirectory(dir));
}

/** {@link salvage} with other ports than those of this machine. */
export function salvageThrough(ports: ReadingPorts, dir: string): IterableIterator<SalvageItem> {
  return items(new LogSalvager(ports, dir));
}
