import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xxh64 } from '../segment/checksum.js';
import { layOut } from './fields.js';
import {
  decodeSchema,
  encodeSchema,
  isSchemaEvent,
  SCHEMA_TYPE,
  schemaOf,
} from './schema-event.js';

const fields = layOut([
  ['price', 'i64'],
  ['side', { enum: ['buy', 'Ä'] }],
]);
const schema = schemaOf('order', 2, fields);
const eventOf = (payload: Uint8Array) => ({ eventId: 9, type: SCHEMA_TYPE, payload });
const unreadable = { code: 'ERR_FLASHSTRIKE_SCHEMA', message: /schema event 9 cannot be read/ };

/** The payload with bytes put over it. */
function changed(offset: number, ...bytes: number[]): Uint8Array {
  const payload = encodeSchema(schema, 7, 5);
  payload.set(bytes, offset);
  return payload;
}

/** A record whose text is another one, with its own id. */
function withText(text: string, version = 2): Uint8Array {
  const schemaId = xxh64(Buffer.from(text), 0n);
  return encodeSchema({ name: 'x', version, schemaId, text, layout: undefined }, 7, 5);
}

test('a schema comes back as it was recorded, JSON too', () => {
  const found = decodeSchema(eventOf(encodeSchema(schema, 7, 5)));
  assert.deepEqual(found, { ...schema, type: 7, sinceEventId: 5 });
  const json = schemaOf('note', 1, undefined);
  const again = decodeSchema(eventOf(encodeSchema(json, 8, 9)));
  assert.deepEqual(again, { ...json, type: 8, sinceEventId: 9 });
});

test('what an application has appended with type 65535 is no schema event', () => {
  for (const payload of [new Uint8Array(0), new Uint8Array(40), changed(0, 0x66)]) {
    assert.equal(isSchemaEvent(eventOf(payload)), false);
    assert.equal(decodeSchema(eventOf(payload)), undefined);
  }
  const other = { ...eventOf(encodeSchema(schema, 7, 5)), type: 7 };
  assert.equal(decodeSchema(other), undefined);
});

test('a schema event that makes no sense is refused', () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['another version of the record', changed(8, 2)],
    ['about schema events', encodeSchema(schema, SCHEMA_TYPE, 5)],
    ['another version than its text', changed(12, 3)],
    ['another id than its text', changed(16, 1, 2, 3)],
    ['in force since event 0', encodeSchema(schema, 7, 0)],
    ['no JSON', withText('{')],
    ['no object', withText('7')],
    ['no fields that can be', withText('{"name":"order","version":2,"fields":[["a","u9"]]}')],
    ['fields that are no list', withText('{"name":"order","version":2,"fields":7}')],
    ['spelled in another way', withText('{ "name":"order","version":2,"json":true}')],
    ['cut', encodeSchema(schema, 7, 5).subarray(0, 60)],
    ['longer than any', withText(JSON.stringify({ name: 'x'.repeat(9000), version: 2 }))],
  ];
  for (const [what, payload] of cases) {
    assert.throws(() => decodeSchema(eventOf(payload)), unreadable, what);
  }
});
