// A consumer's file at each step of its life: a call that fails, a process that dies, power that
// goes. What retention is told is needed no more must never be needed again.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsumerBench, DIRECTORY } from '../../test/support/consumer-bench.js';
import type { Fault } from '../../test/support/faulty-storage.js';
import { Random } from '../cli/demo/random.js';
import { isOperational, WalError } from '../errors.js';
import { readConsumer } from '../reading/consumer-files.js';
import { Consumer } from './consumer.js';
import { register, remove } from './registration.js';

const NAME = 'billing';

const open = async ({ place }: ConsumerBench): Promise<Consumer> =>
  new Consumer(await register(place, NAME, {}, true), place);

/** Runs a life until something fails; what it was told goes into `told`. */
interface Told {
  isRegistered: boolean;
  acknowledged: number;
  asked: number;
}

async function live(bench: ConsumerBench, told: Told): Promise<void> {
  for (const ids of [[3, 7], [12], []]) {
    const consumer = await open(bench);
    told.isRegistered = true;
    try {
      for (const id of ids) {
        told.asked = id;
        await consumer.acknowledge(id);
        told.acknowledged = id;
      }
    } finally {
      await consumer.close();
    }
  }
}

const CRASHES = ['kill', 'power', 'chance'] as const;
type Crash = (typeof CRASHES)[number];

function crash({ disk }: ConsumerBench, how: Crash, seed: number): void {
  if (how === 'kill') disk.kill();
  else if (how === 'power') disk.cutPower();
  else disk.crash(new Random(seed));
}

/** @returns how many calls a life makes */
async function failEach(fault: Fault, how: Crash): Promise<number> {
  for (let call = 1; ; call++) {
    const bench = new ConsumerBench();
    const random = new Random(call);
    const armed = bench.storage.fail({
      ...fault,
      from: call,
      before: ({ kind, fd }) => {
        if (kind === 'sync' && fd !== undefined) bench.disk.failSync(fd, random);
      },
    });
    let heldAt = 0;
    const look = (): void => {
      const file = readConsumer(bench.disk, DIRECTORY, NAME, bench.logId);
      if (file === undefined) return;
      assert.ok(file.record !== undefined, `call ${call}: ${file.damaged}`);
      heldAt = Math.max(heldAt, file.record.durable.acknowledgedEventId);
    };
    bench.storage.onCall = look;
    const told: Told = { isRegistered: false, acknowledged: 0, asked: 0 };
    let error: unknown;
    await live(bench, told).catch((thrown: unknown) => {
      error = thrown;
    });
    look();
    if (armed.hits === 0) {
      assert.equal(error, undefined, String(error));
      return call - 1;
    }
    if (error !== undefined) assert.ok(error instanceof WalError && isOperational(error));
    assert.deepEqual([...bench.storage.openFiles.values()], [], `call ${call}: nothing stays open`);
    crash(bench, how, call);
    bench.restart();
    const file = readConsumer(bench.disk, DIRECTORY, NAME, bench.logId);
    if (file === undefined) {
      assert.ok(!told.isRegistered, `call ${call}: what was registered stays`);
      continue;
    }
    const consumer = await open(bench);
    const { acknowledgedEventId } = consumer;
    assert.ok(acknowledgedEventId >= told.acknowledged, `call ${call}: what was told is durable`);
    assert.ok(acknowledgedEventId <= told.asked, `call ${call}: no more than was asked`);
    assert.ok(acknowledgedEventId >= heldAt, `call ${call}: ${heldAt} was no longer held`);
    await consumer.acknowledge(20);
    await consumer.close();
    bench.disk.cutPower();
    bench.restart();
    assert.equal((await open(bench)).acknowledgedEventId, 20);
  }
}

describe('a consumer survives', () => {
  for (const how of CRASHES) {
    test(`a ${how} at each call of its life`, async (t) => {
      const calls = await failEach({ code: 'EIO', torn: true }, how);
      t.diagnostic(`${calls} calls`);
      assert.ok(calls > 40);
    });
    const code = { kill: 'EIO', power: 'ENOSPC', chance: 'EROFS' }[how];
    test(`each call that fails once with ${code}, then a ${how}`, async () => {
      assert.ok((await failEach({ code, times: 1, torn: true }, how)) > 40);
    });
  }
});

