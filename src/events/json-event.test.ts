import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { z } from 'zod';
import { defineJsonEvent, type JsonEventDefinition } from './json-event.js';

const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
const unfit = { code: 'ERR_FLASHSTRIKE_SCHEMA' };
const eventOf = ({ type }: { readonly type: number }, text: string) => ({
  eventId: 3,
  type,
  payload: Buffer.from(text),
});

test('any JSON goes through without a validator', () => {
  const Note = defineJsonEvent('note', { version: 1 });
  for (const value of [null, 7, 'ä', [1, { a: [] }], { b: true }]) {
    const event = { eventId: 3, type: Note.type, payload: Note.encode(value) };
    assert.deepEqual(Note.decode(event), value);
    const block = Buffer.concat([Buffer.from('xx'), event.payload, Buffer.from('y')]);
    const payloadBytes = event.payload.length;
    const cursor = { eventId: 3, type: Note.type, block, payloadOffset: 2, payloadBytes };
    assert.deepEqual(Note.decode(cursor), value);
  }
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [undefined, () => 7, Symbol('x'), 1n, circle]) {
    assert.throws(() => Note.encode(value), invalid);
  }
});

for (const [library, Login] of [
  [
    'zod',
    defineJsonEvent('login', {
      version: 1,
      schema: z.object({ user: z.string().trim().min(1), at: z.coerce.number() }),
    }),
  ],
  [
    'valibot',
    defineJsonEvent('login', {
      version: 1,
      schema: v.object({
        user: v.pipe(v.string(), v.trim(), v.minLength(1)),
        at: v.pipe(v.union([v.string(), v.number()]), v.transform(Number)),
      }),
    }),
  ],
] as const) {
  test(`a validator of ${library} says what is appended, and checks what is read`, () => {
    const payload = Login.encode({ user: ' ada ', at: '5' } as never);
    assert.equal(Buffer.from(payload).toString(), '{"user":"ada","at":5}');
    const found = Login.decode({ eventId: 1, type: Login.type, payload });
    assert.deepEqual({ ...found }, { user: 'ada', at: 5 });
    const name: string = found.user;
    assert.equal(name, 'ada');
    assert.throws(() => Login.encode({ user: '', at: 1 } as never), {
      ...invalid,
      message: /The event login is not valid: user: /,
    });
    assert.throws(() => Login.decode(eventOf(Login, '{"user":7,"at":1}')), unfit);
  });
}

test('a validator that answers later is refused', () => {
  const schema = z.string().refine(async () => false);
  const Slow = defineJsonEvent('slow', { version: 1, schema });
  assert.throws(() => Slow.encode('x'), { ...invalid, message: /answers later/ });
});

test('what is no JSON, and of another type, is refused where it is read', () => {
  const Note: JsonEventDefinition<'note', unknown> = defineJsonEvent('note', { version: 1 });
  for (const text of ['', '{', 'nul', '\ufeff1']) {
    assert.throws(() => Note.decode(eventOf(Note, text)), unfit, text);
  }
  const bytes = { eventId: 3, type: Note.type, payload: Uint8Array.of(0x22, 0xff, 0x22) };
  assert.throws(() => Note.decode(bytes), unfit);
  assert.throws(() => Note.decode(eventOf({ type: 1 }, '1')), unfit);
});

test('definitions that cannot be are refused', () => {
  for (const schema of [null, 7, {}, { '~standard': {} }, { '~standard': { validate: 7 } }]) {
    assert.throws(() => defineJsonEvent('x', { version: 1, schema: schema as never }), invalid);
  }
  assert.throws(() => defineJsonEvent('x y', { version: 1 }), invalid);
  assert.throws(() => defineJsonEvent('x', { version: 0 }), invalid);
  const option = { version: 1, fields: {} } as never;
  assert.throws(() => defineJsonEvent('x', option), { code: 'ERR_FLASHSTRIKE_INVALID_OPTION' });
});
