// Typed events read by who has no definition of them: by what the log says, and by nothing else.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { encodeSchema, SCHEMA_TYPE, schemaOf } from '../../src/events/schema-event.js';
import {
  defineEvent,
  defineJsonEvent,
  EventDecoder,
  type RecordLinesOptions,
  replay,
  replayEvents,
  trim,
  Wal,
} from '../../src/index.js';
import { TINY } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { refusalOf } from '../support/refusal-of.js';

const Order = defineEvent(
  'order',
  { id: 'u64', price: 'safeI64', side: { enum: ['buy', 'sell'] }, spare: { spare: 3 }, lot: 'u32' },
  { version: 1 },
);
const OrderV2 = defineEvent(
  'order',
  { id: 'u64', price: 'f64', note: 'string' },
  { version: 2, type: Order.type },
);
const Note = defineJsonEvent('note', { version: 3, type: 9 });
const order = (id: number) =>
  ({ id: BigInt(id), price: -id, side: id % 2 === 0 ? 'buy' : 'sell', lot: 7 }) as const;

type Read = [eventId: number, name: string, value: unknown] | [eventId: number, refused: string];

/** All that is told of the events from `from` on; what is refused with its code. */
function readFrom(dir: string, from: number): Read[] {
  const decoder = new EventDecoder(dir);
  const read: Read[] = [];
  for (const event of replay(dir, { from })) {
    let typed: ReturnType<typeof decoder.decode>;
    const refused = refusalOf(() => {
      typed = decoder.decode(event);
    });
    if (refused !== undefined) read.push([event.eventId, refused.code]);
    else if (typed !== undefined) read.push([typed.eventId, typed.name, typed.value]);
  }
  return read;
}

test('each event is read by the version with which it was appended', async (t) => {
  const dir = temporaryFolder(t);
  {
    await using wal = await Wal.open(dir, TINY);
    wal.appendEvent(Order, order(1));
    wal.append(Buffer.from('bytes'), 5);
    wal.appendEvent(Note, { any: ['thing', 1] });
    wal.appendEvent(Order, order(2));
  }
  {
    await using wal = await Wal.open(dir, TINY);
    wal.appendEvent(OrderV2, { id: 3n, price: 0.5, note: 'ä' });
  }
  const all: Read[] = [
    [2, 'order', order(1)],
    [5, 'note', { any: ['thing', 1] }],
    [6, 'order', order(2)],
    [8, 'order', { id: 3n, price: 0.5, note: 'ä' }],
  ];
  for (let from = 1; from <= 9; from++) {
    const rest = all.filter(([eventId]) => eventId >= from);
    assert.deepEqual(readFrom(dir, from), rest, `from ${from}`);
  }
});

test('it says by which definition an event is read, and shows it without a copy', async (t) => {
  const dir = temporaryFolder(t);
  {
    await using wal = await Wal.open(dir, TINY);
    wal.appendEvent(Order, order(1));
    wal.appendEvent(Note, null);
  }
  const decoder = new EventDecoder(dir);
  const seen: unknown[] = [];
  for (const event of replay(dir, { reuse: true })) {
    const definition = decoder.definitionOf(event);
    if (definition === undefined) continue;
    assert.equal(decoder.definitionOf(event), definition, 'asked twice, it is the same object');
    const { name, version, type, schemaId, fields } = definition;
    const view = decoder.view(event);
    seen.push({ name, version, type, schemaId, fields, value: view?.value });
    if (name === 'order') {
      const shown = view?.value as { readonly price: number; toObject(): object } | undefined;
      assert.equal(shown?.price, -1);
      assert.deepEqual(shown?.toObject(), order(1));
    }
  }
  const [first, second] = seen as [Record<string, unknown>, Record<string, unknown>];
  const { name, version, type, schemaId, fields } = Order;
  assert.deepEqual({ ...first, value: 0 }, { name, version, type, schemaId, fields, value: 0 });
  assert.deepEqual([second['name'], second['version'], second['fields']], ['note', 3, undefined]);
  assert.equal(second['schemaId'], Note.schemaId);
  assert.deepEqual(decoder.definitions.map(({ name }) => name).sort(), ['note', 'order']);
  const given = new EventDecoder(dir, [Order]);
  assert.deepEqual(given.definitions, [Order]);
  assert.deepEqual(
    Array.from(replay(dir), (event) => given.definitionOf(event)?.name),
    [undefined, 'order', undefined, undefined],
  );
});

test('where the beginning was removed, a schema behind the events tells of them', async (t) => {
  const dir = temporaryFolder(t);
  const ids: number[] = [];
  {
    await using wal = await Wal.open(dir, TINY);
    for (let id = 1; id <= 20_000; id++) ids.push(wal.appendEvent(Order, order(id)));
    await wal.durable();
    await wal.deleteBefore(ids[15_000] ?? 0);
  }
  const [first] = replay(dir);
  assert.ok(first !== undefined && first.eventId > 1, 'the beginning was removed');
  for (const from of [first.eventId, first.eventId + 1, (first.eventId + 20_000) >> 1]) {
    const kept = ids.filter((eventId) => eventId >= from);
    assert.deepEqual(
      readFrom(dir, from).map(([eventId]) => eventId),
      kept,
    );
  }
});

