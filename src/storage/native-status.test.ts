import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceOf } from './native-status.js';

test('a device number is what makedev of libc makes of its halves', () => {
  assert.equal(deviceOf(254, 0), 0xfe00n);
  assert.equal(deviceOf(8, 17), 0x811n);
  assert.equal(deviceOf(0, 0x12345), 0x1230_0045n);
  assert.equal(deviceOf(0xfedcba98, 0x76543210), 0xfedc_b765_432a_9810n);
});
