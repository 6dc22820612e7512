// LOBSTER message rows: `time,type,order id,size,price,direction` without a header line. Replay
// writes every field in its shortest form, which is the only thing that is not kept: leading zeros,
// zeros at the end of a time, and the `\r` of the files as they are sold.

import {
  DECIMAL_BYTES_MAX,
  DecimalReader,
  shortestDecimal,
  writeDecimal,
  writeInteger,
} from './decimal.js';
import { type EventFormat, FormatDefect } from './event-format.js';
import { LobsterOrder, OrderEvent, OrderLayout, OrderRecord } from './order-record.js';
import type { TextBuffer } from './text-buffer.js';

const COMMA = 0x2c;
const CARRIAGE_RETURN = 0x0d;
/** The time at its longest, and five fields of at most 20 characters and a comma. */
const ROW_BYTES_MAX = DECIMAL_BYTES_MAX + 5 * 21;
const U64_END = 2n ** 64n;
/** Longer ones are not parsed: a hostile line of digits would keep BigInt busy. */
const ORDER_ID_CHARACTERS_MAX = 64;
const SHOWN_CHARACTERS = 40;
/** Below it a float64 is finer than a nanosecond (2^-31 s); seconds of a day end at 86,400. */
const FINE_SECONDS_END = 2 ** 22;

/** `0034.500` → `34.5` */
const canonicalDecimal = (text: string): string => {
  const [whole = '', fraction = ''] = text.split('.');
  const digits = fraction.replace(/0+$/, '');
  return `${whole.replace(/^0+(?=\d)/, '')}${digits === '' ? '' : `.${digits}`}`;
};

const isWholeNumber = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Any 40 bytes may stand in a log: only what {@link LobsterFormat.encode} can make is an order. */
const isOrder = ({ timeSeconds, type, quantity, price, direction }: OrderRecord): boolean =>
  timeSeconds >= 0 &&
  timeSeconds < Number.POSITIVE_INFINITY &&
  type >= OrderEvent.add &&
  type <= OrderEvent.tradingHalt &&
  isWholeNumber(quantity) &&
  Number.isSafeInteger(price) &&
  (direction === 1 || direction === -1);

class LobsterFormat implements EventFormat {
  readonly name = 'lobster';
  readonly event = LobsterOrder;
  readonly #order = new OrderRecord();
  readonly #reader = new DecimalReader();

  encode(bytes: Buffer, start: number, end: number): Uint8Array {
    const order = this.#order;
    const reader = this.#reader;
    const stop = end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    reader.begin(bytes, start, stop);
    order.timeSeconds = this.#readTime();
    this.#comma('type');
    const type = reader.readInteger();
    if (!(type >= OrderEvent.add && type <= OrderEvent.tradingHalt)) {
      throw this.#defect('type', 'a number from 1 to 7');
    }
    order.type = type;
    this.#comma('order id');
    this.#readOrderId();
    this.#comma('size');
    const quantity = reader.readInteger();
    if (!isWholeNumber(quantity)) throw this.#defect('size', 'a whole number below 2^53');
    order.quantity = quantity;
    this.#comma('price');
    const price = reader.readInteger();
    if (!Number.isSafeInteger(price)) throw this.#defect('price', 'a whole number within ±2^53');
    order.price = price;
    this.#comma('direction');
    const direction = reader.readInteger();
    if (direction !== 1 && direction !== -1) throw this.#defect('direction', '1 or -1');
    order.direction = direction;
    if (!reader.isAtEnd) throw new FormatDefect('it has more than the six fields of a LOBSTER row');
    return order.payload;
  }

  decode(payload: Uint8Array, target: TextBuffer): void {
    if (payload.length !== OrderLayout.size) {
      throw new FormatDefect(`it has ${payload.length} bytes, an order has ${OrderLayout.size}`);
    }
    const order = this.#order;
    order.payload.set(payload);
    const { timeSeconds } = order;
    if (!isOrder(order)) throw new FormatDefect('its 40 bytes are not an order');
    target.reserve(ROW_BYTES_MAX);
    const { bytes } = target;
    let at = writeDecimal(bytes, target.length, timeSeconds);
    bytes[at++] = COMMA;
    at = writeInteger(bytes, at, order.type);
    bytes[at++] = COMMA;
    at = this.#writeOrderId(bytes, at);
    bytes[at++] = COMMA;
    at = writeInteger(bytes, at, order.quantity);
    bytes[at++] = COMMA;
    at = writeInteger(bytes, at, order.price);
    bytes[at++] = COMMA;
    target.length = writeInteger(bytes, at, order.direction);
  }

  #comma(next: string): void {
    if (!this.#reader.nextField()) throw new FormatDefect(`it ends before its ${next}`);
  }

  #defect(field: string, expected: string): FormatDefect {
    const text = this.#reader.text();
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
    return new FormatDefect(`its ${field} is '${shown}', not ${expected}`);
  }

  #readTime(): number {
    const seconds = this.#reader.readDecimal();
    if (Number.isNaN(seconds)) throw this.#defect('time', 'seconds such as 34200.018960767');
    if (seconds < FINE_SECONDS_END) return seconds;
    if (shortestDecimal(seconds) !== canonicalDecimal(this.#reader.text())) {
      throw this.#defect('time', 'a number that a float64 can hold to the nanosecond');
    }
    return seconds;
  }

  #readOrderId(): void {
    const orderId = this.#reader.readInteger();
    if (isWholeNumber(orderId)) {
      this.#order.orderId = orderId;
      return;
    }
    const text = orderId > 0 ? this.#reader.text() : '';
    const readable = text !== '' && text.length <= ORDER_ID_CHARACTERS_MAX;
    const wide = readable ? BigInt(text) : U64_END;
    if (wide >= U64_END) throw this.#defect('order id', 'a whole number below 2^64');
    this.#order.wideOrderId = wide;
  }

  #writeOrderId(bytes: Uint8Array, offset: number): number {
    const { orderId } = this.#order;
    if (Number.isSafeInteger(orderId)) return writeInteger(bytes, offset, orderId);
    const text = String(this.#order.wideOrderId);
    for (let index = 0; index < text.length; index += 1) {
      bytes[offset + index] = text.charCodeAt(index);
    }
    return offset + text.length;
  }
}

/** A format of its own for each command: its payload and reader are reused from line to line. */
export const createLobsterFormat = (): EventFormat => new LobsterFormat();
