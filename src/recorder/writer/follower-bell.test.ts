// Both sides of the bell that wakes followers, with the writer's steps between any two calls of a
// follower's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench } from '../../../test/support/writer-bench.js';
import { WalError } from '../../errors.js';
import type { BellFor } from '../../judgement/bell.js';
import { type BellRegion, RegionBell } from '../../judgement/region-bell.js';
import { publishNumber, publishWords } from '../../memory/sequence-latch.js';
import { RingConsumer } from '../../ring/ring-consumer.js';
import { RINGS_MAX, RingControlLayout } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { durablePointOf, ringOfSections } from '../../ring/ring-snapshot.js';
import { FollowerBell } from './follower-bell.js';

/** A control section as others have it, by calls, and as the writer thread has it. */
class Shared {
  readonly memory: RingMemory;
  /** How often the writer thread rang. */
  rings = 0;
  onRing = (): void => {};
  failsToRing = false;
  isLive = true;
  /** Comes before each call of a follower. */
  beforeCall = (): void => {};
  readonly #bytes: Uint8Array;

  constructor(memory: RingMemory) {
    this.#bytes = new Uint8Array(memory.words.buffer);
    this.memory = {
      ...memory,
      writeThrough: (word, value) => {
        if (this.failsToRing) throw Object.assign(new Error('EIO: write'), { code: 'EIO' });
        this.rings++;
        memory.words[word] = value[0] as number;
        this.onRing();
        return true;
      },
    };
  }

  get region(): BellRegion {
    const call = (at: number, length: number): Uint8Array => {
      this.beforeCall();
      return this.#bytes.subarray(at, at + length);
    };
    const isLive = (): boolean => this.isLive;
    return {
      get isLive() {
        return isLive();
      },
      close: () => {},
      file: {
        readSectionInto: (_name, at, bytes, length) => bytes.set(call(at, length)),
        readLatch: (_name, at) => new Int32Array(Uint8Array.from(call(at, 64)).buffer),
        writeSection: (_name, at, { buffer }) => call(at, 4).set(new Uint8Array(buffer)),
      },
    };
  }
}

const newShared = (): Shared =>
  new Shared(ringOfSections(new Uint8Array(RingControlLayout.size), new Uint8Array(4096)));

const WISHES = { durable: 'durableRings', written: 'writtenRings' } as const;

/** What a writer does for one more event, step by step. */
function stepsTo(shared: Shared, bell: FollowerBell, kind: BellFor, eventId: number) {
  const { words, control } = shared.memory;
  return kind === 'durable'
    ? [
        () => publishWords(words, control.durablePoint, new Int32Array([1, 4096, eventId, 0])),
        () => bell.onDurable(),
      ]
    : [() => publishNumber(words, control.writtenEventId, eventId), () => bell.onWritten()];
}

for (const kind of ['durable', 'written'] as const) {
  test(`whatever the writer does between which calls, a ${kind} event is seen or rung for`, () => {
    const outcomes = new Set<string>();
    // Before which calls each of the steps of two commits is done, in their order.
    const CALLS = 5;
    for (const wish of [0, 1, 2, RINGS_MAX, RINGS_MAX + 1, -1, 0x7fff_ffff]) {
      for (let a = 0; a <= CALLS; a++)
        for (let b = a; b <= CALLS; b++)
          for (let c = b; c <= CALLS; c++)
            for (let d = c; d <= CALLS; d++) {
              const shared = newShared();
              const bell = new FollowerBell(shared.memory);
              bell.hang();
              shared.rings = 0;
              const { words, control } = shared.memory;
              words[control[WISHES[kind]]] = wish;
              const first = stepsTo(shared, bell, kind, 1);
              const steps = [...first, ...stepsTo(shared, bell, kind, 2)];
              const times = [a, b, c, d];
              let done = 0;
              let calls = 0;
              const advance = (): void => {
                while (done < steps.length && (times[done] ?? 0) <= calls) steps[done++]?.();
                calls++;
              };
              shared.beforeCall = advance;
              const seen = new RegionBell(shared.region, kind).listen();
              const isSeen = seen === 2;
              shared.beforeCall = () => {};
              calls = CALLS;
              advance();
              assert.equal(done, steps.length);
              const isRung = shared.rings > 0;
              assert.ok(isSeen || isRung, `wish ${wish}, steps at ${times}: slept over event 2`);
              outcomes.add(`${isSeen} ${isRung}`);
            }
    }
    assert.equal(outcomes.size, 3, 'seen, rung for, and both were met');
  });
}

test('who rings has published before', () => {
  const bench = new Bench();
  const told: number[] = [];
  const shared = new Shared(bench.memory);
  Object.assign(bench.memory, { writeThrough: shared.memory.writeThrough });
  bench.writer.attach(bench.memory, new RingConsumer(bench.memory, 1));
  shared.onRing = () => told.push(durablePointOf(bench.memory).lastEventId);
  const bell = new RegionBell(shared.region, 'durable');
  for (let event = 1; event <= 3; event++) {
    assert.equal(bell.listen(), event - 1);
    bench.signals.requestDurable(bench.append());
    bench.rest();
  }
  assert.deepEqual(told, [1, 2, 3]);
});

test('nobody rings where nobody listens, nor for ever for one that was killed', () => {
  const shared = newShared();
  const bell = new FollowerBell(shared.memory);
  bell.hang();
  shared.rings = 0;
  const commit = (): void => {
    bell.onWritten();
    bell.onDurable();
  };
  for (let count = 0; count < 100; count++) commit();
  assert.equal(shared.rings, 0);
  new RegionBell(shared.region, 'durable').listen();
  for (let count = 0; count < 100; count++) commit();
  assert.equal(shared.rings, RINGS_MAX);
});

test('a wish that makes no sense costs one ring', () => {
  for (const wish of [-1, RINGS_MAX + 1, 0x7fff_ffff, -0x8000_0000]) {
    const shared = newShared();
    const bell = new FollowerBell(shared.memory);
    bell.hang();
    shared.rings = 0;
    shared.memory.words[shared.memory.control.durableRings] = wish;
    for (let count = 0; count < 100; count++) bell.onDurable();
    assert.equal(shared.rings, 1, `wish ${wish}`);
  }
});

test('a writer that cannot ring says so, and goes on', () => {
  const shared = newShared();
  const bell = new FollowerBell(shared.memory);
  assert.equal(new RegionBell(shared.region, 'durable').listen(), undefined, 'no bell hangs yet');
  bell.hang();
  assert.equal(new RegionBell(shared.region, 'durable').listen(), 0);
  shared.failsToRing = true;
  bell.onDurable();
  assert.equal(new RegionBell(shared.region, 'durable').listen(), undefined);
  shared.failsToRing = false;
  shared.rings = 0;
  bell.onDurable();
  assert.equal(shared.rings, 0, 'nobody listens to it any more');
});

test('a region that was cut short rings no more; a fault of our own is not taken for that', () => {
  const shared = newShared();
  new FollowerBell(shared.memory).hang();
  const bell = new RegionBell(shared.region, 'durable');
  shared.beforeCall = () => {
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', 'it ended while it was read');
  };
  assert.equal(bell.listen(), undefined);
  shared.beforeCall = () => {
    throw new TypeError('a fault');
  };
  assert.throws(() => bell.listen(), TypeError);
});

test('a region without a name rings no more', () => {
  const shared = newShared();
  new FollowerBell(shared.memory).hang();
  const bell = new RegionBell(shared.region, 'durable');
  assert.equal(bell.listen(), 0);
  shared.isLive = false;
  assert.equal(bell.listen(), undefined);
});
