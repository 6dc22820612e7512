// A ring that grows against a plain queue: with everything between its ends, at each position, with
// a process that ends at any store, and with calls that are cut short at any.
import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { decodeFrame, FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../segment/frame.js';
import { KIB, TWO_POW_32 } from '../units.js';
import { RingConsumer } from './ring-consumer.js';
import { RingControlLayout, UNIT_BYTES } from './ring-control.js';
import { geometryOf, publishGeometry, RingGeometry } from './ring-geometry.js';
import type { RingMemory } from './ring-memory.js';
import { RingProducer } from './ring-producer.js';
import { ringOfSections, unreadEvents, unreadFrames, usedRingBytes } from './ring-snapshot.js';

const RING_BYTES = 64 * KIB;
const FIRST_BYTES = 4 * KIB;
const LIMIT_BYTES = 1024 * KIB;
/** Of memory that is not there yet: whoever writes or reads it is found out. */
const UNTOUCHED = 0xa5;
const untouched = new Uint8Array(RING_BYTES).fill(UNTOUCHED);

/** Shows not one byte more than is asked for: a store behind that would be lost, in silence. */
function tight(memory: RingMemory): RingMemory {
  const { bytes, frames } = memory.ring(RING_BYTES);
  const ring: RingMemory['ring'] = (least) => ({
    bytes: bytes.subarray(0, least),
    frames: frames.subarray(0, least / Int32Array.BYTES_PER_ELEMENT),
  });
  return { ...memory, ring };
}

const spanOf = (payloadBytes: number): number => frameSpan(FRAME_HEADER_BYTES + payloadBytes);
const payloadOf = (id: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(id);

/** Runs `body` with `hook` behind each atomic store. */
function atEachStore(hook: () => void, body: () => void): void {
  const store = Atomics.store;
  let isInside = false;
  const replaced = (words: Int32Array, at: number, value: number): number => {
    const stored = store(words, at, value);
    if (!isInside) {
      isInside = true;
      try {
        hook();
      } finally {
        isInside = false;
      }
    }
    return stored;
  };
  const mocked = mock.method(Atomics, 'store', replaced as typeof Atomics.store);
  try {
    body();
  } finally {
    mocked.mock.restore();
  }
}

class Cut extends Error {}

class Model {
  readonly memory: RingMemory;
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  /** Payload lengths of the events that nobody released yet, by their ids. */
  readonly waiting = new Map<number, number>();
  /** Where the batches end. */
  readonly #ends = new Set<number>();
  #nextId = 1;

  constructor(position = 0, firstBytes = FIRST_BYTES) {
    this.memory = tight(ringOfSections(new Uint8Array(RingControlLayout.size), untouched));
    const { words, control } = this.memory;
    Atomics.store(words, control.appended, position | 0);
    Atomics.store(words, control.written, position | 0);
    publishGeometry(this.memory, new RingGeometry(firstBytes, 0));
    this.producer = new RingProducer(this.memory, 1);
    this.consumer = new RingConsumer(this.memory, 1);
  }

  append(sizes: readonly number[]): boolean {
    const [payloadBytes = 0] = sizes;
    const first = this.#nextId;
    if (sizes.length === 1 && first % 2 === 0) {
      const id = this.producer.append(payloadOf(first, payloadBytes), payloadBytes, 0, 0, 0);
      if (id === 0) return false;
    } else {
      if (!this.producer.reserve(sizes.reduce((sum, bytes) => sum + spanOf(bytes), 0))) {
        return false;
      }
      sizes.forEach((bytes, index) => {
        const kind = index === sizes.length - 1 ? FrameKind.event : FrameKind.continued;
        this.producer.put(payloadOf(first + index, bytes), bytes, kind, 0, 0, 0);
      });
      this.producer.publish();
    }
    sizes.forEach((bytes, index) => {
      this.waiting.set(first + index, bytes);
    });
    this.#nextId += sizes.length;
    this.#ends.add(this.#nextId - 1);
    return true;
  }

  get capacityBytes(): number {
    return this.producer.capacityBytes;
  }

  /** Twice as large, if it may be. */
  grow(): boolean {
    if (this.capacityBytes === RING_BYTES) return false;
    this.producer.growTo(2 * this.capacityBytes);
    return true;
  }

  appendGrowing(sizes: readonly number[]): void {
    while (!this.append(sizes)) if (!this.grow()) assert.ok(this.take(RING_BYTES));
  }

  take(targetBytes: number): boolean {
    if (!this.consumer.gather(targetBytes, LIMIT_BYTES)) return false;
    const { offset, bytes, firstEventId, eventCount } = this.consumer.run;
    let at = offset;
    for (let id = firstEventId; id < firstEventId + eventCount; id++) {
      at = this.#checkFrame(this.consumer.bytes, at, id);
      this.waiting.delete(id);
    }
    assert.equal(at, offset + bytes);
    assert.ok(this.#ends.has(firstEventId + eventCount - 1), 'whole batches');
    this.consumer.release();
    return true;
  }

  #checkFrame(bytes: Uint8Array, at: number, id: number): number {
    const { eventId, payloadOffset, payloadBytes } = decodeFrame(bytes, at);
    assert.deepEqual([eventId, payloadBytes], [id, this.waiting.get(id)]);
    const payload = bytes.subarray(payloadOffset, payloadOffset + payloadBytes);
    assert.equal(Buffer.compare(payload, payloadOf(id, payloadBytes)), 0, `payload of ${id}`);
    return at + spanOf(payloadBytes);
  }

  /** What the next process would find, if this one ended now. */
  checkSnapshot(): void {
    const control = new Uint8Array(this.memory.words.buffer).slice();
    const used = usedRingBytes(control, RING_BYTES);
    assert.ok(used <= this.capacityBytes * 2, 'no more is read than there may be');
    const snapshot = ringOfSections(control, this.memory.ring(used).bytes);
    const unread = unreadEvents(snapshot);
    if (this.waiting.size === 0) {
      assert.equal(unread, undefined);
      return;
    }
    assert.ok(unread !== undefined && 'eventCount' in unread, JSON.stringify(unread));
    assert.equal(unread.eventCount, this.waiting.size);
    for (const { eventId, offset } of unreadFrames(snapshot)) {
      this.#checkFrame(snapshot.ring(used).bytes, offset, eventId);
    }
  }

  /** Behind the ring's end there may be no memory. */
  checkUntouched(): void {
    const behind = this.memory.ring(RING_BYTES).bytes.subarray(this.capacityBytes);
    assert.equal(Buffer.compare(behind, untouched.subarray(0, behind.length)), 0);
  }

  drain(): void {
    while (this.take(RING_BYTES));
    assert.equal(this.waiting.size, 0);
    assert.equal(this.producer.waitingBytes, 0);
  }
}

type Action =
  | readonly [kind: 'append', sizes: readonly number[]]
  | readonly [kind: 'fill', size: number]
  | readonly [kind: 'take', targetBytes: number]
  | readonly [kind: 'grow', stores: number];

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 80 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_000 }) },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant('append' as const),
      size.map((bytes) => [bytes]),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('append' as const),
      fc.array(size, { minLength: 2, maxLength: 4 }),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('fill' as const), fc.integer({ max: 900, min: 0 })),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constant('take' as const), fc.integer({ min: 1, max: 6_000 })),
  },
  // Cut short behind so many stores; there are four.
  { weight: 2, arbitrary: fc.tuple(fc.constant('grow' as const), fc.integer({ min: 1, max: 6 })) },
);
const position = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: FIRST_BYTES / UNIT_BYTES }),
  fc.integer({ min: 0, max: RING_BYTES / UNIT_BYTES }).map((units) => TWO_POW_32 - units),
);

