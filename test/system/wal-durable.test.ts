// `durable()` and `close()`: what they resolve with, when they reject, and that nothing is left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { assertNoRegion, onBothAdapters, TINY } from '../support/adapters.js';
import { eventually, settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents, assertSound, code } from '../support/log-content.js';

const closed = code('ERR_FLASHSTRIKE_CLOSED', /Open it again/);

onBothAdapters('durable resolves with a durable id that covers the one asked for', async (t, v) => {
  await using wal = await Wal.open(temporaryFolder(t), v.options);
  assert.equal(await wal.durable(), 0, 'nothing was appended, nothing is to be waited for');
  for (let round = 0; round < 50; round++) {
    const id = wal.append(new Uint8Array(round));
    const durable = await settles('durable', wal.durable(id));
    assert.ok(durable >= id);
    assert.ok(wal.durableEventId >= durable);
    assert.ok(wal.writtenEventId >= wal.durableEventId);
    assert.equal(await wal.durable(1), wal.durableEventId, 'an earlier id is there already');
  }
  assert.equal(await wal.durable(0), 50);
});

onBothAdapters(
  '1,000 calls of durable in flight all resolve, whatever their order',
  async (t, v) => {
    const directory = temporaryFolder(t);
    await using wal = await Wal.open(directory, v.options);
    const ids = Array.from({ length: 1000 }, (_, at) => wal.append(new Uint8Array(at % 200)));
    // 7 and 1,000 have no common factor: every id once, in a scattered order.
    const scattered = ids.map((_, at) => (at * 7) % 1000);
    const settled: Promise<number>[] = [];
    for (const at of scattered) {
      settled.push(wal.durable(at + 1));
      if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const durable = await settles('durable', Promise.all(settled));
    durable.forEach((id, index) => {
      assert.ok(id > (scattered[index] ?? Number.NaN), `${id} covers ${scattered[index]}`);
    });
  },
);

test('durable needs no timer that the application has replaced', async (t) => {
  t.mock.timers.enable({ apis: ['setImmediate', 'setInterval', 'setTimeout'] });
  const options = { ...TINY, sharedMemory: 'off', sync: { mode: 'manual' } } as const;
  const wal = await Wal.open(temporaryFolder(t), options);
  const pending = [1, 2, 3].map(() => wal.durable(wal.append(new Uint8Array(8))));
  const durable = await Promise.all(pending);
  // The first is asked for at once: its sync may cover the others or not.
  assert.ok(
    durable.every((id, at) => id > at && id <= 3),
    `${durable}`,
  );
  await wal.close();
});

test('in manual mode nothing is synced until durable asks', async (t) => {
  const options = { ...TINY, sharedMemory: 'off', sync: { mode: 'manual' } } as const;
  await using wal = await Wal.open(temporaryFolder(t), options);
  const id = wal.append(new Uint8Array(8));
  await eventually('the event is written', () => wal.writtenEventId === id);
  assert.equal(wal.durableEventId, 0);
  assert.equal(await settles('durable', wal.durable()), id);
});

for (const sync of [{ mode: 'interval', intervalMs: 1 }, { mode: 'every-block' }] as const) {
  test(`with sync ${sync.mode} events become durable with nobody waiting`, async (t) => {
    const options = { ...TINY, sharedMemory: 'off', sync } as const;
    await using wal = await Wal.open(temporaryFolder(t), options);
    appendEvents(wal, 10);
    await eventually('all is durable', () => wal.durableEventId === 10);
  });
}

onBothAdapters('durableSync returns once the event is on disk', async (t, v) => {
  await using wal = await Wal.open(temporaryFolder(t), { ...v.options, sync: { mode: 'manual' } });
  assert.equal(wal.durableSync(), 0, 'nothing was appended, nothing is to be waited for');
  for (let round = 1; round <= 50; round++) {
    const id = wal.append(new Uint8Array(round));
    assert.ok(wal.durableSync() >= id);
    assert.ok(wal.durableEventId >= id);
    assert.equal(wal.durableSync(1, 1), wal.durableEventId, 'an earlier id is there already');
  }
  assert.ok(wal.telemetry.manager.durableWait.samples >= 50);
  assert.equal(wal.telemetry.manager.durableWaitAge, 0);
});

onBothAdapters('durableSync and durable wait beside each other', async (t, v) => {
  const options = { ...v.options, sync: { mode: 'manual' } } as const;
  await using wal = await Wal.open(temporaryFolder(t), options);
  for (let round = 0; round < 50; round++) {
    const pending = Array.from({ length: 5 }, () => wal.durable(wal.append(new Uint8Array(9))));
    const id = wal.append(new Uint8Array(9));
    const last = wal.durable(wal.append(new Uint8Array(9)));
    assert.ok(wal.durableSync(id) >= id);
    const durable = await settles('durable', Promise.all([...pending, last]));
    durable.forEach((each) => {
      assert.ok(each >= id, `${each} was durable when ${id} was`);
    });
  }
});

test('durableSync refuses ids that were never appended, and times that are none', async (t) => {
  await using wal = await Wal.open(temporaryFolder(t), { ...TINY, sharedMemory: 'off' });
  wal.append(new Uint8Array(1));
  const outOfRange = code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /durableSync\(\) takes an id from 0 to /);
  for (const id of [2, -1, 0.5, Number.NaN, '1', null, 1n] as number[]) {
    assert.throws(() => wal.durableSync(id), outOfRange);
  }
  const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /timeoutMs must be an integer from 1 /);
  for (const timeoutMs of [0, -1, 1.5, Number.NaN, 2 ** 31, '9', null] as number[]) {
    assert.throws(() => wal.durableSync(1, timeoutMs), invalid);
  }
  assert.equal(wal.durableSync(1), 1);
});

