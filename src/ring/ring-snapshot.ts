// The ring of a process that is gone, as a copy of its sections. Shared memory may be damaged or
// forged: everything is checked before a frame of it goes to disk.
import { readNumber, readWords } from '../memory/sequence-latch.js';
import {
  BLOCK_HEADER_BYTES,
  MAX_BLOCK_PAYLOAD_BYTES,
  MAX_LARGE_BLOCK_BYTES,
} from '../segment/block-header.js';
import { FRAME_HEADER_BYTES, FrameKind } from '../segment/frame.js';
import { TWO_POW_32 } from '../units.js';
import { hasZeroTail, RingConsumer } from './ring-consumer.js';
import {
  bytesBetween,
  controlWords,
  type DurablePoint,
  RingControlLayout,
  UNIT_BYTES,
} from './ring-control.js';
import { geometryAt, geometryOf, RingGeometry } from './ring-geometry.js';
import { type RingMemory, ringMemory } from './ring-memory.js';

/** Events that were published and that the file did not have yet. */
export interface UnreadEvents {
  readonly eventCount: number;
  readonly firstEventId: number;
  readonly lastEventId: number;
  /** The longest event or batch with its frames: what one block must hold. */
  readonly longestBytes: number;
}

export interface RingDefect {
  readonly defect: string;
}

/** Puts copies of the control and ring sections together, so that a consumer can work on them. */
export function ringOfSections(control: Uint8Array, ring: Uint8Array): RingMemory {
  const words = new Int32Array(new Uint8Array(control).buffer);
  const bytes = new Uint8Array(ring);
  return ringMemory(words, 0, bytes.length, () => bytes);
}

/**
 * How much of a ring of `ringBytes` a copy of its control section says to be in use: behind that
 * nothing stands. All of it where the control section makes no sense.
 */
export function usedRingBytes(control: Uint8Array, ringBytes: number): number {
  if (control.length < RingControlLayout.size) return ringBytes;
  const words = new Int32Array(control.buffer, control.byteOffset, RingControlLayout.size / 4);
  return geometryAt(words, controlWords(0).geometry, ringBytes)?.capacityBytes ?? ringBytes;
}

/** The durable point that a control section tells. */
export function durablePointOf(memory: Pick<RingMemory, 'words' | 'control'>): DurablePoint {
  return pointAt(memory.words, memory.control.durablePoint);
}

/** Scratch memory, reused by each call: `durable()` reads a point each time. */
const scratch = new Int32Array(4);

function pointAt(words: Int32Array, index: number): DurablePoint {
  readWords(words, index, scratch);
  return {
    segmentIndex: (scratch[0] as number) >>> 0,
    offset: (scratch[1] as number) >>> 0,
    lastEventId: ((scratch[3] as number) >>> 0) * TWO_POW_32 + ((scratch[2] as number) >>> 0),
  };
}

/** The durable event id in a copy of the control section's durable point. */
export function durableEventIdOf(latch: Int32Array): number {
  return pointAt(latch, 0).lastEventId;
}

/** Id of the last event that the kernel had, as the control section tells. */
export const writtenEventIdOf = (memory: RingMemory): number =>
  readNumber(memory.words, memory.control.writtenEventId);

/**
 * Walks all frames between "written" and "appended". Changes nothing.
 * @returns what waits there, undefined when nothing does, or why it cannot be trusted
 */
export function unreadEvents(memory: RingMemory): UnreadEvents | RingDefect | undefined {
  const walk = new SnapshotWalk(memory);
  let firstEventId = 0;
  let eventCount = 0;
  let lastKind: number = FrameKind.event;
  let batchBytes = 0;
  let longestBytes = 0;
  while (walk.next()) {
    batchBytes += walk.span;
    longestBytes = Math.max(longestBytes, batchBytes);
    if (walk.kind === FrameKind.event) batchBytes = 0;
    if (eventCount === 0) firstEventId = walk.eventId;
    else if (walk.eventId !== firstEventId + eventCount) {
      return { defect: `event ${walk.eventId} follows event ${firstEventId + eventCount - 1}` };
    }
    eventCount++;
    lastKind = walk.kind;
  }
  if (walk.defect !== undefined) return { defect: walk.defect };
  if (eventCount === 0) return undefined;
  if (lastKind !== FrameKind.event) return { defect: 'the last batch is incomplete' };
  const lastEventId = firstEventId + eventCount - 1;
  return { eventCount, firstEventId, lastEventId, longestBytes };
}

/**
 * The frames that {@link unreadEvents} finds sound, one event each: where they stand in the ring.
 */
export function* unreadFrames(
  memory: RingMemory,
): Generator<{ readonly eventId: number; readonly offset: number }> {
  const walk = new SnapshotWalk(memory);
  while (walk.next()) yield { eventId: walk.eventId, offset: walk.offset };
}

