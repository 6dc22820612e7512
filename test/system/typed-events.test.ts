// Typed events in a log: what is appended comes back, what cannot be appended leaves nothing, and
// whatever is removed from the log, what is left says what its events are made of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  defineEvent,
  defineJsonEvent,
  EventDecoder,
  type EventFields,
  followEvents,
  isSchemaEvent,
  openCursor,
  replay,
  replayEvents,
  trim,
  Wal,
} from '../../src/index.js';
import { KIB } from '../../src/units.js';
import { onBothAdapters, TINY } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, contentOf, segmentFiles } from '../support/log-content.js';
import { fc } from '../support/properties.js';

const Order = defineEvent(
  'order',
  { orderId: 'safeU64', price: 'i64', side: { enum: ['buy', 'sell'] }, quantity: 'u32' },
  { version: 1 },
);
const Trade = defineEvent('trade', { price: 'f64', note: 'string' }, { version: 1, type: 7 });
const Note = defineJsonEvent('note', { version: 1 });
const order = (orderId: number) =>
  ({
    orderId,
    price: BigInt(-orderId),
    side: orderId % 2 === 0 ? 'buy' : 'sell',
    quantity: 9,
  }) as const;

const schemaIds = (directory: string): number[] =>
  Array.from(replay(directory), (event) => (isSchemaEvent(event) ? event.eventId : 0)).filter(
    (eventId) => eventId > 0,
  );

onBothAdapters('typed events come back, with their schemas before them', async (t, v) => {
  const directory = temporaryFolder(t);
  {
    await using wal = await Wal.open(directory, v.options);
    assert.equal(wal.appendEvent(Order, order(1)), 2);
    assert.equal(wal.appendEvent(Trade, { price: 1.5, note: 'ä' }), 4);
    assert.equal(wal.appendEvent(Note, { text: ['any', 7] }), 6);
    assert.equal(wal.append(Buffer.from('bytes'), 3), 7);
    const trade = wal.begin(Trade);
    trade.note = 'x'.repeat(300);
    assert.equal(trade.price, 0);
    assert.equal(trade.note.length, 300);
    assert.equal(trade.commit(), 8);
    trade.price = 2.5;
    assert.equal(trade.commit(), 9, 'fields stay as they are for the next one');
    assert.equal(wal.begin(Trade).note, '', 'and are zero where one begins');
    assert.equal(wal.lastEventId, 9);
  }
  assert.deepEqual(schemaIds(directory), [1, 3, 5]);
  const found = [...replayEvents(directory, [Order, Trade, Note])];
  assert.deepEqual(
    found.map(({ eventId, name, value }) => [eventId, name, value]),
    [
      [2, 'order', order(1)],
      [4, 'trade', { price: 1.5, note: 'ä' }],
      [6, 'note', { text: ['any', 7] }],
      [8, 'trade', { price: 0, note: 'x'.repeat(300) }],
      [9, 'trade', { price: 2.5, note: 'x'.repeat(300) }],
    ],
  );
  const [first] = found;
  // By its name it has its type.
  if (first?.name === 'order') assert.equal(first.value.price, -1n);
  const [, , , { payload } = { payload: new Uint8Array(0) }] = contentOf(directory);
  assert.deepEqual(payload, Trade.encode({ price: 1.5, note: 'ä' }));
  await assertSound(directory);
});

