import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../test/support/properties.js';
import { defineEvent, defineJsonEvent } from '../../index.js';
import { columnsOf, csvFields, valueJson } from './field-text.js';

const Everything = defineEvent(
  'everything',
  {
    small: 'i8',
    exact: 'safeI64',
    wide: 'u64',
    signed: 'i64',
    real: 'f64',
    flag: 'bool',
    side: { enum: ['buy', 'sell, or "not"'] },
    key: { bytes: 3 },
    short: { string: 12 },
    nothing: { spare: 2 },
    text: 'string',
  },
  { version: 1 },
);

const read = (values: Parameters<typeof Everything.encode>[0]) => {
  const payload = Everything.encode(values);
  const value = Everything.decode({ eventId: 1, type: Everything.type, payload });
  return { definition: Everything, value, payload };
};

const event = fc.record({
  small: fc.integer({ min: -128, max: 127 }),
  exact: fc.maxSafeInteger(),
  wide: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  signed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  real: fc.double(),
  flag: fc.boolean(),
  side: fc.constantFrom('buy' as const, 'sell, or "not"' as const),
  key: fc.uint8Array({ minLength: 3, maxLength: 3 }),
  short: fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[^ -~]/g, '\n')),
  text: fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', 'ä', '\u{1f600}', ' ') }),
});

/** Rows of text as RFC 4180 says, read without the code under test. */
function rowsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  let [field, isQuoted] = ['', false];
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (isQuoted && char === '"' && text[at + 1] === '"') {
      field += '"';
      at++;
    } else if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (char === ',' || char === '\n')) {
      rows.at(-1)?.push(field);
      field = '';
      if (char === '\n') rows.push([]);
    } else field += char;
  }
  rows.at(-1)?.push(field);
  return rows;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('typed events as text', () => {
  it('JSON has each field, 64 bits as digits, bytes as hex, and what is no number as text', () => {
    const text = valueJson(
      read({
        small: -1,
        exact: -(2 ** 53) + 1,
        wide: 2n ** 64n - 1n,
        signed: -(2n ** 63n),
        real: Number.NEGATIVE_INFINITY,
        flag: true,
        side: 'buy',
        key: Uint8Array.of(0, 1, 255),
        short: 'a"\n',
        text: 'ä',
      }),
    );
    assert.equal(
      text,
      '{"small":-1,"exact":-9007199254740991,"wide":"18446744073709551615",' +
        '"signed":"-9223372036854775808","real":"-Infinity","flag":true,"side":"buy",' +
        '"key":"0001ff","short":"a\\"\\n","text":"ä"}',
    );
  });

  it('whatever the values: JSON gives them back', () => {
    fc.assert(
      fc.property(event, (values) => {
        const typed = read(values);
        const text = valueJson(typed);
        assert.doesNotMatch(text, /[\r\n]/);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        assert.deepEqual(Object.keys(parsed), columnsOf(Everything));
        assert.equal(BigInt(String(parsed['wide'])), values.wide);
        assert.equal(BigInt(String(parsed['signed'])), values.signed);
        assert.ok(Object.is(Number(parsed['real']), values.real), 'also -0, NaN and infinities');
        assert.equal(parsed['key'], hex(values.key));
        for (const name of ['small', 'exact', 'flag', 'side', 'short', 'text'] as const) {
          assert.equal(parsed[name], values[name]);
        }
      }),
    );
  });

  it('whatever the values: a row of CSV gives them back', () => {
    assert.ok(!columnsOf(Everything).includes('nothing'), 'spare bytes have no value');
    fc.assert(
      fc.property(event, event, (one, other) => {
        const rows = [one, other].map((values) => csvFields(read(values)).join(','));
        assert.deepEqual(
          rowsOf(rows.join('\n')),
          [one, other].map((values) => [
            String(values.small),
            String(values.exact),
            String(values.wide),
            String(values.signed),
            Object.is(values.real, -0) ? '-0' : String(values.real),
            String(values.flag),
            values.side,
            hex(values.key),
            values.short,
            values.text,
          ]),
        );
      }),
    );
  });

  it('JSON events keep the text that was appended, in one line', () => {
    const definition = defineJsonEvent('note', { version: 1 });
    const payload = Buffer.from('{\r\n "exact": 12345678901234567890,\n "text": "a\\nb,"\n}');
    const typed = {
      definition,
      value: definition.decode({ eventId: 1, type: definition.type, payload }),
      payload,
    };
    assert.equal(valueJson(typed), '{   "exact": 12345678901234567890,  "text": "a\\nb," }');
    assert.deepEqual(columnsOf(definition), ['value']);
    assert.deepEqual(rowsOf(csvFields(typed).join()), [[valueJson(typed)]]);
  });
});
