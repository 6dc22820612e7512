// One storage, three folders: the log's own, moved away; a stranger under the old path; none at
// all.
import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { WalError } from '../errors.js';
import { nodeStorage } from './node-storage.js';
import { rootedStorage } from './rooted-storage.js';
import type { Storage } from './storage.js';

const skip = process.platform === 'linux' ? false : 'only Linux has /proc/self/fd';

/** `path` led to the folder that is `moved` now; what is there since then must stay as it is. */
interface Moved {
  readonly storage: Storage;
  readonly path: string;
  readonly moved: string;
  /** The descriptor is closed: from here on by the path. */
  readonly letGo: () => void;
}

function moved(t: TestContext, how: 'renamed' | 'link switched', base = temporaryFolder(t)): Moved {
  const real = realpathSync(base);
  const path = join(real, 'log');
  const target = join(real, 'moved');
  const isRenamed = how === 'renamed';
  mkdirSync(isRenamed ? path : target);
  if (!isRenamed) symlinkSync(target, path);
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  let root: string | undefined = `/proc/self/fd/${fd}`;
  const letGo = (): void => {
    if (root !== undefined) closeSync(fd);
    root = undefined;
  };
  t.after(letGo);
  const storage = rootedStorage(nodeStorage, path, () => root);
  if (isRenamed) renameSync(path, target);
  else unlinkSync(path);
  mkdirSync(path);
  return { storage, path, moved: target, letGo };
}

const refusal = (operation: () => unknown): Error & { path?: string; dest?: string } => {
  try {
    operation();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return assert.fail('it was not refused');
};

/** Nothing that a user can read names the descriptor. */
function assertSpoken(error: Error): void {
  const { message, stack, cause, ...fields } = error;
  const text = [message, stack, JSON.stringify(fields)].join();
  assert.doesNotMatch(text, /\/proc\//);
  if (cause instanceof Error) assertSpoken(cause);
}

describe('storage of a folder that is held', { skip }, () => {
  for (const how of ['renamed', 'link switched'] as const) {
    test(`every call finds the folder when it was ${how}`, (t) => {
      const { storage, path, moved: target } = moved(t, how);
      const at = (name: string): string => join(path, name);
      const fd = storage.open(at('a'), 'create');
      storage.write(fd, [Buffer.from('text')], 0);
      storage.sync(fd);
      assert.equal(storage.statusOf(fd).bytes, 4);
      const bytes = new Uint8Array(4);
      assert.equal(storage.read(fd, bytes, 0), 4);
      storage.allocate(fd, 8192);
      assert.equal(storage.statusAt(at('a'))?.bytes, 8192);
      storage.truncate(fd, 4);
      storage.close(fd);
      storage.rename(at('a'), at('b'));
      storage.renameNoReplace(at('b'), at('c'));
      storage.syncDirectory(path);
      assert.equal(readFileSync(join(target, 'c'), 'utf8'), 'text');
      storage.makeDirectory(at('sub'));
      assert.deepEqual(
        storage.list(path).map(({ name }) => name),
        ['c', 'sub'],
      );
      assert.equal(storage.realPath(path), target);
      assert.equal(storage.realPath(at('c')), join(target, 'c'));
      assert.equal(storage.statusAt(path)?.kind, 'directory');
      assert.equal(storage.statusAt(join(path, '.'))?.kind, 'directory');
      assert.equal(storage.statusAt(at('none')), undefined);
      storage.unlink(at('c'));
      assert.deepEqual(readdirSync(target), ['sub']);
      assert.deepEqual(readdirSync(path), [], 'the new folder under the old path is untouched');
    });
  }

  test('a rename that must not replace does not, on tmpfs as on a disk', {
    skip: cannotMap,
  }, (t) => {
    for (const base of [temporaryFolder(t), regionFolder(t)]) {
      const { storage, path, moved: target } = moved(t, 'renamed', base);
      for (const name of ['a', 'b']) writeFileSync(join(target, name), name);
      const error = refusal(() => storage.renameNoReplace(join(path, 'a'), join(path, 'b')));
      assert.equal((error as NodeJS.ErrnoException).code, 'EEXIST');
      assert.equal(readFileSync(join(target, 'b'), 'utf8'), 'b');
    }
  });

  test('other paths are what they are, also one that only begins alike', (t) => {
    const { storage, path } = moved(t, 'renamed');
    for (const other of [`${path}2`, join(temporaryFolder(t), 'other')]) {
      storage.makeDirectory(other);
      storage.close(storage.open(join(other, 'file'), 'create'));
      assert.deepEqual(readdirSync(other), ['file']);
    }
  });

  test('errors name the path that was given, never the descriptor', (t) => {
    const { storage, path, moved: target } = moved(t, 'renamed');
    const file = join(path, 'none');
    writeFileSync(join(target, 'file'), '');
    symlinkSync('file', join(target, 'link'));
    const errors = [
      () => storage.open(file, 'read'),
      () => storage.unlink(file),
      () => storage.rename(file, join(path, 'x')),
      () => storage.renameNoReplace(file, join(path, 'x')),
      () => storage.list(file),
      () => storage.syncDirectory(file),
      () => storage.open(join(path, 'link'), 'read'),
      () => storage.makeDirectory(join(path, 'file', 'sub')),
      () => storage.open(path, 'write'),
    ].map(refusal);
    for (const error of errors) assertSpoken(error);
    const [open, , rename, , , , link, , folder] = errors;
    assert.equal(open?.path, file);
    assert.match(open?.message ?? '', new RegExp(`'${file}'`));
    assert.equal(rename?.dest, join(path, 'x'));
    assert.ok(link instanceof WalError);
    assert.equal(link.path, join(path, 'link'));
    assert.ok(folder instanceof WalError);
    assert.equal(folder.path, path);
  });

  test('once the folder is let go, its path is what counts', (t) => {
    const { storage, path, letGo } = moved(t, 'renamed');
    letGo();
    storage.close(storage.open(join(path, 'a'), 'create'));
    assert.deepEqual(readdirSync(path), ['a']);
  });
});
