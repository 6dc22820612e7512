// The producing side of the ring: runs on the application thread, inside `append`.
//
// Invariants
// - A frame is one piece: where it does not fit before the ring's end, a padding frame fills that
//   end and the frame starts at the beginning. The frames of a batch are one piece together.
// - A frame's bytes are stored before the position that publishes it.
// - No byte is stored that the writer thread has not released, whatever a payload turns out to be.
// - The engine may cut a call short anywhere (a time limit of vm, the end of the stack, a thread
//   that is terminated), and a `finally` may not run. What is put is a draft until the one store
//   that publishes it. Whatever this side knows besides is set after that store, the position
//   last: where the two differ, the next call sets it again. So a call that was cut short appended
//   all or nothing.
// - No system call, no lock, no allocation while the ring has room.
import { assert, WalError } from '../errors.js';
import { wordOf } from '../memory/layout.js';
import { setBytes } from '../memory/typed-arrays.js';
import { Counter64, setCount } from '../metrics/counter64.js';
import { FRAME_HEADER_BYTES, FrameKind, MAX_EVENT_ID } from '../segment/frame.js';
import { HIGH_HALF } from '../units.js';
import { bytesBetween, publishPosition, UNIT_BYTES } from './ring-control.js';
import { NO_RING, type RingMemory } from './ring-memory.js';

// V8 puts a module's own constants into the code that it compiles; what is imported it loads and
// checks at each use.
const HEADER_BYTES = FRAME_HEADER_BYTES;
const EVENT = FrameKind.event;
const TO_HIGH_HALF = HIGH_HALF;
const copyBytes = setBytes;
const storePosition = publishPosition;
const UNIT_SHIFT = Math.log2(UNIT_BYTES);
const KIND_SHIFT = 16;
/** Up to here a payload is copied by words made of its bytes: calling `set` costs more than that. */
const SHORT_BYTES = 16;
const HEADER_WORDS = wordOf(FRAME_HEADER_BYTES);
const NEXT_ID = 0;
const FIRST_ID = 1;
const DRAFT_ID = 2;
/** Pieces of the ring whose ends are prepared as ends of free room. */
const PARTS = 8;

/** A 64-bit counter that somebody keeps elsewhere: words, and the index of its line there. */
interface EventCounter {
  readonly words: Uint32Array;
  readonly at: number;
}

/** Counts for nobody. */
const uncounted = (): EventCounter => ({ words: new Uint32Array(Counter64.size), at: 0 });

export class RingProducer {
  #memory: RingMemory;
  #words: Int32Array;
  #frames: Int32Array;
  readonly #appendedWord: number;
  readonly #ringBytes: number;
  /** The ring up to the end of each of its parts. */
  #parts: readonly Uint8Array[];
  /** All below it is published. The offset is the same in bytes from the ring's start. */
  #position: number;
  /** From `#position` to here the ring is known to be free and in one piece. */
  #end: number;
  /** The ring up to `#end`: what is copied here meets nothing that is unread. */
  #room: Uint8Array;
  /** Behind the frames that were put and are not published. */
  #draft: number;
  // In a typed array: a double that changes on every append would be boxed in a plain field.
  readonly #ids = new Float64Array(3);
  #countWords: Uint32Array;
  readonly #countAt: number;

