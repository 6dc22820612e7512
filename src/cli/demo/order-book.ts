// A limit order book of bounded size on a grid of ticks: orders of one price wait in a queue, the
// best bid stays below the best ask. Everything is in arrays made once: no allocation for an order.
//
// Invariants: a tick holds orders of one side only; `bestBid` < `bestAsk`; every slot is in exactly
// one of: the live list (and its tick's queue), the free list.

import { assert } from '../../errors.js';

export const NONE = -1;
export const BUY = 1;
export const SELL = -1;

export class OrderBook {
  readonly ticks: number;
  readonly #id: Float64Array;
  readonly #quantity: Int32Array;
  readonly #tick: Int32Array;
  readonly #direction: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Slots: the first `liveCount` are live, the rest is free. */
  readonly #slots: Int32Array;
  /** Where a slot stands in `#slots`. */
  readonly #place: Int32Array;
  readonly #head: Int32Array;
  readonly #tail: Int32Array;
  #liveCount = 0;
  #bestBid = NONE;
  #bestAsk: number;

  constructor(ticks: number, capacity: number) {
    this.ticks = ticks;
    this.#id = new Float64Array(capacity);
    this.#quantity = new Int32Array(capacity);
    this.#tick = new Int32Array(capacity);
    this.#direction = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#slots = Int32Array.from({ length: capacity }, (_, index) => index);
    this.#place = this.#slots.slice();
    this.#head = new Int32Array(ticks).fill(NONE);
    this.#tail = new Int32Array(ticks).fill(NONE);
    this.#bestAsk = ticks;
  }

  get liveCount(): number {
    return this.#liveCount;
  }
  get isFull(): boolean {
    return this.#liveCount === this.#slots.length;
  }
  /** The highest tick with a buy order; NONE without one. */
  get bestBid(): number {
    return this.#bestBid;
  }
  /** The lowest tick with a sell order; `ticks` without one. */
  get bestAsk(): number {
    return this.#bestAsk;
  }

  idOf(slot: number): number {
    return this.#id[slot] ?? 0;
  }
  quantityOf(slot: number): number {
    return this.#quantity[slot] ?? 0;
  }
  tickOf(slot: number): number {
    return this.#tick[slot] ?? 0;
  }
  directionOf(slot: number): number {
    return this.#direction[slot] ?? 0;
  }

  /** The live order with this number, 0 … liveCount − 1; numbers move when orders leave. */
  liveAt(index: number): number {
    return this.#slots[index] ?? NONE;
  }

  /** The order that would be executed next on a side; NONE without one. */
  first(direction: number): number {
    const tick = direction === BUY ? this.#bestBid : this.#bestAsk;
    return tick === NONE || tick === this.ticks ? NONE : (this.#head[tick] ?? NONE);
  }

  /** Puts an order at the end of its tick's queue; returns its slot. */
  add(direction: number, tick: number, quantity: number, id: number): number {
    assert(!this.isFull, 'the book is full');
    assert(direction === BUY ? tick < this.#bestAsk : tick > this.#bestBid, 'the order crosses');
    const slot = this.#slots[this.#liveCount] ?? NONE;
    this.#liveCount += 1;
    this.#id[slot] = id;
    this.#quantity[slot] = quantity;
    this.#tick[slot] = tick;
    this.#direction[slot] = direction;
    const last = this.#tail[tick] ?? NONE;
    this.#next[slot] = NONE;
    this.#previous[slot] = last;
    this.#tail[tick] = slot;
    if (last === NONE) this.#head[tick] = slot;
    else this.#next[last] = slot;
    if (direction === BUY) this.#bestBid = Math.max(this.#bestBid, tick);
    else this.#bestAsk = Math.min(this.#bestAsk, tick);
    return slot;
  }

  /** Takes `quantity` from an order; it leaves the book when nothing is left of it. */
  reduce(slot: number, quantity: number): void {
    const left = this.quantityOf(slot) - quantity;
    assert(left >= 0, 'an order is reduced by more than its quantity');
    this.#quantity[slot] = left;
    if (left === 0) this.#remove(slot);
  }

  #remove(slot: number): void {
    const tick = this.tickOf(slot);
    const next = this.#next[slot] ?? NONE;
    const previous = this.#previous[slot] ?? NONE;
    if (previous === NONE) this.#head[tick] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tail[tick] = previous;
    else this.#previous[next] = previous;
    this.#liveCount -= 1;
    const place = this.#place[slot] ?? 0;
    const moved = this.#slots[this.#liveCount] ?? NONE;
    this.#slots[place] = moved;
    this.#place[moved] = place;
    this.#slots[this.#liveCount] = slot;
    this.#place[slot] = this.#liveCount;
    if (this.#head[tick] === NONE) this.#moveBest(tick);
  }

  #moveBest(emptied: number): void {
    if (emptied === this.#bestBid) {
      do this.#bestBid -= 1;
      while (this.#bestBid > NONE && this.#head[this.#bestBid] === NONE);
    } else if (emptied === this.#bestAsk) {
      do this.#bestAsk += 1;
      while (this.#bestAsk < this.ticks && this.#head[this.#bestAsk] === NONE);
    }
  }
}
