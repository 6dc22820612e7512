// One storage, three folders: the log's own, moved away; a stranger under the old path; none at
// all.
import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { regionFolder } from '../../test/support/adapters.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { kernelPlace } from '../../test/support/storage-places.js';
import { WalError } from '../errors.js';
import { nodeStorage } from './node-storage.js';
import { rootedStorage } from './rooted-storage.js';
import { storageConformance } from './storage.conformance.js';
import type { Storage } from './storage.js';
import type { StoragePlace } from './storage-place.conformance.js';

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

for (const how of ['renamed', 'link switched'] as const) {
  for (const [where, base] of [
    ['', temporaryFolder],
    [' in shared memory', regionFolder],
  ] as const) {
    const make = (t: TestContext): StoragePlace => {
      const { storage, path, moved: folder } = moved(t, how, base(t));
      return { ...kernelPlace(path, (each) => each.replace(path, folder)), storage };
    };
    storageConformance(`of a folder${where} that is held, ${how}`, make, skip || undefined);
  }
}

describe('storage of a folder that is held', { skip }, () => {
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