onBothAdapters('an event that cannot be appended leaves nothing in the log', async (t, v) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, { ...v.options, maxEventBytes: 1000 });
  const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
  const bad = { ...order(1), quantity: -1 };
  assert.throws(() => wal.appendEvent(Order, bad), invalid);
  assert.equal(wal.lastEventId, 0, 'not even its schema');
  const writer = wal.begin(Order);
  assert.throws(() => {
    writer.quantity = 2 ** 32;
  }, invalid);
  assert.equal(wal.lastEventId, 0);
  for (const value of [null, undefined, 7, 'order']) {
    assert.throws(() => wal.appendEvent(Order, value as never), invalid);
  }
  for (const event of [null, {}, class {}, 7]) {
    assert.throws(() => wal.appendEvent(event as never, {} as never), invalid);
    assert.throws(() => wal.begin(event as never), invalid);
  }
  assert.throws(() => wal.begin(Note as never), invalid);
  const other = defineEvent('order', { price: 'u8' }, { version: 2 });
  wal.appendEvent(Order, order(1));
  assert.throws(() => wal.appendEvent(other, { price: 1 }), {
    ...invalid,
    message: /both have the type/,
  });
  const large = { code: 'ERR_FLASHSTRIKE_EVENT_TOO_LARGE' };
  wal.appendEvent(Trade, { price: 1, note: '' });
  const last = wal.lastEventId;
  assert.throws(() => wal.appendEvent(Trade, { price: 1, note: 'x'.repeat(993) }), large);
  assert.equal(wal.lastEventId, last);
  wal.appendEvent(Trade, { price: 1, note: 'x'.repeat(992) });
  const Blob = defineEvent('blob', { rest: 'bytes' }, { version: 1 });
  const blob = wal.begin(Blob);
  const rest = new Uint8Array(100);
  blob.rest = rest;
  structuredClone(rest.buffer, { transfer: [rest.buffer] });
  assert.throws(() => blob.commit(), invalid);
  await wal.close();
  assert.throws(() => wal.appendEvent(Order, order(2)), { code: 'ERR_FLASHSTRIKE_CLOSED' });
});

onBothAdapters('code of the application may append while its event is being read', async (t, v) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, v.options);
  const nested = {
    ...order(1),
    get price() {
      wal.appendEvent(Order, order(2));
      wal.append(Buffer.from('in between'));
      return 77n;
    },
  };
  wal.appendEvent(Order, nested);
  const writer = wal.begin(Order);
  writer.orderId = 3;
  wal.append(Buffer.from('between begin and commit'));
  wal.appendEvent(Order, order(4));
  writer.quantity = 5;
  writer.commit();
  const failing = {
    get orderId(): number {
      throw new Error('of the application');
    },
  };
  assert.throws(() => wal.appendEvent(Order, failing as never), /of the application/);
  wal.appendEvent(Order, order(6));
  const values = Array.from(wal.replay()).flatMap((event) =>
    event.type === Order.type ? [Order.decode(event)] : [],
  );
  assert.deepEqual(values, [
    order(2),
    { ...order(1), price: 77n },
    order(4),
    { orderId: 3, price: 0n, side: 'buy', quantity: 5 },
    order(6),
  ]);
});

onBothAdapters('events of any size come back through a ring that goes round', async (t, v) => {
  const directory = temporaryFolder(t);
  const Blob = defineEvent(
    'blob',
    { mark: 'u8', odd: { bytes: 6 }, rest: 'bytes' },
    { version: 1 },
  );
  const expected: string[] = [];
  {
    await using wal = await Wal.open(directory, { ...v.options, ...TINY });
    fc.assert(
      fc.property(fc.nat(255), fc.nat(700), fc.boolean(), (mark, bytes, isBegun) => {
        const odd = Uint8Array.of(mark, 1, 2, 3, 4, 5);
        // Now and then behind other bytes of a larger buffer.
        const rest = new Uint8Array(bytes + 9).fill(mark ^ 0x5a).subarray(3, 3 + bytes);
        if (isBegun) {
          const blob = wal.begin(Blob);
          Object.assign(blob, { mark, odd, rest });
          blob.commit();
        } else wal.appendEvent(Blob, { mark, odd, rest });
        if (bytes % 3 === 0) wal.append(rest);
        expected.push(`${mark} ${Buffer.from(rest).toString('hex')}`);
      }),
      { numRuns: 2000 },
    );
  }
  const found = Array.from(
    replayEvents(directory, [Blob], { reuse: true }),
    ({ value }) => `${value.mark} ${Buffer.from(value.rest).toString('hex')}`,
  );
  assert.deepEqual(found, expected);
  await assertSound(directory);
});

