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
import { FRAME_HEADER_BYTES, FrameKind, frameSpan, MAX_EVENT_ID } from '../segment/frame.js';
import { TWO_POW_32 } from '../units.js';
import { bytesBetween, publishPosition, UNIT_BYTES } from './ring-control.js';
import { geometryOf, publishGeometry, RingGeometry } from './ring-geometry.js';
import { NO_RING, type RingMemory } from './ring-memory.js';

// V8 puts a module's own constants into the code that it compiles; what is imported it loads and
// checks at each use.
const HEADER_BYTES = FRAME_HEADER_BYTES;
const EVENT = FrameKind.event;
const HIGH_UNIT = TWO_POW_32;
const UNIT_SHIFT = Math.log2(UNIT_BYTES);
const WORDS_SHIFT = Math.log2(wordOf(UNIT_BYTES));
const KIND_SHIFT = 16;
const HEADER_WORDS = wordOf(FRAME_HEADER_BYTES);
const HEADER_UNITS = FRAME_HEADER_BYTES / UNIT_BYTES;
const NO_REST = new Uint8Array(0);
const copyBytes = setBytes;
const storePosition = publishPosition;
const storeCount = setCount;
/** Up to here a payload is copied by words made of its bytes: a call of `set` costs more. */
const SHORT_BYTES = 16;
/** Up to here the second part of an event is copied byte by byte, whatever is behind it. */
export const LOOPED_BYTES = 32;
/** Of a ring for nobody. */
const NO_VIEWS = NO_RING.ring(0);
const NO_GEOMETRY = new RingGeometry(0);
/** Pieces of the ring whose ends are prepared as ends of free room. */
const PARTS = 8;

/** A 64-bit counter that somebody keeps elsewhere: words, and the index of its line there. */
interface EventCounter {
  readonly words: Uint32Array;
  readonly at: number;
}

const NO_COUNT = new Uint32Array(0);
/** Counts for nobody. */
const uncounted = (): EventCounter => ({ words: new Uint32Array(Counter64.size), at: 0 });

/** The id of two signed halves. Mostly it is small, and then it is never a double. */
const idOf = (low: number, high: number): number =>
  high === 0 && low >= 0 ? low : high * HIGH_UNIT + (low >>> 0);

export class RingProducer {
  // Each field begins with a value of its kind: what begins undefined V8 checks at each use. And an
  // id is two signed halves: a double would be boxed in a field, or where it crosses a call.
  #memory: RingMemory = NO_RING;
  #words: Int32Array = NO_RING.words;
  #frames: Int32Array = NO_VIEWS.frames;
  readonly #appendedWord: number = 0;
  #geometry: RingGeometry = NO_GEOMETRY;
  /** False until it is published; where that was cut short, the next look for room does it. */
  #isTold = true;
  /** The position at the ring's start, on the lap that the next frame stands on. */
  #lap = 0;
  /** The ring, as far as it is looked at: at least as far as `#geometry` says. */
  #ring: Uint8Array = NO_VIEWS.bytes;
  /** The ring up to the end of each of its parts. */
  #parts: readonly Uint8Array[] = [];
  /** All below it is published. The offset is the same in bytes from the ring's start. */
  #position = 0;
  /** From `#position` to here the ring is known to be free and in one piece. */
  #end = 0;
  /** The ring up to `#end`: what is copied here meets nothing that is unread. */
  #room: Uint8Array = NO_VIEWS.bytes;
  /** Behind the frames that were put and are not published. */
  #draft = 0;
  /** Id of the event that is published next, and of the one that is put next. */
  #nextLow = 0;
  #nextHigh = 0;
  #draftLow = 0;
  #draftHigh = 0;
  readonly #firstLow: number = 0;
  readonly #firstHigh: number = 0;
  #countWords: Uint32Array = NO_COUNT;
  readonly #countAt: number = 0;

