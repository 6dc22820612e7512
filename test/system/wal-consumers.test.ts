// Consumers of a log that is open, in its own process and in others.
import assert from 'node:assert/strict';
import {
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, type TestContext, test } from 'node:test';
import { listConsumers, openConsumer, removeConsumer, Wal } from '../../src/index.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';

const SMALL = { segmentBytes: 64 * 1024, ringBytes: 64 * 1024 } as const;

/** Closed before their folders go. */
const openLogs: Wal[] = [];
afterEach(async () => {
  for (const wal of openLogs.splice(0)) await wal.close();
});

async function logOf(t: TestContext, events: number): Promise<Wal> {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, SMALL);
  openLogs.push(wal);
  for (let id = 1; id <= events; id++) wal.append(Buffer.from(`event ${id}`));
  await wal.durable();
  return wal;
}

const OTHER = `
const { openConsumer } = await import(INDEX);
const consumer = await openConsumer(directory, 'billing', options);
tell('open ' + consumer.acknowledgedEventId);
for await (const { eventId } of consumer.follow()) {
  await consumer.acknowledge(eventId);
  tell('acknowledged ' + eventId);
  if (eventId === 20) break;
}
tell('done');
await told();
await consumer.close();
`;

test('a consumer goes on where it was after the log was opened again', async (t) => {
  const wal = await logOf(t, 10);
  const billing = await wal.registerConsumer('billing');
  await billing.acknowledge(6);
  assert.deepEqual(
    wal.consumers().map(({ name, state, lag }) => [name, state, lag?.events]),
    [['billing', 'active', 4]],
  );
  await wal.close();
  await assert.rejects(billing.acknowledge(7), { code: 'ERR_FLASHSTRIKE_CLOSED' });
  await assert.rejects(wal.registerConsumer('a'), { code: 'ERR_FLASHSTRIKE_CLOSED' });
  assert.throws(() => wal.consumers(), { code: 'ERR_FLASHSTRIKE_CLOSED' });

  await using again = await Wal.open(wal.directory, SMALL);
  assert.deepEqual(again.recovery.notes, [], 'its file belongs to the log');
  const resumed = await again.registerConsumer('billing');
  assert.equal(resumed.acknowledgedEventId, 6);
  for await (const { eventId } of resumed.follow()) {
    assert.equal(eventId, 7);
    break;
  }
});

