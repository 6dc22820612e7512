import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { judgeFolder } from '../region/folder-identity.js';
import { identifyFolder } from './identify-folder.js';
import { nodeStorage } from './node-storage.js';

const identify = (path: string) =>
  identifyFolder(nodeStorage, path) ?? assert.fail(`${path} is no folder`);

test('a folder is the same by each of its names, and after it was moved', (t) => {
  const root = realpathSync(temporaryFolder(t));
  const folder = join(root, 'log');
  mkdirSync(folder);
  const before = identify(folder);
  assert.equal(before.path, folder);
  symlinkSync(folder, join(root, 'link'));
  assert.deepEqual(identify(join(root, 'link')), before);
  writeFileSync(join(folder, 'LOCK'), 'its change time is another now');
  assert.deepEqual(identify(folder), before);
  renameSync(folder, join(root, 'moved'));
  const moved = identify(join(root, 'moved'));
  assert.equal(judgeFolder(before, moved), 'same');
  assert.equal(moved.path, join(root, 'moved'));
});

test('a copy is another folder, also under the old name', { skip: cannotMap }, (t) => {
  // A tmpfs tells births.
  const root = regionFolder(t);
  const folder = join(root, 'log');
  mkdirSync(folder);
  const before = identify(folder);
  assert.notEqual(before.birthNs, undefined);
  // The kernel's clock for this has ticks of some milliseconds: a copy made within one is as old.
  const tick = join(root, 'tick');
  for (mkdirSync(tick); identify(tick).birthNs === before.birthNs; mkdirSync(tick)) rmdirSync(tick);
  cpSync(folder, join(root, 'copy'), { recursive: true, preserveTimestamps: true });
  rmdirSync(folder);
  renameSync(join(root, 'copy'), folder);
  assert.equal(judgeFolder(before, identify(folder)), 'copy');
});

test('what is no folder has no identity', (t) => {
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'file'), '');
  for (const name of ['file', 'none', 'file/none']) {
    assert.equal(identifyFolder(nodeStorage, join(root, name)), undefined, name);
  }
});
