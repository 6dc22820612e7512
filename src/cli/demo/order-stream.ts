// Orders that look like a day at an exchange, from a seed: a fair price that wanders and returns, a
// book around it, and traders who add, cancel, shrink and execute what is really there. The mix of
// types follows the files that LOBSTER publishes (half additions, nearly as many deletions, one
// execution in twenty). Nothing is allocated for an order.

import { NS_PER_SECOND } from '../../units.js';
import { OrderEvent, OrderRecord } from '../formats/order-record.js';
import { BUY, NONE, OrderBook, SELL } from './order-book.js';
import { Random } from './random.js';

/** One cent, in LOBSTER's unit of 10^-4 dollars. */
const TICK = 100;
const TICKS = 4096;
const FAIR_TICK = TICKS / 2;
/** $ 585.00 in the middle of the grid. */
const ANCHOR_PRICE = 5_850_000;
const LOWEST_PRICE = ANCHOR_PRICE - FAIR_TICK * TICK;
/** The fair price stays this far from the ends of the grid. */
const FAIR_MARGIN = 512;

/** Per order: the step of the fair price in ticks, and the share of the way back it takes. */
const FAIR_STEP = 0.05;
const FAIR_RETURN = 5e-7;

const BOOK_CAPACITY = 8192;
/** Below it orders are only added, so whatever else happens finds one to refer to. */
const BOOK_MINIMUM = 500;
const BOOK_LOW = 2000;
const BOOK_HIGH = 4000;

const OPENING_NS = 34_200e9;
const FIRST_ORDER_ID = 16_113_575;

export class OrderStream {
  readonly #random: Random;
  readonly #book = new OrderBook(TICKS, BOOK_CAPACITY);
  /** The order that {@link next} made last. */
  readonly order = new OrderRecord();
  #fairTick = FAIR_TICK;
  #timeNs = OPENING_NS;
  #orderId = FIRST_ORDER_ID;
  /** Shares that an arriving market order still wants, and from which side. */
  #sweepQuantity = 0;
  #sweepDirection = BUY;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** The 40 bytes of {@link order}: overwritten by each `next`. */
  get payload(): Uint8Array {
    return this.order.payload;
  }

  /** Makes the next order of the stream. */
  next(): void {
    if (this.#sweepQuantity > 0 && this.#execute()) return;
    this.#passTime();
    this.#moveFairPrice();
    this.#chooseEvent(this.#random.fraction());
  }

  #chooseEvent(choice: number): void {
    const live = this.#book.liveCount;
    const adding = live < BOOK_LOW ? 0.57 : live > BOOK_HIGH ? 0.53 : 0.55;
    if (live < BOOK_MINIMUM) this.#add();
    else if (choice < 0.02) this.#executeHidden();
    else if (choice < 0.04 || (choice < 0.2 && this.#isMispriced())) this.#beginSweep();
    else if (choice < 0.07) this.#shrink();
    else if (choice < adding) this.#add();
    else this.#delete();
  }

  /** Bursts: most gaps are microseconds, each doubling of a gap is half as likely. */
  #passTime(): void {
    const doublings = Math.min(this.#random.halvings(), 16);
    this.#timeNs += (200 + this.#random.below(1500)) << doublings;
  }

  #moveFairPrice(): void {
    const step = (this.#random.fraction() - 0.5) * 2 * FAIR_STEP;
    const next = this.#fairTick + step + (FAIR_TICK - this.#fairTick) * FAIR_RETURN;
    this.#fairTick = Math.min(TICKS - FAIR_MARGIN, Math.max(FAIR_MARGIN, next));
  }

  #emit(type: number, orderId: number, quantity: number, tick: number, direction: number): void {
    const { order } = this;
    order.timeSeconds = this.#timeNs / NS_PER_SECOND;
    order.orderId = orderId;
    order.price = LOWEST_PRICE + tick * TICK;
    order.quantity = quantity;
    order.type = type;
    order.direction = direction;
  }

  /** Round lots mostly, as real traders send them. */
  #drawQuantity(): number {
    const choice = this.#random.fraction();
    if (choice < 0.62) return 100;
    if (choice < 0.82) return 1 + this.#random.below(99);
    return 100 * (1 + this.#random.below(10));
  }

  #add(): void {
    const book = this.#book;
    const direction = this.#random.next() < 0 ? BUY : SELL;
    const depth = this.#random.below(2 << Math.min(this.#random.halvings(), 6));
    // Improves on the fair price by nothing, rests behind it by `depth`, and never crosses.
    const fair = Math.floor(this.#fairTick);
    const wanted = direction === BUY ? fair - depth : fair + 1 + depth;
    const tick =
      direction === BUY ? Math.min(wanted, book.bestAsk - 1) : Math.max(wanted, book.bestBid + 1);
    const quantity = this.#drawQuantity();
    // Other stocks of the exchange take numbers in between.
    this.#orderId += 1 + this.#random.below(24);
    book.add(direction, tick, quantity, this.#orderId);
    this.#emit(OrderEvent.add, this.#orderId, quantity, tick, direction);
  }

  #delete(): void {
    const book = this.#book;
    const slot = book.liveAt(this.#random.below(book.liveCount));
    const quantity = book.quantityOf(slot);
    this.#take(OrderEvent.deletion, slot, quantity);
  }

  #shrink(): void {
    const book = this.#book;
    const slot = book.liveAt(this.#random.below(book.liveCount));
    const quantity = book.quantityOf(slot);
    if (quantity === 1) this.#take(OrderEvent.deletion, slot, quantity);
    else this.#take(OrderEvent.partialCancel, slot, 1 + this.#random.below(quantity - 1));
  }

  #take(type: number, slot: number, quantity: number): void {
    const book = this.#book;
    this.#emit(type, book.idOf(slot), quantity, book.tickOf(slot), book.directionOf(slot));
    book.reduce(slot, quantity);
  }

  /** Whether orders rest on the wrong side of the fair price: somebody will take them. */
  #isMispriced(): boolean {
    const { bestAsk, bestBid } = this.#book;
    return bestAsk < this.#fairTick - 1 || bestBid > this.#fairTick + 1;
  }

  /** A market order arrives: its first execution now, the others at the same time after it. */
  #beginSweep(): void {
    const { bestAsk, bestBid } = this.#book;
    const asksAreCheap = bestAsk < this.#fairTick;
    const bidsAreDear = bestBid > this.#fairTick;
    const takesAsks = asksAreCheap || (!bidsAreDear && this.#random.next() < 0);
    this.#sweepDirection = takesAsks ? SELL : BUY;
    this.#sweepQuantity = this.#drawQuantity();
    if (!this.#execute()) this.#add();
  }

  /** Executes the best resting order against the market order; false where none rests. */
  #execute(): boolean {
    const slot = this.#book.first(this.#sweepDirection);
    if (slot === NONE) {
      this.#sweepQuantity = 0;
      return false;
    }
    const quantity = Math.min(this.#sweepQuantity, this.#book.quantityOf(slot));
    this.#sweepQuantity -= quantity;
    this.#take(OrderEvent.execution, slot, quantity);
    return true;
  }

  /** Hidden orders show only when they execute, between the best prices, without an id. */
  #executeHidden(): void {
    const direction = this.#random.next() < 0 ? BUY : SELL;
    const { bestAsk, bestBid } = this.#book;
    const tick = direction === BUY ? Math.max(bestBid, 0) : Math.min(bestAsk, TICKS - 1);
    this.#emit(OrderEvent.hiddenExecution, 0, this.#drawQuantity(), tick, direction);
  }
}