/** Moves "written" to the frame of event `eventId`: what lies before is in the files already. */
export function skipUntil(memory: RingMemory, eventId: number): void {
  const walk = new SnapshotWalk(memory);
  let position = walk.position;
  while (walk.next() && walk.eventId < eventId) position = walk.position;
  Atomics.store(memory.words, memory.control.written, position);
}

/** Whoever opens the log takes as much, whatever its options say. */
const LARGEST_RUN_BYTES = MAX_LARGE_BLOCK_BYTES - BLOCK_HEADER_BYTES;

/** Frames that make one block: of a ring, or of a segment's block. */
export interface FrameRun {
  /** The frames stand in `bytes` at [start, end): whole events and whole batches, as in a block. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly header: {
    readonly firstEventId: number;
    readonly eventCount: number;
    /** Of the block; of a ring's frames, which no block has yet, the last event's. */
    readonly writtenTsNs: bigint;
  };
}

/** The frames of a ring that {@link unreadEvents} finds sound, from "written" on, as blocks. */
export function* runsOf(memory: RingMemory, firstEventId: number): Generator<FrameRun> {
  const consumer = new RingConsumer(memory, firstEventId);
  while (consumer.gather(MAX_BLOCK_PAYLOAD_BYTES, LARGEST_RUN_BYTES)) {
    const { offset, bytes, eventCount, lastTimestampHigh, lastTimestampLow } = consumer.run;
    const writtenTsNs = (BigInt(lastTimestampHigh) << 32n) | BigInt(lastTimestampLow);
    const header = { firstEventId: consumer.run.firstEventId, eventCount, writtenTsNs };
    yield { bytes: consumer.bytes, start: offset, end: offset + bytes, header };
    consumer.release();
  }
}

class SnapshotWalk {
  readonly #views: ReturnType<RingMemory['ring']>;
  readonly #geometry: RingGeometry;
  readonly #appended: number;
  /** Behind the current frame. */
  position: number;
  /** Of the current frame, in the ring's bytes. */
  offset = 0;
  eventId = 0;
  kind = 0;
  /** Bytes of the current frame, rounded up to 8. */
  span = 0;
  defect: string | undefined;
  /** Bytes of the batch that the current frame belongs to, 0 after its end. */
  #batchBytes = 0;
  /** Where the last event frame ended, in the ring's bytes. */
  #end = 0;

  constructor(memory: RingMemory) {
    this.#views = memory.ring(memory.ringBytes);
    this.#appended = Atomics.load(memory.words, memory.control.appended);
    this.position = Atomics.load(memory.words, memory.control.written);
    const geometry = geometryOf(memory);
    this.#geometry = geometry ?? new RingGeometry(memory.ringBytes);
    if (geometry === undefined) {
      this.defect = 'what the control words say about the size of the ring makes no sense';
    } else if (bytesBetween(this.position, this.#appended) > geometry.capacityBytes) {
      this.defect = 'the positions are further apart than the size of the ring';
    }
  }

  /** Goes to the next event frame; false at the end or at a defect. */
  next(): boolean {
    while (this.defect === undefined && this.position !== this.#appended) {
      const { frames, bytes } = this.#views;
      const offset = this.#geometry.offsetOf(this.position);
      const word = offset >>> 2;
      const waiting = bytesBetween(this.position, this.#appended);
      const frameBytes = (frames[word] as number) >>> 0;
      const kind = (frames[word + 1] as number) & 0xffff;
      const isPadding = kind === FrameKind.padding;
      const span = Math.ceil(frameBytes / UNIT_BYTES) * UNIT_BYTES;
      const piece = this.#geometry.pieceBytes(this.position);
      // Padding fills the ring's end, neither more nor less.
      const least = isPadding ? this.#geometry.untilEnd(this.position) : FRAME_HEADER_BYTES;
      const known = isPadding || kind === FrameKind.event || kind === FrameKind.continued;
      const fits = frameBytes >= least && span <= Math.min(waiting, piece);
      if (!known || !fits || !(isPadding || hasZeroTail(bytes, offset + frameBytes))) {
        this.defect = `the frame at ${offset} (kind ${kind}, ${frameBytes} bytes) is not valid`;
        return false;
      }
      if (this.#batchBytes > 0 && (isPadding || offset !== this.#end)) {
        this.defect = `the batch before ${offset} is in two pieces`;
        return false;
      }
      this.position = (this.position + span / UNIT_BYTES) | 0;
      if (isPadding) continue;
      this.#batchBytes += span;
      this.#end = offset + span;
      if (this.#batchBytes > LARGEST_RUN_BYTES) {
        this.defect = `the event or batch that ends at ${offset + span} is longer than a block`;
        return false;
      }
      if (kind === FrameKind.event) this.#batchBytes = 0;
      const high = (frames[word + 3] as number) >>> 0;
      this.eventId = high * TWO_POW_32 + ((frames[word + 2] as number) >>> 0);
      this.kind = kind;
      this.offset = offset;
      this.span = span;
      return true;
    }
    return false;
  }
}
