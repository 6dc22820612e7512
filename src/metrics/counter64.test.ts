import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCounter, Counter64, readValue, setValue } from './counter64.js';

const LINE = Counter64.size / Uint32Array.BYTES_PER_ELEMENT;
const VALUE = Counter64.offset.value;

function counterAt(value: bigint): { words: Uint32Array; view: DataView } {
  const words = new Uint32Array(LINE);
  const view = new DataView(words.buffer);
  view.setBigUint64(VALUE, value, true);
  return { words, view };
}

test('counts past 2^32 and 2^53, and wraps at 2^64', () => {
  for (const [start, by, sum] of [
    [0n, 1, 1n],
    [2n ** 32n - 1n, 1, 2n ** 32n],
    [2n ** 32n - 1n, 2 ** 32 - 1, 2n ** 33n - 2n],
    [2n ** 53n - 1n, 1, 2n ** 53n],
    [2n ** 53n, 1, 2n ** 53n + 1n],
    [2n ** 64n - 1n, 1, 0n],
    [2n ** 64n - 1n, 5, 4n],
  ] as const) {
    const { words, view } = counterAt(start);
    addCounter(words, 0, by);
    assert.equal(view.getBigUint64(VALUE, true), sum);
    assert.equal(readValue(words, 0), Number(sum));
    assert.equal(words[0], 1);
    assert.equal(words[LINE - 1], 1);
  }
});

test('a value is set whole', () => {
  const { words, view } = counterAt(2n ** 64n - 1n);
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53]) {
    setValue(words, 0, value);
    assert.equal(view.getBigUint64(VALUE, true), BigInt(value));
    assert.equal(readValue(words, 0), value);
  }
});

test('the line holds nothing but the value and its two counters', () => {
  const { words } = counterAt(0n);
  addCounter(words, 0, 1);
  const others = words.filter((_, at) => ![0, 2, 3, LINE - 1].includes(at));
  assert.ok(others.every((word) => word === 0));
});