  /**
   * @param nextEventId id that the next event gets
   * @param counter counts the events published by this producer
   */
  constructor(memory: RingMemory, nextEventId: number, counter = uncounted()) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#appendedWord = memory.control.appended;
    const geometry = geometryOf(memory);
    assert(geometry !== undefined, 'the geometry of a new ring makes sense');
    this.#use(geometry);
    this.#position = Atomics.load(memory.words, memory.control.appended);
    this.#end = this.#position;
    this.#draft = this.#position;
    this.#room = this.#ring;
    this.#firstLow = nextEventId | 0;
    this.#firstHigh = Math.floor(nextEventId / TWO_POW_32);
    this.#nextLow = this.#draftLow = this.#firstLow;
    this.#nextHigh = this.#draftHigh = this.#firstHigh;
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
    this.#frames = NO_VIEWS.frames;
    this.#ring = NO_VIEWS.bytes;
    this.#parts = [];
    this.#room = NO_VIEWS.bytes;
    this.#end = this.#position;
    this.#countWords = uncounted().words;
  }

  /** Bytes that the ring has by now. */
  get capacityBytes(): number {
    return this.#geometry.capacityBytes;
  }

  /**
   * Goes on in memory behind the ring's end; what stands in the ring stays where it is. For a ring
   * without room: what is left of it until its end stays unused on this lap.
   * @param capacityBytes a power of two; so much of the ring is memory
   */
  growTo(capacityBytes: number): void {
    this.#catchUp();
    const geometry = this.#geometry.grown(capacityBytes, this.#position);
    this.#isTold = false;
    // What was known to be free stands elsewhere: the next append looks for room, and tells this.
    this.#end = this.#position;
    this.#use(geometry);
    this.#tell();
  }

  /**
   * Should the engine cut this short, more of the ring can be seen than its geometry says, which is
   * no harm, and the parts of a smaller ring are as good.
   */
  #use(geometry: RingGeometry): void {
    const { bytes, frames } = this.#memory.ring(geometry.capacityBytes);
    this.#ring = bytes;
    this.#frames = frames;
    this.#geometry = geometry;
    const partBytes = geometry.capacityBytes / PARTS;
    this.#parts = Array.from({ length: PARTS }, (_, part) => this.#upTo((part + 1) * partBytes));
  }

  #tell(): void {
    publishGeometry(this.#memory, this.#geometry);
    this.#isTold = true;
  }

  #upTo(end: number): Uint8Array {
    const { buffer, byteOffset } = this.#ring;
    return new Uint8Array(buffer, byteOffset, end);
  }

  get lastEventId(): number {
    this.#catchUp();
    return idOf(this.#nextLow, this.#nextHigh) - 1;
  }

  /** Bytes that are appended and not yet written; for telemetry and back-pressure. */
  get waitingBytes(): number {
    return bytesBetween(Atomics.load(this.#words, this.#memory.control.written), this.#position);
  }

  /**
   * True when `span` bytes in one piece are available now. Forgets what was put and not published.
   * Places a padding frame where the piece has to start over at the ring's beginning; that frame is
   * published with what follows it.
   */
  reserve(span: number): boolean {
    if (this.#words[this.#appendedWord] !== this.#position) this.#catchUp();
    this.#draft = this.#position;
    this.#draftLow = this.#nextLow;
    this.#draftHigh = this.#nextHigh;
    return span >>> UNIT_SHIFT <= ((this.#end - this.#position) | 0) || this.#findRoom(span);
  }

  /** What the last `publish` was kept from, when it was cut short after its store. */
  #catchUp(): void {
    const published = this.#words[this.#appendedWord] as number;
    if (published !== this.#position && published === this.#draft) this.#adopt();
  }

  #findRoom(span: number): boolean {
    this.#refuseLastIds();
    if (!this.#isTold) this.#tell();
    const position = this.#position;
    const written = Atomics.load(this.#words, this.#memory.control.written);
    const waiting = bytesBetween(written, position);
    const geometry = this.#settle(waiting);
    const { capacityBytes, isSettled } = geometry;
    // Before it is settled, the ring does not go round, and its end is no start.
    const offset = isSettled ? geometry.offsetOf(position) : bytesBetween(geometry.base, position);
    const untilEnd = capacityBytes - offset;
    const free = capacityBytes - waiting;
    const lap = (position - offset / UNIT_BYTES) | 0;
    if (span <= untilEnd) {
      if (span > free) return false;
      this.#lap = lap;
      this.#room = this.#roomUpTo(offset + Math.min(free, untilEnd), offset + span);
      this.#end = (position + (this.#room.length - offset) / UNIT_BYTES) | 0;
      return true;
    }
    if (!isSettled || free < untilEnd + span) return false;
    this.#pad(offset, untilEnd);
    const room = this.#roomUpTo(free - untilEnd, span);
    // What follows the padding is a draft as well: of what is published, no room is known.
    this.#end = position;
    this.#room = room;
    this.#lap = (lap + capacityBytes / UNIT_BYTES) | 0;
    this.#draft = this.#lap;
    return true;
  }

  /** Of what stands before the ring grew, nothing may be left: then it goes round again. */
  #settle(waiting: number): RingGeometry {
    const geometry = this.#geometry;
    if (geometry.isSettled || waiting > bytesBetween(geometry.since, this.#position)) {
      return geometry;
    }
    this.#isTold = false;
    this.#geometry = geometry.settled();
    this.#tell();
    return this.#geometry;
  }

  /** The ring up to `end`, or to where a part ends before, as long as that is not below `least`. */
  #roomUpTo(end: number, least: number): Uint8Array {
    const part = this.#parts[Math.floor((end / this.capacityBytes) * PARTS) - 1];
    return part !== undefined && part.length >= least ? part : this.#upTo(end);
  }

  /** Off the fast path: until the next look, no more events can follow than the ring holds. */
  #refuseLastIds(): void {
    const idsNeeded = this.#memory.ringBytes / FRAME_HEADER_BYTES;
    if (idOf(this.#nextLow, this.#nextHigh) + idsNeeded <= MAX_EVENT_ID) return;
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

  /**
   * Appends one event: `reserve`, `put` and `publish` of it. Returns its id, or 0 while the ring
   * has no room for it. The timestamp comes as two u32 halves.
   *
   * Written out in one piece: V8 compiles a function into those that call it as long as it is
   * small, and leaves out what that one calls once too much has come together. This one it calls.
   * @param payloadBytes the payload's length by now: so much is taken of it
   */
  append(
    payload: Uint8Array,
    payloadBytes: number,
    type: number,
    low: number,
    high: number,
  ): number {
    const position = this.#position;
    const words = this.#words;
    const frameBytes = HEADER_BYTES + payloadBytes;
    const units = (frameBytes + 7) >> UNIT_SHIFT;
    if (words[this.#appendedWord] !== position || units > ((this.#end - position) | 0)) {
      return this.#appendAnew(payload, payloadBytes, type, low, high);
    }
    const offset = (position - this.#lap) << UNIT_SHIFT;
    const frames = this.#frames;
    const word = offset >> 2;
    const end = word + (units << WORDS_SHIFT);
    const idLow = this.#nextLow;
    const idHigh = this.#nextHigh;
    frames[end - 2] = 0;
    frames[end - 1] = 0;
    frames[word] = frameBytes;
    frames[word + 1] = EVENT | (type << KIND_SHIFT);
    frames[word + 2] = idLow;
    frames[word + 3] = idHigh;
    frames[word + 4] = low;
    frames[word + 5] = high;
    const start = offset + HEADER_BYTES;
    if (payloadBytes <= SHORT_BYTES) this.#copyByWord(payload, payloadBytes, start);
    else {
      try {
        copyBytes(this.#room, payload, start);
      } catch {
        this.#copyByByte(payload, payloadBytes, start);
      }
      if (payload[payloadBytes] !== undefined) this.#zeroSpare(start + payloadBytes);
    }
    const nextLow = (idLow + 1) | 0;
    const nextHigh = nextLow === 0 ? idHigh + 1 : idHigh;
    const next = (position + units) | 0;
    this.#draftLow = nextLow;
    this.#draftHigh = nextHigh;
    this.#draft = next;
    storePosition(words, this.#appendedWord, next);
    // As `#adopt`.
    const firstLow = this.#firstLow;
    const countHigh = nextHigh - this.#firstHigh - (nextLow >>> 0 < firstLow >>> 0 ? 1 : 0);
    storeCount(this.#countWords, this.#countAt, nextLow - firstLow, countHigh);
    this.#nextLow = nextLow;
    this.#nextHigh = nextHigh;
    this.#position = next;
    return idOf(idLow, idHigh);
  }

  /**
   * As `append`, of a payload of words of its own: no copy is called for, and nothing of what
   * somebody else holds is read. In one piece for the same reason.
   * @param words the payload, and zeros behind it up to a multiple of 8 bytes
   */
  appendWords(
    words: Int32Array,
    payloadBytes: number,
    type: number,
    low: number,
    high: number,
  ): number {
    const position = this.#position;
    const region = this.#words;
    const wordCount = words.length;
    const units = HEADER_UNITS + (wordCount >> WORDS_SHIFT);
    if (region[this.#appendedWord] !== position || units > ((this.#end - position) | 0)) {
      return this.#appendPartsAnew(words, payloadBytes, NO_REST, 0, type, low, high);
    }
    const frames = this.#frames;
    const word = ((position - this.#lap) << UNIT_SHIFT) >> 2;
    const idLow = this.#nextLow;
    const idHigh = this.#nextHigh;
    frames[word] = HEADER_BYTES + payloadBytes;
    frames[word + 1] = EVENT | (type << KIND_SHIFT);
    frames[word + 2] = idLow;
    frames[word + 3] = idHigh;
    frames[word + 4] = low;
    frames[word + 5] = high;
    let to = word + HEADER_WORDS;
    for (let from = 0; from < wordCount; from += 2) {
      frames[to] = words[from] as number;
      frames[to + 1] = words[from + 1] as number;
      to += 2;
    }
    const nextLow = (idLow + 1) | 0;
    const nextHigh = nextLow === 0 ? idHigh + 1 : idHigh;
    const next = (position + units) | 0;
    this.#draftLow = nextLow;
    this.#draftHigh = nextHigh;
    this.#draft = next;
    storePosition(region, this.#appendedWord, next);
    // As `#adopt`.
    const firstLow = this.#firstLow;
    const countHigh = nextHigh - this.#firstHigh - (nextLow >>> 0 < firstLow >>> 0 ? 1 : 0);
    storeCount(this.#countWords, this.#countAt, nextLow - firstLow, countHigh);
    this.#nextLow = nextLow;
    this.#nextHigh = nextHigh;
    this.#position = next;
    return idOf(idLow, idHigh);
  }

  /**
   * As `appendWords`, and behind those words, of which `fixedBytes` bytes count, `restBytes` bytes
   * of `rest`.
   */
  appendParts(
    words: Int32Array,
    fixedBytes: number,
    rest: Uint8Array,
    restBytes: number,
    type: number,
    low: number,
    high: number,
  ): number {
    if (restBytes === 0) return this.appendWords(words, fixedBytes, type, low, high);
    return this.#appendPartsAnew(words, fixedBytes, rest, restBytes, type, low, high);
  }

  #appendPartsAnew(
    words: Int32Array,
    fixedBytes: number,
    rest: Uint8Array,
    restBytes: number,
    type: number,
    low: number,
    high: number,
  ): number {
    const payloadBytes = fixedBytes + restBytes;
    if (!this.reserve(frameSpan(FRAME_HEADER_BYTES + payloadBytes))) return 0;
    const id = idOf(this.#draftLow, this.#draftHigh);
    const start = this.begin(payloadBytes, EVENT, type, low, high);
    this.#frames.set(words, start >> 2);
    if (restBytes > 0) this.#putRest(rest, restBytes, start + fixedBytes);
    this.publish();
    return id;
  }

  #putRest(rest: Uint8Array, restBytes: number, start: number): void {
    if (restBytes > LOOPED_BYTES) {
      this.#copy(rest, restBytes, start);
      return;
    }
    for (let at = 0; at < restBytes; at++) this.#room[start + at] = rest[at] as number;
  }

  /** The same, piece by piece: in room that was not known before, or after a call was cut short. */
  #appendAnew(
    payload: Uint8Array,
    payloadBytes: number,
    type: number,
    low: number,
    high: number,
  ): number {
    if (!this.reserve(frameSpan(FRAME_HEADER_BYTES + payloadBytes))) return 0;
    const id = this.put(payload, payloadBytes, FrameKind.event, type, low, high);
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
    const id = idOf(this.#draftLow, this.#draftHigh);
    const start = this.begin(payloadBytes, kind, type, low, high);
    if (payloadBytes <= SHORT_BYTES) this.#copyByWord(payload, payloadBytes, start);
    else this.#copy(payload, payloadBytes, start);
    return id;
  }

  /**
   * Writes the header of a frame into room that `reserve` gave, and zeros behind its payload, which
   * whoever calls is to write before it publishes. Returns where that begins, in bytes from the
   * start of the ring: a multiple of 8.
   */
  begin(payloadBytes: number, kind: number, type: number, low: number, high: number): number {
    const frameBytes = HEADER_BYTES + payloadBytes;
    const units = (frameBytes + 7) >> UNIT_SHIFT;
    const draft = this.#draft;
    const offset = (draft - this.#lap) << UNIT_SHIFT;
    const word = offset >>> 2;
    const frames = this.#frames;
    const idLow = this.#draftLow;
    const idHigh = this.#draftHigh;
    // The spare bytes up to the next multiple of 8 are part of the format. What is not spare of
    // these two words is stored behind this: without a branch that each length takes differently.
    const end = word + (units << WORDS_SHIFT);
    frames[end - 2] = 0;
    frames[end - 1] = 0;
    frames[word] = frameBytes;
    frames[word + 1] = kind | (type << KIND_SHIFT);
    frames[word + 2] = idLow;
    frames[word + 3] = idHigh;
    frames[word + 4] = low;
    frames[word + 5] = high;
    this.#draftLow = (idLow + 1) | 0;
    if (idLow === -1) this.#draftHigh = idHigh + 1;
    this.#draft = (draft + units) | 0;
    return offset + HEADER_BYTES;
  }

  /** Copies whole words; the bytes behind the last one are zero and stay so. */
  #copyByWord(payload: Uint8Array, payloadBytes: number, start: number): void {
    const frames = this.#frames;
    const whole = payloadBytes & ~3;
    let word = start >>> 2;
    let at = 0;
    for (; at < whole; at += 4) {
      frames[word++] =
        (payload[at] as number) |
        ((payload[at + 1] as number) << 8) |
        ((payload[at + 2] as number) << 16) |
        ((payload[at + 3] as number) << 24);
    }
    if (at === payloadBytes) return;
    let last = payload[at] as number;
    if (at + 1 < payloadBytes) last |= (payload[at + 1] as number) << 8;
    if (at + 2 < payloadBytes) last |= (payload[at + 2] as number) << 16;
    frames[word] = last;
  }

  #copy(payload: Uint8Array, payloadBytes: number, start: number): void {
    try {
      // Takes all that the payload has by now, which is more where another thread has made the
      // shared buffer behind it grow: that goes into free room alone.
      copyBytes(this.#room, payload, start);
    } catch {
      this.#copyByByte(payload, payloadBytes, start);
    }
    if (payload[payloadBytes] !== undefined) this.#zeroSpare(start + payloadBytes);
  }

  /** Copies what has grown beyond the free room: the bytes that were there, and no more. */
  #copyByByte(payload: Uint8Array, payloadBytes: number, start: number): void {
    for (let at = 0; at < payloadBytes; at++) {
      const byte = payload[at];
      assert(byte !== undefined, 'a payload that is being appended loses no bytes');
      this.#room[start + at] = byte;
    }
  }

  /** What has grown may have gone over the spare bytes from `at` to the next multiple of 8. */
  #zeroSpare(at: number): void {
    for (let next = at; (next & 7) !== 0; next++) this.#room[next] = 0;
  }

  /**
   * Makes all frames so far visible: their bytes, stored before, are seen by whoever sees the
   * position. (On a mapping the language promises no order between threads, and none to plain
   * stores; V8 emits the same instructions there. The litmus test holds that.)
   */
  publish(): void {
    storePosition(this.#words, this.#appendedWord, this.#draft);
    this.#adopt();
  }

  /** Takes the draft, which is published, for this side's own. */
  #adopt(): void {
    const low = this.#draftLow;
    const high = this.#draftHigh;
    const firstLow = this.#firstLow;
    const countHigh = high - this.#firstHigh - (low >>> 0 < firstLow >>> 0 ? 1 : 0);
    storeCount(this.#countWords, this.#countAt, low - firstLow, countHigh);
    this.#nextLow = low;
    this.#nextHigh = high;
    // Last, and until then what has to be done is known by it.
    this.#position = this.#draft;
  }
}