test('an append of a typed event is timed like others', async (t) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, { appendSampling: 4 });
  for (let event = 0; event < 100; event++) wal.appendEvent(Trade, { price: event, note: '' });
  assert.equal(wal.telemetry.manager.appendEvent.samples, 25);
});

test('a schema is in each segment with events of it, and once in each opening', async (t) => {
  const directory = temporaryFolder(t);
  for (const round of [1, 2]) {
    await using wal = await Wal.open(directory, { ...TINY, segmentBytes: 64 * KIB });
    const before = schemaIds(directory).length;
    wal.appendEvent(Order, order(round));
    wal.appendEvent(Order, order(round));
    await wal.durable();
    assert.equal(schemaIds(directory).length, before + 1);
    for (let event = 0; event < 4000; event++) {
      wal.appendEvent(Order, order(event));
      if (event % 200 === 0) await wal.durable();
    }
  }
  const files = segmentFiles(directory);
  assert.ok(files.length > 4);
  const segments = schemaIds(directory).length;
  assert.ok(segments >= files.length && segments <= files.length + 4, `${segments} schemas`);
  assert.equal([...replayEvents(directory, [Order])].length, 8004);
});

test('a schema that is written again says since when it is in force', async (t) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, { ...TINY, segmentBytes: 64 * KIB });
  for (let event = 0; event < 3000; event++) {
    wal.appendEvent(Order, order(event));
    if (event % 100 === 0) await wal.durable();
  }
  const sinces = Array.from(wal.replay()).flatMap((event) =>
    isSchemaEvent(event) ? [Buffer.from(event.payload).readBigUInt64LE(24)] : [],
  );
  assert.ok(sinces.length > 2);
  assert.deepEqual(new Set(sinces), new Set([1n]));
});

test('what retention leaves says what its typed events are', async (t) => {
  const directory = temporaryFolder(t);
  const options = { ...TINY, segmentBytes: 64 * KIB };
  {
    await using wal = await Wal.open(directory, options);
    for (let event = 0; event < 2000; event++) wal.appendEvent(Order, order(event));
    await wal.durable();
    // From here on nothing typed comes, and segments do.
    for (let event = 0; event < 100; event++) wal.append(new Uint8Array(4000));
    await wal.durable();
    const [typed] = Array.from(wal.replay()).filter(({ type }) => type === Order.type);
    assert.equal(typed?.eventId, 2);
    for (const first of [500, 900, 1500]) {
      const kept = await wal.deleteBefore(first);
      assert.ok(kept <= first && (kept > 1 || first < 1500));
      const left = [...replayEvents(directory, [Order])];
      assert.equal(left.at(-1)?.eventId, left.length === 0 ? undefined : lastOrder(wal));
    }
  }
  // A schema that follows, and says that it has been in force for long.
  const [schema] = schemaIds(directory);
  const [first] = replay(directory);
  assert.ok(first !== undefined && schema !== undefined);
  await trim(directory, 1800);
  for (const { value } of replayEvents(directory, [Order])) assert.equal(value.quantity, 9);
});

const lastOrder = (wal: Wal): number =>
  Array.from(wal.replay(), ({ eventId, type }) => (type === Order.type ? eventId : 0)).reduce(
    (last, eventId) => Math.max(last, eventId),
  );

