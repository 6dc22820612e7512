import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { SpscQueue } from './spsc-queue.js';

const WORDS = 3;

function newQueue(capacity: number, wordsPerEntry = WORDS): SpscQueue {
  const bytes = SpscQueue.bytes(capacity, wordsPerEntry);
  return new SpscQueue(new Int32Array(new SharedArrayBuffer(bytes)), capacity, wordsPerEntry);
}

test('any mix of pushes and pops behaves as a bounded list', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 4, 64),
      fc.array(fc.option(fc.tuple(fc.integer(), fc.integer(), fc.integer())), { maxLength: 400 }),
      (capacity, steps) => {
        const queue = newQueue(capacity);
        const model: number[][] = [];
        const target = new Int32Array(WORDS);
        for (const entry of steps) {
          if (entry === null) {
            assert.equal(queue.tryPop(target), model.length);
            const expected = model.shift();
            if (expected !== undefined) assert.deepEqual([...target], expected);
          } else {
            assert.equal(queue.tryPush(entry), model.length < capacity);
            if (model.length < capacity) model.push(entry);
          }
          assert.equal(queue.length, model.length);
        }
      },
    ),
  );
});

test('a refused push changes nothing, a refused pop leaves its target alone', () => {
  const queue = newQueue(2);
  const target = Int32Array.of(9, 9, 9);
  assert.equal(queue.tryPop(target), 0);
  assert.deepEqual([...target], [9, 9, 9]);
  assert.ok(queue.tryPush([1, 2, 3]) && queue.tryPush([4, 5, 6]));
  assert.equal(queue.tryPush([7, 8, 9]), false);
  assert.ok(queue.tryPop(target));
  assert.deepEqual([...target], [1, 2, 3]);
});

test('two views of the same memory are the two ends of one queue', () => {
  const memory = new SharedArrayBuffer(SpscQueue.bytes(4, 1));
  const source = new SpscQueue(new Int32Array(memory), 4, 1);
  const sink = new SpscQueue(new Int32Array(memory), 4, 1);
  const target = new Int32Array(1);
  assert.ok(source.tryPush([42]));
  assert.equal(sink.length, 1);
  assert.ok(sink.tryPop(target));
  assert.equal(target[0], 42);
  assert.equal(source.length, 0);
});

test('positions go on past 2^31 and 2^32', () => {
  for (const start of [2 ** 31 - 3, -3]) {
    const words = new Int32Array(SpscQueue.bytes(4, 1) / 4);
    words[0] = start;
    words[32] = start;
    const queue = new SpscQueue(words, 4, 1);
    const target = new Int32Array(1);
    for (let value = 0; value < 10; value++) {
      for (let fill = 0; fill < 4; fill++) assert.ok(queue.tryPush([value * 4 + fill]));
      assert.equal(queue.tryPush([0]), false);
      assert.equal(queue.length, 4);
      for (let fill = 0; fill < 4; fill++) {
        assert.ok(queue.tryPop(target));
        assert.equal(target[0], value * 4 + fill);
      }
    }
  }
});

test('the two positions stand 128 bytes apart, the entries behind them', () => {
  const words = new Int32Array(SpscQueue.bytes(1, 1) / 4);
  const queue = new SpscQueue(words, 1, 1);
  queue.tryPush([77]);
  const changed = [...words.keys()].filter((at) => words[at] !== 0);
  assert.deepEqual(
    changed.map((at) => words[at]),
    [1, 77],
  );
  queue.tryPop(new Int32Array(1));
  const positions = [...words.keys()].filter((at) => words[at] === 1);
  assert.equal(positions.length, 2);
  assert.equal(((positions[1] ?? 0) - (positions[0] ?? 0)) * 4, 128);
});

test('a capacity that is no power of two up to 64, or too little memory, is refused', () => {
  const words = new Int32Array(10_000);
  for (const capacity of [0, 3, 65, 128, -1, Number.NaN]) {
    assert.throws(() => new SpscQueue(words, capacity, 1), /power of two/);
  }
  const short = new Int32Array(SpscQueue.bytes(4, 2) / 4 - 1);
  assert.throws(() => new SpscQueue(short, 4, 2), /does not fit/);
});