test('an acknowledgement is one small write, one sync, and a confirmation', async () => {
  const bench = new ConsumerBench();
  await (await open(bench)).close();
  const consumer = await open(bench);
  bench.storage.calls.length = 0;
  await consumer.acknowledge(5);
  await consumer.acknowledge(6);
  assert.deepEqual(bench.storage.story('write', 'sync', 'open', 'rename'), [
    'write billing.consumer@8192',
    'sync billing.consumer',
    'write billing.consumer@4160',
    'write billing.consumer@4096',
    'sync billing.consumer',
    'write billing.consumer@8256',
  ]);
});

test('calls that overlap share a sync, and all are told', async () => {
  const bench = new ConsumerBench();
  const consumer = await open(bench);
  bench.storage.calls.length = 0;
  const first = consumer.acknowledge(1);
  const others = [5, 2, 9, 4].map((id) => consumer.acknowledge(id));
  await first;
  await Promise.all(others);
  assert.equal(consumer.acknowledgedEventId, 9);
  assert.equal(bench.storage.story('sync').length, 1);
  const late = [consumer.acknowledge(10), Promise.resolve().then(() => consumer.acknowledge(11))];
  await Promise.all(late);
  assert.equal(consumer.acknowledgedEventId, 11);
});

test('a lower id and the same one change nothing', async () => {
  const bench = new ConsumerBench();
  const consumer = await open(bench);
  await consumer.acknowledge(9);
  bench.storage.calls.length = 0;
  await consumer.acknowledge(9);
  await consumer.acknowledge(3);
  await consumer.acknowledge(0);
  assert.deepEqual(bench.storage.story('write', 'sync'), []);
  assert.equal(consumer.acknowledgedEventId, 9);
});

