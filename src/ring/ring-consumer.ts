// The consuming side of the ring: gathers whole frames into runs that become blocks.
// It trusts nothing that it reads: shared memory can be damaged, and a wrong length here would put
// garbage under a right checksum. A frame that breaks an invariant stops the log.
import { assert } from '../errors.js';
import { FRAME_HEADER_BYTES, FrameKind } from '../segment/frame.js';
import { TWO_POW_32 } from '../units.js';
import { bytesBetween, UNIT_BYTES } from './ring-control.js';
import { geometryOf, type RingGeometry } from './ring-geometry.js';
import type { RingMemory } from './ring-memory.js';

const KIND_MASK = 0xffff;

/** A run of whole frames in one piece of the ring. Reused: valid until the next `gather`. */
interface FrameRun {
  /** Where it stands in the ring, and how long it is; a multiple of 8. */
  offset: number;
  bytes: number;
  firstEventId: number;
  eventCount: number;
  /** Timestamps of the first and the last frame as u32 halves. */
  firstTimestampLow: number;
  firstTimestampHigh: number;
  lastTimestampLow: number;
  lastTimestampHigh: number;
}

export class RingConsumer {
  readonly #memory: RingMemory;
  #geometry: RingGeometry;
  #views: ReturnType<RingMemory['ring']>;
  /** Of the latch that it was read from. */
  #geometryCount: number;
  #position: number;
  #nextEventId: number;
  readonly run: FrameRun = {
    offset: 0,
    bytes: 0,
    firstEventId: 0,
    eventCount: 0,
    firstTimestampLow: 0,
    firstTimestampHigh: 0,
    lastTimestampLow: 0,
    lastTimestampHigh: 0,
  };

  /**
   * @param nextEventId id that the first unread frame must carry
   * @throws RangeError where the geometry makes no sense
   */
  constructor(memory: RingMemory, nextEventId: number) {
    this.#memory = memory;
    this.#geometryCount = this.#publishedCount;
    this.#geometry = readGeometry(memory);
    this.#views = memory.ring(this.#geometry.capacityBytes);
    this.#position = Atomics.load(memory.words, memory.control.written);
    this.#nextEventId = nextEventId;
  }

  /** In which `run` stands. */
  get bytes(): Uint8Array {
    return this.#views.bytes;
  }

