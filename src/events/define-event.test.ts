import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { defineEvent, type EventDefinition, type EventOf, typeOfName } from './define-event.js';
import type { EventField, EventFields } from './fields.js';
import { SCHEMA_TEXT_BYTES_MAX } from './schema-event.js';

const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
const unfit = { code: 'ERR_FLASHSTRIKE_SCHEMA' };

const loose = (fields: unknown, options: unknown = { version: 1 }, name: unknown = 'event') =>
  defineEvent(name as string, fields as EventFields, options as { version: number });

const eventOf = (definition: { readonly type: number }, payload: Uint8Array) => ({
  eventId: 7,
  type: definition.type,
  payload,
});

const Everything = defineEvent(
  'everything',
  {
    small: 'u8',
    below: 'i8',
    middle: 'u16',
    middleBelow: 'i16',
    large: 'u32',
    largeBelow: 'i32',
    single: 'f32',
    double: 'f64',
    count: 'safeU64',
    balance: 'safeI64',
    wide: 'u64',
    wideBelow: 'i64',
    flag: 'bool',
    side: { enum: ['buy', 'sell', 'Ä'] },
    hash: { bytes: 5 },
    symbol: { string: 12 },
    gap: { spare: 3 },
    text: 'string',
  },
  { version: 3 },
);

const values = fc.record(
  {
    small: fc.integer({ min: 0, max: 255 }),
    below: fc.integer({ min: -128, max: 127 }),
    middle: fc.integer({ min: 0, max: 65_535 }),
    middleBelow: fc.integer({ min: -32_768, max: 32_767 }),
    large: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    largeBelow: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    single: fc.float(),
    double: fc.double(),
    count: fc.maxSafeNat(),
    balance: fc.maxSafeInteger().map((value) => value + 0),
    wide: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    wideBelow: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    flag: fc.boolean(),
    side: fc.constantFrom('buy' as const, 'sell' as const, 'Ä' as const),
    hash: fc.uint8Array({ minLength: 5, maxLength: 5 }),
    symbol: fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => fits(text, 12)),
    text: fc.string({ unit: 'grapheme', maxLength: 80 }).filter((text) => fits(text, 1000)),
  },
  { noNullPrototype: true },
);

const fits = (text: string, bytes: number): boolean =>
  !/[\ud800-\udfff]/u.test(text) && Buffer.byteLength(text) <= bytes;

