// A payload is what the engine knows of it, and it is taken exactly or refused with a code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import { Worker } from 'node:worker_threads';
import { Wal, WalError } from '../../src/index.js';
import { onBothAdapters } from '../support/adapters.js';
import { settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { contentOf } from '../support/log-content.js';

const bytesOf = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(7);

function ownProperty<Value extends object>(object: Value, name: string, value: unknown): Value {
  return Object.defineProperty(object, name, { value });
}

class Claiming extends Uint8Array {
  override get length(): number {
    return 1_000;
  }
}

class Throwing extends Uint8Array {
  override get length(): number {
    throw new Error('nobody asks for this');
  }
}

const sound: readonly (readonly [name: string, make: () => Uint8Array, byteCount: number])[] = [
  ['a subclass that claims more', () => new Claiming(10).fill(7), 10],
  ['a subclass whose length throws', () => new Throwing(10).fill(7), 10],
  ['an own length that is less', () => ownProperty(bytesOf(100), 'length', 3), 100],
  ['an own length that is more', () => ownProperty(bytesOf(3), 'length', 100), 3],
  ['a Buffer with an own length', () => ownProperty(Buffer.alloc(100, 7), 'length', 3), 100],
  ['own byteLength and byteOffset', () => ownProperty(bytesOf(9), 'byteLength', 99), 9],
  ['an array of another realm', () => vm.runInNewContext('new Uint8Array(5).fill(7)'), 5],
  ['no prototype', () => Object.setPrototypeOf(bytesOf(6), null), 6],
  ['the end of a buffer', () => bytesOf(50).subarray(13), 37],
  ['shared memory', () => new Uint8Array(new SharedArrayBuffer(12)).fill(7), 12],
  ['nothing', () => new Uint8Array(0), 0],
];

function detached(length = 8): Uint8Array {
  const view = bytesOf(length);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

/** Ends before the view begins. */
function shrunk(): Uint8Array {
  const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [100, { maxByteLength: 100 }]);
  const view = new Uint8Array(buffer, 50, 50);
  Reflect.apply(Reflect.get(buffer, 'resize'), buffer, [10]);
  return view;
}

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};

const unsound: readonly (readonly [name: string, make: () => unknown])[] = [
  ['a detached view', detached],
  ['a detached view of nothing', () => detached(0)],
  ['a view whose buffer was shrunk', shrunk],
  ['a proxy', () => new Proxy(bytesOf(3), {})],
  ['a revoked proxy', revoked],
  ['what only inherits', () => Object.create(Uint8Array.prototype)],
  ['bytes of another kind', () => new Uint8ClampedArray(3)],
  ['an array', () => [1, 2, 3]],
  ['nothing at all', () => undefined],
];

const refused = (error: unknown): boolean =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_INVALID_ARGUMENT';

onBothAdapters('payloads are taken as the engine knows them, or refused', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, v.options);
  const lengths: number[] = [];
  for (const [, make, byteCount] of sound) {
    wal.append(make());
    wal.tryAppend(make());
    wal.appendBatch([make(), make()]);
    lengths.push(byteCount, byteCount, byteCount, byteCount);
  }
  for (const [name, make] of unsound) {
    const before = wal.lastEventId;
    const payload = make() as Uint8Array;
    assert.throws(() => wal.append(payload), refused, name);
    assert.throws(() => wal.tryAppend(payload), refused, name);
    assert.throws(() => wal.appendBatch([bytesOf(8), payload]), refused, name);
    assert.throws(() => wal.appendBatch(payload as unknown as Uint8Array[]), refused, name);
    assert.equal(wal.lastEventId, before, name);
    assert.equal(await settles('durable()', wal.durable()), before);
  }
  await wal.close();
  const payloads = contentOf(directory).map(({ payload }) => payload);
  assert.deepEqual(
    payloads.map(({ length }) => length),
    lengths,
  );
  for (const [index, payload] of payloads.entries()) {
    const isZero = index >= payloads.length - 8 && index < payloads.length - 4;
    assert.ok(isZero || payload.every((byte) => byte === 7), `${index}`);
  }
});

test('each element of a batch is read once, before anything is appended', async (t) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { sharedMemory: 'off' });
  const first = bytesOf(8);
  let reads = 0;
  const batch = [first, first, first];
  Object.defineProperty(batch, 1, {
    get() {
      reads++;
      // A batch within a batch, and an event: appended before this one.
      wal.appendBatch([bytesOf(1), bytesOf(2)]);
      wal.append(bytesOf(3));
      return bytesOf(4);
    },
  });
  batch[Symbol.iterator] = () => assert.fail('an iterator of its own is not asked');
  assert.equal(wal.appendBatch(batch), 4);
  assert.equal(reads, 1);

  const given = bytesOf(16);
  const giving = [given, given];
  Object.defineProperty(giving, 1, {
    get() {
      structuredClone(given.buffer, { transfer: [given.buffer] });
      return bytesOf(1);
    },
  });
  assert.throws(() => wal.appendBatch(giving), refused);
  const holes = new Array<Uint8Array>(3);
  assert.throws(() => wal.appendBatch(holes), refused);
  await wal.close();
  const lengths = contentOf(directory).map(({ payload }) => payload.length);
  assert.deepEqual(lengths, [1, 2, 3, 8, 4, 8]);
});

const GROWS = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ buffer, words }) => {
  parentPort.postMessage('ready');
  Atomics.wait(words, 0, 0);
  for (let length = 24; length <= 8000; length += 8) buffer.grow(length);
  Atomics.store(words, 1, 1);
});`;

test('a payload that another thread makes longer meanwhile is taken as it was', async (t) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { sharedMemory: 'off', ringBytes: 65_536 });
  const worker = new Worker(GROWS, { eval: true });
  t.after(() => worker.terminate());
  for (let round = 0; round < 100; round++) {
    // Short ones are copied in another way.
    const buffer: SharedArrayBuffer = Reflect.construct(SharedArrayBuffer, [
      round % 2 === 0 ? 8 : 24,
      { maxByteLength: 8_000 },
    ]);
    const words = new Int32Array(new SharedArrayBuffer(8));
    const ready = new Promise((resolve) => worker.once('message', resolve));
    worker.postMessage({ buffer, words });
    await ready;
    const view = new Uint8Array(buffer);
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
    do wal.append(view);
    while (Atomics.load(words, 1) === 0);
    await wal.durable();
  }
  assert.equal(wal.state, 'open');
  const { lastEventId } = wal;
  await wal.close();
  assert.equal(contentOf(directory).length, lastEventId);
});
