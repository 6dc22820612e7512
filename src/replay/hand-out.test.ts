import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import {
  LogBuilder,
  payloadOf,
  temporaryFolder,
  timestampOf,
  typeOf,
} from '../../test/support/log-builder.js';
import { readersOf } from '../../test/support/readers.js';
import type { LoggedEvent } from '../reading/events.js';
import { salvage } from '../salvage/salvage.js';
import { follow } from './follow.js';

const { openCursor, replay } = readersOf(import.meta.url);

/** Short, odd, empty and long payloads in blocks of several events, across two segments. */
const SIZES = [40, 0, 1, 13, 1000, 8, 512, 513, 40, 20_000];
const LAST = 2 * SIZES.length;

const sizeOf = (eventId: number): number => SIZES[(eventId - 1) % SIZES.length] ?? 0;

function logOfAllSizes(t: TestContext): string {
  const builder = new LogBuilder(temporaryFolder(t));
  const options = { payloadBytes: sizeOf };
  for (let segment = 0; segment < 2; segment++) {
    builder.segment().events(4, options).events(6, options).seal();
  }
  return builder.meta().write().dir;
}

function assertTrue(event: LoggedEvent, expected: number): void {
  assert.equal(event.eventId, expected);
  assert.equal(event.type, typeOf(expected));
  assert.equal(event.timestampNs, timestampOf(expected));
  const payload = payloadOf(expected, sizeOf(expected));
  assert.equal(Buffer.compare(event.payload, payload), 0, `payload of event ${expected}`);
}

const garbage = (bytes: Uint8Array): void => {
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 167 + 13) & 0xff;
};

/** What a consumer may do to the memory that he was handed. */
const HARMS: Readonly<Record<string, (memory: ArrayBuffer, view: Uint8Array) => void>> = {
  'is transferred by a clone': (memory) => structuredClone(memory, { transfer: [memory] }),
  'is transferred to another thread': (memory, view) => {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(view, [memory]);
    port1.close();
    port2.close();
  },
  'is zeroed': (memory) => new Uint8Array(memory).fill(0),
  'is filled': (memory) => new Uint8Array(memory).fill(0xff),
  'is filled with garbage': (memory) => garbage(new Uint8Array(memory)),
  'is written behind the payload': (memory, { length }) => garbage(new Uint8Array(memory, length)),
  'gets another length': (_, view) => Object.defineProperty(view, 'length', { value: 3 }),
};

type Harm = (memory: ArrayBuffer, view: Uint8Array) => void;

const harmTo = (harm: Harm, event: { payload: Uint8Array }): void => {
  const { payload } = event;
  harm(payload.buffer as ArrayBuffer, payload);
};

for (const [name, harm] of Object.entries(HARMS)) {
  test(`a replay goes on with the truth when a payload ${name}`, (t) => {
    const dir = logOfAllSizes(t);
    for (const reuse of [false, true]) {
      let expected = 1;
      for (const event of replay(dir, { reuse })) {
        assertTrue(event, expected++);
        harmTo(harm, event);
      }
      assert.equal(expected - 1, LAST);
    }
    for (const event of replay(dir, { reuse: true })) {
      harmTo(harm, event);
      assertTrue(event, event.eventId);
      assertTrue(event.copy(), event.eventId);
    }
  });

  test(`a cursor goes on with the truth when its block ${name}`, (t) => {
    const cursor = openCursor(logOfAllSizes(t));
    const { block } = cursor;
    let expected = 1;
    while (cursor.next()) {
      assertTrue(cursor, expected);
      const { payloadOffset, payloadBytes } = cursor;
      const shown = cursor.block.subarray(payloadOffset, payloadOffset + payloadBytes);
      assert.deepEqual(Uint8Array.from(shown), payloadOf(expected, sizeOf(expected)));
      harm(cursor.block.buffer as ArrayBuffer, shown);
      assertTrue(cursor, expected++);
    }
    assert.equal(expected - 1, LAST);
    assert.equal(cursor.block === block, block.length > 0, 'the same block while it is there');
    cursor.close();
  });

  test(`a follower goes on with the truth when a payload ${name}`, async (t) => {
    const dir = logOfAllSizes(t);
    for (const reuse of [false, true]) {
      let expected = 1;
      for await (const event of follow(dir, { reuse, undurable: true })) {
        assertTrue(event, expected);
        harmTo(harm, event);
        if (expected++ === LAST) break;
      }
    }
  });

  test(`a salvage goes on with the truth when a payload ${name}`, (t) => {
    let expected = 1;
    for (const item of salvage(logOfAllSizes(t))) {
      assert.ok(item.kind === 'event', String(item.kind));
      assertTrue(item, expected++);
      harmTo(harm, item);
    }
    assert.equal(expected - 1, LAST);
  });
}

test('an event is plain data: spread, cloned, sent and transferred', (t) => {
  const dir = logOfAllSizes(t);
  const { port1, port2 } = new MessageChannel();
  for (const event of replay(dir)) {
    const { eventId } = event;
    assert.deepEqual(Object.keys(event), ['eventId', 'type', 'timestampNs', 'payload']);
    assert.equal(Object.getPrototypeOf(event), Object.prototype);
    assert.equal(event.payload.constructor, Uint8Array);
    assert.equal(event.payload.buffer.byteLength, event.payload.length, 'the memory is its own');
    assertTrue({ ...event }, eventId);
    assertTrue(structuredClone(event), eventId);
    port1.postMessage(event, [event.payload.buffer as ArrayBuffer]);
    assertTrue(receiveMessageOnPort(port2)?.message, eventId);
    assert.equal(event.payload.length, 0, 'it went');
  }
  port1.close();
});

test('events that are kept stay what they were, whatever is read meanwhile', (t) => {
  const dir = temporaryFolder(t);
  const builder = new LogBuilder(dir, { segmentBytes: 8 << 20 }).segment();
  for (let block = 0; block < 20; block++) builder.events(1000);
  builder.meta().write();
  const kept = [...replay(dir)];
  const other = [...replay(dir, { from: 10_001 })];
  assert.equal(kept.length, 20_000);
  for (const [index, event] of kept.entries()) {
    assert.equal(event.eventId, index + 1);
    assert.equal(Buffer.compare(event.payload, payloadOf(index + 1, 40)), 0);
  }
  assert.deepEqual(other, kept.slice(10_000));
});

test('iterations beside each other do not share what they hand out', (t) => {
  const dir = logOfAllSizes(t);
  const [first, second] = [replay(dir, { reuse: true }), replay(dir, { reuse: true, from: 6 })];
  for (let expected = 1; expected <= LAST - 5; expected++) {
    const [one, other] = [first.next().value, second.next().value];
    const payload = one.payload;
    assertTrue(other, expected + 5);
    assertTrue(one, expected);
    assert.equal(Buffer.compare(payload, payloadOf(expected, sizeOf(expected))), 0);
  }
  second.return?.();
  assert.equal(first.next().value.eventId, LAST - 4, 'the one goes on without the other');
  first.return?.();
});
