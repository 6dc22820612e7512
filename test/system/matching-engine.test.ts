// The book of the example against one that sorts all of its orders for each command: slow, and
// plainly right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Book } from '../../examples/matching-engine/book.js';
import type { Command } from '../../examples/matching-engine/command.js';
import { madeCommands } from '../../examples/matching-engine/commands.js';

interface Resting {
  readonly id: number;
  readonly side: 'buy' | 'sell';
  readonly price: number;
  quantity: number;
  /** When it joined its queue. */
  readonly since: number;
}

class PlainBook {
  orders: Resting[] = [];
  trades = 0;
  tradedShares = 0;
  #now = 0;

  #sorted(side: 'buy' | 'sell'): Resting[] {
    const sign = side === 'buy' ? -1 : 1;
    return this.orders
      .filter((order) => order.side === side)
      .sort((one, other) => sign * (one.price - other.price) || one.since - other.since);
  }

  apply({ kind, id, side, price, quantity }: Command): void {
    this.#now++;
    const found = this.orders.find((order) => order.id === id);
    if (kind === 'cancel') this.orders = this.orders.filter((order) => order !== found);
    if (kind === 'market') this.#trade(side, quantity, () => true);
    if (kind === 'limit' && found === undefined) this.#limit(id, side, price, quantity);
    if (kind !== 'modify' || found === undefined) return;
    if (found.price === price && quantity <= found.quantity) found.quantity = quantity;
    else {
      this.orders = this.orders.filter((order) => order !== found);
      this.#limit(id, found.side, price, quantity);
    }
  }

  #limit(id: number, side: 'buy' | 'sell', price: number, quantity: number): void {
    const left = this.#trade(side, quantity, (other) =>
      side === 'buy' ? other <= price : other >= price,
    );
    if (left > 0) this.orders.push({ id, side, price, quantity: left, since: this.#now });
  }

  #trade(side: 'buy' | 'sell', quantity: number, isGood: (price: number) => boolean): number {
    let left = quantity;
    for (const order of this.#sorted(side === 'buy' ? 'sell' : 'buy')) {
      if (left === 0 || !isGood(order.price)) break;
      const shares = Math.min(left, order.quantity);
      left -= shares;
      order.quantity -= shares;
      this.trades++;
      this.tradedShares += shares;
    }
    this.orders = this.orders.filter((order) => order.quantity > 0);
    return left;
  }

  toText(): string {
    const rows = [...this.#sorted('buy'), ...this.#sorted('sell')];
    return [
      `${this.trades},${this.tradedShares}`,
      ...rows.map(({ side, price, id, quantity }) => [side, price, id, quantity].join()),
    ].join('\n');
  }
}

test('a matching engine and a plain one agree behind each command', () => {
  for (const seed of [1, 2, 3]) {
    const [book, plain] = [new Book(), new PlainBook()];
    for (const [at, command] of madeCommands(2000, seed).entries()) {
      book.apply(command);
      plain.apply(command);
      if (at % 20 !== 0) continue;
      assert.equal(book.toText(), plain.toText(), `seed ${seed}, command ${at}`);
      assert.equal(book.size, plain.orders.length);
    }
    assert.ok(book.trades > 100, 'orders have met');
  }
});

test('a book that was made of its text goes on as the one that it is of', () => {
  const commands = madeCommands(4000, 7);
  const book = new Book();
  for (const command of commands.slice(0, 2000)) book.apply(command);
  const restored = Book.fromText(book.toText());
  assert.equal(restored.toText(), book.toText());
  for (const command of commands.slice(2000)) {
    assert.deepEqual(restored.apply(command), book.apply(command));
  }
  assert.equal(restored.toText(), book.toText());
});

test('what makes no sense is refused, and changes nothing', () => {
  const book = new Book();
  const limit = { kind: 'limit', id: 1, side: 'buy', price: 100, quantity: 5 } as const;
  assert.deepEqual(book.apply(limit), { accepted: true, traded: 0 });
  const before = book.toText();
  for (const command of [
    limit,
    { ...limit, id: 2, quantity: 0 },
    { ...limit, kind: 'cancel', id: 9 },
    { ...limit, kind: 'modify', id: 9 },
    { ...limit, kind: 'modify', quantity: 0 },
  ] as const) {
    assert.equal(book.apply(command).accepted, false);
    assert.equal(book.toText(), before);
  }
  const market = { kind: 'market', id: 0, side: 'sell', price: 0, quantity: 9 } as const;
  assert.deepEqual(book.apply(market), { accepted: true, traded: 5 });
  assert.equal(book.size, 0);
});
