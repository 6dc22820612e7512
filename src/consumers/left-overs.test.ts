import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap } from '../../test/support/adapters.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { Wal } from '../index.js';
import { libc } from '../memory/libc.js';
import { tryFileLock } from '../storage/file-lock.js';
import { nodeStorage } from '../storage/node-storage.js';
import { removeUnfinished } from './left-overs.js';

const skip = libc() === undefined && 'there are no file locks here';

test('a file that a killed registration left goes; one that is being written stays', {
  skip,
}, (t) => {
  const dir = temporaryFolder(t);
  for (const name of ['killed', 'writing']) writeFileSync(join(dir, `${name}.consumer.tmp`), 'x');
  mkdirSync(join(dir, 'folder.consumer.tmp'));
  symlinkSync('killed.consumer.tmp', join(dir, 'link.consumer.tmp'));
  const writing = join(dir, 'writing.consumer.tmp');
  const fd = nodeStorage.open(writing, 'rewrite');
  assert.ok(tryFileLock(fd, writing));
  const names = ['folder', 'gone', 'killed', 'link', 'writing'];
  removeUnfinished(nodeStorage, dir, names, 'none');
  assert.equal(readdirSync(dir).length, 4, 'without locks nothing tells');
  removeUnfinished(nodeStorage, dir, names, 'flock');
  assert.deepEqual(readdirSync(dir).sort(), [
    'folder.consumer.tmp',
    'link.consumer.tmp',
    'writing.consumer.tmp',
  ]);
  nodeStorage.close(fd);
  removeUnfinished(nodeStorage, dir, names, 'flock');
  assert.ok(!readdirSync(dir).includes('writing.consumer.tmp'));
});

test('an open removes it', { skip: skip || cannotMap }, async (t) => {
  const dir = temporaryFolder(t);
  await (await Wal.open(dir, { sharedMemory: 'off' })).close();
  writeFileSync(join(dir, 'billing.consumer.tmp'), 'x');
  const wal = await Wal.open(dir, { sharedMemory: 'off' });
  assert.ok(!readdirSync(dir).includes('billing.consumer.tmp'));
  await wal.close();
});
