import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { code } from '../../test/support/log-content.js';
import { descriptors } from '../../test/support/process-resources.js';
import { libc } from '../memory/libc.js';
import { closeLogFolder, type LogFolder, openLogFolder } from './log-folder.js';

const skip = libc() === undefined ? 'needs flock (Linux with koffi)' : false;
const locked = code('ERR_FLASHSTRIKE_LOCKED', /locked.*Close it there first/);

function held(t: TestContext, folder: LogFolder | undefined): LogFolder {
  assert.ok(folder !== undefined);
  t.after(() => closeLogFolder(folder));
  return folder;
}

/** The errors of a file system, or of a filter of system calls, that refuse to lock a folder. */
const refusing = (system: string) => ({
  tryLock: (): boolean => {
    throw Object.assign(new Error(`${system}: flock`), { code: system });
  },
});

describe('the folder of a log', { skip }, () => {
  test('is locked by one opening, whichever name it is opened by', (t) => {
    const base = realpathSync(temporaryFolder(t));
    const path = join(base, 'log');
    mkdirSync(path);
    symlinkSync(path, join(base, 'link'));
    const folder = held(t, openLogFolder(path, 'flock'));
    assert.equal(folder.isLocked, true);
    for (const name of [path, join(base, 'link'), `${path}/.`]) {
      assert.throws(() => openLogFolder(name, 'flock'), locked);
    }
    renameSync(path, join(base, 'moved'));
    assert.throws(() => openLogFolder(join(base, 'moved'), 'flock'), locked);
    mkdirSync(path);
    held(t, openLogFolder(path, 'flock'));
    const open = descriptors().filter((target) => target.startsWith(base));
    assert.deepEqual(open, [path, join(base, 'moved')], 'a refusal leaves nothing open');
  });

  test('is reached by its descriptor, wherever it is now', (t) => {
    const base = realpathSync(temporaryFolder(t));
    const path = join(base, 'log');
    mkdirSync(path);
    const { root } = held(t, openLogFolder(path, 'none'));
    const { ino } = statSync(path);
    renameSync(path, join(base, 'moved'));
    assert.equal(statSync(`${root}/.`).ino, ino);
  });

  test('is free once it is closed', (t) => {
    const path = temporaryFolder(t);
    const folder = openLogFolder(path, 'flock');
    assert.ok(folder !== undefined);
    closeLogFolder(folder);
    held(t, openLogFolder(path, 'flock'));
  });

  test('is not locked where the application has asked for none, and locks nobody out', (t) => {
    const path = temporaryFolder(t);
    assert.equal(held(t, openLogFolder(path, 'none')).isLocked, false);
    assert.equal(held(t, openLogFolder(path, 'flock')).isLocked, true);
    assert.equal(held(t, openLogFolder(path, 'none')).isLocked, false);
  });

  test('that the file system cannot lock is held all the same, and says so', (t) => {
    const path = temporaryFolder(t);
    for (const system of ['EBADF', 'ENOSYS', 'ENOLCK', 'EPERM', 'EOPNOTSUPP']) {
      const folder = held(t, openLogFolder(path, 'flock', refusing(system)));
      assert.equal(folder.isLocked, false, system);
      assert.notEqual(folder.root, undefined);
    }
    assert.equal(
      held(t, openLogFolder(path, 'flock', undefined)).isLocked,
      true,
      'libc by default',
    );
  });

  test('that is none is refused with the error of the system', (t) => {
    const path = join(temporaryFolder(t), 'file');
    writeFileSync(path, '');
    assert.throws(() => openLogFolder(path, 'flock'), { code: 'ENOTDIR' });
    assert.throws(() => openLogFolder(`${path}2`, 'flock'), { code: 'ENOENT' });
  });
});
