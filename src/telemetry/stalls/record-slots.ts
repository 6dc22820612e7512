// Records of one size, the newest over the oldest. Each carries its number at both ends.
import { wordOf } from '../../memory/layout.js';
import { RECORD_WORDS } from './area-layout.js';

/** Words of a record that are not its fields: its number, a double, and its number again. */
const NUMBER = 0;
export const TIME = 2;
const NUMBER_AGAIN = RECORD_WORDS - 1;

export class RecordSlots {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #slots: number;

  /** @param byteOffset of the first, in words that begin with the area */
  constructor(words: Int32Array, byteOffset: number, slots: number) {
    this.#words = words;
    this.#first = wordOf(byteOffset);
    this.#slots = slots;
  }

  /** Where a record stands that is none from here on. @param count of the records before it */
  begin(count: number): number {
    const slot = this.slotOf(count);
    Atomics.store(this.#words, slot + NUMBER, 0);
    Atomics.store(this.#words, slot + NUMBER_AGAIN, 0);
    return slot;
  }

  end(slot: number, number: number): void {
    Atomics.store(this.#words, slot + NUMBER_AGAIN, number | 0);
    Atomics.store(this.#words, slot + NUMBER, number | 0);
  }

  slotOf(count: number): number {
    return this.#first + (count % this.#slots) * RECORD_WORDS;
  }

  /** Puts all but the numbers of one into another. */
  copy(from: number, to: number): void {
    this.#words.copyWithin(to + 1, from + 1, from + NUMBER_AGAIN);
  }

  /** The highest number of a whole record. */
  get newest(): number {
    let newest = 0;
    for (let index = 0; index < this.#slots; index++) {
      const slot = this.slotOf(index);
      const number = (this.#words[slot] as number) >>> 0;
      if (number > newest && this.#words[slot + NUMBER_AGAIN] === this.#words[slot]) {
        newest = number;
      }
    }
    return newest;
  }

  /** A copy of each that is whole, with its number. */
  *copies(): Generator<readonly [number: number, words: Uint32Array<ArrayBuffer>]> {
    for (let index = 0; index < this.#slots; index++) {
      const slot = this.slotOf(index);
      const words = new Uint32Array(RECORD_WORDS);
      words.set(this.#words.subarray(slot, slot + RECORD_WORDS));
      const number = words[NUMBER] as number;
      if (number !== 0 && words[NUMBER_AGAIN] === number) yield [number, words];
    }
  }
}

/** The double of a copied record. */
export const timeOf = ({ buffer }: Uint32Array<ArrayBuffer>, word = TIME): number =>
  new Float64Array(buffer)[word / 2] as number;
