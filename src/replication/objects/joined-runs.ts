// The events of objects and of a stream as one log: in order, without a gap, and where both have
// events, after comparing them byte for byte.
import { decodeFrame, FRAME_HEADER_BYTES, frameSpan } from '../../segment/frame.js';
import { differentEvents, missingEvents } from './object-failures.js';

/** Frames of whole batches. */
export interface Run {
  readonly firstEventId: number;
  readonly eventCount: number;
  readonly frames: Uint8Array;
  /** The log that a run of a stream was written from. */
  readonly logId?: bigint | undefined;
}

const endOf = ({ firstEventId, eventCount }: Run): number => firstEventId + eventCount;

/** Runs of which the next one can be looked at. */
class Source {
  readonly #runs: AsyncIterator<Run, unknown>;
  #head: Run | undefined;
  #isAtEnd = false;

  constructor(runs: AsyncIterable<Run>) {
    this.#runs = runs[Symbol.asyncIterator]();
  }

  async peek(): Promise<Run | undefined> {
    if (this.#head === undefined && !this.#isAtEnd) {
      const result = await this.#runs.next();
      if (result.done === true) this.#isAtEnd = true;
      else this.#head = aligned(result.value);
    }
    return this.#head;
  }

  /** What was looked at is dealt with, up to the event before `eventId`. */
  advance(eventId: number): void {
    const head = this.#head;
    if (head !== undefined) this.#head = endOf(head) <= eventId ? undefined : from(head, eventId);
  }

  async close(): Promise<void> {
    await this.#runs.return?.();
  }
}

/** Frames are read by words of 4 bytes: in memory of their own they are aligned. */
const aligned = (run: Run): Run =>
  run.frames.byteOffset % 8 === 0 ? run : { ...run, frames: new Uint8Array(run.frames) };

/** What of a run begins with that event. */
function from(run: Run, eventId: number): Run {
  const { frames } = run;
  let at = 0;
  for (let id = run.firstEventId; id < eventId; id++) {
    at += frameSpan(FRAME_HEADER_BYTES + decodeFrame(frames, at).payloadBytes);
  }
  if (at === 0) return run;
  const eventCount = endOf(run) - eventId;
  return { ...run, firstEventId: eventId, eventCount, frames: frames.subarray(at) };
}

/** Behind every event. */
const NONE = Number.POSITIVE_INFINITY;

/** What is joined. */
interface Joined {
  /** As an error names them. */
  readonly names: string;
  /** The log of the objects; undefined where there are none. */
  readonly logId: bigint | undefined;
  readonly objects: AsyncIterable<Run>;
  readonly stream: AsyncIterable<Run>;
  /** The event that the log must begin with; undefined: whichever comes first. */
  readonly firstEventId: number | undefined;
}

/**
 * All events of both, once each. A run is valid until the next one is asked for.
 * @throws WalError ERR_FLASHSTRIKE_REPLICA_GAP, _DIVERGED, and whatever reading the two throws
 */
export async function* joinedRuns({ names, logId, ...given }: Joined): AsyncGenerator<Run, void> {
  const objects = new Source(given.objects);
  const stream = new Source(given.stream);
  let next = given.firstEventId;
  let areAlike = logId === undefined;
  try {
    for (;;) {
      const first = await objects.peek();
      // Where the objects go on nobody waits for the stream.
      const isEnough = first !== undefined && first.firstEventId === (next ?? 1);
      const second = isEnough ? undefined : await stream.peek();
      const begin = Math.min(first?.firstEventId ?? NONE, second?.firstEventId ?? NONE);
      const isOfObjects = first?.firstEventId === begin;
      const [source, other] = isOfObjects ? [objects, stream] : [stream, objects];
      const run = isOfObjects ? first : second;
      if (run === undefined) return;
      if (next !== undefined && begin > next) throw missingEvents(names, next, begin - 1);
      if (!isOfObjects && !areAlike && run.logId !== logId && first === undefined) {
        const what = `the stream goes on with event ${begin}, of another log than the objects`;
        throw differentEvents(names, what);
      }
      next = endOf(run);
      yield run;
      areAlike = (await compare(run, other, names)) || areAlike;
      source.advance(next);
    }
  } finally {
    await objects.close();
    await stream.close();
  }
}

/** Whether `other` has any of these events; they are dealt with then. */
async function compare(run: Run, other: Source, names: string): Promise<boolean> {
  const end = endOf(run);
  let isFound = false;
  for (;;) {
    const head = await other.peek();
    if (head === undefined || head.firstEventId >= end) return isFound;
    const mine = from(run, head.firstEventId).frames;
    const bytes = Math.min(mine.length, head.frames.length);
    if (Buffer.compare(mine.subarray(0, bytes), head.frames.subarray(0, bytes)) !== 0) {
      const what = `they have different events from event ${head.firstEventId} on`;
      throw differentEvents(names, what);
    }
    isFound = true;
    other.advance(end);
  }
}