test('a schema that cannot be read ends what was said before, until the log says it again', async (t) => {
  const dir = temporaryFolder(t);
  const damaged = encodeSchema(schemaOf('order', 1, undefined), Order.type, 1);
  damaged.fill(0x78, -4, -3);
  {
    await using wal = await Wal.open(dir, TINY);
    wal.appendEvent(Order, order(1));
    wal.append(damaged, SCHEMA_TYPE);
    wal.appendEvent(Order, order(2));
    wal.appendEvent(Note, 1);
  }
  const refused: Read = [3, 'ERR_FLASHSTRIKE_SCHEMA'];
  const behind: Read = [6, 'note', 1];
  assert.deepEqual(readFrom(dir, 1), [[2, 'order', order(1)], refused, behind]);
  assert.deepEqual(readFrom(dir, 3), [refused, behind]);
  assert.deepEqual(readFrom(dir, 4), [behind], 'nor is it guessed by who begins behind it');
});

test('what is not as the log says is refused, and what follows is read', async (t) => {
  const dir = temporaryFolder(t);
  const dirty = Order.encode(order(1));
  // The spare bytes lie behind the side.
  dirty[18] = 1;
  const badSide = Order.encode(order(1));
  badSide[16] = 2;
  {
    await using wal = await Wal.open(dir, TINY);
    wal.appendEvent(Order, order(1));
    for (const payload of [new Uint8Array(31), new Uint8Array(33), dirty, badSide]) {
      wal.append(payload, Order.type);
    }
    wal.appendEvent(Note, 1);
    wal.append(Buffer.from('{'), Note.type);
    wal.appendEvent(Order, order(2));
  }
  const refused = (eventId: number): Read => [eventId, 'ERR_FLASHSTRIKE_SCHEMA'];
  assert.deepEqual(readFrom(dir, 1), [
    [2, 'order', order(1)],
    ...[3, 4, 5, 6].map(refused),
    [8, 'note', 1],
    refused(9),
    [10, 'order', order(2)],
  ]);
});

test('a log that says nothing is bytes', async (t) => {
  const dir = temporaryFolder(t);
  const Silent = defineEvent('order', { id: 'u32' }, { version: 1, recorded: false });
  {
    await using wal = await Wal.open(dir, TINY);
    wal.appendEvent(Silent, { id: 1 });
    wal.append(Order.encode(order(1)), Order.type);
  }
  assert.deepEqual(readFrom(dir, 1), []);
  assert.deepEqual(readFrom(dir, 2), []);
});

const Word = defineEvent('word', { length: 'u32', text: { string: 20 } }, { version: 1 });
const wordOf = (line: Buffer): Uint8Array =>
  Word.encode({ length: line.length, text: line.toString() });

test('lines become typed events, and each segment says what they are', async (t) => {
  const dir = temporaryFolder(t);
  const words = Array.from({ length: 10_000 }, (_, index) => `word ${index}`);
  {
    await using wal = await Wal.open(dir, TINY);
    const report = await wal.recordLines(Readable.from([Buffer.from(`${words.join('\n')}\n`)]), {
      event: Word,
      encode: wordOf,
    });
    assert.equal(report.events, words.length);
    assert.equal(report.firstEventId, 2, 'the first is the schema');
    assert.equal(report.durableEventId >= report.lastEventId, true);
  }
  const read = Array.from(replayEvents(dir, [Word]), ({ value }) => value);
  assert.deepEqual(
    read,
    words.map((text) => ({ length: text.length, text })),
  );
  // Whatever is removed, what is left says what it is.
  await trim(dir, words.length / 2);
  const left = Array.from(replayEvents(dir, [Word]), ({ value }) => value.text);
  assert.ok(left.length < words.length && left.length > words.length / 2);
  assert.deepEqual(left, words.slice(-left.length));
});

test('a line that is no such event is refused by its number, and the options by their names', async (t) => {
  await using wal = await Wal.open(temporaryFolder(t), TINY);
  const lines = () => Readable.from([Buffer.from('a\nb\n')]);
  const refused = (options: RecordLinesOptions, code: string, message: RegExp) =>
    assert.rejects(wal.recordLines(lines(), options), { code, message });
  const encode = (line: Buffer): Uint8Array =>
    line.toString() === 'b' ? new Uint8Array(3) : wordOf(line);
  const message = /^line 2 of the input .*The payload has 3 bytes; word has 28/;
  await refused({ event: Word, encode }, 'ERR_FLASHSTRIKE_INPUT', message);
  await refused({ event: Word, type: 1 }, 'ERR_FLASHSTRIKE_INVALID_OPTION', /leave type out/);
  const strange = { name: 'word', type: 1 } as never;
  await refused({ event: strange }, 'ERR_FLASHSTRIKE_INVALID_ARGUMENT', /defineEvent/);
});
