import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { OrderEvent } from '../formats/order-record.js';
import { OrderStream } from './order-stream.js';

const EVENTS = 400_000;
/** A cent and $ 585, in units of 10^-4 dollars. */
const TICK = 100;
const ANCHOR_PRICE = 5_850_000;

const hashOf = (seed: number, events: number): string => {
  const stream = new OrderStream(seed);
  const hash = createHash('sha256');
  for (let index = 0; index < events; index += 1) {
    stream.next();
    hash.update(stream.payload);
  }
  return hash.digest('hex');
};

interface Resting {
  quantity: number;
  readonly price: number;
  readonly direction: number;
}

describe('OrderStream', () => {
  it('is the same for the same seed, byte for byte, and another for another', () => {
    assert.equal(hashOf(1, 50_000), hashOf(1, 50_000));
    assert.notEqual(hashOf(1, 100), hashOf(2, 100));
  });

  it('refers to live orders only, never takes more than is there, and never crosses', () => {
    const stream = new OrderStream(11);
    const { order } = stream;
    const live = new Map<number, Resting>();
    const quantities = { bids: new Map<number, number>(), asks: new Map<number, number>() };
    const change = (resting: Resting, by: number): void => {
      const side = resting.direction === 1 ? quantities.bids : quantities.asks;
      const quantity = (side.get(resting.price) ?? 0) + by;
      if (quantity === 0) side.delete(resting.price);
      else side.set(resting.price, quantity);
    };
    for (let index = 0; index < EVENTS; index += 1) {
      stream.next();
      const { type, orderId, quantity, price, direction } = order;
      assert.ok(quantity > 0);
      if (type === OrderEvent.add) {
        assert.ok(!live.has(orderId), `order ${orderId} is added twice`);
        const resting = { quantity, price, direction };
        live.set(orderId, resting);
        change(resting, quantity);
        const opposite = direction === 1 ? quantities.asks : quantities.bids;
        assert.ok(!opposite.has(price), 'a price has orders of both sides');
        continue;
      }
      if (type === OrderEvent.hiddenExecution) {
        assert.equal(orderId, 0);
        continue;
      }
      const resting = live.get(orderId);
      assert.ok(resting, `event ${index} of type ${type} refers to ${orderId}, which is not live`);
      assert.equal(price, resting.price);
      assert.equal(direction, resting.direction);
      assert.ok(quantity <= resting.quantity);
      if (type === OrderEvent.deletion) assert.equal(quantity, resting.quantity);
      if (type === OrderEvent.partialCancel) assert.ok(quantity < resting.quantity);
      resting.quantity -= quantity;
      change(resting, -quantity);
      if (resting.quantity === 0) live.delete(orderId);
      if (index % 10_000 === 0) {
        const bestBid = Math.max(...quantities.bids.keys());
        const bestAsk = Math.min(...quantities.asks.keys());
        assert.ok(bestBid < bestAsk, `the book is crossed: ${bestBid} ${bestAsk}`);
      }
    }
    assert.ok(live.size > 500 && live.size < 8192, `${live.size} orders are live`);
  });

  it('executes the best price of a side, the oldest order of a price first', () => {
    const stream = new OrderStream(5);
    const { order } = stream;
    const live = new Map<number, Resting>();
    let checked = 0;
    for (let index = 0; index < 60_000; index += 1) {
      stream.next();
      const { type, orderId, quantity, price, direction } = order;
      if (type === OrderEvent.hiddenExecution) continue;
      if (type === OrderEvent.add) live.set(orderId, { quantity, price, direction });
      const resting = live.get(orderId);
      assert.ok(resting);
      // Comparing with every order is slow: each seventh execution is enough.
      if (type === OrderEvent.execution && index % 7 === 0) {
        checked += 1;
        for (const [id, other] of live) {
          if (other.direction !== direction) continue;
          assert.ok((other.price - price) * direction <= 0, 'a better price was passed over');
          if (other.price === price) assert.ok(id >= orderId, 'an older order was passed over');
        }
      }
      if (type !== OrderEvent.add) resting.quantity -= quantity;
      if (resting.quantity === 0) live.delete(orderId);
    }
    assert.ok(checked > 100);
  });

  it('has the mix of types of a real day', () => {
    const stream = new OrderStream(3);
    const counts = new Map<number, number>();
    for (let index = 0; index < EVENTS; index += 1) {
      stream.next();
      counts.set(stream.order.type, (counts.get(stream.order.type) ?? 0) + 1);
    }
    const share = (type: number): number => (counts.get(type) ?? 0) / EVENTS;
    assert.ok(share(OrderEvent.add) > 0.4 && share(OrderEvent.add) < 0.6);
    assert.ok(share(OrderEvent.deletion) > 0.3 && share(OrderEvent.deletion) < 0.5);
    assert.ok(share(OrderEvent.execution) > 0.02 && share(OrderEvent.execution) < 0.15);
    assert.ok(share(OrderEvent.partialCancel) > 0.002 && share(OrderEvent.partialCancel) < 0.05);
    assert.ok(share(OrderEvent.hiddenExecution) > 0.01);
  });

  it('keeps prices on the tick grid, wandering around the anchor', () => {
    const stream = new OrderStream(9);
    const { order } = stream;
    let sum = 0;
    let executions = 0;
    const prices = new Set<number>();
    for (let index = 0; index < 1_000_000; index += 1) {
      stream.next();
      assert.equal(order.price % TICK, 0);
      if (order.type !== OrderEvent.execution) continue;
      executions += 1;
      sum += order.price;
      prices.add(order.price);
    }
    const meanTicksOff = Math.abs(sum / executions - ANCHOR_PRICE) / TICK;
    assert.ok(meanTicksOff < 100, `the mean price is ${meanTicksOff} ticks away`);
    assert.ok(prices.size > 20, `only ${prices.size} prices were traded`);
  });

  it('never goes back in time, and its gaps are bursty', () => {
    const stream = new OrderStream(21);
    let beforeSeconds = 0;
    const gaps: number[] = [];
    for (let index = 0; index < 100_000; index += 1) {
      stream.next();
      const { timeSeconds } = stream.order;
      assert.ok(timeSeconds >= beforeSeconds);
      if (index > 0) gaps.push(timeSeconds - beforeSeconds);
      beforeSeconds = timeSeconds;
    }
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(
      gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length,
    );
    // Evenly random arrivals have a ratio of 1.
    assert.ok(deviation / mean > 3, `${deviation / mean}`);
  });
});
