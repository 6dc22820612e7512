// The waits that took long, by kind: each kind has one writer, the thread that waited.
import { wordOf } from '../../memory/layout.js';
import { header, place, toU32, WAIT_BYTES, WAITS } from './area-layout.js';
import { type StallWaits, WAIT_KINDS, type WaitKind } from './causes.js';

/** Waits of one kind that overlap. */
export interface Wait extends StallWaits {
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** How long what the longest waited for had been there when it ended, in microseconds. */
  readonly lateUs: number;
}

export class WaitRecords {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(words: Int32Array, doubles: Float64Array) {
    this.#words = words;
    this.#doubles = doubles;
  }

  /** One that waited tells it: alone, or as one more of those that overlap. */
  put(kind: WaitKind, startMs: number, endMs: number, lateUs: number): void {
    const kindAt = WAIT_KINDS.indexOf(kind);
    const longestUs = toU32((endMs - startMs) * 1000);
    const newest = this.#newest(kindAt);
    const number = newest?.number ?? 0;
    const overlaps = newest !== undefined && number > this.filed(kindAt) && startMs <= newest.endMs;
    const count = overlaps ? newest.count + 1 : 1;
    const isLongest = !overlaps || longestUs >= newest.longestUs;
    const slot = slotOf(kindAt, overlaps ? number : number + 1);
    const words = this.#words;
    if (!overlaps) words[slot] = 0;
    words[slot + 1] = count;
    this.#doubles[slot / 2 + 1] = overlaps ? Math.min(startMs, newest.startMs) : startMs;
    this.#doubles[slot / 2 + 2] = endMs;
    if (isLongest) {
      words[slot + 6] = longestUs | 0;
      words[slot + 7] = toU32(lateUs) | 0;
    }
    Atomics.store(words, slot, overlaps ? number : (number + 1) | 0);
  }

  #newest(kindAt: number): Wait | undefined {
    let newest: Wait | undefined;
    for (const wait of this.#ofKind(kindAt)) {
      if (wait.number > (newest?.number ?? 0)) newest = wait;
    }
    return newest;
  }

  *#ofKind(kindAt: number): Generator<Wait> {
    for (let index = 0; index < WAITS; index++) {
      const slot = slotOf(kindAt, index);
      const number = Atomics.load(this.#words, slot) >>> 0;
      if (number === 0) continue;
      yield {
        number,
        count: (this.#words[slot + 1] as number) >>> 0,
        startMs: this.#doubles[slot / 2 + 1] as number,
        endMs: this.#doubles[slot / 2 + 2] as number,
        longestUs: (this.#words[slot + 6] as number) >>> 0,
        lateUs: (this.#words[slot + 7] as number) >>> 0,
      };
    }
  }

  /** Those of a kind that no recorded stall has, the oldest first. */
  unfiled(kindAt: number): readonly Wait[] {
    const filed = this.filed(kindAt);
    return [...this.#ofKind(kindAt)]
      .filter(({ number, startMs, endMs }) => number > filed && startMs <= endMs)
      .sort((a, b) => a.number - b.number);
  }

  /** Whether there are any, of all kinds; allocates nothing. */
  get hasUnfiled(): boolean {
    for (let kind = 0; kind < WAIT_KINDS.length; kind++) {
      const filed = this.filed(kind);
      for (let index = 0; index < WAITS; index++) {
        if (Atomics.load(this.#words, slotOf(kind, index)) >>> 0 > filed) return true;
      }
    }
    return false;
  }

  /** The number of the last of a kind that is part of a recorded stall. */
  filed(kindAt: number): number {
    return Atomics.load(this.#words, wordOf(header.filed) + kindAt) >>> 0;
  }

  setFiled(kindAt: number, number: number): void {
    Atomics.store(this.#words, wordOf(header.filed) + kindAt, number | 0);
  }
}

const slotOf = (kindAt: number, number: number): number =>
  wordOf(place.waits) + (kindAt * WAITS + (number % WAITS)) * wordOf(WAIT_BYTES);
