import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import {
  LatchLayout,
  publishNumber,
  publishWords,
  readNumber,
  readWords,
} from './sequence-latch.js';

/** The most words that one latch publishes. */
const LATCH_WORDS = 6;
const LATCH = LatchLayout.size / Int32Array.BYTES_PER_ELEMENT;
const anyNumber = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);

test('a number of 53 bits comes back as it was published, at any place in memory', () => {
  fc.assert(
    fc.property(fc.array(anyNumber, { minLength: 1 }), fc.nat(40), (values, index) => {
      const words = new Int32Array(index + LATCH);
      for (const value of values) {
        publishNumber(words, index, value);
        assert.equal(readNumber(words, index), value);
      }
    }),
  );
});

test('before the first publication a latch reads zero', () => {
  const words = new Int32Array(LATCH);
  assert.equal(readNumber(words, 0), 0);
  const target = Int32Array.of(7, 7);
  readWords(words, 0, target);
  assert.deepEqual([...target], [0, 0]);
});

test('six words come back together', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer(), { minLength: 6, maxLength: 6 }), { minLength: 1 }),
      (values) => {
        const words = new Int32Array(LATCH);
        const target = new Int32Array(LATCH_WORDS);
        for (const value of values) {
          publishWords(words, 0, Int32Array.from(value));
          readWords(words, 0, target);
          assert.deepEqual([...target], value);
        }
      },
    ),
  );
});

test('no word outside of the latch is touched', () => {
  const words = new Int32Array(3 * LATCH).fill(-1);
  words.fill(0, LATCH, 2 * LATCH);
  for (let round = 0; round < 3; round++) {
    publishWords(words, LATCH, Int32Array.of(1, 2, 3, 4, 5, 6));
    publishNumber(words, LATCH, 2 ** 52);
  }
  assert.ok(words.subarray(0, LATCH).every((word) => word === -1));
  assert.ok(words.subarray(2 * LATCH).every((word) => word === -1));
});

test('the counter may pass 2^31 and 2^32', () => {
  for (const start of [2 ** 31 - 2, -2]) {
    const words = new Int32Array(LATCH);
    words[0] = start;
    for (let value = 1; value <= 5; value++) {
      publishNumber(words, 0, value);
      assert.equal(readNumber(words, 0), value);
    }
  }
});

/** The memory after each single store of a publication, as a reader or a crash may find it. */
function statesOf(words: Int32Array, publish: (copy: Int32Array) => void): Int32Array[] {
  const after = words.slice();
  publish(after);
  const states: Int32Array[] = [words.slice()];
  const original = Atomics.store;
  const recording = words.slice();
  // What the writer stores, one by one: the order of its stores is what is tested.
  Atomics.store = ((array: Int32Array, index: number, value: number) => {
    const result = original(array, index, value);
    states.push(array.slice());
    return result;
  }) as typeof Atomics.store;
  try {
    publish(recording);
  } finally {
    Atomics.store = original;
  }
  assert.deepEqual(recording, after);
  return states;
}

test('a writer that dies between any two stores leaves the old value or the new, whole', () => {
  const older = Int32Array.of(11, 12, 13, 14, 15, 16);
  const newer = Int32Array.of(21, 22, 23, 24, 25, 26);
  const words = new Int32Array(LATCH);
  const target = new Int32Array(LATCH_WORDS);
  publishWords(words, 0, Int32Array.of(1, 2, 3, 4, 5, 6));
  publishWords(words, 0, older);
  const states = statesOf(words, (copy) => publishWords(copy, 0, newer));
  assert.equal(states.length, 8); // as it was, six words, the counter
  const read = states.map((state) => {
    readWords(state, 0, target);
    return target.join();
  });
  assert.deepEqual(read, [...Array(7).fill(older.join()), newer.join()]);

  publishNumber(words, 0, 2 ** 40 + 1);
  const numbers = statesOf(words, (copy) => publishNumber(copy, 0, 2 ** 45 + 2)).map((state) =>
    readNumber(state, 0),
  );
  assert.deepEqual(numbers, [2 ** 40 + 1, 2 ** 40 + 1, 2 ** 40 + 1, 2 ** 45 + 2]);
});
