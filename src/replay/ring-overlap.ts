// Whether a ring tells the same story as the files. Ids alone do not: where another opening went on
// without a ring that it could not see (another container, another user), the same ids are of other
// events, and what waits in the ring must never follow those.
import { WalError } from '../errors.js';
import { type LeftRing, lastToTake } from '../judgement/left-rings.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { type RingDefect, unreadFrames } from '../ring/ring-snapshot.js';
import { decodeFrame } from '../segment/frame.js';
import { replayThrough } from './replay.js';

/**
 * The last event that a ring brings, as `lastToTake` tells it, and a defect also where events that
 * ring and files both hold are different ones.
 * @param nextEventId the one after the last that the files hold
 * @param expected the one that the ring is to continue with: after the rings before it
 */
export function lastThatFollows(
  ports: ReadingPorts,
  directory: string,
  ring: LeftRing,
  nextEventId: number,
  expected: number,
): number | RingDefect | undefined {
  const last = lastToTake(ring.unread, expected);
  if (typeof last === 'object') return last;
  const eventId = firstDifference(ports, directory, ring, nextEventId);
  if (eventId === undefined) return last;
  return { defect: `its event ${eventId} differs from the one in the files` };
}

/** The first event that the files hold under the same id and that is another one. */
function firstDifference(
  ports: ReadingPorts,
  directory: string,
  { memory, unread }: LeftRing,
  nextEventId: number,
): number | undefined {
  if (unread === undefined || 'defect' in unread) return undefined;
  const from = unread.firstEventId;
  const to = Math.min(unread.lastEventId, nextEventId - 1);
  if (from > to) return undefined;
  const frames = unreadFrames(memory);
  const { bytes } = memory.ring(memory.ringBytes);
  try {
    for (const event of replayThrough(ports, directory, { from, to })) {
      const next = frames.next();
      if (next.done === true) return undefined;
      const frame = decodeFrame(bytes, next.value.offset);
      const { payloadOffset, payloadBytes } = frame;
      const payload = bytes.subarray(payloadOffset, payloadOffset + payloadBytes);
      const isSame =
        frame.eventId === event.eventId &&
        frame.type === event.type &&
        frame.timestampNs === event.timestampNs &&
        Buffer.compare(payload, event.payload) === 0;
      if (!isSame) return event.eventId;
    }
    return undefined;
  } catch (error) {
    // The log begins after it: what it held before is nobody's concern any more.
    if (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_OUT_OF_RANGE')
      return undefined;
    throw error;
  }
}
