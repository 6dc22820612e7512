// The proof: the stream is made again from its seed and compared with what the log gives back,
// event by event, byte for byte, without a gap.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EventCursor, openCursor } from '../../index.js';
import { OrderLayout } from '../formats/order-record.js';
import { formatCount, formatEvents } from '../quantities.js';
import type { OrderStream } from './order-stream.js';

/** The log does not hold what was appended; `message` says where. */
export class ProofFailed extends Error {
  override readonly name = 'ProofFailed';
}

/** Often enough for progress and signals. */
const TURN_EVENTS = 100_000;

/** Whether `bytes` holds `expected` from `offset` on. */
function holds(bytes: Uint8Array, offset: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index += 1) {
    if (bytes[offset + index] !== expected[index]) return false;
  }
  return true;
}

/**
 * Compares every event of the log with `stream`, which stands at its beginning, and afterwards
 * after the last event.
 * @param onProgress is called every now and then with the events compared so far; may throw
 * @returns the last event id
 * @throws ProofFailed
 */
export async function compareWithStream(
  dir: string,
  stream: OrderStream,
  onProgress: (events: number) => void,
): Promise<number> {
  const cursor = openCursor(dir, { from: 1 });
  try {
    return await compareEvents(cursor, stream, onProgress);
  } finally {
    cursor.close();
  }
}

type Events = Pick<EventCursor, 'next' | 'eventId' | 'block' | 'payloadOffset' | 'payloadBytes'>;

/** {@link compareWithStream} for a cursor that stands before event 1. */
export async function compareEvents(
  cursor: Events,
  stream: OrderStream,
  onProgress: (events: number) => void,
): Promise<number> {
  const { payload } = stream;
  let compared = 0;
  while (cursor.next()) {
    stream.next();
    compared += 1;
    if (cursor.eventId !== compared) {
      throw new ProofFailed(`event ${compared} is missing: ${cursor.eventId} follows`);
    }
    const isEqual =
      cursor.payloadBytes === OrderLayout.size &&
      holds(cursor.block, cursor.payloadOffset, payload);
    if (!isEqual) throw new ProofFailed(`event ${compared} is not the order that was appended`);
    if (compared % TURN_EVENTS === 0) {
      onProgress(compared);
      await nextTurn();
    }
  }
  return compared;
}

/**
 * @param compared what {@link compareWithStream} returned
 * @throws ProofFailed where a promised event is missing, or the log's own account differs
 */
export function checkCompleteness(
  compared: number,
  { promised, lastEventId }: { readonly promised: number; readonly lastEventId: number },
): void {
  if (compared < promised) {
    throw new ProofFailed(
      `${formatCount(promised)} were appended, but the log ends at ${formatCount(compared)}: ` +
        `${formatEvents(promised - compared)} lost`,
    );
  }
  if (compared !== lastEventId) {
    throw new ProofFailed(
      `the log reports ${formatCount(lastEventId)} as its last event, but its replay ends at ` +
        `${formatCount(compared)}`,
    );
  }
}