/** One action; where it is cut short, what follows has to work all the same. */
function act(model: Model, [kind, argument]: Action, cutAt: number): void {
  let stores = 0;
  const behindStore = (): void => {
    stores++;
    model.checkSnapshot();
    if (stores === cutAt) throw new Cut();
  };
  if (kind === 'take') return void model.take(argument);
  try {
    atEachStore(behindStore, () => {
      if (kind === 'grow') model.grow();
      else if (kind === 'append') model.append(argument);
      else while (model.append([argument]));
    });
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
  }
}

describe('a ring that grows', () => {
  test('loses, moves and invents nothing, whatever is in it and wherever it ends', () => {
    const run = fc.property(position, fc.array(action, { maxLength: 60 }), (at, actions) => {
      const model = new Model(at);
      for (const step of actions) {
        act(model, step, step[0] === 'grow' ? step[1] : 0);
        model.checkSnapshot();
        model.checkUntouched();
      }
      model.drain();
    });
    fc.assert(run, { numRuns: 150 });
  });

  test('grows at each place of a lap, with each amount of frames outstanding', () => {
    for (let appended = 0; appended <= 64; appended += 3) {
      for (let released = 0; released <= appended; released += 3) {
        const model = new Model();
        for (let event = 0; event < appended; event++) model.appendGrowing([40]);
        for (let event = 0; event < released; event++) model.take(1);
        while (model.append([41]));
        assert.ok(model.grow());
        model.checkSnapshot();
        while (model.append([42]));
        model.checkSnapshot();
        model.checkUntouched();
        model.drain();
      }
    }
  });

  test('takes up to its bound while nothing is released, and then goes round all of it', () => {
    const model = new Model(TWO_POW_32 - 100);
    // Half a lap first, so that what waits goes round the end of the first ring.
    for (let event = 0; event < 90; event++) {
      model.appendGrowing([16]);
      model.take(1);
    }
    let events = 0;
    do while (model.append([1_000])) events++;
    while (model.grow());
    assert.equal(model.capacityBytes, RING_BYTES);
    // Less than an event is left of the first ring when it grew, and of the last one.
    assert.ok(events * spanOf(1_000) > RING_BYTES - 2 * FIRST_BYTES, `${events} events`);
    model.checkSnapshot();
    for (let lap = 0; lap < 5; lap++) {
      assert.ok(model.take(RING_BYTES));
      while (model.append([500]));
      model.checkSnapshot();
    }
    model.drain();
    assert.equal(geometryOf(model.memory)?.isSettled, true, 'it has gone round');
  });

  test('goes back to its start only when all is written that stood there before it grew', () => {
    for (let released = 0; released <= 100; released++) {
      const model = new Model();
      // What waits goes round the end of the first ring.
      for (let event = 0; event < 70; event++) {
        model.appendGrowing([16]);
        if (event < 30) model.take(1);
      }
      while (model.append([16]));
      assert.ok(model.grow());
      while (model.append([16]));
      for (let event = 0; event < released; event++) model.take(1);
      while (model.append([16]));
      model.checkSnapshot();
      model.drain();
    }
  });

  test('takes an event that was longer than all of it', () => {
    const model = new Model();
    model.append([100]);
    assert.equal(model.append([3 * FIRST_BYTES]), false);
    model.appendGrowing([3 * FIRST_BYTES]);
    model.checkSnapshot();
    model.drain();
  });

  test('a position counts for 32 GiB, long behind the place where the ring grew', () => {
    const model = new Model();
    while (model.append([1_000]));
    model.grow();
    while (model.append([1_000]));
    model.drain();
    model.append([1]);
    model.drain();
    const { words, control } = model.memory;
    const before = geometryOf(model.memory) as RingGeometry;
    assert.ok(before.isSettled);
    for (const ahead of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 3]) {
      const later = (Atomics.load(words, control.appended) + ahead) | 0;
      const offset = before.offsetOf(later);
      const expected = (((later - before.base) >>> 0) * UNIT_BYTES) % before.capacityBytes;
      assert.equal(offset, expected);
    }
  });

  test('what the consumer has gathered stays where it is while the ring grows', () => {
    const model = new Model();
    while (model.append([1_000]));
    assert.ok(model.consumer.gather(1, LIMIT_BYTES));
    const { offset, bytes } = model.consumer.run;
    const copy = model.memory.ring(RING_BYTES).bytes.slice(offset, offset + bytes);
    model.grow();
    while (model.append([1_000]));
    assert.deepEqual(model.memory.ring(RING_BYTES).bytes.slice(offset, offset + bytes), copy);
    model.drain();
  });
});

