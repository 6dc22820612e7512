// A published value whose reader always gets a whole one, also when the writer died in the middle.
// Two slots and a counter: the writer fills the slot that the counter does not name, then moves the
// counter. A reader takes the named slot and looks whether the counter has moved meanwhile; only a
// writer that is two values ahead can have touched that slot. One writer; nothing is allocated.
import { TWO_POW_32 } from '../units.js';
import { block, layout, pad, u32, wordOf } from './layout.js';

export const LatchLayout = layout('Latch')
  .field(0, 'counter', u32)
  .field(4, 'spare0', pad(4))
  .field(8, 'slot0', block(24, 8))
  .field(32, 'slot1', block(24, 8))
  .field(56, 'spare1', pad(8))
  .end(64, 64);

/** The most words that one latch publishes. */
const LATCH_WORDS = 6;
const SLOT0 = wordOf(LatchLayout.offset.slot0);
const SLOT_STRIDE = wordOf(LatchLayout.offset.slot1 - LatchLayout.offset.slot0);
/** A reader that is overtaken so often reads someone else's memory: it takes what it has. */
const READ_ATTEMPTS = 1000;

const slotOf = (index: number, counter: number): number =>
  index + SLOT0 + (counter & 1) * SLOT_STRIDE;

/** Publishes `value`, an integer below 2^53. `index`: the latch's first word in `words`. */
export function publishNumber(words: Int32Array, index: number, value: number): void {
  const next = (Atomics.load(words, index) + 1) | 0;
  const slot = slotOf(index, next);
  // All stores are sequentially consistent: the slot is complete for whoever sees the counter, and
  // none of the next value's stores can move ahead of this counter (a plain one could, on arm64).
  Atomics.store(words, slot, value | 0);
  Atomics.store(words, slot + 1, (value / TWO_POW_32) | 0);
  Atomics.store(words, index, next);
}

/** The last number published; 0 before the first. */
export function readNumber(words: Int32Array, index: number): number {
  for (let attempt = 1; ; attempt++) {
    const counter = Atomics.load(words, index);
    const slot = slotOf(index, counter);
    // Atomic loads, so that neither moves after the second look at the counter.
    const low = Atomics.load(words, slot) >>> 0;
    const high = Atomics.load(words, slot + 1) >>> 0;
    if (Atomics.load(words, index) === counter || attempt === READ_ATTEMPTS) {
      return high * TWO_POW_32 + low;
    }
  }
}

/** Publishes up to 6 words that belong together. */
export function publishWords(words: Int32Array, index: number, source: Int32Array): void {
  const next = (Atomics.load(words, index) + 1) | 0;
  const slot = slotOf(index, next);
  const count = Math.min(source.length, LATCH_WORDS);
  for (let at = 0; at < count; at++) Atomics.store(words, slot + at, source[at] as number);
  Atomics.store(words, index, next);
}

/** Reads the words published last into `target`. */
export function readWords(words: Int32Array, index: number, target: Int32Array): void {
  const count = Math.min(target.length, LATCH_WORDS);
  for (let attempt = 1; ; attempt++) {
    const counter = Atomics.load(words, index);
    const slot = slotOf(index, counter);
    for (let at = 0; at < count; at++) target[at] = Atomics.load(words, slot + at);
    if (Atomics.load(words, index) === counter || attempt === READ_ATTEMPTS) return;
  }
}
