import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceRequest, ReferenceTrade } from './reference-events.js';

test('a request of the reference has its 64 bytes, each field in its place', () => {
  const payload = ReferenceRequest.encode({
    eventId: 1,
    timestamp: 2,
    price: 3,
    quantity: 2 ** 53 - 1,
    userId: 5,
    orderId: 6,
    type: 7,
    orderType: 8,
    side: 9,
  });
  assert.equal(payload.length, 64);
  const view = new DataView(payload.buffer);
  const words = [0, 8, 16, 24].map((offset) => view.getBigUint64(offset, true));
  assert.deepEqual(words, [1n, 2n, 3n, 2n ** 53n - 1n]);
  assert.deepEqual([view.getUint32(32, true), view.getUint32(36, true)], [5, 6]);
  assert.deepEqual([...payload.subarray(40)], [7, 8, 9, ...new Uint8Array(21)]);
});

test('a trade of the reference has 64 bytes', () => {
  const trade = {
    sequence: 1,
    makerOrder: 2,
    takerOrder: 3,
    makerUser: 4,
    takerUser: 5,
    price: 6,
    quantity: 7,
    engineTime: 8,
    fees: 9,
    side: 1,
  };
  const payload = ReferenceTrade.encode(trade);
  assert.equal(payload.length, 64);
  const { type } = ReferenceTrade;
  assert.deepEqual(ReferenceTrade.decode({ eventId: 1, type, payload }), trade);
  const view = new DataView(payload.buffer);
  assert.deepEqual([view.getUint32(8, true), view.getUint32(20, true)], [2, 5]);
  assert.deepEqual([view.getBigUint64(24, true), view.getBigUint64(48, true)], [6n, 9n]);
  assert.equal(payload[56], 1);
});
