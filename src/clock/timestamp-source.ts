// Event timestamps: Unix-epoch nanoseconds, never backwards, not behind what the log holds from
// earlier openings. A timestamp is the wall clock at the opening's anchor plus what the monotonic
// clock has moved since, so it is exact to the clock from event to event. When the wall clock is
// stepped, or the machine was suspended, a thread of the log finds it out and tells through a latch
// what the wall clock would have said at the anchor; each source sees its counter move. Two u32
// halves, because a BigInt on the append path would allocate.
import { HIGH_HALF, TWO_POW_32 } from '../units.js';
import type { Clock } from './clock.js';
import { readWall, stillWallLatch, type WallAnchor, type WallLatch } from './wall-clock.js';

// V8 puts a module's own constants into the code that it compiles; what is imported it loads and
// checks at each use.
const TO_HIGH = HIGH_HALF;
const HIGH_UNIT = TWO_POW_32;
const LOW = 0;
const HIGH = 1;

/**
 * Writes timestamps as two u32 words. Allocates nothing after construction, and no double crosses a
 * call on the append path: V8 boxes it wherever it does not inline that call.
 */
export class TimestampSource {
  /** The last timestamp: low half, high half. */
  readonly words = new Uint32Array(2);
  /** The same as signed words, which are never boxed when they are passed on. */
  readonly halves = new Int32Array(this.words.buffer);
  /** The same as one number. */
  readonly #whole = new BigUint64Array(this.words.buffer);
  /** Nanoseconds since the anchor, of the last timestamp; NaN before the first. */
  readonly #offsetNs = Float64Array.of(Number.NaN);
  readonly #clock: Clock;
  readonly #anchorNs: number;
  /** The wall clock at the anchor: low half, high half. */
  readonly #wall = new Uint32Array(2);
  readonly #wallHalves = new Int32Array(this.#wall.buffer);
  readonly #latch: WallLatch;
  readonly #latchWords: Int32Array;
  readonly #latchIndex: number;
  #seen = 0;

  /**
   * @param floorNs no timestamp lies before it: the last one that the log holds
   * @param latch tells what the wall clock said at the anchor, once that is something else
   */
  constructor(clock: Clock, anchor: WallAnchor, floorNs = 0n, latch = stillWallLatch()) {
    this.#clock = clock;
    this.#anchorNs = anchor.monotonicNs;
    this.#wall[LOW] = Number(BigInt.asUintN(32, anchor.unixNs));
    this.#wall[HIGH] = Number(BigInt.asUintN(32, anchor.unixNs >> 32n));
    this.#latch = latch;
    this.#latchWords = latch.words;
    this.#latchIndex = latch.index;
    this.notBefore(floorNs);
  }

  /** No timestamp from now on lies before `floorNs`. */
  notBefore(floorNs: bigint): void {
    if (floorNs <= this.lastNs) return;
    this.words[LOW] = Number(BigInt.asUintN(32, floorNs));
    this.words[HIGH] = Number(BigInt.asUintN(32, floorNs >> 32n));
  }

  /** Reads the clock into `words`. */
  stamp(): void {
    this.#offsetNs[0] = this.#clock.nowNs() - this.#anchorNs;
    this.#take();
  }

  /** Takes the offset that another thread keeps fresh in `doubles[index]`. */
  stampFrom(doubles: Float64Array, index: number): void {
    const offsetNs = doubles[index] as number;
    // Mostly so, and then `words` holds what it makes.
    if (offsetNs === this.#offsetNs[0]) return;
    this.#offsetNs[0] = offsetNs;
    this.#take();
  }

  /** Takes a look at the clock that stands in `times[index]`: what `clock.nowNs()` said then. */
  stampAt(times: Float64Array, index: number): void {
    this.#offsetNs[0] = (times[index] as number) - this.#anchorNs;
    this.#take();
  }

  /** Reads the clock into `words`; returns the nanoseconds since the anchor. */
  sample(): number {
    this.stamp();
    return this.#offsetNs[0] as number;
  }

  /** Takes the timestamp `offsetNs` after the anchor, unless it lies before the last one. */
  setOffset(offsetNs: number): void {
    this.#offsetNs[0] = offsetNs;
    this.#take();
  }

  #take(): void {
    // A plain load; a step that is seen an append late is as good.
    if (this.#latchWords[this.#latchIndex] !== this.#seen) this.#follow();
    const wall = this.#wall;
    const sum = (wall[LOW] as number) + Math.floor(this.#offsetNs[0] as number);
    // sum < 2^53, and floor division keeps a sum below zero right as well.
    const carry = Math.floor(sum * TO_HIGH);
    const low = sum - carry * HIGH_UNIT;
    const high = (wall[HIGH] as number) + carry;
    const words = this.words;
    const lastHigh = words[HIGH] as number;
    if (high < lastHigh || (high === lastHigh && low < (words[LOW] as number))) return;
    words[LOW] = low;
    words[HIGH] = high;
  }

  /** The wall clock at the anchor is another one: it was stepped, or the machine was suspended. */
  #follow(): void {
    const seen = Atomics.load(this.#latchWords, this.#latchIndex);
    readWall(this.#latch, this.#wallHalves);
    // Last: where the engine cuts this short, the next stamp reads again.
    this.#seen = seen;
  }

  /** The last timestamp in nanoseconds since 1970. */
  get lastNs(): bigint {
    return this.#whole[0] as bigint;
  }

  /** Reads the clock and returns the timestamp; off the append path. */
  nowNs(): bigint {
    this.sample();
    return this.lastNs;
  }
}