test('durableSync of a closed log returns what is durable', async (t) => {
  const wal = await Wal.open(temporaryFolder(t), { ...TINY, sharedMemory: 'off' });
  const id = wal.append(new Uint8Array(1));
  await wal.close();
  assert.equal(wal.durableSync(id), id);
});

test('durable refuses ids that were never appended', async (t) => {
  await using wal = await Wal.open(temporaryFolder(t), { ...TINY, sharedMemory: 'off' });
  wal.append(new Uint8Array(1));
  const outOfRange = code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /0 to the last appended \(1\)/);
  for (const id of [2, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, 1n] as number[]) {
    await assert.rejects(wal.durable(id), outOfRange);
  }
  assert.equal(await wal.durable(1), 1);
});

onBothAdapters('close keeps all events; what is called after it is refused', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, v.options);
  const last = appendEvents(wal, 2000);
  const { recovery } = wal;
  const closing = wal.close();
  assert.equal(wal.state, 'closing');
  assert.equal(wal.close(), closing, 'a second close is the first');
  await settles('close', closing);
  assert.equal(wal.state, 'closed');
  assert.equal(wal.failure, undefined);
  await wal.close();
  assert.throws(() => wal.append(new Uint8Array(1)), closed);
  assert.throws(() => wal.tryAppend(new Uint8Array(1)), closed);
  assert.throws(() => wal.appendBatch([new Uint8Array(1)]), closed);
  assert.equal(await wal.durable(), last, 'what is durable stays so');
  assert.deepEqual([wal.lastEventId, wal.writtenEventId, wal.durableEventId], [last, last, last]);
  assert.equal(wal.recovery, recovery);
  assert.equal(Array.from(wal.replay()).length, last, 'a closed log can still be replayed');
  assertHoldsEvents(directory, last);
  await assertSound(directory);
  assertNoRegion(v.options);
});

onBothAdapters('append is refused from the moment close is called', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, v.options);
  const last = appendEvents(wal, 500);
  const closing = wal.close();
  let refused = 0;
  const attempt = (): void => {
    assert.throws(() => wal.append(new Uint8Array(1)), closed);
    assert.throws(() => wal.tryAppend(new Uint8Array(1)), closed);
    assert.throws(() => wal.appendBatch([new Uint8Array(1)]), closed);
    refused++;
  };
  attempt();
  while (wal.state === 'closing') {
    attempt();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await settles('close', closing);
  assert.ok(refused > 1);
  assertHoldsEvents(directory, last);
});

onBothAdapters('close while a sync runs settles every pending durable', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, v.options);
  const pending: Promise<number>[] = [];
  for (let round = 0; round < 20; round++) {
    appendEvents(wal, 50);
    pending.push(wal.durable());
  }
  const closing = wal.close();
  pending.push(wal.durable());
  await settles('close', closing);
  const durable = await settles('durable', Promise.all(pending));
  durable.forEach((id, at) => {
    assert.ok(id >= Math.min((at + 1) * 50, 1000), `call ${at} resolved with ${id}`);
  });
  assertHoldsEvents(directory, 1000);
});

onBothAdapters('await using closes', async (t, v) => {
  const directory = temporaryFolder(t);
  let kept: Wal | undefined;
  {
    await using wal = await Wal.open(directory, v.options);
    kept = wal;
    appendEvents(wal, 10);
  }
  assert.equal(kept.state, 'closed');
  assertHoldsEvents(directory, 10);
  assertNoRegion(v.options);
});

onBothAdapters(
  'a log that is opened and closed at once holds nothing and is sound',
  async (t, v) => {
    const directory = temporaryFolder(t);
    const verdicts: string[] = [];
    for (let round = 0; round < 3; round++) {
      await using wal = await Wal.open(directory, v.options);
      verdicts.push(wal.recovery.verdict);
      assert.equal(wal.lastEventId, 0);
    }
    assert.deepEqual(verdicts, ['new', 'clean', 'clean']);
    assertHoldsEvents(directory, 0);
    await assertSound(directory);
  },
);
