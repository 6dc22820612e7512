import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_BYTES } from '../units.js';
import { isZero } from './zeros.js';

test('each byte of a range counts, none beside it, however long the range is', () => {
  for (const length of [0, 1, 31, 32, 33, 64, PAGE_BYTES, PAGE_BYTES + 33]) {
    const bytes = new Uint8Array(length + 2).fill(0, 1, 1 + length);
    bytes[0] = 1;
    bytes[length + 1] = 1;
    assert.equal(isZero(bytes, 1, 1 + length), true, `${length} zeros`);
    for (let at = 1; at <= length; at++) {
      bytes[at] = 0x80;
      assert.equal(isZero(bytes, 1, 1 + length), false, `byte ${at} of ${length}`);
      bytes[at] = 0;
    }
  }
});

test('what lies behind the end of the bytes is not looked at', () => {
  for (const length of [1, 32, 40]) {
    assert.equal(isZero(new Uint8Array(length), 0, length + 8), true);
    assert.equal(isZero(new Uint8Array(length), length, length + 8), true);
  }
});
