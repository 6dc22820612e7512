// Producer and consumer against a plain queue, for every size, batch and progress.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { fc } from '../../test/support/properties.js';
import { Counter64, readValue } from '../metrics/counter64.js';
import {
  decodeFrame,
  FRAME_HEADER_BYTES,
  FrameKind,
  frameSpan,
  MAX_EVENT_ID,
  walkFrames,
} from '../segment/frame.js';
import { KIB, TWO_POW_32 } from '../units.js';
import { RingConsumer } from './ring-consumer.js';
import { RingControlLayout, UNIT_BYTES } from './ring-control.js';
import { type RingMemory, ringMemory } from './ring-memory.js';
import { RingProducer } from './ring-producer.js';
import { ringOfSections } from './ring-snapshot.js';

const RING_BYTES = 64 * KIB;
/** What a ring of this size takes: a quarter of it, less the headers of frame and block. */
const LARGEST_PAYLOAD = RING_BYTES / 4 - 88;
const LIMIT_BYTES = 1024 * KIB;

interface Event {
  readonly eventId: number;
  readonly kind: number;
  readonly type: number;
  readonly timestampNs: bigint;
  readonly payload: Buffer;
}

/** A ring whose bytes are dirty, so that nothing is zero by luck; both positions at `position`. */
function dirtyRing(position = 0): RingMemory {
  const memory = ringOfSections(
    new Uint8Array(RingControlLayout.size),
    new Uint8Array(RING_BYTES).fill(0xff),
  );
  Atomics.store(memory.words, memory.control.appended, position | 0);
  Atomics.store(memory.words, memory.control.written, position | 0);
  return memory;
}

const spanOf = (payloadBytes: number): number => frameSpan(FRAME_HEADER_BYTES + payloadBytes);

/** The application's side of a ring, with what it appended and nobody released yet. */
class Model {
  readonly memory: RingMemory;
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  readonly queue: Event[] = [];
  released = 0;
  #nextId: number;
  readonly #firstId: number;
  readonly #counter = { words: new Uint32Array(Counter64.size), at: 0 };

  constructor(position = 0, firstEventId = 1) {
    this.memory = dirtyRing(position);
    this.producer = new RingProducer(this.memory, firstEventId, this.#counter);
    this.consumer = new RingConsumer(this.memory, firstEventId);
    this.#nextId = firstEventId;
    this.#firstId = firstEventId;
  }

  /** Appends a batch, or a single event; false when the ring has no room for it. */
  append(sizes: readonly number[]): boolean {
    const span = sizes.reduce((sum, bytes) => sum + spanOf(bytes), 0);
    const [payloadBytes = 0] = sizes;
    // Every other event that is alone goes the short way.
    if (sizes.length === 1 && this.#nextId % 2 === 0) {
      const { eventId, type, payload, low, high } = this.#make(FrameKind.event, payloadBytes);
      const id = this.producer.append(payload, payload.length, type, low, high);
      if (id === 0) this.#unmake();
      else assert.equal(id, eventId);
      return this.#wasTaken(id !== 0, span);
    }
    if (!this.producer.reserve(span)) return this.#wasTaken(false, span);
    sizes.forEach((size, index) => {
      const kind = index === sizes.length - 1 ? FrameKind.event : FrameKind.continued;
      this.#put(kind, size);
    });
    this.producer.publish();
    return this.#wasTaken(true, span);
  }

  #wasTaken(isTaken: boolean, span: number): boolean {
    if (!isTaken) {
      // Refused only where the piece, placed at either side of the ring's end, cannot be had.
      const free = RING_BYTES - this.producer.waitingBytes;
      assert.ok(free < 2 * span, `${span} bytes refused with ${free} free`);
    }
    assert.equal(this.producer.lastEventId, this.#nextId - 1);
    assert.equal(readValue(this.#counter.words, 0), this.#nextId - this.#firstId);
    return isTaken;
  }

  #put(kind: number, payloadBytes: number): void {
    const { eventId, type, payload, low, high } = this.#make(kind, payloadBytes);
    assert.equal(this.producer.put(payload, payload.length, kind, type, low, high), eventId);
  }

  /** The next event, which is expected from here on. */
  #make(kind: number, payloadBytes: number): Event & { low: number; high: number } {
    const eventId = this.#nextId++;
    const type = (eventId * 31) & 0xffff;
    const payload = Buffer.alloc(payloadBytes, (eventId % 255) + 1);
    const timestampNs = 1_700_000_000_000_000_000n + BigInt(eventId);
    const low = Number(timestampNs & 0xffff_ffffn);
    const high = Number(timestampNs >> 32n);
    const event = { eventId, kind, type, timestampNs, payload };
    this.queue.push(event);
    return { ...event, low, high };
  }

  #unmake(): void {
    this.queue.pop();
    this.#nextId--;
  }

