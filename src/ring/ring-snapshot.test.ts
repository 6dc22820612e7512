import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { publishNumber, publishWords } from '../memory/sequence-latch.js';
import {
  BLOCK_HEADER_BYTES,
  MAX_BLOCK_PAYLOAD_BYTES,
  MAX_LARGE_BLOCK_BYTES,
} from '../segment/block-header.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../segment/frame.js';
import { KIB, MIB, TWO_POW_32 } from '../units.js';
import { RingConsumer } from './ring-consumer.js';
import { RingControlLayout, UNIT_BYTES } from './ring-control.js';
import type { RingMemory } from './ring-memory.js';
import { RingProducer } from './ring-producer.js';
import {
  durableEventIdOf,
  durablePointOf,
  ringOfSections,
  skipUntil,
  unreadEvents,
  writtenEventIdOf,
} from './ring-snapshot.js';

const RING_BYTES = 64 * KIB;
const SPAN = 40;
const FRAME_WORDS = SPAN / 4;
const RING_UNITS = RING_BYTES / UNIT_BYTES;

/** A ring of a dead process: frames of 40 bytes, their kinds as told, from `position` on. */
function deadRing(
  kinds: readonly number[],
  { position = 0, firstEventId = 1, ringBytes = RING_BYTES } = {},
): RingMemory {
  const memory = ringOfSections(
    new Uint8Array(RingControlLayout.size),
    new Uint8Array(ringBytes).fill(0xff),
  );
  Atomics.store(memory.words, memory.control.appended, position | 0);
  Atomics.store(memory.words, memory.control.written, position | 0);
  const producer = new RingProducer(memory, firstEventId);
  kinds.forEach((kind, index) => {
    const startsBatch = kinds[index - 1] !== FrameKind.continued;
    if (startsBatch) {
      producer.publish();
      assert.ok(producer.reserve(batchBytes(kinds, index)));
    }
    producer.put(new Uint8Array(10).fill(7), 10, kind, 0, 0, 0);
  });
  producer.publish();
  return memory;
}

/** Of the batch that begins with frame `first`; without an end, all that follows. */
function batchBytes(kinds: readonly number[], first: number): number {
  const end = kinds.indexOf(FrameKind.event, first);
  return ((end === -1 ? kinds.length - 1 : end) - first + 1) * SPAN;
}

const setWord = (memory: RingMemory, frame: number, word: number, value: number): void => {
  memory.ring(RING_BYTES).frames[frame * FRAME_WORDS + word] = value | 0;
};

/** Ids of all events that a consumer takes out of what is left. */
function drained(memory: RingMemory, nextEventId: number): number[] {
  const consumer = new RingConsumer(memory, nextEventId);
  const ids: number[] = [];
  while (consumer.gather(4 * KIB, MAX_BLOCK_PAYLOAD_BYTES)) {
    const { firstEventId, eventCount } = consumer.run;
    for (let index = 0; index < eventCount; index++) ids.push(firstEventId + index);
    consumer.release();
  }
  return ids;
}

const defectOf = (memory: RingMemory): string | undefined => {
  const unread = unreadEvents(memory);
  return unread !== undefined && 'defect' in unread ? unread.defect : undefined;
};

describe('what a dead process left unread', () => {
  test('is nothing in an empty ring', () => {
    assert.equal(unreadEvents(deadRing([])), undefined);
  });

  test('is told as first, last, count, and the length of the longest event or batch', () => {
    const memory = deadRing([1, 2, 1], { firstEventId: 7 });
    assert.deepEqual(unreadEvents(memory), {
      eventCount: 3,
      firstEventId: 7,
      lastEventId: 9,
      longestBytes: 2 * SPAN,
    });
  });

  test('is found across the end of the ring and the end of the positions', () => {
    for (const position of [RING_UNITS - 7, TWO_POW_32 - 7, TWO_POW_32 - 5]) {
      const memory = deadRing([1, 1, 2, 1, 1], { position, firstEventId: TWO_POW_32 - 1 });
      assert.deepEqual(unreadEvents(memory), {
        eventCount: 5,
        firstEventId: TWO_POW_32 - 1,
        lastEventId: TWO_POW_32 + 3,
        longestBytes: 2 * SPAN,
      });
      assert.equal(drained(memory, TWO_POW_32 - 1).length, 5);
    }
  });

  test('is looked at without a change', () => {
    const memory = deadRing([1, 1]);
    const before = Buffer.from(memory.words.buffer as ArrayBuffer).toString('latin1');
    unreadEvents(memory);
    assert.equal(Buffer.from(memory.words.buffer as ArrayBuffer).toString('latin1'), before);
  });
});

