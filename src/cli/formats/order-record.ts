// The 40-byte order payload: one row of a LOBSTER message file, every field at its full width, so
// that with the 24-byte frame header an order is one cache line.

import { defineEvent } from '../../index.js';
import { block, layout, u32, u64 } from '../../memory/layout.js';
import { TWO_POW_32 } from '../../units.js';

const f64 = block(8, 8);
const i64 = block(8, 8);
const i32 = block(4, 4);

/**
 * `timeSeconds` is a float64 because that is what the files hold: some of their times carry the
 * noise of one past the ninth decimal, which whole nanoseconds would lose.
 */
export const OrderLayout = layout('Order')
  .field(0, 'timeSeconds', f64)
  .field(8, 'orderId', u64)
  .field(16, 'price', i64)
  .field(24, 'quantity', u64)
  .field(32, 'type', u32)
  .field(36, 'direction', i32)
  .end(40, 8);

/**
 * The same as a typed event: a log of orders says what they are made of. An order id may have all
 * 64 bits.
 */
export const LobsterOrder = defineEvent(
  'lobster_order',
  {
    timeSeconds: 'f64',
    orderId: 'u64',
    price: 'safeI64',
    quantity: 'safeU64',
    type: 'u32',
    direction: 'i32',
  },
  { version: 1 },
);

/** LOBSTER's event types. */
export const OrderEvent = {
  add: 1,
  partialCancel: 2,
  deletion: 3,
  execution: 4,
  hiddenExecution: 5,
  crossTrade: 6,
  tradingHalt: 7,
} as const;

const TIME_F64 = OrderLayout.offset.timeSeconds / 8;
const ORDER_ID_WORD = OrderLayout.offset.orderId / 4;
const PRICE_WORD = OrderLayout.offset.price / 4;
const QUANTITY_WORD = OrderLayout.offset.quantity / 4;
const TYPE_WORD = OrderLayout.offset.type / 4;
const DIRECTION_WORD = OrderLayout.offset.direction / 4;

/**
 * One order, as fields and as `payload` at the same time (the host is little-endian, and the
 * library runs on no other). Numbers are safe integers; allocation-free but for huge order ids.
 */
export class OrderRecord {
  readonly #f64 = new Float64Array(OrderLayout.size / 8);
  readonly #i32 = new Int32Array(this.#f64.buffer);
  readonly #u32 = new Uint32Array(this.#f64.buffer);
  /** The 40 bytes; a view of this record. */
  readonly payload = new Uint8Array(this.#f64.buffer);

  // Signed and unsigned alike: `>>> 0` takes a safe integer modulo 2^32, floor the rest.
  #setWide(word: number, value: number): void {
    this.#u32[word] = value >>> 0;
    this.#i32[word + 1] = Math.floor(value / TWO_POW_32);
  }

  #wide(word: number, high: Int32Array | Uint32Array): number {
    return (high[word + 1] ?? 0) * TWO_POW_32 + (this.#u32[word] ?? 0);
  }

  /** Seconds after midnight. */
  get timeSeconds(): number {
    return this.#f64[TIME_F64] ?? 0;
  }
  set timeSeconds(value: number) {
    this.#f64[TIME_F64] = value;
  }

  /** Not exact from 2^53 on: then see {@link wideOrderId}. */
  get orderId(): number {
    return this.#wide(ORDER_ID_WORD, this.#u32);
  }
  set orderId(value: number) {
    this.#setWide(ORDER_ID_WORD, value);
  }

  get wideOrderId(): bigint {
    const high = BigInt(this.#u32[ORDER_ID_WORD + 1] ?? 0);
    return (high << 32n) | BigInt(this.#u32[ORDER_ID_WORD] ?? 0);
  }
  set wideOrderId(value: bigint) {
    this.#u32[ORDER_ID_WORD] = Number(value & 0xffff_ffffn);
    this.#u32[ORDER_ID_WORD + 1] = Number(value >> 32n);
  }

  /** In units of 10^-4 dollars. */
  get price(): number {
    return this.#wide(PRICE_WORD, this.#i32);
  }
  set price(value: number) {
    this.#setWide(PRICE_WORD, value);
  }

  /** Shares. */
  get quantity(): number {
    return this.#wide(QUANTITY_WORD, this.#u32);
  }
  set quantity(value: number) {
    this.#setWide(QUANTITY_WORD, value);
  }

  /** One of {@link OrderEvent}. */
  get type(): number {
    return this.#u32[TYPE_WORD] ?? 0;
  }
  set type(value: number) {
    this.#u32[TYPE_WORD] = value;
  }

  /** 1: a buy order; -1: a sell order. Of an execution: of the order that rested. */
  get direction(): number {
    return this.#i32[DIRECTION_WORD] ?? 0;
  }
  set direction(value: number) {
    this.#i32[DIRECTION_WORD] = value;
  }
}
