// The order book: each order by itself (level 3), matched by price, then by time.
import type { Command } from './command.js';
import { type Order, Side } from './levels.js';

export interface Answer {
  readonly accepted: boolean;
  /** Shares that were traded at once. */
  readonly traded: number;
}

const REFUSED: Answer = { accepted: false, traded: 0 };

export class Book {
  readonly buy = new Side((one, other) => one > other);
  readonly sell = new Side((one, other) => one < other);
  readonly #orders = new Map<number, Order>();
  trades = 0;
  tradedShares = 0;

  get size(): number {
    return this.#orders.size;
  }

  /** The same commands lead to the same book, wherever and whenever they are applied. */
  apply(command: Command): Answer {
    switch (command.kind) {
      case 'limit':
        return this.#limit(command);
      case 'market':
        return { accepted: true, traded: this.#match(command) };
      case 'cancel':
        return this.#cancel(command.id) ? { accepted: true, traded: 0 } : REFUSED;
      case 'modify':
        return this.#modify(command);
    }
  }

  #limit(command: Command): Answer {
    const { id, side, price, quantity } = command;
    if (quantity === 0 || this.#orders.has(id)) return REFUSED;
    const traded = this.#match(command, price);
    if (traded < quantity) this.#orders.set(id, this[side].at(price).add(id, quantity - traded));
    return { accepted: true, traded };
  }

  /** Trades with the other side, its best price first, as far as the price `worst`. */
  #match({ side, quantity }: Command, worst = side === 'buy' ? Infinity : -Infinity): number {
    const against = side === 'buy' ? this.sell : this.buy;
    let left = quantity;
    while (left > 0) {
      const level = against.best;
      const first = level?.first;
      if (level === undefined || first === undefined) break;
      if (side === 'buy' ? level.price > worst : level.price < worst) break;
      const shares = Math.min(left, first.quantity);
      left -= shares;
      this.trades++;
      this.tradedShares += shares;
      if (shares === first.quantity) this.#cancel(first.id);
      else first.quantity -= shares;
    }
    return quantity - left;
  }

  #cancel(id: number): boolean {
    const order = this.#orders.get(id);
    if (order === undefined) return false;
    order.level.remove(order);
    return this.#orders.delete(id);
  }

  /** Fewer shares at the same price keep their place in the queue; all else is a new order. */
  #modify(command: Command): Answer {
    const order = this.#orders.get(command.id);
    if (order === undefined || command.quantity === 0) return REFUSED;
    const { level } = order;
    if (command.price === level.price && command.quantity <= order.quantity) {
      order.quantity = command.quantity;
      return { accepted: true, traded: 0 };
    }
    this.#cancel(order.id);
    return this.#limit({ ...command, side: level.side === this.buy ? 'buy' : 'sell' });
  }

  /** The whole book as text: prices from the best on, in each the orders as they queue. */
  toText(): string {
    const rows = (['buy', 'sell'] as const).flatMap((side) =>
      this[side]
        .sorted()
        .flatMap((level) =>
          Array.from(level.orders(), ({ id, quantity }) =>
            [side, level.price, id, quantity].join(),
          ),
        ),
    );
    return [`${this.trades},${this.tradedShares}`, ...rows].join('\n');
  }

  static fromText(text: string): Book {
    const book = new Book();
    const [totals = '', ...rows] = text.split('\n');
    const [trades = 0, tradedShares = 0] = totals.split(',').map(Number);
    for (const row of rows) {
      const [side, ...numbers] = row.split(',');
      const [price = 0, id = 0, quantity = 0] = numbers.map(Number);
      book.#orders.set(id, book[side === 'buy' ? 'buy' : 'sell'].at(price).add(id, quantity));
    }
    return Object.assign(book, { trades, tradedShares });
  }
}
