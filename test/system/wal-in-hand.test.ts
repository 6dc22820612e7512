// What a service needs around its log: room to be waited for, an identity, a hint how to open one.
import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { follow, logIdOf, openConsumer, replay, Wal } from '../../src/index.js';
import { onBothAdapters, TINY } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { code } from '../support/log-content.js';

const BYTES = 4000;

onBothAdapters('behind it the next append finds room, and so does a batch', async (t, v) => {
  const directory = temporaryFolder(t);
  const wal = await Wal.open(directory, { ...v.options, ...TINY, sync: { mode: 'every-block' } });
  const payload = new Uint8Array(BYTES);
  for (let event = 0; event < 1000; event++) {
    await wal.room(BYTES);
    assert.notEqual(wal.tryAppend(payload), undefined, 'the room that was told');
  }
  const batch = [new Uint8Array(100), new Uint8Array(200)];
  await wal.room(100 + 200 + 2 * 24);
  assert.equal(wal.appendBatch(batch), 1001);
  await wal.close();
  assert.equal([...replay(directory)].length, 1002);
});

onBothAdapters(
  'a log made anew in the same folder is told from the one that was there',
  async (t, v) => {
    const directory = temporaryFolder(t);
    const first = await Wal.open(directory, v.options);
    const { logId } = first;
    assert.equal(typeof logId, 'bigint');
    await first.close();
    assert.equal(first.logId, logId, 'also when it is closed');
    const again = await Wal.open(directory, v.options);
    assert.equal(again.logId, logId);
    await again.close();
    rmSync(directory, { recursive: true });
    await using anew = await Wal.open(directory, v.options);
    assert.notEqual(anew.logId, logId);
  },
);

onBothAdapters(
  'a follower waits for its log to be made, and ends where another takes its place',
  async (t, v) => {
    const directory = join(temporaryFolder(t), 'log');
    const events = follow(directory, { waitForLog: true });
    const first = events.next();
    const wal = await Wal.open(directory, v.options);
    wal.append(Buffer.from('one'));
    await wal.durable();
    assert.equal(Buffer.from((await first).value?.payload ?? '').toString(), 'one');
    const { logId } = wal;
    assert.equal(logIdOf(directory), logId);

    const waiting = events.next();
    const [position, options] = [
      { from: 2, logId },
      { create: true, logId },
    ];
    const known = follow(directory, position).next();
    for (const next of [waiting, known]) next.catch(() => undefined);
    await wal.close();
    // Whole when it comes: who looks while a log is made finds no log, or one that is damaged.
    const other = join(temporaryFolder(t), 'log');
    await (await Wal.open(other, v.options)).close();
    rmSync(directory, { recursive: true });
    renameSync(other, directory);
    await using anew = await Wal.open(directory, v.options);
    for (let event = 0; event < 10; event++) anew.append(Buffer.from('of the other log'));
    await anew.durable();
    const another = code('ERR_FLASHSTRIKE_WRONG_LOG', /it was made anew/);
    await assert.rejects(waiting, another);
    await assert.rejects(known, another);
    assert.throws(() => [...replay(directory, position)], another);
    assert.throws(() => [...anew.replay(position)], another);
    await assert.rejects(openConsumer(directory, 'reader', options), another);
  },
);

test('who constructs a Wal is told how to open one', () => {
  const construct = Wal as unknown as new () => Wal;
  const told = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /await Wal\.open\(directory\)/);
  assert.throws(() => new construct(), told);
});

onBothAdapters('a log that is closed has no room, nor has one that never will', async (t, v) => {
  const wal = await Wal.open(temporaryFolder(t), { ...v.options, maxEventBytes: 1000 });
  await wal.room(1000);
  await assert.rejects(wal.room(1001), code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE', /at most 1000/));
  for (const wrong of [-1, 0.5, Number.NaN, '5', undefined]) {
    const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /room\(\) takes a number of bytes/);
    await assert.rejects(wal.room(wrong as number), invalid);
  }
  const notOne = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /signal/);
  await assert.rejects(wal.room(1, { signal: 5 as unknown as AbortSignal }), notOne);
  const closed = wal.close();
  await assert.rejects(wal.room(1), code('ERR_FLASHSTRIKE_CLOSED', /Open it again/));
  await closed;
  await assert.rejects(wal.room(1), code('ERR_FLASHSTRIKE_CLOSED', /Open it again/));
});