  /**
   * @param nextEventId id that the next event gets
   * @param counter counts the events published by this producer
   */
  constructor(memory: RingMemory, nextEventId: number, counter = uncounted()) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#frames = memory.frames;
    this.#appendedWord = memory.control.appended;
    this.#ringBytes = memory.bytes.length;
    const partBytes = this.#ringBytes / PARTS;
    this.#parts = Array.from({ length: PARTS }, (_, part) => this.#upTo((part + 1) * partBytes));
    this.#position = Atomics.load(memory.words, memory.control.appended);
    this.#end = this.#position;
    this.#draft = this.#position;
    this.#room = memory.bytes;
    this.#ids.fill(nextEventId);
    this.#countWords = counter.words;
    this.#countAt = counter.at;
  }

  /**
   * Takes nothing any more, before the memory goes: `reserve` throws then, and nothing else was to
   * be called without it. The ids stay to be read.
   */
  detach(): void {
    this.#catchUp();
    this.#memory = NO_RING;
    this.#words = NO_RING.words;
    this.#frames = NO_RING.frames;
    this.#parts = [];
    this.#room = NO_RING.bytes;
    this.#end = this.#position;
    this.#countWords = uncounted().words;
  }

  #upTo(end: number): Uint8Array {
    const { buffer, byteOffset } = this.#memory.bytes;
    return new Uint8Array(buffer, byteOffset, end);
  }

  get lastEventId(): number {
    this.#catchUp();
    return (this.#ids[NEXT_ID] as number) - 1;
  }

  /** Bytes that are appended and not yet written; for telemetry and back-pressure. */
  get waitingBytes(): number {
    return bytesBetween(Atomics.load(this.#words, this.#memory.control.written), this.#position);
  }

  #offsetOf(position: number): number {
    // Modulo: the ring is a power of two, and at most 2^30 bytes.
    return (position << UNIT_SHIFT) & (this.#ringBytes - 1);
  }

  /**
   * True when `span` bytes in one piece are available now. Forgets what was put and not published.
   * Places a padding frame where the piece has to start over at the ring's beginning; that frame is
   * published with what follows it.
   */
  reserve(span: number): boolean {
    if (this.#words[this.#appendedWord] !== this.#position) this.#catchUp();
    this.#draft = this.#position;
    this.#ids[DRAFT_ID] = this.#ids[NEXT_ID] as number;
    return span >>> UNIT_SHIFT <= ((this.#end - this.#position) | 0) || this.#findRoom(span);
  }

  /** What the last `publish` was kept from, when it was cut short after its store. */
  #catchUp(): void {
    const published = this.#words[this.#appendedWord] as number;
    if (published !== this.#position && published === this.#draft) this.#adopt();
  }

  #findRoom(span: number): boolean {
    this.#refuseLastIds();
    const position = this.#position;
    const offset = this.#offsetOf(position);
    const written = Atomics.load(this.#words, this.#memory.control.written);
    const free = this.#ringBytes - bytesBetween(written, position);
    const untilEnd = this.#ringBytes - offset;
    if (span <= untilEnd) {
      if (span > free) return false;
      this.#room = this.#roomUpTo(offset + Math.min(free, untilEnd), offset + span);
      this.#end = (position + (this.#room.length - offset) / UNIT_BYTES) | 0;
      return true;
    }
    if (free < untilEnd + span) return false;
    this.#pad(offset, untilEnd);
    const room = this.#roomUpTo(free - untilEnd, span);
    // What follows the padding is a draft as well: of what is published, no room is known.
    this.#end = position;
    this.#room = room;
    this.#draft = (position + untilEnd / UNIT_BYTES) | 0;
    return true;
  }

  /** The ring up to `end`, or to where a part ends before, as long as that is not below `least`. */
  #roomUpTo(end: number, least: number): Uint8Array {
    const part = this.#parts[Math.floor((end / this.#ringBytes) * PARTS) - 1];
    return part !== undefined && part.length >= least ? part : this.#upTo(end);
  }

  /** Off the fast path: until the next look, no more events can follow than the ring holds. */
  #refuseLastIds(): void {
    const idsNeeded = this.#ringBytes / FRAME_HEADER_BYTES;
    if ((this.#ids[NEXT_ID] as number) + idsNeeded <= MAX_EVENT_ID) return;
    throw new WalError(
      'ERR_FLASHSTRIKE_OUT_OF_RANGE',
      `Event ids end at ${MAX_EVENT_ID}, which this log has almost reached. Start a new log.`,
    );
  }

  #pad(offset: number, span: number): void {
    const word = offset >>> 2;
    this.#frames[word] = span;
    this.#frames[word + 1] = FrameKind.padding;
  }

  /** Appends one event; its id, or 0 while the ring has no room for it. */
  append(
    payload: Uint8Array,
    payloadBytes: number,
    type: number,
    low: number,
    high: number,
  ): number {
    if (!this.reserve((payloadBytes + HEADER_BYTES + 7) & ~7)) return 0;
    const id = this.put(payload, payloadBytes, EVENT, type, low, high);
    this.publish();
    return id;
  }

  /**
   * Writes one frame into room that `reserve` gave, without publishing it; returns its id. The
   * timestamp comes as two u32 halves.
   * @param payloadBytes the payload's length when room was reserved: so much is taken of it
   */
  put(
    payload: Uint8Array,
    payloadBytes: number,
    kind: number,
    type: number,
    low: number,
    high: number,
  ): number {
    const frameBytes = HEADER_BYTES + payloadBytes;
    const span = (frameBytes + 7) & ~7;
    const offset = this.#offsetOf(this.#draft);
    const word = offset >>> 2;
    const frames = this.#frames;
    const id = this.#ids[DRAFT_ID] as number;
    frames[word] = frameBytes;
    frames[word + 1] = kind | (type << KIND_SHIFT);
    frames[word + 2] = id | 0;
    frames[word + 3] = (id * TO_HIGH_HALF) | 0;
    frames[word + 4] = low;
    frames[word + 5] = high;
    if (payloadBytes > SHORT_BYTES) {
      try {
        // Takes all that the payload has by now, which is more where another thread has made the
        // shared buffer behind it grow: that goes into free room alone.
        copyBytes(this.#room, payload, offset + HEADER_BYTES);
      } catch {
        this.#copyByByte(payload, payloadBytes, offset + HEADER_BYTES);
      }
      if (span !== frameBytes) this.#zeroSpare(offset + frameBytes);
    } else this.#copyByWord(payload, payloadBytes, word + HEADER_WORDS);
    this.#ids[DRAFT_ID] = id + 1;
    this.#draft = (this.#draft + (span >> UNIT_SHIFT)) | 0;
    return id;
  }

  /** Copies whole words, of which the last is filled up with zeros, as the frame is. */
  #copyByWord(payload: Uint8Array, payloadBytes: number, start: number): void {
    const frames = this.#frames;
    const whole = payloadBytes & ~3;
    let word = start;
    let at = 0;
    for (; at < whole; at += 4) {
      frames[word++] =
        (payload[at] as number) |
        ((payload[at + 1] as number) << 8) |
        ((payload[at + 2] as number) << 16) |
        ((payload[at + 3] as number) << 24);
    }
    if (at < payloadBytes) {
      let last = payload[at] as number;
      if (at + 1 < payloadBytes) last |= (payload[at + 1] as number) << 8;
      if (at + 2 < payloadBytes) last |= (payload[at + 2] as number) << 16;
      frames[word++] = last;
    }
    if ((word & 1) !== 0) frames[word] = 0;
  }

  /** Copies what has grown beyond the free room: the bytes that were there, and no more. */
  #copyByByte(payload: Uint8Array, payloadBytes: number, start: number): void {
    for (let at = 0; at < payloadBytes; at++) {
      const byte = payload[at];
      assert(byte !== undefined, 'a payload that is being appended loses no bytes');
      this.#room[start + at] = byte;
    }
  }

  /** The spare bytes from `at` to the next multiple of 8 are part of the format: zero. */
  #zeroSpare(at: number): void {
    const bytes = this.#room;
    let next = at;
    if ((next & 1) !== 0) bytes[next++] = 0;
    if ((next & 2) !== 0) {
      bytes[next] = 0;
      bytes[next + 1] = 0;
      next += 2;
    }
    if ((next & 4) !== 0) this.#frames[next >>> 2] = 0;
  }

  /**
   * Makes all frames so far visible. Atomics.store is sequentially consistent: the frame's bytes,
   * stored before, are seen by whoever sees the position. (On a mapping the language promises no
   * order between threads; V8 emits the same instructions there. The litmus test holds that.)
   */
  publish(): void {
    storePosition(this.#words, this.#appendedWord, this.#draft);
    this.#adopt();
  }

  /** Takes the draft, which is published, for this side's own. */
  #adopt(): void {
    this.#ids[NEXT_ID] = this.#ids[DRAFT_ID] as number;
    const count = (this.#ids[NEXT_ID] as number) - (this.#ids[FIRST_ID] as number);
    setCount(this.#countWords, this.#countAt, count);
    // Last, and until then what has to be done is known by it.
    this.#position = this.#draft;
  }
}
