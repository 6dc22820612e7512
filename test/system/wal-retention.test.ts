// Segments that go while a log is open: by the option `retention`, and by `deleteBefore`.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { codeOf } from '../../src/errors.js';
import { follow, replay, verify, Wal, type WalOptions } from '../../src/index.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';

const KIB = 1024;
const SMALL: WalOptions = {
  segmentBytes: 64 * KIB,
  ringBytes: 64 * KIB,
  sharedMemory: 'off',
  sync: { mode: 'every-block' },
};
/** Ten and a half of them fill a segment. */
const PAYLOAD = new Uint8Array(2000).fill(7);

const segmentsIn = (dir: string): number[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.wal'))
    .map((name) => Number(name.slice(0, 10)))
    .sort((a, b) => a - b);
const bytesIn = (dir: string): number =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.wal'))
    .reduce(
      (sum, name) => sum + (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );

async function fill(wal: Wal, events: number): Promise<number> {
  for (let event = 0; event < events; event++) wal.append(PAYLOAD);
  return await wal.durable();
}

async function aLog(t: TestContext, options: WalOptions = {}) {
  const dir = temporaryFolder(t);
  const wal = await Wal.open(dir, { ...SMALL, ...options });
  await fill(wal, 200);
  return { dir, wal };
}

function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('the number of finished segments that are kept', async (t) => {
  const { dir, wal } = await aLog(t, { retention: { segments: 2 } });
  await eventually('the oldest are gone', () => segmentsIn(dir).length === 3);
  const [first = 0, , last] = segmentsIn(dir);
  assert.equal(last, first + 2);
  const { ok, notes, firstEventId, lastEventId } = await verify(dir);
  assert.deepEqual([ok, notes, lastEventId], [true, [], 200]);
  assert.equal([...wal.replay()][0]?.eventId, firstEventId);
  const { segmentMaintainer } = wal.telemetry;
  const { successes, failures } = segmentMaintainer.maintenanceRetention;
  assert.deepEqual([successes, failures], [first - 1, 0]);
  assert.equal(segmentMaintainer.persistenceMaxHotSegments, 2);
  assert.ok(segmentMaintainer.freedBytes > 0);
  assert.ok((wal.telemetry.threads.maintainer.beats ?? 0) > 0);
  await wal.close();
  const { meta } = inspectLog(dir);
  assert.equal(meta.status === 'present' && meta.firstKeptEventId, firstEventId);
  // Without the option all that is there stays, and what was removed is no loss.
  const again = await Wal.open(dir, SMALL);
  assert.deepEqual(again.recovery.notes, []);
  assert.equal(again.telemetry.threads.maintainer.beats, 0, 'nobody asked for the thread');
  await fill(again, 100);
  assert.equal(segmentsIn(dir)[0], first);
  await again.close();
  assert.equal((await verify(dir)).ok, true);
});

test('the bytes that are kept: the files stay within them while the log grows', async (t) => {
  const { dir, wal } = await aLog(t, { retention: { bytes: 256 * KIB } });
  for (let round = 0; round < 5; round++) await fill(wal, 200);
  await eventually('the oldest are gone', () => bytesIn(dir) <= 256 * KIB);
  assert.equal((await verify(dir)).ok, true);
  await wal.close();
});

test('segments that a snapshot makes needless go when they are asked to', async (t) => {
  const { dir, wal } = await aLog(t);
  const all = segmentsIn(dir);
  assert.ok(all.length > 5);
  assert.equal(await wal.deleteBefore(1), 1);
  assert.deepEqual(segmentsIn(dir), all);
  const first = await wal.deleteBefore(101);
  assert.ok(first > 50 && first <= 101);
  assert.equal([...wal.replay()][0]?.eventId, first);
  // Idempotent, and never more than is asked for.
  assert.equal(await wal.deleteBefore(101), first);
  assert.equal(await wal.deleteBefore(3), first);
  const calls = await Promise.all([wal.deleteBefore(150), wal.deleteBefore(201)]);
  assert.deepEqual(segmentsIn(dir), [all.at(-1)]);
  assert.deepEqual([calls[1], (calls[0] ?? 0) > first], [(await verify(dir)).firstEventId, true]);
  for (const bad of [0, 202, 1.5, Number.NaN]) {
    await assert.rejects(wal.deleteBefore(bad), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  }
  await fill(wal, 50);
  await wal.close();
  await assert.rejects(wal.deleteBefore(1), { code: 'ERR_FLASHSTRIKE_CLOSED' });
  assert.equal((await verify(dir)).ok, true);
});

test('readers of removed events are told, and from where on they can read', async (t) => {
  const { dir, wal } = await aLog(t);
  const reading = replay(dir);
  assert.equal(reading.next().value?.eventId, 1);
  const following = follow(dir)[Symbol.asyncIterator]();
  assert.equal((await following.next()).value?.eventId, 1);
  const first = await wal.deleteBefore(150);
  const expired = { code: 'ERR_FLASHSTRIKE_EXPIRED', firstEventId: first };
  for (const run of [
    () => replay(dir, { from: 1 }),
    () => [...wal.replay({ from: 1 })],
    // What is open is read on, what comes then is gone.
    () => [...reading],
  ]) {
    const { code, firstEventId } = refusal(run) as typeof expired;
    assert.deepEqual({ code, firstEventId }, expired);
  }
  await assert.rejects(async () => {
    for (;;) await following.next();
  }, expired);
  await assert.rejects(async () => {
    for await (const _ of follow(dir, { from: 2 }));
  }, expired);
  for await (const { eventId } of follow(dir)) {
    assert.equal(eventId, first);
    break;
  }
  await wal.close();
});

test('what a consumer has not acknowledged stays, also when it comes back later', async (t) => {
  const { dir, wal } = await aLog(t);
  const consumer = await wal.registerConsumer('slow');
  await consumer.acknowledge(60);
  const held = await wal.deleteBefore(201);
  assert.ok(held > 1 && held <= 61, `the first event is ${held}`);
  assert.equal(wal.telemetry.segmentMaintainer.heldSegments, 1);
  await wal.close();
  const again = await Wal.open(dir, { ...SMALL, retention: { segments: 1 } });
  await fill(again, 100);
  await eventually('it is held', () => again.telemetry.segmentMaintainer.heldSegments === 1);
  assert.equal([...again.replay()][0]?.eventId, held);
  await again.removeConsumer('slow');
  await eventually('the rest is gone', () => segmentsIn(dir).length === 2);
  await again.close();
  assert.equal((await verify(dir)).ok, true);
});

test('inspect and the telemetry from outside tell for whom the oldest segment is kept', {
  skip: cannotMap,
}, async (t) => {
  const { dir, wal } = await aLog(t, { ...mappedOptions(t), retention: { segments: 1 } });
  await eventually('the oldest are gone', () => segmentsIn(dir).length === 2);
  assert.equal(inspectLog(dir).held, undefined);
  const [first] = [...wal.replay()];
  assert.ok(first !== undefined);
  const slow = await wal.registerConsumer('slow', { from: first.eventId });
  const swift = await wal.registerConsumer('swift', { from: first.eventId });
  const last = await fill(wal, 100);
  await swift.acknowledge(last);
  await eventually('only one of them holds it', () => inspectLog(dir).held !== undefined);
  const held = { reason: 'needed', eventId: first.eventId, consumers: ['slow'] };
  assert.deepEqual(inspectLog(dir).held, held);
  await slow.acknowledge(last);
  await eventually('the rest is gone', () => segmentsIn(dir).length === 2);
  await eventually('that is told', () => inspectLog(dir).held === undefined);
  await wal.close();
  assert.equal(inspectLog(dir).held, undefined, 'nobody tells of a log that is closed');
});

test('bytes are a wall: written without a pause, the log waits for its maintainer', async (t) => {
  const dir = temporaryFolder(t);
  const segmentBytes = 64 * KIB;
  const retention = { bytes: 10 * segmentBytes };
  const wal = await Wal.open(dir, { ...SMALL, retention });
  let most = 0;
  for (let event = 0; event < 800; event++) {
    wal.append(PAYLOAD);
    if (event % 5 === 0) most = Math.max(most, bytesIn(dir));
  }
  assert.equal(await wal.durable(), 800);
  most = Math.max(most, bytesIn(dir));
  assert.ok(most <= 14 * segmentBytes, `${most / segmentBytes} segments were there`);
  await eventually('it is as small as it is to be', () => bytesIn(dir) <= retention.bytes);
  const { getNextSegmentWaited } = wal.telemetry.segmentPreparer;
  assert.ok(getNextSegmentWaited > 0, 'the waits are told');
  const last = wal.lastEventId;
  await wal.close();
  assert.equal([...replay(dir)].at(-1)?.eventId, last);
});

test('a pending deletion ends with the log', async (t) => {
  const { wal } = await aLog(t);
  const pending = wal.deleteBefore(150);
  const closed = wal.close();
  await pending.then(
    (first) => assert.ok(first >= 1),
    (error) => assert.equal(codeOf(error), 'ERR_FLASHSTRIKE_CLOSED'),
  );
  await closed;
});

test('a log in shared memory, killed and opened again, with retention', {
  skip: cannotMap,
}, async (t) => {
  const options = { ...mappedOptions(t), retention: { segments: 1 } };
  const { dir, wal } = await aLog(t, options);
  await eventually('the oldest are gone', () => segmentsIn(dir).length === 2);
  assert.equal(wal.capabilities.sharedMemory, 'mapped');
  await wal.close();
  const again = await Wal.open(dir, { ...SMALL, ...options });
  await fill(again, 100);
  await eventually('the oldest are gone', () => segmentsIn(dir).length === 2);
  await again.close();
});

test('options that cannot work are refused by name', async (t) => {
  const dir = temporaryFolder(t);
  for (const [retention, message] of [
    [{ segments: 0 }, /retention\.segments must be an integer from 1/],
    [{ bytes: 1000 }, /retention\.bytes must be an integer from 65536/],
    [{ ageMs: -1 }, /retention\.ageMs must be an integer from 1/],
    [{ days: 1 }, /There is no option retention\.days/],
    [7, /retention must be an object/],
  ] as const) {
    const options = { retention } as WalOptions;
    await assert.rejects(Wal.open(dir, options), {
      code: 'ERR_FLASHSTRIKE_INVALID_OPTION',
      message,
    });
  }
});
