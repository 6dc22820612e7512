// The engine may end a call of the application anywhere: at a time limit of vm, at the end of the
// stack. Then an append has appended all or nothing, and the log answers as before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import { replay, Wal } from '../../src/index.js';
import { onBothAdapters } from '../support/adapters.js';
import { settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';

const BATCH = 50;
const batch = Array.from({ length: BATCH }, (_, index) => new Uint8Array(16).fill(index));
const CUTS = 20;

/** Calls `step` until the engine has cut it short. */
type Cutter = (step: () => void) => void;

const byTimeLimit: Cutter = (step) => {
  const name = '__flashstrikeStep';
  Object.assign(globalThis, { [name]: step });
  try {
    const script = new vm.Script(`for (;;) ${name}();`);
    const cut = { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' };
    assert.throws(() => script.runInThisContext({ timeout: 1 }), cut);
  } finally {
    Reflect.deleteProperty(globalThis, name);
  }
};

/** Frames of the stack that are left when `step` is called first. */
const LAST_FRAMES = 400;

function depthOf(frames: number): number {
  try {
    return depthOf(frames + 1);
  } catch {
    return frames;
  }
}

const byStack: Cutter = (step) => {
  const from = Math.max(0, depthOf(0) - LAST_FRAMES);
  const deep = (frame: number): void => {
    if (frame > from) step();
    deep(frame + 1);
  };
  assert.throws(() => deep(0), RangeError);
};

/** The batches that a log holds: each is whole, or this fails. */
function assertWholeBatches(directory: string, lastEventId: number): void {
  let eventId = 0;
  for (const event of replay(directory)) {
    assert.equal(event.eventId, ++eventId);
    assert.equal(event.payload[0], (eventId - 1) % BATCH, `event ${eventId} is where it belongs`);
  }
  assert.equal(eventId, lastEventId);
  assert.equal(eventId % BATCH, 0);
}

for (const [name, cut] of [
  ['a time limit', byTimeLimit],
  ['the end of the stack', byStack],
] as const) {
  onBothAdapters(
    `batches that ${name} cuts short are in the log whole or not at all`,
    async (t, v) => {
      const directory = temporaryFolder(t);
      const wal = await Wal.open(directory, { ...v.options, stallTimeoutMs: 60_000 });
      let returned = 0;
      for (let count = 0; count < CUTS; count++) {
        cut(() => {
          returned = wal.appendBatch(batch) + BATCH - 1;
        });
        assert.ok(wal.lastEventId >= returned);
        assert.equal(wal.lastEventId % BATCH, 0);
        const { appendedEvents } = wal.telemetry.manager;
        assert.equal(appendedEvents, wal.lastEventId, 'the counter is the one of the ids');
        await settles('durable()', wal.durable());
      }
      await wal.close();
      assertWholeBatches(directory, wal.lastEventId);
    },
  );
}

test('durableSync() that is cut short leaves a log that answers', async (t) => {
  const wal = await Wal.open(temporaryFolder(t), { sharedMemory: 'off' });
  for (const cut of [byTimeLimit, byStack]) {
    for (let count = 0; count < CUTS; count++) {
      cut(() => {
        wal.appendBatch(batch);
        wal.durableSync();
      });
      assert.equal(wal.durableSync(), wal.lastEventId);
    }
  }
  await settles('a turn', new Promise(setImmediate));
  assert.equal(wal.telemetry.manager.durableWaitAge, 0);
  await wal.close();
});

test('durable() and close() that are cut short leave a log that answers', async (t) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { sharedMemory: 'off' });
  for (const cut of [byTimeLimit, byStack]) {
    for (let count = 0; count < CUTS; count++) {
      cut(() => {
        wal.appendBatch(batch);
        // A stack that ends within an asynchronous function rejects its promise.
        wal.durable().catch((error: unknown) => assert.ok(error instanceof RangeError));
      });
      assert.equal(await settles('durable()', wal.durable()), wal.lastEventId);
    }
  }
  byStack(() => void wal.close());
  await settles('close()', wal.close());
  assert.equal(wal.state, 'closed');
  assertWholeBatches(directory, wal.lastEventId);
});

test('one append in so many is timed also after one of them was cut short', async (t) => {
  const options = { sharedMemory: 'off', appendSampling: 2 } as const;
  const wal = await Wal.open(temporaryFolder(t), options);
  const payload = new Uint8Array(16);
  for (let count = 0; count < CUTS; count++) byStack(() => void wal.append(payload));
  const before = wal.telemetry.manager.appendEvent.samples;
  for (let count = 0; count < 1_000; count++) wal.append(payload);
  assert.equal(wal.telemetry.manager.appendEvent.samples - before, 500);
  await wal.close();
});
