import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../test/support/properties.js';
import { BUY, NONE, OrderBook, SELL } from './order-book.js';

describe('OrderBook', () => {
  it('starts empty', () => {
    const book = new OrderBook(100, 10);
    assert.deepEqual([book.liveCount, book.bestBid, book.bestAsk], [0, NONE, 100]);
    assert.deepEqual([book.first(BUY), book.first(SELL)], [NONE, NONE]);
  });

  it('executes the best price first, and the oldest of one price', () => {
    const book = new OrderBook(100, 10);
    for (const [tick, id] of [
      [40, 1],
      [42, 2],
      [42, 3],
      [41, 4],
    ] as const) {
      book.add(BUY, tick, 10, id);
    }
    const order: number[] = [];
    while (book.first(BUY) !== NONE) {
      const slot = book.first(BUY);
      order.push(book.idOf(slot));
      book.reduce(slot, 10);
    }
    assert.deepEqual(order, [2, 3, 4, 1]);
  });

  it('refuses an order that crosses, and to take more than there is', () => {
    const book = new OrderBook(100, 10);
    const slot = book.add(SELL, 50, 10, 1);
    assert.throws(() => book.add(BUY, 50, 1, 2), /crosses/);
    book.add(BUY, 49, 1, 3);
    assert.throws(() => book.add(SELL, 49, 1, 4), /crosses/);
    assert.throws(() => book.reduce(slot, 11), /reduced by more/);
  });

  it('agrees with a simple model after any sequence of additions and reductions', () => {
    interface Model {
      id: number;
      direction: number;
      tick: number;
      quantity: number;
    }
    const step = fc.record({ action: fc.nat(3), tick: fc.nat(19), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const book = new OrderBook(20, 16);
        let model: Model[] = [];
        let id = 0;
        for (const { action, tick, pick } of steps) {
          const ticksOf = (side: number): number[] =>
            model.filter((order) => order.direction === side).map((order) => order.tick);
          const bestBid = Math.max(NONE, ...ticksOf(BUY));
          const bestAsk = Math.min(20, ...ticksOf(SELL));
          assert.deepEqual([book.bestBid, book.bestAsk], [bestBid, bestAsk]);
          assert.equal(book.liveCount, model.length);
          assert.equal(book.isFull, model.length === 16);
          const live = model.map((_, index) => book.idOf(book.liveAt(index)));
          assert.deepEqual(
            live.sort((a, b) => a - b),
            model.map((order) => order.id),
          );
          const direction = tick < bestAsk && (tick <= bestBid || pick % 2 === 0) ? BUY : SELL;
          if (action < 2) {
            if (book.isFull || (direction === SELL && tick <= bestBid)) continue;
            id += 1;
            book.add(direction, tick, 1 + (pick % 5), id);
            model.push({ id, direction, tick, quantity: 1 + (pick % 5) });
            continue;
          }
          if (model.length === 0) continue;
          const slot = book.liveAt(pick % model.length);
          const order = model.find((candidate) => candidate.id === book.idOf(slot));
          assert.ok(order);
          assert.equal(book.tickOf(slot), order.tick);
          assert.equal(book.directionOf(slot), order.direction);
          assert.equal(book.quantityOf(slot), order.quantity);
          const taken = action === 2 ? order.quantity : 1 + (pick % order.quantity);
          book.reduce(slot, taken);
          order.quantity -= taken;
          model = model.filter((candidate) => candidate.quantity > 0);
        }
      }),
    );
  });
});
