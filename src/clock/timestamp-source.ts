// Event timestamps: Unix-epoch nanoseconds, exact to the clock, never backwards within one opening.
// The wall clock is read once; what follows is that anchor plus the monotonic clock, so a stepped
// wall clock changes nothing. Two u32 halves, because a BigInt on the append path would allocate.
import { TWO_POW_32 } from '../units.js';
import type { Clock } from './clock.js';

/** One instant on both clocks. */
export interface WallAnchor {
  readonly unixNs: bigint;
  readonly monotonicNs: number;
}

/** Milliseconds since 1970, with a fraction. */
export const wallClockMs = (): number => performance.timeOrigin + performance.now();

/** Pairs the wall clock, `unixMs`, with `clock` now. */
export function anchorWallClock(clock: Clock, unixMs = wallClockMs()): WallAnchor {
  return { unixNs: BigInt(Math.round(unixMs * 1e3)) * 1000n, monotonicNs: clock.nowNs() };
}

/** A power of two: multiplying is exact, and far cheaper than dividing. */
const HIGH_HALF = 1 / TWO_POW_32;
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
  /** Nanoseconds since the anchor. */
  readonly #offsetNs = new Float64Array(1);
  readonly #clock: Clock;
  readonly #anchorNs: number;
  readonly #anchorLow: number;
  readonly #anchorHigh: number;

  constructor(clock: Clock, anchor: WallAnchor) {
    this.#clock = clock;
    this.#anchorNs = anchor.monotonicNs;
    this.#anchorLow = Number(anchor.unixNs & 0xffff_ffffn);
    this.#anchorHigh = Number(anchor.unixNs >> 32n);
  }

  /** Reads the clock into `words`. */
  stamp(): void {
    this.#offsetNs[0] = this.#clock.nowNs() - this.#anchorNs;
    this.#take();
  }

  /** Takes the offset that another thread keeps fresh in `doubles[index]`. */
  stampFrom(doubles: Float64Array, index: number): void {
    this.#offsetNs[0] = doubles[index] as number;
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
    const sum = this.#anchorLow + Math.floor(this.#offsetNs[0] as number);
    // sum < 2^53, and floor division keeps a sum below zero right as well.
    const carry = Math.floor(sum * HIGH_HALF);
    const low = sum - carry * TWO_POW_32;
    const high = this.#anchorHigh + carry;
    const words = this.words;
    const lastHigh = words[HIGH] as number;
    if (high < lastHigh || (high === lastHigh && low < (words[LOW] as number))) return;
    words[LOW] = low;
    words[HIGH] = high;
  }

  /** The last timestamp in nanoseconds since 1970. */
  get lastNs(): bigint {
    return (BigInt(this.words[HIGH] as number) << 32n) | BigInt(this.words[LOW] as number);
  }

  /** Reads the clock and returns the timestamp; off the append path. */
  nowNs(): bigint {
    this.sample();
    return this.lastNs;
  }
}