test('nothing is acknowledged that is not durable', async (t) => {
  await using wal = await Wal.open(temporaryFolder(t), {
    ...SMALL,
    sync: { mode: 'manual' },
    sharedMemory: 'off',
  });
  const billing = await wal.registerConsumer('billing');
  const id = wal.append(Buffer.from('not yet'));
  await assert.rejects(billing.acknowledge(id), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  await wal.durable(id);
  assert.equal(wal.consumers()[0]?.lag?.events, 1);
  await billing.acknowledge(id);
  assert.equal(billing.acknowledgedEventId, id);
  assert.equal(wal.consumers()[0]?.lag?.events, 0);
});

test('a consumer is used once at a time, and removed only when it is not', async (t) => {
  const wal = await logOf(t, 10);
  const billing = await wal.registerConsumer('billing');
  const locked = { code: 'ERR_FLASHSTRIKE_LOCKED' };
  await assert.rejects(wal.registerConsumer('billing'), locked);
  await assert.rejects(openConsumer(wal.directory, 'billing'), locked);
  await assert.rejects(wal.removeConsumer('billing'), locked);
  await assert.rejects(removeConsumer(wal.directory, 'billing'), locked);
  await billing.close();
  await wal.removeConsumer('billing');
  assert.deepEqual(wal.consumers(), []);
  const missing = { code: 'ERR_FLASHSTRIKE_NO_CONSUMER' };
  await assert.rejects(wal.removeConsumer('billing'), missing);
  await assert.rejects(openConsumer(wal.directory, 'billing'), missing);
});

test('another process follows and acknowledges while this one appends', async (t) => {
  const wal = await logOf(t, 10);
  const other = Script.start(t, OTHER, wal.directory, { create: true }, { bare: true });
  assert.equal(await other.tells('open'), '0');
  await other.tells('acknowledged 10');
  await assert.rejects(wal.registerConsumer('billing'), { code: 'ERR_FLASHSTRIKE_LOCKED' });
  for (let id = 11; id <= 20; id++) wal.append(Buffer.from(`event ${id}`));
  await wal.durable();
  await other.tells('done');
  assert.equal(wal.consumers()[0]?.acknowledgedEventId, 20);
  other.tell();
  assert.equal((await other.ended).code, 0);
  assert.equal((await wal.registerConsumer('billing')).acknowledgedEventId, 20);
});

test('a process that is killed leaves its consumer where it was, and free', async (t) => {
  const wal = await logOf(t, 20);
  const other = Script.start(t, OTHER, wal.directory, { create: true }, { bare: true });
  await other.tells('done');
  await other.kill();
  assert.equal((await wal.registerConsumer('billing')).acknowledgedEventId, 20);
});

test('a log that is closed, or was killed, has consumers all the same', async (t) => {
  const wal = await logOf(t, 10);
  await wal.close();
  await using billing = await openConsumer(wal.directory, 'billing', { create: true, from: 4 });
  await billing.acknowledge(10);
  await assert.rejects(billing.acknowledge(11), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });

  const killed = temporaryFolder(t);
  const text = `
    const wal = await Wal.open(directory, options);
    for (let id = 1; id <= 10; id++) wal.append(Buffer.from('event ' + id));
    await wal.durable();
    await new Promise((resolve) => setTimeout(resolve, 50));
    wal.append(Buffer.from('maybe'));
    tell('durable');
    await told();
  `;
  const options = { ...SMALL, sharedMemory: 'off', sync: { mode: 'manual' } };
  const recorder = Script.start(t, text, killed, options);
  await recorder.tells('durable');
  await recorder.kill();
  await using late = await openConsumer(killed, 'billing', { create: true });
  await late.acknowledge(10);
  await assert.rejects(late.acknowledge(11), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  assert.deepEqual(
    listConsumers(killed).map(({ name, acknowledgedEventId }) => [name, acknowledgedEventId]),
    [['billing', 10]],
  );
});

test('the telemetry shows how far the consumers are behind', async (t) => {
  const wal = await logOf(t, 3000);
  const billing = await wal.registerConsumer('billing');
  const { consumers } = wal.telemetry;
  await eventually('the lag is told', () => consumers.consumerLagEvents === 3000);
  assert.equal(consumers.activeConsumers, 1);
  assert.ok(consumers.consumerLagBytes > 0);
  await billing.acknowledge(3000);
  await eventually('it is gone', () => consumers.consumerLagEvents === 0);
  assert.equal(consumers.consumerLagBytes, 0);
});

test('what is no log has no consumers', async (t) => {
  const folder = temporaryFolder(t);
  const code = 'ERR_FLASHSTRIKE_NOT_A_LOG';
  await assert.rejects(openConsumer(folder, 'a', { create: true }), { code });
  await assert.rejects(removeConsumer(folder, 'a'), { code });
  assert.throws(() => listConsumers(folder), { code });
  assert.deepEqual(readdirSync(folder), []);
});

/** Linux only, as the locks of this test. */
const openConsumerFiles = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.endsWith('.consumer') ? [path] : [];
    } catch {
      return [];
    }
  });

test('files are for this user alone, and are closed with the log', async (t) => {
  const wal = await logOf(t, 1);
  for (const name of ['a', 'b', 'c']) await wal.registerConsumer(name);
  const path = join(wal.directory, 'a.consumer');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(openConsumerFiles().length, 3);
  writeFileSync(path, 'no consumer');
  await wal.close();
  assert.deepEqual(openConsumerFiles(), []);
  const [damaged, sound] = listConsumers(wal.directory);
  assert.deepEqual([damaged?.state, sound?.state], ['damaged', 'active']);
  assert.match(damaged?.damage ?? '', /a\.consumer is not valid/);
  await removeConsumer(wal.directory, 'a');
  assert.equal(listConsumers(wal.directory).length, 2);
});

test('a dead consumer whose file a snapshot shares is dropped; the snapshot keeps its own', async (t) => {
  const wal = await logOf(t, 1);
  const snapshot = temporaryFolder(t);
  const consumer = await wal.registerConsumer('billing', { maxLagBytes: 1, policy: 'drop' });
  const path = join(wal.directory, 'billing.consumer');
  linkSync(path, join(snapshot, 'billing.consumer'));
  const before = readFileSync(path);
  const stateOf = (): string | undefined => wal.consumers()[0]?.state;
  const payload = new Uint8Array(10_000);
  for (let count = 1; count <= 30; count++) wal.append(payload);
  await wal.durable();
  assert.equal(await wal.deleteBefore(20), 1, 'in use: held');
  assert.equal(stateOf(), 'active');
  await consumer.close();
  assert.ok((await wal.deleteBefore(20)) > 1);
  assert.equal(stateOf(), 'dropped');
  assert.deepEqual(readFileSync(join(snapshot, 'billing.consumer')), before);
  assert.equal(statSync(path).nlink, 1);
});
