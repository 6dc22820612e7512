import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Wal } from '../../index.js';
import { OrderStream } from './order-stream.js';
import { checkCompleteness, compareEvents, compareWithStream, ProofFailed } from './proof.js';

const EVENTS = 3000;

/** A log with the orders of seed 1, as `change` leaves them. */
async function recorded(
  context: TestContext,
  change: (index: number, payload: Uint8Array) => Uint8Array | undefined = (_, payload) => payload,
): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'flashstrike-proof-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  const wal = await Wal.open(dir, { segmentBytes: 1 << 20, ringBytes: 1 << 20 });
  const stream = new OrderStream(1);
  for (let index = 0; index < EVENTS; index += 1) {
    stream.next();
    const payload = change(index, stream.payload.slice());
    if (payload !== undefined) wal.append(payload);
  }
  await wal.close();
  return dir;
}

const compare = (dir: string, seed = 1): Promise<number> =>
  compareWithStream(dir, new OrderStream(seed), () => undefined);

describe('the proof of the demo', () => {
  it('accepts a log that is the stream, and says how far it goes', async (context) => {
    assert.equal(await compare(await recorded(context)), EVENTS);
  });

  it('leaves the stream behind the last event', async (context) => {
    const dir = await recorded(context);
    const stream = new OrderStream(1);
    await compareWithStream(dir, stream, () => undefined);
    const expected = new OrderStream(1);
    for (let index = 0; index < EVENTS; index += 1) expected.next();
    assert.deepEqual(stream.payload, expected.payload);
  });

  for (const [name, change] of [
    [
      'one bit of one order differs',
      (index, payload) => {
        if (index === 1999) payload[39] = (payload[39] ?? 0) ^ 1;
        return payload;
      },
    ],
    ['an order is missing', (index, payload) => (index === 1999 ? undefined : payload)],
    [
      'an order is longer',
      (index, payload) => (index === 1999 ? Buffer.concat([payload, Buffer.from('+')]) : payload),
    ],
    ['an order is cut', (index, payload) => payload.subarray(0, index === 1999 ? 39 : 40)],
  ] satisfies [string, (index: number, payload: Uint8Array) => Uint8Array | undefined][]) {
    it(`fails at the event where ${name}`, async (context) => {
      const dir = await recorded(context, change);
      await assert.rejects(compare(dir), (error) => {
        assert.ok(error instanceof ProofFailed);
        assert.match(error.message, /event 2000 is not the order/);
        return true;
      });
    });
  }

  it('fails where an id is left out', async () => {
    const stream = new OrderStream(1);
    const { payload: block } = new OrderStream(1);
    let eventId = 0;
    const cursor = {
      block,
      payloadOffset: 0,
      payloadBytes: block.length,
      get eventId() {
        return eventId < 5 ? eventId : eventId + 1;
      },
      next() {
        expected.next();
        block.set(expected.payload);
        eventId += 1;
        return true;
      },
    };
    const expected = new OrderStream(1);
    await assert.rejects(
      compareEvents(cursor, stream, () => undefined),
      /5 is missing: 6 follows/,
    );
  });

  it('fails for the stream of another seed', async (context) => {
    await assert.rejects(compare(await recorded(context), 2), ProofFailed);
  });

  it('fails where a promised event is missing, or the log counts differently', () => {
    checkCompleteness(10, { promised: 9, lastEventId: 10 });
    checkCompleteness(10, { promised: 10, lastEventId: 10 });
    assert.throws(() => checkCompleteness(10, { promised: 12, lastEventId: 10 }), /2 events lost/);
    assert.throws(
      () => checkCompleteness(10, { promised: 10, lastEventId: 11 }),
      /replay ends at 10/,
    );
  });
});
