// Reads what is left of a damaged log: events that are provably its own, and a gap for all else.

import type { ReadingPorts } from '../judgement/reading-ports.js';
import { REGION_PORTS } from '../judgement/region-ports.js';
import { checkDirectory } from '../reading/event-range.js';
import type { LoggedEvent } from '../reading/events.js';
import { decodeFrame, FRAME_HEADER_BYTES, frameSpan } from '../segment/frame.js';
import { LogSalvager, type SalvagedBlock } from './log-salvager.js';
import type { SalvageGap } from './salvage-gap.js';

/** An event as plain data of its own, as in a replay. */
export interface SalvagedEvent extends LoggedEvent {
  readonly kind: 'event';
}

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
 * Everything that can be proven to be of the log in `dir`, however damaged, in ascending order of
 * ids; takes no lock and changes nothing. An item is an event (`kind: 'event'`, plain data of its
 * own) or a gap (`kind: 'gap'`), which names the place, what is
 * wrong there, and the ids that are missing, where these can be known. A sound log yields no gap.
 *
 * An event is given out when its block's header and payload validate at their own place under its
 * segment's salt, its segment belongs to this log, and its id was not there before. That includes
 * events behind a hole that nobody called durable: an opening of the log would drop them. The gap
 * before them says so (`ERR_FLASHSTRIKE_TORN_TAIL`). Last come the events that a crashed process
 * left in its shared region and that the files lack.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT, _NOT_A_LOG at once; _ACCESS, _IO also later
 */
export function salvage(dir: string): IterableIterator<SalvageItem> {
  return salvageThrough(REGION_PORTS, dir);
}

/** {@link salvage} with other ports than those of this machine. */
export function salvageThrough(ports: ReadingPorts, dir: string): IterableIterator<SalvageItem> {
  checkDirectory(dir);
  return items(new LogSalvager(ports, dir));
}
