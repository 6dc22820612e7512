import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../memory/libc.js';
import { CACHE_LINE_BYTES } from '../units.js';
import { MetricMemory } from './metric-memory.js';

const skip = addressOf(new Uint8Array(1)) === undefined && 'koffi has no binary for this machine';

test('of a struct alone begins on a cache line, as its layout says, and is zero', { skip }, () => {
  // V8's buffers begin at any multiple of 16: kept, so that not all stand in the same place.
  const kept: MetricMemory[] = [];
  for (let count = 0; count < 50; count++) {
    for (const byteLength of [64, 128, 384, 896, 13_568]) {
      const memory = MetricMemory.own(byteLength);
      kept.push(memory);
      const { words, start } = memory;
      const struct = words.subarray(start, start + byteLength / Uint32Array.BYTES_PER_ELEMENT);
      assert.equal(struct.byteLength, byteLength);
      const address = addressOf(new Uint8Array(struct.buffer, struct.byteOffset, byteLength));
      assert.equal(Number(address ?? 1n) % CACHE_LINE_BYTES, 0);
      assert.ok(struct.every((word) => word === 0));
    }
  }
});