describe('defineEvent', () => {
  it('gives back every value that it takes, as an object and as a view', () => {
    fc.assert(
      fc.property(values, fc.nat(16), (given, before) => {
        const payload = Everything.encode(given);
        assert.equal(payload.length, Everything.fixedBytes + Buffer.byteLength(given.text));
        assert.deepEqual(Everything.decode(eventOf(Everything, payload)), given);
        // Anywhere in a buffer, aligned or not; and as a cursor shows it.
        const block = new Uint8Array(before + payload.length + 9).fill(0xee);
        block.set(payload, before);
        const cursor = {
          eventId: 9,
          type: Everything.type,
          block,
          payloadOffset: before,
          payloadBytes: payload.length,
        };
        assert.deepEqual(Everything.view(cursor).toObject(), given);
      }),
    );
  });

  it('lays fields out as C does, each at a multiple of its size, little-endian', () => {
    const Pair = defineEvent('pair', { a: 'u8', b: 'u32', c: 'u16', d: 'u64' }, { version: 1 });
    const payload = Pair.encode({ a: 1, b: 0x01020304, c: 0x0506, d: 0x0708n });
    const hex = '01000000 04030201 06050000 00000000 0807000000000000';
    assert.equal(Buffer.from(payload).toString('hex'), hex.replaceAll(' ', ''));
    assert.equal(Pair.fixedBytes, 24);
    const padded = defineEvent('padded', { d: 'u64', a: 'u8' }, { version: 1 });
    assert.equal(padded.fixedBytes, 16);
    const open = defineEvent('open', { d: 'u64', a: 'u8', rest: 'bytes' }, { version: 1 });
    assert.equal(open.fixedBytes, 9);
  });

  it('shows bytes where they are in a view, and copies them into an object', () => {
    const Blob = defineEvent('blob', { hash: { bytes: 2 }, rest: 'bytes' }, { version: 1 });
    const payload = Blob.encode({ hash: Uint8Array.of(1, 2), rest: Uint8Array.of(3) });
    const view = Blob.view(eventOf(Blob, payload));
    const copy = view.toObject();
    payload.fill(9);
    assert.deepEqual([...view.hash, ...view.rest], [9, 9, 9]);
    assert.deepEqual([...copy.hash, ...copy.rest], [1, 2, 3]);
  });

  it('is one view for a loop, which JSON.stringify takes', () => {
    const Fill = defineEvent('fill', { price: 'f64', side: { enum: ['a', 'b'] } }, { version: 1 });
    const one = eventOf(Fill, Fill.encode({ price: 1.5, side: 'b' }));
    const two = eventOf(Fill, Fill.encode({ price: 2.5, side: 'a' }));
    const view = Fill.view(one);
    assert.equal(JSON.stringify(view), '{"price":1.5,"side":"b"}');
    assert.equal(view.show(two), view);
    assert.equal(view.price, 2.5);
    assert.deepEqual(Object.keys({ ...view }), ['price', 'side']);
  });

  it('has the type that its fields say', () => {
    const Order = defineEvent(
      'order',
      { id: 'u64', side: { enum: ['buy', 'sell'] }, note: { string: 4 }, gap: { spare: 4 } },
      { version: 1 },
    );
    const order: EventOf<typeof Order> = { id: 1n, side: 'buy', note: '' };
    Order.encode(order);
    // @ts-expect-error a u64 is a bigint
    assert.throws(() => Order.encode({ id: 1, side: 'buy', note: '' }), invalid);
    // @ts-expect-error one of the names
    assert.throws(() => Order.encode({ id: 1n, side: 'hold', note: '' }), invalid);
    // @ts-expect-error a field is missing
    assert.throws(() => Order.encode({ id: 1n, side: 'buy' }), invalid);
    // @ts-expect-error spare bytes have no value
    assert.equal(Order.view().gap, undefined);
  });

  const refused: readonly (readonly [EventField, readonly unknown[]])[] = [
    ['u8', [-1, 256, 1.5, Number.NaN, '1', null, true, 1n, Symbol('x'), { valueOf: () => 1 }]],
    ['i8', [-129, 128, 0.5]],
    ['u16', [-1, 65_536, '']],
    ['i16', [-32_769, 32_768]],
    ['u32', [-1, 2 ** 32, 0.1, '7']],
    ['i32', [2 ** 31, -(2 ** 31) - 1]],
    ['f32', ['1', 1e300, -1e300, 1n]],
    ['f64', ['1', null, undefined, 1n, {}]],
    ['safeU64', [-1, 2 ** 53, 1.5, Number.POSITIVE_INFINITY, 1n]],
    ['safeI64', [2 ** 53, -(2 ** 53), 0.5, 1n]],
    ['u64', [1, -1n, 2n ** 64n]],
    ['i64', [1, 2n ** 63n, -(2n ** 63n) - 1n]],
    ['bool', [0, 1, 'true', null]],
    [{ enum: ['a', 'b'] }, ['c', 0, '', undefined]],
    [{ bytes: 2 }, [new Uint8Array(1), new Uint8Array(3), new Uint16Array(2), [1, 2], 'ab']],
    [{ string: 3 }, ['abcd', 'äö', '\ud800', 7]],
    ['string', ['\udc00a', 7, null]],
    ['bytes', ['', [1], new ArrayBuffer(1), new Proxy(new Uint8Array(1), {})]],
  ];
  for (const [field, bad] of refused) {
    it(`refuses what ${JSON.stringify(field)} cannot hold`, () => {
      const definition = loose({ value: field });
      for (const value of bad) {
        assert.throws(() => definition.encode({ value } as never), invalid);
      }
    });
  }

  it('refuses bytes that have lost their memory', () => {
    const Blob = defineEvent('blob', { rest: 'bytes' }, { version: 1 });
    const gone = new Uint8Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    assert.throws(() => Blob.encode({ rest: gone }), invalid);
    assert.equal(Blob.encode({ rest: new Uint8Array(0) }).length, 0);
  });

  for (const [what, fields] of [
    ['no fields', {}],
    ['an unknown kind', { a: 'u128' }],
    ['what is no kind', { a: 7 }],
    ['two kinds at once', { a: { bytes: 1, string: 1 } }],
    ['a kind of its prototype', { a: 'toString' }],
    ['no bytes', { a: { bytes: 0 } }],
    ['half a byte', { a: { bytes: 1.5 } }],
    ['a string of more than 255 bytes', { a: { string: 256 } }],
    ['an enum without names', { a: { enum: [] } }],
    ['an enum with a name twice', { a: { enum: ['x', 'x'] } }],
    ['an enum with a number', { a: { enum: [1] } }],
    ['an enum of 257 names', { a: { enum: Array.from({ length: 257 }, (_, n) => `n${n}`) } }],
    ['a variable part that is not the last', { a: 'string', b: 'u8' }],
    ['a name that a writer has', { commit: 'u8' }],
    ['a name that is a number', { 1: 'u8' }],
    ['a name with a space', { 'a b': 'u8' }],
    ['a name of 65 letters', { ['a'.repeat(65)]: 'u8' }],
    ['257 fields', Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`f${n}`, 'u8']))],
    ['more than 65,535 bytes', { a: { bytes: 65_535 }, b: 'u8' }],
    ['null', null],
  ] as const) {
    it(`refuses a definition with ${what}`, () => {
      assert.throws(() => loose(fields), invalid);
    });
  }

  it('refuses names, versions, types and options that cannot be', () => {
    for (const name of ['', '1a', 'a-b', 'a'.repeat(65), 7, null, '\u001b[2J']) {
      assert.throws(() => loose({ a: 'u8' }, { version: 1 }, name), invalid);
    }
    for (const version of [0, 65_536, 1.5, '1', undefined]) {
      assert.throws(() => loose({ a: 'u8' }, { version }), invalid);
    }
    for (const type of [-1, 65_535, 1.5, '1', null]) {
      assert.throws(() => loose({ a: 'u8' }, { version: 1, type }), invalid);
    }
    for (const options of [
      { version: 1, renamed: { b: ['a'] } },
      { version: 1, renamed: { a: 'b' } },
      { version: 1, renamed: { a: ['b c'] } },
      { version: 1, defaults: { b: 1 } },
      { version: 1, defaults: { a: 256 } },
      { version: 1, recorded: 'no' },
    ]) {
      assert.throws(() => loose({ a: 'u8' }, options), invalid);
    }
    const unknown = { code: 'ERR_FLASHSTRIKE_INVALID_OPTION' };
    assert.throws(() => loose({ a: 'u8' }, { version: 1, versoin: 2 }), unknown);
    const names = Array.from({ length: 250 }, (_, n) => `a_rather_long_name_of_a_value_${n}`);
    const long = { a: { enum: names }, b: { enum: names } };
    assert.ok(JSON.stringify(long).length > SCHEMA_TEXT_BYTES_MAX);
    assert.throws(() => loose(long), invalid);
  });

  it('derives types from names, apart from those that people choose', () => {
    // Fixed for ever: logs have them.
    assert.equal(typeOfName('order'), 63_216);
    assert.equal(typeOfName('trade'), loose({ a: 'u8' }, { version: 2 }, 'trade').type);
    fc.assert(
      fc.property(fc.string(), (name) => {
        const type = typeOfName(name);
        assert.ok(type >= 32_768 && type <= 65_534);
      }),
    );
    assert.equal(loose({ a: 'u8' }, { version: 1, type: 0 }).type, 0);
  });

  it('has an id that changes with whatever readers have to know', () => {
    const id = (definition: EventDefinition) => definition.schemaId;
    const ids = [
      loose({ a: 'u8' }),
      loose({ a: 'u8' }, { version: 2 }),
      loose({ a: 'u8' }, { version: 1 }, 'other'),
      loose({ a: 'i8' }),
      loose({ b: 'u8' }),
      loose({ a: 'u8', b: 'u8' }),
      loose({ b: 'u8', a: 'u8' }),
      loose({ a: { enum: ['x', 'y'] } }),
      loose({ a: { enum: ['y', 'x'] } }),
    ].map(id);
    assert.equal(new Set(ids).size, ids.length);
    const same = [loose({ a: 'u8' }, { version: 1, type: 5, defaults: { a: 1 } })].map(id);
    assert.deepEqual(same, ids.slice(0, 1));
    // Fixed for ever.
    assert.equal(ids[0]?.toString(16), '18cfc1ed60935213');
  });

  it('refuses events that are not its own', () => {
    const Pair = defineEvent('pair', { a: 'u8', b: 'u32' }, { version: 1 });
    const payload = Pair.encode({ a: 1, b: 2 });
    const wrong = [
      { ...eventOf(Pair, payload), type: Pair.type - 1 },
      eventOf(Pair, payload.subarray(1)),
      eventOf(Pair, new Uint8Array(9)),
      eventOf(Pair, new Uint8Array(0)),
    ];
    for (const event of wrong) {
      assert.throws(() => Pair.decode(event), unfit);
      assert.throws(() => Pair.view(event), unfit);
    }
    payload[2] = 1;
    assert.throws(() => Pair.decode(eventOf(Pair, payload)), /between its fields are not zero/);
  });

  for (const [what, field, bytes] of [
    ['a boolean of 2', 'bool', [2]],
    ['an enum beyond its names', { enum: ['a'] }, [1]],
    ['a short string beyond its bound', { string: 2 }, [3, 65, 65]],
    ['a short string that is no UTF-8', { string: 2 }, [1, 0xff, 0]],
    ['a text that is no UTF-8', 'string', [0xc3]],
    ['a safe integer that is none', 'safeU64', [0, 0, 0, 0, 0, 0, 0x20, 0]],
  ] as const) {
    it(`refuses ${what}`, () => {
      const definition = loose({ value: field });
      const event = eventOf(definition, Uint8Array.from(bytes));
      assert.throws(() => definition.decode(event), unfit);
      const view = definition.view(event);
      assert.throws(() => (view as unknown as { value: unknown }).value, unfit);
    });
  }

  it('decodes hostile bytes to values or to an error of its own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: Everything.fixedBytes + 20 }), (payload) => {
        try {
          const decoded = Everything.decode(eventOf(Everything, payload));
          assert.deepEqual(Everything.encode(decoded).length, payload.length);
        } catch (error) {
          assert.ok(error instanceof Error && 'code' in error);
          assert.equal(error.code, 'ERR_FLASHSTRIKE_SCHEMA');
        }
      }),
    );
  });
});