  /** What was appended without the model: an event of `payloadBytes` bytes of `fill`. */
  expect(payloadBytes: number, fill: number): void {
    const payload = Buffer.alloc(payloadBytes, fill);
    const eventId = this.#nextId++;
    this.queue.push({ eventId, kind: FrameKind.event, type: 0, timestampNs: 0n, payload });
  }

  /** Takes one run and compares it with the queue; false when there was none. */
  take(targetBytes: number): boolean {
    const { consumer, queue } = this;
    if (!consumer.gather(targetBytes, LIMIT_BYTES)) {
      assert.equal(queue.length, 0, 'the ring tells empty and is not');
      assert.ok(consumer.isEmpty);
      return false;
    }
    const { offset, bytes, firstEventId, eventCount } = consumer.run;
    assert.ok(offset % UNIT_BYTES === 0 && offset + bytes <= RING_BYTES, 'a run is one piece');
    const defect = walkFrames(consumer.bytes, offset, offset + bytes, firstEventId, eventCount);
    assert.equal(defect, undefined);
    const expected = queue.splice(0, eventCount);
    assert.deepEqual(eventsIn(consumer.bytes, offset, bytes), expected);
    assert.equal(expected[0]?.eventId, firstEventId);
    this.#checkSize(expected, bytes, targetBytes);
    this.#checkTimestamps(expected);
    consumer.release();
    this.released += eventCount;
    return true;
  }

  #checkSize(events: readonly Event[], bytes: number, targetBytes: number): void {
    assert.equal(events.at(-1)?.kind, FrameKind.event, 'a run ends with the end of a batch');
    const batches = events.filter(({ kind }) => kind === FrameKind.event).length;
    assert.ok(bytes <= targetBytes || batches === 1, `${bytes} bytes, target ${targetBytes}`);
  }

  #checkTimestamps(events: readonly Event[]): void {
    const { run } = this.consumer;
    const first = BigInt(run.firstTimestampHigh) * 2n ** 32n + BigInt(run.firstTimestampLow);
    const last = BigInt(run.lastTimestampHigh) * 2n ** 32n + BigInt(run.lastTimestampLow);
    assert.equal(first, events[0]?.timestampNs);
    assert.equal(last, events.at(-1)?.timestampNs);
  }

  drain(): void {
    while (this.take(16 * KIB));
    assert.equal(this.producer.waitingBytes, 0);
    assert.equal(this.consumer.waitingBytes, 0);
  }
}

function eventsIn(bytes: Uint8Array, offset: number, byteCount: number): Event[] {
  const events: Event[] = [];
  for (let at = offset; at < offset + byteCount; ) {
    const { payloadOffset, payloadBytes, ...fields } = decodeFrame(bytes, at);
    const payload = Buffer.from(bytes.subarray(payloadOffset, payloadOffset + payloadBytes));
    events.push({ ...fields, payload });
    at += spanOf(payloadBytes);
  }
  return events;
}

const sizes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 64 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 5, 7, 8, LARGEST_PAYLOAD) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: LARGEST_PAYLOAD }) },
);
const batches = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 2, maxLength: 5 });
type Action = readonly [kind: 'append', sizes: number[]] | readonly [kind: 'take', target: number];
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant('append' as const),
      sizes.map((size) => [size]),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('append' as const), batches) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('take' as const), fc.integer({ min: 1, max: 40_000 })),
  },
);
/** Bytes that a payload has by now, and those that it had when room was made for it. */
const GROWING: readonly (readonly [grown: number, had: number])[] = [8, 12, 24, 1_000, RING_BYTES]
  .flatMap((grown) => [5, 17, 21].map((had) => [grown, had] as const))
  .filter(([grown, had]) => grown > had);