test('a reader that begins in the middle finds the schema before it, or behind it', async (t) => {
  const directory = temporaryFolder(t);
  const Newer = defineEvent(
    'order',
    { id: 'safeU64', price: 'f64', side: { enum: ['sell', 'buy', 'none'] }, venue: 'u16' },
    { version: 2, renamed: { id: ['orderId'] }, defaults: { venue: 3 } },
  );
  {
    await using wal = await Wal.open(directory);
    for (let event = 1; event <= 50; event++) wal.appendEvent(Order, order(event));
  }
  {
    await using wal = await Wal.open(directory);
    for (let event = 1; event <= 50; event++) {
      wal.appendEvent(Newer, { id: event, price: 0.25, side: 'none', venue: 8 });
    }
  }
  for (const from of [1, 2, 30, 51, 52, 53, 90]) {
    for (const { eventId, value } of replayEvents(directory, [Newer], { from })) {
      assert.ok(eventId >= from);
      const isOld = eventId <= 51;
      const id = isOld ? eventId - 1 : eventId - 52;
      const side = isOld ? (id % 2 === 0 ? 'buy' : 'sell') : 'none';
      const rest = isOld ? { price: -id, venue: 3 } : { price: 0.25, venue: 8 };
      assert.deepEqual(value, { id, side, ...rest });
    }
  }
  // The reverse: the old program reads what the new one has written, as far as it can.
  const unfit = { code: 'ERR_FLASHSTRIKE_SCHEMA', message: /there is no field orderId/ };
  const old = replayEvents(directory, [Order]);
  for (let event = 1; event <= 50; event++) assert.equal(old.next().value?.value.orderId, event);
  assert.throws(() => old.next(), unfit);
});

test('a log that does not say what an event is made of is not guessed at', async (t) => {
  const directory = temporaryFolder(t);
  const fields = { a: 'u8' } satisfies EventFields;
  const Told = defineEvent('told', fields, { version: 1, type: 9 });
  const Untold = defineEvent('told', fields, { version: 1, type: 9, recorded: false });
  const Other = defineEvent('other', fields, { version: 1, type: 9 });
  {
    await using wal = await Wal.open(directory);
    assert.equal(wal.appendEvent(Untold, { a: 5 }), 1, 'nothing before it');
  }
  const unfit = { code: 'ERR_FLASHSTRIKE_SCHEMA' };
  const [event] = replayEvents(directory, [Untold]);
  assert.deepEqual(event?.value, { a: 5 });
  assert.throws(() => [...replayEvents(directory, [Told])], unfit);
  {
    await using wal = await Wal.open(directory);
    wal.appendEvent(Other, { a: 6 });
  }
  // The schema that follows came into force later.
  const untold = { ...unfit, message: /does not say what event 1/ };
  assert.throws(() => [...replayEvents(directory, [Told], { to: 1 })], untold);
  assert.throws(() => [...replayEvents(directory, [Told], { from: 3 })], /other.* not told/);
  assert.deepEqual([...replayEvents(directory, [Other], { from: 2 })].length, 1);
  const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
  assert.throws(() => new EventDecoder(directory, [Told, Other]), invalid);
  assert.throws(() => new EventDecoder(directory, [{}] as never), invalid);
  assert.throws(() => replayEvents(directory, 7 as never), invalid);
});

test('a cursor and a follower read typed events, without a copy', async (t) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory);
  for (let event = 1; event <= 100; event++) wal.appendEvent(Order, order(event));
  await wal.durable();
  const decoder = new EventDecoder(directory, [Order]);
  const cursor = openCursor(directory, { from: 40 });
  let seen = 39;
  while (cursor.next()) {
    const typed = decoder.view(cursor);
    assert.equal(typed?.value.orderId, seen++);
  }
  cursor.close();
  assert.equal(seen, 101);
  const followed: number[] = [];
  const stop = new AbortController();
  const following = (async () => {
    const { signal } = stop;
    for await (const { value } of followEvents(directory, [Order], { from: 99, signal })) {
      followed.push(value.orderId);
    }
  })();
  await eventually('three events', () => followed.length >= 3);
  wal.appendEvent(Order, order(101));
  await wal.durable();
  await eventually('a fourth', () => followed.length >= 4);
  stop.abort();
  await following.catch((error: unknown) => assert.ok(stop.signal.aborted, String(error)));
  assert.deepEqual(followed, [98, 99, 100, 101]);
});

