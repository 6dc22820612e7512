// A bounded queue between one producer and one consumer thread: entries of a few words each.
// Head and tail count entries modulo 2^32 and stand 128 bytes apart, one writer each.
import { assert } from '../errors.js';

const HEAD = 0;
const TAIL = 32;
const ENTRIES = 64;
const CAPACITY_MAX = 64;

export class SpscQueue {
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #wordsPerEntry: number;

  /**
   * @param words all zero at first, at least `SpscQueue.bytes` long
   * @param capacity entries; a power of two, at most 64
   */
  constructor(words: Int32Array, capacity: number, wordsPerEntry: number) {
    assert(
      capacity <= CAPACITY_MAX && Number.isInteger(Math.log2(capacity)),
      `a queue of ${capacity} entries is no power of two up to ${CAPACITY_MAX}`,
    );
    assert(
      words.byteLength >= SpscQueue.bytes(capacity, wordsPerEntry),
      `a queue of ${capacity} entries does not fit into ${words.byteLength} bytes`,
    );
    this.#words = words;
    this.#capacity = capacity;
    this.#wordsPerEntry = wordsPerEntry;
  }

  /** Bytes that a queue takes. */
  static bytes(capacity: number, wordsPerEntry: number): number {
    return (ENTRIES + capacity * wordsPerEntry) * Int32Array.BYTES_PER_ELEMENT;
  }

  /** Entries in the queue: exact for producer and consumer, a moment old for anyone else. */
  get length(): number {
    return (Atomics.load(this.#words, TAIL) - Atomics.load(this.#words, HEAD)) >>> 0;
  }

  /** Producer only. False when the queue is full. */
  tryPush(entry: ArrayLike<number>): boolean {
    const words = this.#words;
    const tail = Atomics.load(words, TAIL);
    // Loading the head acquires: the consumer is done with the slot that is written now.
    if ((tail - Atomics.load(words, HEAD)) >>> 0 === this.#capacity) return false;
    const slot = this.#slotOf(tail);
    for (let at = 0; at < this.#wordsPerEntry; at++) words[slot + at] = entry[at] ?? 0;
    // Storing the tail releases: the entry is complete for whoever sees it.
    Atomics.store(words, TAIL, (tail + 1) | 0);
    return true;
  }

  /**
   * Consumer only. Takes the oldest entry; returns how many there were, 0 when the queue is empty.
   */
  tryPop(target: Int32Array): number {
    const words = this.#words;
    const head = Atomics.load(words, HEAD);
    // Loading the tail acquires: the entry's words are read after it.
    const count = (Atomics.load(words, TAIL) - head) >>> 0;
    if (count === 0) return 0;
    const slot = this.#slotOf(head);
    for (let at = 0; at < this.#wordsPerEntry; at++) target[at] = words[slot + at] as number;
    // Storing the head releases: the slot may be written again only after it was read.
    Atomics.store(words, HEAD, (head + 1) | 0);
    return count;
  }

  #slotOf(position: number): number {
    return ENTRIES + (position & (this.#capacity - 1)) * this.#wordsPerEntry;
  }
}