const RING_UNITS = RING_BYTES / UNIT_BYTES;
const positions = fc.oneof(
  fc.constant(0),
  // The last lap before the positions start over at 2^32.
  fc.integer({ min: 0, max: RING_UNITS }).map((units) => TWO_POW_32 - units),
  fc.integer({ min: 0, max: TWO_POW_32 - 1 }),
);
const firstIds = fc.constantFrom(1, TWO_POW_32 - 3, 2 ** 52);

describe('the ring', () => {
  test('gives back what went in, in order, in whole batches, wherever it stands', () => {
    fc.assert(
      fc.property(
        positions,
        firstIds,
        fc.array(action, { maxLength: 120 }),
        (position, firstEventId, actions) => {
          const model = new Model(position, firstEventId);
          for (const [kind, argument] of actions) {
            if (kind === 'take') model.take(argument);
            else model.append(argument);
          }
          model.drain();
        },
      ),
      { numRuns: 150 },
    );
  });

  test('goes round and round with every remainder at its end', () => {
    // 41 bytes and 65,536 share no divisor: the padding takes every length that it can.
    const model = new Model(TWO_POW_32 - 3 * RING_UNITS);
    let events = 0;
    while (events < 40_000) {
      while (model.append([41 + (events % 97)])) events++;
      model.take(20_000);
    }
    model.drain();
    assert.equal(model.released, events);
  });

  test('takes the largest event whenever it is empty, wherever it stands', () => {
    for (let units = 0; units < RING_UNITS; units += 61) {
      const model = new Model(units);
      assert.ok(model.append([LARGEST_PAYLOAD]), `at ${units}`);
      model.drain();
    }
  });

  test('full: refuses without a trace, and takes again what was released', () => {
    const model = new Model();
    let events = 0;
    while (model.append([1000])) events++;
    assert.equal(events, Math.floor(RING_BYTES / spanOf(1000)));
    const { appended } = model.memory.control;
    const before = Atomics.load(model.memory.words, appended);
    for (let attempt = 0; attempt < 3; attempt++) assert.equal(model.append([1000]), false);
    assert.equal(Atomics.load(model.memory.words, appended), before);
    model.take(1);
    assert.ok(model.append([1000]));
    model.drain();
    assert.equal(model.released, events + 1);
  });

  test('padding counts: what fits only without it is refused, and nothing unread is touched', () => {
    for (let unread = 8; unread <= 120; unread += 8) {
      for (let untilEnd = 24; untilEnd <= 120; untilEnd += 8) {
        // Free are the last `untilEnd` bytes and those before `unread`, where the next run begins.
        const model = new Model(unread / UNIT_BYTES);
        let left = RING_BYTES - untilEnd - unread;
        for (; left > 16_000; left -= 8_000) model.append([8_000 - FRAME_HEADER_BYTES]);
        assert.ok(model.append([left - FRAME_HEADER_BYTES]));
        for (let span = unread + untilEnd; span >= 24; span -= 8) {
          const fits = span <= untilEnd || span <= unread;
          if (!fits) assert.equal(model.append([span - FRAME_HEADER_BYTES]), false);
        }
        model.append([Math.max(unread, untilEnd) - FRAME_HEADER_BYTES]);
        model.drain();
      }
    }
  });

  test('can be filled to the last byte', () => {
    const model = new Model();
    const span = RING_BYTES / 64;
    for (let event = 0; event < 64; event++) assert.ok(model.append([span - FRAME_HEADER_BYTES]));
    assert.equal(model.consumer.waitingBytes, RING_BYTES);
    assert.equal(model.append([0]), false);
    model.drain();
  });

  test('lays a batch in one piece: the end of the ring is padded over, not split', () => {
    const model = new Model();
    while (RING_BYTES - model.producer.waitingBytes > 5_000) assert.ok(model.append([976]));
    model.drain();
    assert.ok(model.append([1_000, 2_000, 3_000]));
    assert.ok(model.consumer.gather(1, LIMIT_BYTES));
    assert.equal(model.consumer.run.offset, 0);
    assert.equal(model.consumer.run.eventCount, 3);
  });

  test('what is put and not published is not there', () => {
    const model = new Model();
    assert.ok(model.producer.reserve(spanOf(8)));
    model.producer.put(new Uint8Array(8), 8, FrameKind.event, 0, 0, 0);
    assert.ok(model.consumer.isEmpty);
    assert.equal(model.consumer.gather(100, LIMIT_BYTES), false);
    model.producer.publish();
    assert.ok(model.consumer.gather(100, LIMIT_BYTES));
  });

  test('what was put and not published is forgotten, padding too', () => {
    const model = new Model();
    for (let lap = 0; lap < 3; lap++) {
      while (RING_BYTES - model.producer.waitingBytes > 5_000) {
        assert.ok(model.producer.reserve(3 * spanOf(1_000)));
        model.producer.put(Buffer.alloc(1_000, 0xee), 1_000, FrameKind.continued, 0, 0, 0);
        if (model.producer.reserve(4_000)) model.append([900, 60]);
      }
      model.drain();
    }
    assert.ok(model.released > 100);
  });

  test('a publication that was cut short behind its store is caught up with', () => {
    const model = new Model();
    model.append([10]);
    const { words, control } = model.memory;
    const before = Atomics.load(words, control.appended);
    assert.ok(model.producer.reserve(spanOf(20)));
    assert.equal(model.producer.put(new Uint8Array(20), 20, FrameKind.event, 0, 0, 0), 2);
    // All that `publish` did before it was cut short.
    Atomics.store(words, control.appended, before + spanOf(20) / UNIT_BYTES);
    assert.equal(model.producer.lastEventId, 2);
    assert.ok(model.producer.reserve(spanOf(30)));
    assert.equal(model.producer.put(new Uint8Array(30), 30, FrameKind.event, 0, 0, 0), 3);
    model.producer.publish();
    assert.ok(model.consumer.gather(1_000, LIMIT_BYTES));
    assert.equal(model.consumer.run.eventCount, 3);
  });

  test('and so it is by an append that takes the short way', () => {
    const model = new Model();
    model.append([10]);
    model.append([10]);
    const { words, control } = model.memory;
    const before = Atomics.load(words, control.appended);
    assert.ok(model.producer.reserve(spanOf(20)));
    assert.equal(model.producer.put(new Uint8Array(20), 20, FrameKind.event, 0, 0, 0), 3);
    Atomics.store(words, control.appended, before + spanOf(20) / UNIT_BYTES);
    assert.equal(model.producer.append(new Uint8Array(30), 30, 0, 0, 0), 4);
    assert.ok(model.consumer.gather(1_000, LIMIT_BYTES));
    assert.equal(model.consumer.run.eventCount, 4);
  });

  test('what is written in place is there once it is published, with zeros behind it', () => {
    const model = new Model();
    for (let payloadBytes = 0; payloadBytes <= 40; payloadBytes++) {
      const { producer, consumer, memory } = model;
      assert.ok(producer.reserve(spanOf(payloadBytes)));
      const start = producer.begin(payloadBytes, FrameKind.event, 0, 0, 0);
      memory.ring(RING_BYTES).bytes.fill(0x22, start, start + payloadBytes);
      assert.ok(consumer.isEmpty, 'before it is published nobody sees it');
      producer.publish();
      model.expect(payloadBytes, 0x22);
      model.take(1);
    }
  });

  test('a payload that is longer by now gives the bytes that it had, and nothing unread is touched', () => {
    for (const [grown, payloadBytes] of GROWING) {
      const model = new Model();
      // Where 700 bytes were is no room for 1,000.
      const sizes = [700, ...Array.from({ length: 30 }, () => 1_000)];
      for (const size of sizes) assert.ok(model.append([size]));
      for (let event = 0; event < 31; event++) model.take(1);
      while (model.append([1_000]));
      const before = model.queue.length;
      const payload = new Uint8Array(grown).fill(0x11);
      while (model.producer.reserve(spanOf(payloadBytes))) {
        model.producer.put(payload, payloadBytes, FrameKind.event, 0, 0, 0);
        model.producer.publish();
        model.expect(payloadBytes, 0x11);
        if (model.producer.append(payload, payloadBytes, 0, 0, 0) === 0) break;
        model.expect(payloadBytes, 0x11);
      }
      assert.ok(model.queue.length - before > 4, `${model.queue.length} events`);
      model.drain();
    }
  });

  test('spare bytes behind a payload are zero although the ring is dirty', () => {
    for (let payloadBytes = 0; payloadBytes <= 17; payloadBytes++) {
      const model = new Model();
      model.append([payloadBytes]);
      const end = FRAME_HEADER_BYTES + payloadBytes;
      const spare = model.memory.ring(RING_BYTES).bytes.subarray(end, spanOf(payloadBytes));
      assert.ok(
        spare.every((byte) => byte === 0),
        `behind ${payloadBytes} bytes`,
      );
      assert.equal(
        model.memory.ring(RING_BYTES).bytes[spanOf(payloadBytes)],
        0xff,
        'and not one byte more',
      );
    }
  });

  test('ids end before 2^53: the last ones are refused, not wrapped', () => {
    const model = new Model(0, MAX_EVENT_ID - 2 * RING_BYTES);
    assert.throws(
      () => {
        for (;;) {
          while (model.append([0]));
          model.drain();
        }
      },
      { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' },
    );
    model.drain();
    assert.ok(model.producer.lastEventId <= MAX_EVENT_ID);
  });

  test('a new producer and consumer go on where the words stand', () => {
    const model = new Model(123);
    model.append([10]);
    model.append([20]);
    model.take(1);
    const producer = new RingProducer(model.memory, 3);
    const consumer = new RingConsumer(model.memory, 2);
    assert.ok(producer.reserve(spanOf(30)));
    producer.put(new Uint8Array(30), 30, FrameKind.event, 0, 0, 0);
    producer.publish();
    assert.ok(consumer.gather(1_000, LIMIT_BYTES));
    assert.deepEqual([consumer.run.firstEventId, consumer.run.eventCount], [2, 2]);
  });
});

test('between two threads nothing is lost, doubled or torn', async () => {
  const EVENTS = 100_000;
  const buffer = new SharedArrayBuffer(RingControlLayout.size + RING_BYTES);
  const words = new Int32Array(buffer, 0, RingControlLayout.size / 4);
  const ring = new Uint8Array(buffer, RingControlLayout.size);
  const memory = ringMemory(words, 0, RING_BYTES, () => ring);
  const at = (module: string): string => JSON.stringify(new URL(module, import.meta.url).href);
  const worker = new Worker(
    `Promise.all([import(${at('./ring-memory.js')}), import(${at('./ring-consumer.js')}),
      import(${at('../segment/frame.js')})]).then(
      ([{ ringMemory }, { RingConsumer }, { walkFrames }]) => {
        const { parentPort, workerData } = require('node:worker_threads');
        const { words, ring, events } = workerData;
        const memory = ringMemory(words, 0, ring.length, () => ring);
        const consumer = new RingConsumer(memory, 1);
        let problem;
        for (let seen = 0; seen < events && problem === undefined; ) {
          if (!consumer.gather(4096, 1048576)) continue;
          const { offset, bytes, firstEventId, eventCount } = consumer.run;
          if (firstEventId !== seen + 1) problem = { message: 'event ' + firstEventId };
          problem ??= walkFrames(consumer.bytes, offset, offset + bytes, firstEventId, eventCount);
          for (let at = offset; at < offset + bytes && problem === undefined; ) {
            const view = new DataView(consumer.bytes.buffer, consumer.bytes.byteOffset);
            const length = view.getUint32(at, true);
            const id = consumer.bytes[at + 8];
            const payload = consumer.bytes.subarray(at + 24, at + length);
            if (!payload.every((byte) => byte === id)) problem = { message: 'payload at ' + at };
            at += (length + 7) & -8;
          }
          consumer.release();
          seen += eventCount;
        }
        parentPort.postMessage(problem);
      });`,
    { eval: true, workerData: { words, ring, events: EVENTS } },
  );
  const ended = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  try {
    const producer = new RingProducer(memory, 1);
    for (let eventId = 1; eventId <= EVENTS; eventId++) {
      const payloadBytes = eventId % 61;
      const payload = new Uint8Array(payloadBytes).fill(eventId);
      while (!producer.reserve(spanOf(payloadBytes))) await new Promise(setImmediate);
      producer.put(payload, payloadBytes, FrameKind.event, 0, 0, 0);
      producer.publish();
    }
    assert.equal(await ended, undefined);
  } finally {
    await worker.terminate();
  }
});
