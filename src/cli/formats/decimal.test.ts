import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../test/support/properties.js';
import { DecimalReader, shortestDecimal, writeDecimal, writeInteger } from './decimal.js';

const written = (
  write: (target: Uint8Array, offset: number, value: number) => number,
  value: number,
): string => {
  const target = new Uint8Array(400).fill(0x23);
  const end = write(target, 3, value);
  assert.ok(target.subarray(0, 3).every((byte) => byte === 0x23));
  return Buffer.from(target.subarray(3, end)).toString('latin1');
};

describe('decimal numbers', () => {
  it('writes integers as String does', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        assert.equal(written(writeInteger, value), String(value));
      }),
    );
    for (const value of [0, -1, 9, 10, 99, 100, 2 ** 53 - 1, -(2 ** 53 - 1)]) {
      assert.equal(written(writeInteger, value), String(value));
    }
  });

  it('writes a text that reads as the same number and is no longer than the shortest', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = written(writeDecimal, value);
        assert.equal(text, shortestDecimal(value));
        assert.match(text, /^\d+(\.\d+)?$/);
        assert.equal(Number(text), value + 0);
      }),
    );
  });

  it('spells exponents out', () => {
    assert.equal(shortestDecimal(1.5e-7), '0.00000015');
    assert.equal(shortestDecimal(1e21), '1000000000000000000000');
    assert.equal(shortestDecimal(1.25e22), '12500000000000000000000');
  });

  it('reads decimals to the nearest float64', () => {
    const digits = fc.stringMatching(/^\d{1,20}(\.\d{1,25})?$/);
    const reader = new DecimalReader();
    fc.assert(
      fc.property(digits, (text) => {
        const bytes = Buffer.from(`,${text},7`);
        reader.begin(bytes, 1, bytes.length);
        assert.equal(reader.readDecimal(), Number(text));
        assert.equal(reader.text(), text);
        assert.ok(reader.nextField());
        assert.equal(reader.readInteger(), 7);
        assert.ok(reader.isAtEnd);
      }),
    );
  });

  it('does not read beyond the end of its line', () => {
    const reader = new DecimalReader();
    reader.begin(Buffer.from('12345'), 1, 3);
    assert.equal(reader.readInteger(), 23);
    assert.ok(reader.isAtEnd);
    assert.equal(reader.nextField(), false);
    assert.equal(reader.text(), '23');
  });
});