test("bytes of a field that are read back are a copy: the draft stays the log's own", async (t) => {
  const Hash = defineEvent('hash', { hash: { bytes: 32 }, n: 'u32' }, { version: 1 });
  await using wal = await Wal.open(temporaryFolder(t), TINY);
  const begun = wal.begin(Hash);
  begun.hash = new Uint8Array(32).fill(7);
  begun.n = 1;
  begun.commit();
  const { hash } = begun;
  structuredClone(hash, { transfer: [hash.buffer as ArrayBuffer] });
  assert.doesNotThrow(() => begun.hash.fill(9), 'the draft has its memory');
  begun.n = 2;
  const second = begun.commit();
  assert.equal(wal.append(Buffer.from('behind it')), second + 1);
  await wal.durable();
  const values = Array.from(replayEvents(wal.directory, [Hash]), ({ value }) => value);
  assert.deepEqual(
    values.map(({ hash: [first], n }) => [first, n]),
    [
      [7, 1],
      [7, 2],
    ],
  );
});

test('a log that is closed in a rush has the schema in its last segment', async (t) => {
  const options = { ...TINY, ringBytes: 1024 * KIB, segmentBytes: 64 * KIB };
  let waiting = 0;
  // One only where the writer thread has taken next to none of it, which is up to the machine.
  for (let attempt = 0; attempt < 50 && waiting < 3600; attempt++) {
    const directory = temporaryFolder(t);
    {
      await using wal = await Wal.open(directory, options);
      for (let event = 0; event < 4000; event++) wal.appendEvent(Order, order(event));
      waiting = wal.lastEventId - wal.writtenEventId;
    }
    await using wal = await Wal.open(directory, options);
    wal.append(Buffer.from('behind it'));
    const first = await wal.deleteBefore(3500);
    assert.ok(first > 2000, `${first}`);
    const left = Array.from(replayEvents(directory, [Order]), ({ value }) => value.quantity);
    assert.ok(left.length > 400 && left.every((quantity) => quantity === 9));
  }
  assert.ok(waiting >= 3600, 'the writer thread never was behind by nearly all of it');
});

test('a log at rest stays at rest, however many definitions it has', async (t) => {
  const directory = temporaryFolder(t);
  const many = Array.from({ length: 12 }, (_, at) => {
    const fields: EventFields = Object.fromEntries(
      Array.from(
        { length: 100 },
        (_each, field) => [`field_${'x'.repeat(20)}_${field}`, 'u8'] as const,
      ),
    );
    return defineEvent(`event${at}`, fields, { version: 1 });
  });
  await using wal = await Wal.open(directory, { ...TINY, segmentBytes: 64 * KIB });
  for (const each of many) wal.begin(each).commit();
  for (let event = 0; event < 40; event++) wal.append(new Uint8Array(4000));
  await wal.durable();
  let last = 0;
  let since = performance.now();
  // What is still owed comes once; then nothing does for five looks of the pulse.
  await eventually('nothing more comes', () => {
    assert.ok(wal.lastEventId <= 12 * 3 + 40, `${wal.lastEventId}`);
    if (wal.lastEventId !== last) since = performance.now();
    last = wal.lastEventId;
    return performance.now() - since > 1000;
  });
});

test('a schema fits where events may be small; an event that is refused leaves none', async (t) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, { ...TINY, maxEventBytes: 60 });
  const tooLarge = { price: 1, note: 'x'.repeat(100) };
  assert.throws(() => wal.appendEvent(Trade, tooLarge), {
    code: 'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
  });
  assert.throws(() => wal.appendEvent(Note, 'x'.repeat(100)), {
    code: 'ERR_FLASHSTRIKE_EVENT_TOO_LARGE',
  });
  assert.equal(wal.lastEventId, 0, 'nothing is in the log of it');
  assert.equal(wal.appendEvent(Trade, { price: 1, note: '' }), 2);
});