describe('a damaged ring is told, not read', () => {
  for (const length of [0, 1, 23, 3 * SPAN + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1]) {
    for (const frame of [0, 2]) {
      test(`a length of ${length} in frame ${frame}`, () => {
        const memory = deadRing([1, 1, 1]);
        setWord(memory, frame, 0, length);
        assert.match(defectOf(memory) ?? '', /is not valid/);
      });
    }
  }

  for (const kind of [0, 4, 0xffff]) {
    test(`kind ${kind}`, () => {
      const memory = deadRing([1, 1, 1]);
      setWord(memory, 1, 1, kind);
      assert.match(defectOf(memory) ?? '', new RegExp(`kind ${kind}\\b`));
    });
  }

  test('ids that are not consecutive, in either half', () => {
    for (const word of [2, 3]) {
      const memory = deadRing([1, 1, 1]);
      setWord(memory, 1, word, 9);
      assert.match(defectOf(memory) ?? '', /follows event 1$/);
    }
  });

  test('a batch without an end', () => {
    assert.match(defectOf(deadRing([1, 2, 2])) ?? '', /incomplete/);
  });

  test('a spare byte that is not zero', () => {
    const memory = deadRing([1, 1, 1]);
    memory.ring(RING_BYTES).bytes[2 * SPAN + 39] = 1;
    assert.match(defectOf(memory) ?? '', /is not valid/);
  });

  test('positions further apart than the ring is long', () => {
    const memory = deadRing([1]);
    Atomics.store(memory.words, memory.control.appended, RING_UNITS + 1);
    assert.match(defectOf(memory) ?? '', /further apart/);
    // "written" ahead of "appended" is almost 2^32 units behind it.
    Atomics.store(memory.words, memory.control.appended, 0);
    Atomics.store(memory.words, memory.control.written, 5);
    assert.match(defectOf(memory) ?? '', /further apart/);
  });

  test('a position in the middle of a frame', () => {
    const memory = deadRing([1, 1, 1]);
    Atomics.store(memory.words, memory.control.appended, (3 * SPAN) / UNIT_BYTES - 1);
    assert.match(defectOf(memory) ?? '', /is not valid/);
  });

  test('padding that does not reach the end of the ring', () => {
    const memory = deadRing([1, 1, 1]);
    setWord(memory, 0, 1, FrameKind.padding);
    assert.match(defectOf(memory) ?? '', /is not valid/);
  });

  test('a batch in two pieces, padding or the end of the ring between them', () => {
    // A frame takes 5 units: behind the first one 2 of them are left, or none.
    for (const position of [RING_UNITS - 7, RING_UNITS - 5]) {
      const memory = deadRing([1, 1, 1], { position });
      assert.equal(defectOf(memory), undefined);
      memory.ring(RING_BYTES).frames[(position * UNIT_BYTES) / 4 + 1] = FrameKind.continued;
      assert.match(defectOf(memory) ?? '', /two pieces/);
    }
  });

  test('an event or a batch that no block can hold', () => {
    const [limit, ringBytes] = [MAX_LARGE_BLOCK_BYTES - BLOCK_HEADER_BYTES, 128 * MIB];
    const defectWith = (frames: Record<number, number>, kinds: readonly number[]) => {
      const memory = deadRing(kinds, { ringBytes });
      let at = (kinds.length - 1) * SPAN;
      for (const [frame, bytes] of Object.entries(frames)) setWord(memory, Number(frame), 0, bytes);
      at += frames[kinds.length - 1] ?? SPAN;
      Atomics.store(memory.words, memory.control.appended, at / UNIT_BYTES);
      return defectOf(memory);
    };
    const { event, continued } = FrameKind;
    assert.equal(defectWith({ 0: limit }, [event]), undefined);
    assert.match(defectWith({ 0: limit + 8 }, [event]) ?? '', /longer than a block/);
    assert.equal(defectWith({ 1: limit - SPAN }, [continued, event]), undefined);
    const longer = defectWith({ 1: limit - SPAN + 8 }, [continued, event]);
    assert.match(longer ?? '', /longer than a block/);
  });

  test('or it can be drained whole: nothing that is accepted stops the writer', () => {
    const damage = fc.record({
      frame: fc.integer({ min: 0, max: 9 }),
      word: fc.integer({ min: 0, max: FRAME_WORDS - 1 }),
      value: fc.oneof(
        fc.integer({ min: 0, max: 500 }),
        fc.constantFrom(-1, 2 ** 31 - 1, -(2 ** 31), FrameKind.continued, FrameKind.padding),
        fc.integer(),
      ),
    });
    const kinds = fc.array(fc.constantFrom<number>(1, 1, 2), { minLength: 9, maxLength: 9 });
    const positions = fc.constantFrom(0, RING_UNITS - 7, RING_UNITS - 25, TWO_POW_32 - 30);
    fc.assert(
      fc.property(kinds, positions, fc.array(damage, { maxLength: 3 }), (each, position, all) => {
        const memory = deadRing([...each, 1], { position });
        for (const { frame, word, value } of all) {
          const start = (position % RING_UNITS) * UNIT_BYTES + frame * SPAN;
          memory.ring(RING_BYTES).frames[((start % RING_BYTES) >>> 2) + word] = value;
        }
        const unread = unreadEvents(memory);
        if (unread === undefined || 'defect' in unread) return;
        const { firstEventId, eventCount } = unread;
        assert.equal(drained(memory, firstEventId).length, eventCount);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what the files hold already', () => {
  test('is skipped, up to the event that comes next', () => {
    for (let next = 1; next <= 5; next++) {
      const memory = deadRing([1, 1, 1, 1]);
      skipUntil(memory, next);
      const left = 5 - next;
      assert.deepEqual(drained(memory, next), [1, 2, 3, 4].slice(4 - left));
    }
  });

  test('is skipped across the end of the ring', () => {
    for (let next = 1; next <= 4; next++) {
      const memory = deadRing([1, 1, 1], { position: TWO_POW_32 - 7 });
      skipUntil(memory, next);
      assert.deepEqual(drained(memory, next), [1, 2, 3].slice(next - 1));
    }
  });

  test('is nothing when the ring begins with the next event', () => {
    const memory = deadRing([1, 1], { firstEventId: 9 });
    skipUntil(memory, 9);
    assert.deepEqual(drained(memory, 9), [9, 10]);
  });
});

describe('the control words of a dead process', () => {
  test('tell the durable point and the written id, beyond 32 bits too', () => {
    const memory = deadRing([]);
    publishWords(
      memory.words,
      memory.control.durablePoint,
      Int32Array.of(0xffff_ffff, 2 ** 30, 0xffff_fffe, 0x1f_ffff),
    );
    publishNumber(memory.words, memory.control.writtenEventId, 2 ** 52 + 1);
    const lastEventId = 2 ** 53 - 2;
    const expected = { segmentIndex: 0xffff_ffff, offset: 2 ** 30, lastEventId };
    assert.deepEqual(durablePointOf(memory), expected);
    assert.equal(writtenEventIdOf(memory), 2 ** 52 + 1);
    const { durablePoint } = memory.control;
    assert.equal(
      durableEventIdOf(memory.words.slice(durablePoint, durablePoint + 16)),
      lastEventId,
    );
  });

  test('of a ring that was never used tell nothing', () => {
    const memory = deadRing([]);
    assert.deepEqual(durablePointOf(memory), { segmentIndex: 0, offset: 0, lastEventId: 0 });
    assert.equal(writtenEventIdOf(memory), 0);
  });
});

test('the frames of these tests are as long as they say', () => {
  assert.equal(frameSpan(FRAME_HEADER_BYTES + 10), SPAN);
});
