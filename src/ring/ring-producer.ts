// The producing side of the ring: runs on the application thread, inside `append`.
//
// Invariants
// - A frame is one piece: where it does not fit before the ring's end, a padding frame fills that
//   end and the frame starts at the beginning. The frames of a batch are one piece together.
// - A frame's bytes are stored before the position that publishes it.
// - `room` never counts bytes that the writer thread has not released.
// - No system call, no lock, no allocation.
import { WalError } from '../errors.js';
import { Counter64, setCount } from '../metrics/counter64.js';
import { FRAME_HEADER_BYTES, FrameKind, MAX_EVENT_ID } from '../segment/frame.js';
import { TWO_POW_32 } from '../units.js';
import { bytesBetween, UNIT_BYTES } from './ring-control.js';
import { NO_RING, type RingMemory } from './ring-memory.js';

const KIND_SHIFT = 16;
/** A power of two: multiplying is exact, and far cheaper than dividing. */
const HIGH_HALF = 1 / TWO_POW_32;
const NEXT_ID = 0;
const FIRST_ID = 1;

/** A 64-bit counter that somebody keeps elsewhere: words, and the index of its line there. */
export interface EventCounter {
  readonly words: Uint32Array;
  readonly at: number;
}

/** Counts for nobody. */
const uncounted = (): EventCounter => ({ words: new Uint32Array(Counter64.size), at: 0 });

export class RingProducer {
  #memory: RingMemory;
  #words: Int32Array;
  #bytes: Uint8Array;
  #frames: Int32Array;
  readonly #appendedWord: number;
  readonly #ringBytes: number;
  /** Where the next frame goes, in bytes from the ring's start. */
  #offset: number;
  /** The same as a position; all below it is published. */
  #position: number;
  /** Bytes at `#offset` that are known to be free and in one piece. */
  #room = 0;
  // In a typed array: a double that changes on every append would be boxed in a plain field.
  readonly #ids = new Float64Array(2);
  #countWords: Uint32Array;
  readonly #countAt: number;

  /**
   * @param nextEventId id that the next event gets
   * @param counter counts the events published by this producer
   */
  constructor(memory: RingMemory, nextEventId: number, counter = uncounted()) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#bytes = memory.bytes;
    this.#frames = memory.frames;
    this.#appendedWord = memory.control.appended;
    this.#ringBytes = memory.bytes.length;
    this.#position = Atomics.load(memory.words, memory.control.appended);
    this.#offset = ((this.#position >>> 0) * UNIT_BYTES) % this.#ringBytes;
    this.#ids[NEXT_ID] = nextEventId;
    this.#ids[FIRST_ID] = nextEventId;
    this.#countWords = counter.words;
    this.#countAt = counter.at;
  }

  /**
   * Takes nothing any more, before the memory goes: `reserve` throws then, and nothing else was to be
   * called without it. The ids stay to be read.
   */
  detach(): void {
    this.#memory = NO_RING;
    this.#words = NO_RING.words;
    this.#bytes = NO_RING.bytes;
    this.#frames = NO_RING.frames;
    this.#countWords = uncounted().words;
    this.#room = 0;
  }

  get lastEventId(): number {
    return (this.#ids[NEXT_ID] as number) - 1;
  }

  /** Bytes that are appended and not yet written; for telemetry and back-pressure. */
  get waitingBytes(): number {
    return bytesBetween(Atomics.load(this.#words, this.#memory.control.written), this.#position);
  }

  /**
   * True when `span` bytes in one piece can be had now. Places a padding frame where the piece has
   * to start over at the ring's beginning; that frame is published with what follows it.
   */
  reserve(span: number): boolean {
    if (span <= this.#room) return true;
    this.#refuseLastIds();
    const written = Atomics.load(this.#words, this.#memory.control.written);
    const free = this.#ringBytes - bytesBetween(written, this.#position);
    const untilEnd = this.#ringBytes - this.#offset;
    if (span <= untilEnd) {
      this.#room = Math.min(free, untilEnd);
      return span <= this.#room;
    }
    if (free < untilEnd + span) return false;
    this.#pad(untilEnd);
    this.#room = free - untilEnd;
    return true;
  }

  /** Off the fast path: until the next look, no more events can follow than the ring holds. */
  #refuseLastIds(): void {
    const idsNeeded = this.#ringBytes / FRAME_HEADER_BYTES;
    if ((this.#ids[NEXT_ID] as number) + idsNeeded <= MAX_EVENT_ID) return;
    throw new WalError(
      'ERR_FLASHSTRIKE_OUT_OF_RANGE',
      `Event ids end at ${MAX_EVENT_ID}, which this log has all but reached. Begin a new log.`,
    );
  }

  #pad(span: number): void {
    const word = this.#offset >>> 2;
    this.#frames[word] = span;
    this.#frames[word + 1] = FrameKind.padding;
    this.#advance(span);
  }

  #advance(span: number): void {
    this.#position = (this.#position + span / UNIT_BYTES) | 0;
    const offset = this.#offset + span;
    this.#offset = offset === this.#ringBytes ? 0 : offset;
    this.#room -= span;
  }

  /**
   * Writes one frame into room that `reserve` gave, without publishing it; returns its id.
   * `span` is the frame's length rounded up to 8; the timestamp comes as two u32 halves.
   */
  put(payload: Uint8Array, kind: number, type: number, low: number, high: number): number {
    const frameBytes = FRAME_HEADER_BYTES + payload.length;
    const span = (frameBytes + 7) & ~7;
    const offset = this.#offset;
    const word = offset >>> 2;
    const frames = this.#frames;
    const id = this.#ids[NEXT_ID] as number;
    if (span !== frameBytes) {
      // The spare bytes behind the payload are part of the format: zero.
      frames[word + (span >>> 2) - 2] = 0;
      frames[word + (span >>> 2) - 1] = 0;
    }
    frames[word] = frameBytes;
    frames[word + 1] = kind | (type << KIND_SHIFT);
    frames[word + 2] = id | 0;
    frames[word + 3] = (id * HIGH_HALF) | 0;
    frames[word + 4] = low;
    frames[word + 5] = high;
    this.#bytes.set(payload, offset + FRAME_HEADER_BYTES);
    this.#ids[NEXT_ID] = id + 1;
    this.#advance(span);
    return id;
  }

  /**
   * Makes all frames so far visible. Atomics.store is sequentially consistent: the frame's bytes,
   * stored before, are seen by whoever sees the position. (On a mapping the language promises no
   * order between threads; V8 emits the same instructions there. The litmus test holds that.)
   */
  publish(): void {
    Atomics.store(this.#words, this.#appendedWord, this.#position);
    const count = (this.#ids[NEXT_ID] as number) - (this.#ids[FIRST_ID] as number);
    setCount(this.#countWords, this.#countAt, count);
  }
}