  /** Position after the last published frame, now. */
  get appended(): number {
    return Atomics.load(this.#memory.words, this.#memory.control.appended);
  }

  /** Bytes that the ring has by now; it may grow. */
  get capacityBytes(): number {
    this.#lookAtGeometry();
    return this.#geometry.capacityBytes;
  }

  /** Position up to which everything was released. */
  get position(): number {
    return this.#position;
  }

  /** Where `appended` stands, for who only waits that it moves. */
  get appendedWord(): { readonly words: Int32Array; readonly at: number } {
    return { words: this.#memory.words, at: this.#memory.control.appended };
  }

  get isEmpty(): boolean {
    return this.appended === this.#position;
  }

  /** Bytes that are published and not released. */
  get waitingBytes(): number {
    return bytesBetween(this.#position, this.appended);
  }

  /**
   * Gathers the next run into `run`: whole frames and whole batches, in one piece, at most
   * `targetBytes` long unless a single event or batch is longer, and never over `limitBytes`.
   * False when the ring is empty. The run stays in the ring until `release`.
   */
  gather(targetBytes: number, limitBytes: number): boolean {
    const appended = this.#look();
    this.#skipPadding(appended);
    const { frames } = this.#views;
    const start = this.#geometry.offsetOf(this.#position);
    const waiting = bytesBetween(this.#position, appended);
    const end = start + Math.min(waiting, this.#geometry.pieceBytes(this.#position));
    let at = start;
    let committed = start;
    let count = 0;
    let committedCount = 0;
    let lastWord = 0;
    while (at < end) {
      const word = at >>> 2;
      const frameBytes = frames[word] as number;
      const kind = (frames[word + 1] as number) & KIND_MASK;
      if (kind === FrameKind.padding) break;
      const span = (frameBytes + 7) & ~7;
      if (at + span - start > targetBytes && committed > start) break;
      this.#check(at, end, frameBytes, kind, count);
      at += span;
      count++;
      if (kind === FrameKind.event) {
        committed = at;
        committedCount = count;
        lastWord = word;
      }
    }
    if (committed === start) {
      assert(at === start, `ring: a batch at ${start} has no end`);
      return false;
    }
    assert(committed - start <= limitBytes, `ring: a run at ${start} exceeds ${limitBytes} bytes`);
    const firstWord = start >>> 2;
    const run = this.run;
    run.offset = start;
    run.bytes = committed - start;
    run.firstEventId = this.#nextEventId;
    run.eventCount = committedCount;
    run.firstTimestampLow = (frames[firstWord + 4] as number) >>> 0;
    run.firstTimestampHigh = (frames[firstWord + 5] as number) >>> 0;
    run.lastTimestampLow = (frames[lastWord + 4] as number) >>> 0;
    run.lastTimestampHigh = (frames[lastWord + 5] as number) >>> 0;
    return true;
  }

  /** Releases the run that was gathered last: the producer may write over it. */
  release(): void {
    this.#position = (this.#position + this.run.bytes / UNIT_BYTES) | 0;
    this.#nextEventId += this.run.eventCount;
    this.#skipPadding(this.#look());
    Atomics.store(this.#memory.words, this.#memory.control.written, this.#position);
  }

  get #publishedCount(): number {
    return Atomics.load(this.#memory.words, this.#memory.control.geometry);
  }

  /** The position after the last published frame; the geometry then knows where all stands. */
  #look(): number {
    const { appended } = this;
    this.#lookAtGeometry();
    return appended;
  }

  #lookAtGeometry(): void {
    const count = this.#publishedCount;
    if (count === this.#geometryCount) return;
    this.#geometry = readGeometry(this.#memory);
    const { capacityBytes } = this.#geometry;
    if (capacityBytes > this.#views.bytes.length) this.#views = this.#memory.ring(capacityBytes);
    this.#geometryCount = count;
  }

  #skipPadding(appended: number): void {
    if (appended === this.#position) return;
    const offset = this.#geometry.offsetOf(this.#position);
    const word = offset >>> 2;
    const { frames } = this.#views;
    if (((frames[word + 1] as number) & KIND_MASK) !== FrameKind.padding) return;
    const span = frames[word] as number;
    const piece = this.#geometry.pieceBytes(this.#position);
    const untilEnd = this.#geometry.untilEnd(this.#position);
    assert(
      span === untilEnd && span === piece && span <= bytesBetween(this.#position, appended),
      `ring: padding of ${span} bytes at ${offset} does not reach the end`,
    );
    this.#position = (this.#position + span / UNIT_BYTES) | 0;
  }

  #check(at: number, end: number, frameBytes: number, kind: number, count: number): void {
    const word = at >>> 2;
    const { bytes, frames } = this.#views;
    const id =
      ((frames[word + 3] as number) >>> 0) * TWO_POW_32 + ((frames[word + 2] as number) >>> 0);
    if (
      frameBytes < FRAME_HEADER_BYTES ||
      frameBytes > end - at ||
      (kind !== FrameKind.event && kind !== FrameKind.continued) ||
      id !== this.#nextEventId + count ||
      !hasZeroTail(bytes, at + frameBytes)
    ) {
      throw invalidFrame(at, frameBytes, kind, id, this.#nextEventId + count);
    }
  }
}

function readGeometry(memory: RingMemory): RingGeometry {
  const geometry = geometryOf(memory);
  if (geometry === undefined) throw new RangeError('ring: its geometry is not valid');
  return geometry;
}

/** True when the bytes from `end` to the next multiple of 8 are zero, as the format demands. */
export function hasZeroTail(bytes: Uint8Array, end: number): boolean {
  for (let at = end; (at & 7) !== 0; at++) if (bytes[at] !== 0) return false;
  return true;
}

function invalidFrame(
  at: number,
  frameBytes: number,
  kind: number,
  id: number,
  expectedId: number,
): Error {
  const what = `${frameBytes} bytes, kind ${kind}, event ${id}, expected event ${expectedId}`;
  return new RangeError(`ring: the frame at ${at} is not valid (${what})`);
}
