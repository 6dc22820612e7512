import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { libc } from '../memory/libc.js';
import { acquireLock } from './lock-file.js';
import { holdsFlock, isLockHeld } from './lock-holder.js';
import { closeLogFolder, openLogFolder } from './log-folder.js';
import { nodeStorage } from './node-storage.js';

const LOCKS = `1: FLOCK  ADVISORY  WRITE 1234 fe:01:567 0 EOF
1: -> FLOCK  ADVISORY  WRITE 99 fe:01:568 0 EOF
2: POSIX  ADVISORY  WRITE 1234 fe:01:569 0 EOF
3: FLOCK  ADVISORY  READ 1234 00:1c:570 0 EOF
`;

test('an exclusive flock is found by device and inode, other locks are not', () => {
  const device = (0xfen << 8n) | 1n;
  assert.equal(holdsFlock(LOCKS, device, 567n), true);
  assert.equal(holdsFlock(LOCKS, device, 56n), false);
  assert.equal(holdsFlock(LOCKS, device, 569n), false, 'another kind of lock');
  assert.equal(holdsFlock(LOCKS, 0x1cn, 570n), false, 'a shared one');
  assert.equal(holdsFlock('', device, 567n), false);
});

test('a held lock is seen without being taken', (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux lists its locks');
  const dir = temporaryFolder(t);
  assert.equal(isLockHeld(nodeStorage, dir), false, 'no LOCK');
  const lock = acquireLock(nodeStorage, dir, 'flock');
  assert.equal(isLockHeld(nodeStorage, dir), true);
  lock.release();
  assert.equal(isLockHeld(nodeStorage, dir), false);
});

test('a folder that is held is seen, also where its LOCK was taken away', {
  skip: libc() === undefined ? 'needs flock (Linux with koffi)' : false,
}, (t) => {
  const dir = temporaryFolder(t);
  const folder = openLogFolder(dir, 'flock');
  assert.ok(folder !== undefined);
  const link = join(temporaryFolder(t), 'link');
  symlinkSync(dir, link);
  for (const path of [dir, link]) assert.equal(isLockHeld(nodeStorage, path), true, path);
  closeLogFolder(folder);
  assert.equal(isLockHeld(nodeStorage, dir), false);
  assert.equal(isLockHeld(nodeStorage, `${dir}/none`), false);
});
