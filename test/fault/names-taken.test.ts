// Somebody else takes away, replaces or cuts the files of a running log: it is told, never made good
// in silence, and what now has the name of ours is left alone.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verify, Wal } from '../../src/index.js';
import { cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { eventually, settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import {
  appendEvents,
  assertHoldsEvents,
  assertSound,
  code,
  segmentFiles,
} from '../support/log-content.js';
import { removeFolder } from '../support/remove-folder.js';

test('the region’s name is removed: the capabilities tell it, the log goes on', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const wal = await Wal.open(directory, options);
  assert.equal(wal.capabilities.sharedMemoryNameLost, false);
  appendEvents(wal, 100);
  const [name = ''] = readdirSync(options.sharedMemoryDirectory);
  unlinkSync(join(options.sharedMemoryDirectory, name));
  await eventually('the loss is told', () => wal.capabilities.sharedMemoryNameLost);
  await wal.durable(appendEvents(wal, 2000));
  await wal.close();
  assertHoldsEvents(directory, 2100);
  await assertSound(directory);
  await using again = await Wal.open(directory, options);
  assert.equal(again.recovery.verdict, 'clean');
});

test('another file has the region’s name: close leaves it alone', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const wal = await Wal.open(directory, options);
  appendEvents(wal, 100);
  const [name = ''] = readdirSync(options.sharedMemoryDirectory);
  const path = join(options.sharedMemoryDirectory, name);
  unlinkSync(path);
  writeFileSync(path, 'of somebody else');
  await wal.close();
  assert.equal(readFileSync(path, 'utf8'), 'of somebody else');
  await using again = await Wal.open(directory, options);
  assert.equal(again.lastEventId, 100);
});

onBothAdapters(
  'LOCK is replaced: the log ends before another can write beside it',
  async (t, v) => {
    const directory = temporaryFolder(t);
    const wal = await Wal.open(directory, v.options);
    await wal.durable(appendEvents(wal, 100));
    renameSync(join(directory, 'LOCK'), join(directory, 'LOCK.moved'));
    await eventually('the log ends', () => wal.state === 'failed');
    assert.match(wal.failure?.message ?? '', /LOCK/);
    assert.throws(() => wal.append(new Uint8Array(1)), code('ERR_FLASHSTRIKE_FAILED', /LOCK/));
    await assert.rejects(settles('close', wal.close()), code('ERR_FLASHSTRIKE_LOCKED', /LOCK/));
    await using again = await Wal.open(directory, v.options);
    assert.equal(again.lastEventId, 100);
  },
);

onBothAdapters('the folder is removed: the log fails, and nothing hangs', async (t, v) => {
  const directory = join(temporaryFolder(t), 'log');
  const wal = await Wal.open(directory, v.options);
  await wal.durable(appendEvents(wal, 100));
  // While its threads make a spare and write wal.meta.
  removeFolder(directory);
  await eventually('the log ends', () => wal.state === 'failed');
  await assert.rejects(settles('close', wal.close()), code('ERR_FLASHSTRIKE_LOCKED', /LOCK/));
  mkdirSync(directory);
  await using again = await Wal.open(directory, v.options);
  assert.equal(again.recovery.verdict, 'new', 'what is gone is gone, and there is no ghost of it');
});

onBothAdapters('the active segment is unlinked or cut: the next open says so', async (t, v) => {
  for (const harm of [unlinkSync, (path: string) => truncateSync(path, 4096)]) {
    const directory = temporaryFolder(t);
    const wal = await Wal.open(directory, v.options);
    await wal.durable(appendEvents(wal, 100));
    harm(join(directory, segmentFiles(directory).at(-1) ?? ''));
    appendEvents(wal, 10);
    await settles('close', wal.close()).catch(code('ERR_FLASHSTRIKE_FAILED'));
    await assert.rejects(
      Wal.open(directory, v.options),
      code('ERR_FLASHSTRIKE_CORRUPT', /durable/),
    );
    assert.equal((await verify(directory)).ok, false);
  }
});

onBothAdapters('a finished segment is unlinked or cut: readers and verify say so', async (t, v) => {
  for (const harm of [unlinkSync, (path: string) => truncateSync(path, 8192)]) {
    const directory = temporaryFolder(t);
    await using wal = await Wal.open(directory, v.options);
    await wal.durable(appendEvents(wal, 2000));
    const names = segmentFiles(directory);
    assert.ok(names.length > 2);
    harm(join(directory, names[1] ?? ''));
    assert.throws(() => Array.from(wal.replay()), code('ERR_FLASHSTRIKE_CORRUPT'));
    assert.equal((await verify(directory)).ok, false);
    await wal.durable(appendEvents(wal, 10));
  }
});
