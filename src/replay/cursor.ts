// Steps over the events of a log. Each block is verified whole, frames included, when it is loaded;
// then a step is a few reads of words, and the ids just count up. Nobody outside gets hold of the
// memory that was verified: what is handed out is a copy, of one payload or of all its event.

import { outOfRange } from '../errors.js';
import { codecOf } from '../memory/codec.js';
import { wordOf } from '../memory/layout.js';
import type { LoggedEvent } from '../reading/events.js';
import { FRAME_HEADER_BYTES, FrameLayout } from '../segment/frame.js';
import type { Blocks } from './blocks.js';
import type { HandOut } from './hand-out.js';
import type { LogPlace, LogWalker } from './log-walker.js';
import { isAnyBeginning, type Start } from './start.js';
import { StepSampler } from './step-sampler.js';

const TYPE_SHIFT = 16;
const KIND_WORD = wordOf(FrameLayout.offset.kind);
const { field } = codecOf(FrameLayout);

/**
 * What only this package does with a cursor; the methods of these names say what. They are private,
 * because `openCursor` hands a cursor to consumers, who would reach public ones.
 */
interface CursorInside {
  step(cursor: LogCursor): boolean;
  load(cursor: LogCursor): boolean;
  upcomingEventId(cursor: LogCursor): number;
  putPayload(cursor: LogCursor, target: HandOut): number;
  copyEvent(cursor: LogCursor): LoggedEvent;
  confirmEndAgain(cursor: LogCursor): boolean;
}

let inside: CursorInside;

const NO_BYTES = new Uint8Array(0);
const NO_WORDS = new Int32Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

/** Steps over the frames of the blocks of a log. Fields are of the event that it moved to. */
export class LogCursor {
  /** 0 before the first step, and at the end. */
  eventId = 0;
  type = 0;
  payloadBytes = 0;
  readonly #blocks: Blocks;
  #bytes: Uint8Array = NO_BYTES;
  #words: Int32Array = NO_WORDS;
  #view: DataView = NO_VIEW;
  /** What a block must reach to be of interest. */
  readonly #fromEventId: number;
  /** What the first event must reach; undefined once one has, or where any will do. */
  #fromTimeNs: bigint | undefined;
  /** Says which steps are timed; undefined: none. */
  readonly #sampler: StepSampler | undefined;
  /** Where each payload is put for a consumer; undefined: it is asked for where it is wanted. */
  readonly #handOut: HandOut | undefined;
  #lastEventId = 0;
  /** 0 where there is no event. */
  #payloadOffset = 0;
  /** Where the frame behind the current one starts, and where the block's frames end. */
  #frameOffset = 0;
  #frameEnd = 0;
  #closed = false;

  constructor(blocks: Blocks, { eventId = 1, timeNs }: Start = {}, handOut?: HandOut) {
    this.#blocks = blocks;
    this.#handOut = handOut;
    this.#fromEventId = eventId;
    this.#fromTimeNs = timeNs;
    this.#lookAt(blocks.bytes);
    this.#sampler = blocks.meter.isSilent ? undefined : new StepSampler();
  }

  static {
    inside = Object.freeze({
      step: (cursor: LogCursor) => cursor.#step(),
      load: (cursor: LogCursor) => cursor.#load(),
      upcomingEventId: (cursor: LogCursor) => cursor.#upcomingEventId,
      putPayload: (cursor: LogCursor, target: HandOut) => cursor.#putPayload(target),
      copyEvent: (cursor: LogCursor) => cursor.#copyEvent(),
      confirmEndAgain: (cursor: LogCursor) => cursor.#confirmEndAgain(),
    });
  }