describe('a geometry that nobody published', () => {
  const KIB4 = 12;
  const FORGED: readonly (readonly [string, readonly number[]])[] = [
    ['smaller than a page', [11, 0, 0]],
    ['larger than its section', [17, 0, 0]],
    ['2^31 bytes large', [31, 0, 0]],
    ['2^255 bytes large', [255, 0, 0]],
    ['negative', [-1, 0, 0]],
    ['grown from one that was as large', [KIB4 | (KIB4 << 8), 0, 0]],
    ['grown from one that was larger', [KIB4 | (13 << 8), 0, 0]],
    ['grown from nothing', [13 | (1 << 8), 0, 0]],
    ['with more sizes than there are', [13 | (KIB4 << 8) | (1 << 16), 0, 0]],
    ['without a size, and with a base', [0, 1, 0]],
    ['not grown, with an earlier base', [KIB4, 0, 1]],
  ];
  for (const [what, words] of FORGED) {
    test(`${what}: told by the snapshot, refused by the consumer`, () => {
      const model = new Model();
      model.append([10]);
      const slot = model.memory.control.geometry + 2;
      const counter = Atomics.load(model.memory.words, model.memory.control.geometry);
      words.forEach((word, index) => {
        model.memory.words[slot + ((counter + 1) & 1) * 6 + index] = word;
      });
      Atomics.add(model.memory.words, model.memory.control.geometry, 1);
      assert.equal(geometryOf(model.memory), undefined);
      const unread = unreadEvents(model.memory);
      assert.ok(unread !== undefined && 'defect' in unread);
      assert.match(unread.defect, /size of the ring/);
      assert.throws(() => model.take(1), /geometry is not valid/);
      assert.throws(() => new RingConsumer(model.memory, 1), RangeError);
    });
  }

  test('one that is well-formed and wrong finds frames that are none', () => {
    for (const wrong of [new RingGeometry(8 * KIB, 5), new RingGeometry(8 * KIB, 9, 4 * KIB, 3)]) {
      const model = new Model();
      for (let event = 0; event < 20; event++) model.append([10]);
      publishGeometry(model.memory, wrong);
      const unread = unreadEvents(model.memory);
      assert.ok(unread !== undefined && 'defect' in unread);
    }
  });

  test('none at all: the ring is whole from the start', () => {
    const memory = ringOfSections(
      new Uint8Array(RingControlLayout.size),
      new Uint8Array(RING_BYTES),
    );
    assert.equal(geometryOf(memory)?.capacityBytes, RING_BYTES);
  });
});
