// Shared memory can be damaged: whatever the consumer cannot believe must stop the log, never
// become a block under a right checksum.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameKind } from '../segment/frame.js';
import { KIB } from '../units.js';
import { hasZeroTail, RingConsumer } from './ring-consumer.js';
import { bytesBetween, RingControlLayout } from './ring-control.js';
import type { RingMemory } from './ring-memory.js';
import { RingProducer } from './ring-producer.js';
import { ringOfSections } from './ring-snapshot.js';

const RING_BYTES = 64 * KIB;
const LIMIT_BYTES = 1024 * KIB;
/** Of each frame below: 24 bytes of header, 10 of payload, 6 spare. */
const SPAN = 40;
const FRAME_WORDS = SPAN / 4;

function ringOfThree(kinds: readonly number[] = [1, 1, 1]): RingMemory {
  const memory = ringOfSections(
    new Uint8Array(RingControlLayout.size),
    new Uint8Array(RING_BYTES).fill(0xff),
  );
  const producer = new RingProducer(memory, 1);
  assert.ok(producer.reserve(kinds.length * SPAN));
  for (const kind of kinds) producer.put(new Uint8Array(10).fill(7), 10, kind, 0, 0, 0);
  producer.publish();
  return memory;
}

/** Takes all that is there; what stands before the damage may be taken first. */
function gather(memory: RingMemory, limitBytes = LIMIT_BYTES): void {
  const consumer = new RingConsumer(memory, 1);
  while (consumer.gather(16 * KIB, limitBytes)) consumer.release();
}

const setWord = (memory: RingMemory, frame: number, word: number, value: number): void => {
  memory.ring(RING_BYTES).frames[frame * FRAME_WORDS + word] = value | 0;
};

test('the sound ring of these tests is taken', () => {
  const memory = ringOfThree();
  const consumer = new RingConsumer(memory, 1);
  assert.ok(consumer.gather(16 * KIB, LIMIT_BYTES));
  assert.equal(consumer.run.eventCount, 3);
});

describe('the consumer refuses', () => {
  const LENGTHS = [0, 1, 8, 23, 3 * SPAN + 1, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
  for (const length of LENGTHS) {
    for (const frame of [0, 1]) {
      test(`a length of ${length} in frame ${frame}`, () => {
        const memory = ringOfThree();
        setWord(memory, frame, 0, length);
        assert.throws(() => gather(memory), RangeError);
      });
    }
  }

  for (const kind of [0, 4, 255, 0xffff]) {
    test(`kind ${kind}`, () => {
      const memory = ringOfThree();
      setWord(memory, 1, 1, kind);
      assert.throws(() => gather(memory), /kind/);
    });
  }

  test('an id that does not follow, in either half', () => {
    for (const word of [2, 3]) {
      const memory = ringOfThree();
      setWord(memory, 1, word, 5);
      assert.throws(() => gather(memory), /expected event 2/);
    }
  });

  test('a first id that is not the one that the log expects', () => {
    assert.throws(
      () => new RingConsumer(ringOfThree(), 2).gather(16 * KIB, LIMIT_BYTES),
      /expected event 2/,
    );
  });

  test('a length that is off by one: the byte it uncovers is not spare any more', () => {
    const memory = ringOfThree();
    setWord(memory, 1, 0, 33);
    assert.throws(() => gather(memory), RangeError);
  });

  test('a spare byte that is not zero', () => {
    for (let spare = 34; spare < SPAN; spare++) {
      const memory = ringOfThree();
      memory.ring(RING_BYTES).bytes[SPAN + spare] = 1;
      assert.throws(() => gather(memory), RangeError, `byte ${spare}`);
    }
  });

  test('a batch without an end', () => {
    assert.throws(() => gather(ringOfThree([2, 2, 2])), /has no end/);
  });

  test('a batch without an end behind sound events, once those are taken', () => {
    const consumer = new RingConsumer(ringOfThree([1, 2, 2]), 1);
    assert.ok(consumer.gather(16 * KIB, LIMIT_BYTES));
    assert.equal(consumer.run.eventCount, 1);
    consumer.release();
    assert.throws(() => consumer.gather(16 * KIB, LIMIT_BYTES), /has no end/);
  });

  test('a batch with padding inside', () => {
    const memory = ringOfThree([2, 2, 1]);
    setWord(memory, 1, 1, FrameKind.padding);
    assert.throws(() => gather(memory), /has no end/);
  });

  test('padding that does not reach the end of the ring', () => {
    const memory = ringOfThree();
    setWord(memory, 0, 1, FrameKind.padding);
    assert.throws(() => gather(memory), /does not reach the end/);
  });

  test('padding that is longer than what was published', () => {
    const memory = ringOfThree();
    setWord(memory, 0, 0, RING_BYTES);
    setWord(memory, 0, 1, FrameKind.padding);
    assert.throws(() => gather(memory), /does not reach the end/);
  });

  test('a batch that is longer than a block', () => {
    assert.throws(() => gather(ringOfThree([2, 2, 1]), 2 * SPAN), /exceeds 80 bytes/);
  });
});

test('events of the longest possible length do not count as damage', () => {
  const consumer = new RingConsumer(ringOfThree([2, 2, 1]), 1);
  assert.ok(consumer.gather(1, 3 * SPAN));
  assert.equal(consumer.run.bytes, 3 * SPAN);
});

test('only bytes up to the next multiple of 8 are spare', () => {
  const bytes = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 1);
  assert.ok(hasZeroTail(bytes, 2));
  assert.ok(hasZeroTail(bytes, 8), 'nothing is spare behind a multiple of 8');
  assert.ok(hasZeroTail(bytes, 0));
  assert.equal(hasZeroTail(bytes, 1), false);
});

test('positions may start over: the bytes between them stay right', () => {
  assert.equal(bytesBetween(0, 0), 0);
  assert.equal(bytesBetween(-2, 2), 32);
  assert.equal(bytesBetween(2 ** 31 - 1, -(2 ** 31)), 8);
  assert.equal(bytesBetween(1, 0), (2 ** 32 - 1) * 8);
});