  next(): boolean {
    if (this.#sampler?.isDue() === true) return this.#timedNext();
    if (!this.#step() && !this.#nextBlock()) return false;
    if (this.#handOut !== undefined) this.#putPayload(this.#handOut);
    return true;
  }

  #timedNext(): boolean {
    const { meter } = this.#blocks;
    const startNs = meter.nowNs();
    const moved = this.#step() || this.#nextBlock();
    if (!moved) return false;
    meter.manager.onNextEvent(startNs);
    if (this.#handOut !== undefined) this.#putPayload(this.#handOut);
    return true;
  }

  /** Moves to the next event of the current block; false where that has no more. */
  #step(): boolean {
    const offset = this.#frameOffset;
    if (offset === this.#frameEnd) return false;
    const word = offset >> 2;
    // In bounds: the block was verified whole when it was loaded.
    const frameBytes = this.#words[word] as number;
    this.type = (this.#words[word + KIND_WORD] as number) >>> TYPE_SHIFT;
    this.eventId = ++this.#lastEventId;
    this.#payloadOffset = offset + FRAME_HEADER_BYTES;
    this.payloadBytes = frameBytes - FRAME_HEADER_BYTES;
    this.#frameOffset = offset + ((frameBytes + 7) & -8);
    return true;
  }

  /** Loads the next block that holds an event of interest; false at the end of what is there. */
  #load(): boolean {
    do {
      if (!this.#loadBlock()) return false;
    } while (!this.#skipEarlier());
    return true;
  }

  #loadBlock(): boolean {
    const blocks = this.#blocks;
    do {
      if (this.#closed || !blocks.next()) {
        this.#clear();
        return false;
      }
    } while (blocks.nextEventId <= this.#fromEventId);
    if (blocks.bytes !== this.#bytes) this.#lookAt(blocks.bytes);
    this.#frameOffset = blocks.payloadStart;
    this.#frameEnd = blocks.payloadEnd;
    this.#lastEventId = blocks.firstEventId - 1;
    return true;
  }

  #lookAt(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Moves to the first event of interest in the block; false where it has none. */
  #skipEarlier(): boolean {
    while (this.#lastEventId + 1 < this.#fromEventId) this.#step();
    const timeNs = this.#fromTimeNs;
    if (timeNs === undefined) return true;
    while (field.timestampNs.get(this.#view, this.#frameOffset) < timeNs) {
      this.#step();
      if (this.#frameOffset === this.#frameEnd) return false;
    }
    this.#fromTimeNs = undefined;
    return true;
  }

  /** Id of the event that `step` would move to; 0 where the block has no more. */
  get #upcomingEventId(): number {
    return this.#frameOffset === this.#frameEnd ? 0 : this.#lastEventId + 1;
  }

  get timestampNs(): bigint {
    if (this.#payloadOffset === 0) return 0n;
    return field.timestampNs.get(this.#view, this.#payloadOffset - FRAME_HEADER_BYTES);
  }

  /** Puts the payload where a consumer may have it; returns its length. */
  #putPayload(target: HandOut): number {
    const byteCount = this.#payloadLength();
    target.put(this.#bytes, this.#words, this.#payloadOffset, byteCount);
    return byteCount;
  }

  /** The event as plain data of its own. */
  #copyEvent(): LoggedEvent {
    const { eventId, type, timestampNs } = this;
    const start = this.#payloadOffset;
    const payload = this.#bytes.slice(start, start + this.#payloadLength());
    return { eventId, type, timestampNs, payload };
  }

  /** As the frame tells: the field is one that a consumer can set. */
  #payloadLength(): number {
    const offset = this.#payloadOffset - FRAME_HEADER_BYTES;
    return offset < 0 ? 0 : (this.#words[offset >> 2] as number) - FRAME_HEADER_BYTES;
  }

  /** See LogWalker: for one that waits at the end. */
  #confirmEndAgain(): boolean {
    return this.#blocks.confirmEndAgain();
  }

  close(): void {
    this.#closed = true;
    this.#clear();
    this.#blocks.close();
  }

  #nextBlock(): boolean {
    if (this.#closed) return false;
    try {
      while (!this.#load()) if (this.#blocks.confirmEnd()) return false;
    } catch (error) {
      this.close();
      throw error;
    }
    return this.#step();
  }

  #clear(): void {
    this.#frameOffset = 0;
    this.#frameEnd = 0;
    this.eventId = 0;
    this.type = 0;
    this.#payloadOffset = 0;
    this.payloadBytes = 0;
  }
}

/**
 * Where reading begins: the block that holds the event, the end for last + 1, the start where
 * nothing is asked for; for a time a block before it. undefined: the log has no segment yet. The
 * walker's files are closed again.
 * @param options `beyondEnd`: a later id stands at the end, too
 * @throws WalError as openCursor tells
 */
export function findPlace(
  walker: LogWalker,
  { eventId, timeNs, logId }: Start,
  options: { readonly beyondEnd: boolean } = { beyondEnd: false },
): LogPlace | undefined {
  const { meter } = walker;
  return meter.measure(
    (startNs, ok) => meter.manager.onResumeFromEvent(startNs, ok),
    () => {
      try {
        walker.expect(logId);
        if (timeNs === undefined) {
          walker.seek(eventId);
          if (eventId !== undefined) findBlock(walker, eventId, options.beyondEnd);
        } else {
          walker.seekTime(timeNs);
          walker.skipTowardsTime(timeNs);
        }
        return walker.place;
      } finally {
        walker.close();
      }
    },
  );
}

/** From the start of the segment of `from` to its block, or to the end. */
function findBlock(walker: LogWalker, from: number, beyondEnd: boolean): void {
  const startNs = walker.meter.nowNs();
  walker.skipTowards(from);
  for (;;) {
    if (walker.next()) {
      if (walker.nextEventId > from) break;
    } else if (walker.confirmEnd()) {
      const { nextEventId, dir } = walker;
      if (from === nextEventId || (beyondEnd && from > nextEventId)) break;
      throw outOfRange(`Event ${from} is not in ${dir}: the last one is ${nextEventId - 1}.`);
    }
  }
  walker.meter.segmentReader.onSeekEvent(startNs);
}

/**
 * A cursor that stands before `place`; the walker's files are open.
 * @param Cursor the kind of cursor that is wanted
 * @param blocks those of the walker, or what reads ahead of it
 */
export function cursorAt<Cursor extends LogCursor>(
  Cursor: new (blocks: Blocks, start: Start) => Cursor,
  walker: LogWalker,
  place: LogPlace | undefined,
  start: Start,
  blocks: Blocks = walker,
): Cursor {
  try {
    walker.resume(place, isAnyBeginning(start));
    return new Cursor(blocks, start);
  } catch (error) {
    blocks.close();
    throw error;
  }
}

export { inside as cursorInside };