test('what is not durable is not acknowledged: a crash may take it back', async () => {
  const bench = new ConsumerBench();
  bench.durableEventId = 50;
  const consumer = await open(bench);
  await consumer.acknowledge(50);
  await assert.rejects(consumer.acknowledge(51), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  bench.durableEventId = 51;
  await consumer.acknowledge(51);
  for (const strange of [-1, 1.5, Number.NaN, '5', undefined, 2 ** 53]) {
    const rejected = consumer.acknowledge(strange as number);
    await assert.rejects(rejected, { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
  }
  assert.equal(consumer.acknowledgedEventId, 51);
});

test('a file that goes missing while the consumer is open is an error, and stays one', async () => {
  for (const replace of [false, true]) {
    const bench = new ConsumerBench();
    const consumer = await open(bench);
    await consumer.acknowledge(4);
    const path = `${DIRECTORY}/${NAME}.consumer`;
    const content = bench.disk.contentOf(path);
    bench.disk.unlink(path);
    if (replace) {
      const fd = bench.disk.open(path, 'create');
      bench.disk.write(fd, [content], 0);
    }
    for (let times = 1; times <= 2; times++) {
      await assert.rejects(consumer.acknowledge(8), { code: 'ERR_FLASHSTRIKE_FILE_LOST' });
    }
    assert.equal(consumer.acknowledgedEventId, 4);
  }
});

test('a snapshot by hard links stays what it was', async () => {
  for (const isOpen of [false, true]) {
    const bench = new ConsumerBench();
    let consumer = await open(bench);
    await consumer.acknowledge(4);
    const path = `${DIRECTORY}/${NAME}.consumer`;
    if (!isOpen) await consumer.close();
    bench.disk.makeDirectory('/snapshot');
    bench.disk.link(path, '/snapshot/file');
    const before = bench.disk.contentOf('/snapshot/file').slice();
    if (!isOpen) consumer = await open(bench);
    await consumer.acknowledge(8);
    await consumer.acknowledge(9);
    assert.deepEqual(bench.disk.contentOf('/snapshot/file'), before);
    await consumer.close();
    assert.deepEqual([...bench.storage.openFiles.values()], []);
    bench.disk.cutPower();
    bench.restart();
    assert.equal((await open(bench)).acknowledgedEventId, 9);
  }
});

test('an open that takes the new file for a left-over does no harm', async () => {
  const temporary = `${DIRECTORY}/${NAME}.consumer.tmp`;
  for (const hasSecondName of [false, true]) {
    const bench = new ConsumerBench();
    let isLeft = true;
    const overtake = (): void => {
      // It is there, and not locked yet.
      bench.storage.onCall = ({ kind }) => {
        if (kind !== 'statusOf' || bench.disk.statusAt(temporary) === undefined) return;
        if (isLeft) bench.disk.unlink(temporary);
        isLeft = false;
      };
    };
    if (!hasSecondName) overtake();
    const consumer = await open(bench);
    if (hasSecondName) {
      bench.disk.makeDirectory('/snapshot');
      bench.disk.link(`${DIRECTORY}/${NAME}.consumer`, '/snapshot/file');
      overtake();
    }
    await consumer.acknowledge(8);
    assert.equal(isLeft, false, 'it was removed');
    await consumer.close();
    bench.disk.cutPower();
    bench.restart();
    assert.equal((await open(bench)).acknowledgedEventId, 8);
  }
});

test('what a crash left of a registration does not stand in the way', async () => {
  const bench = new ConsumerBench();
  const fd = bench.disk.open(`${DIRECTORY}/${NAME}.consumer.tmp`, 'create');
  bench.disk.write(fd, [new Uint8Array(100_000).fill(7)], 0);
  bench.disk.close(fd);
  const consumer = await open(bench);
  await consumer.acknowledge(2);
  await consumer.close();
  assert.equal((await open(bench)).acknowledgedEventId, 2);
  assert.equal(bench.disk.statusAt(`${DIRECTORY}/${NAME}.consumer.tmp`), undefined);
});

test('what a killed process left in the page cache is on disk before it is told', async () => {
  const bench = new ConsumerBench();
  const consumer = await open(bench);
  await consumer.acknowledge(5);
  bench.storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'sync' });
  await assert.rejects(consumer.acknowledge(9), { code: 'ERR_FLASHSTRIKE_IO' });
  bench.disk.kill();
  bench.restart();
  assert.equal((await open(bench)).acknowledgedEventId, 9);
  bench.disk.cutPower();
  bench.restart();
  assert.equal((await open(bench)).acknowledgedEventId, 9);
});

test('a damaged file is refused until it is removed by name', async () => {
  const bench = new ConsumerBench();
  await (await open(bench)).close();
  const path = `${DIRECTORY}/${NAME}.consumer`;
  bench.disk.damage(path, 20, Uint8Array.of(0xff));
  await assert.rejects(open(bench), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
  const file = readConsumer(bench.disk, DIRECTORY, NAME, bench.logId);
  assert.match(file?.damaged ?? '', /checksum/);
  await remove(bench.place, NAME);
  await assert.rejects(remove(bench.place, NAME), { code: 'ERR_FLASHSTRIKE_NO_CONSUMER' });
  assert.equal((await open(bench)).acknowledgedEventId, 0);
});

test('the file of another log, and one under another name, are damaged', async () => {
  const bench = new ConsumerBench();
  await (await open(bench)).close();
  const other = readConsumer(bench.disk, DIRECTORY, NAME, bench.logId + 1n);
  assert.match(other?.damaged ?? '', /another log/);
  bench.disk.rename(`${DIRECTORY}/${NAME}.consumer`, `${DIRECTORY}/audit.consumer`);
  const renamed = readConsumer(bench.disk, DIRECTORY, 'audit', bench.logId);
  assert.match(renamed?.damaged ?? '', /consumer billing/);
});

test('one that got a file of its own and cannot be opened then closes each descriptor once', async () => {
  for (const kind of ['syncDirectory', 'sync'] as const) {
    const bench = new ConsumerBench();
    await (await open(bench)).close();
    bench.disk.makeDirectory('/snapshot');
    bench.disk.link(`${DIRECTORY}/${NAME}.consumer`, '/snapshot/file');
    let isNamed = false;
    bench.storage.onCall = (call) => {
      if (call.kind === 'rename') isNamed = true;
    };
    bench.storage.fail({ code: 'EIO', when: (call) => isNamed && call.kind === kind, times: 1 });
    await assert.rejects(open(bench), { code: 'ERR_FLASHSTRIKE_IO' });
    assert.ok(isNamed);
    assert.deepEqual([...bench.storage.openFiles], []);
  }
});
