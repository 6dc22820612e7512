import assert from 'node:assert/strict';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { eventually } from '../../test/support/eventually.js';
import { createMappedRegion } from './mapped-region.js';
import { openRegionFile } from './region-file.js';
import { newRegionName } from './region-names.js';
import type { SharedRegion } from './shared-region.js';
import { WatchedRegion } from './watched-region.js';

const REQUEST = {
  logId: 77n,
  folder: { device: 5n, inode: 6n, birthNs: 7n, path: '/logs/orders' },
  telemetryBytes: 4096,
  controlBytes: 4096,
  ringBytes: 16 * 1024,
};
const skip = cannotMap;

function newRegion(t: TestContext): SharedRegion & { readonly path: string } {
  const path = join(regionFolder(t), newRegionName(REQUEST.logId));
  const region = createMappedRegion(path, REQUEST);
  t.after(() => {
    region.release({ remove: true });
  });
  return Object.assign(region, { path });
}

function watch(t: TestContext, path: string, onChange: () => void): WatchedRegion | undefined {
  const found = openRegionFile(path);
  assert.ok(found.status === 'match');
  try {
    const watched = WatchedRegion.of(found, onChange);
    t.after(() => watched?.close());
    return watched;
  } finally {
    found.close();
  }
}

test('a write to the file is told, a store into the mapping is not; both are read', {
  skip,
}, async (t) => {
  const region = newRegion(t);
  let changes = 0;
  const watched = watch(t, region.path, () => changes++);
  assert.ok(watched?.isLive);
  const at = region.handle.sections.control.byteOffset;
  Atomics.store(region.words, at / 4, 5);
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.equal(changes, 0);
  assert.equal(new Int32Array(watched.file.readSection('control', 0, 4).buffer)[0], 5);
  assert.equal(region.writeThrough(at, new Int32Array([6])), true);
  await eventually('the write is told', () => changes > 0);
  assert.equal(Atomics.load(region.words, at / 4), 6);
  watched.file.writeSection('control', 0, new Int32Array([7]));
  assert.equal(Atomics.load(region.words, at / 4), 7, 'a follower writes what the owner sees');
});

test('a region whose name is removed is told, and not kept open', { skip }, async (t) => {
  const region = newRegion(t);
  let changes = 0;
  const watched = watch(t, region.path, () => changes++);
  region.release({ remove: true });
  assert.equal(watched?.isLive, false);
  await eventually('it is told', () => changes > 0);
  assert.throws(() => watched?.file.readSection('control', 0, 4), { code: 'EBADF' });
});

test('what took the name of the file that was found is not watched', { skip }, (t) => {
  const region = newRegion(t);
  const other = newRegion(t);
  const found = openRegionFile(region.path);
  assert.ok(found.status === 'match');
  renameSync(other.path, region.path);
  assert.equal(
    WatchedRegion.of(found, () => {}),
    undefined,
  );
  writeFileSync(region.path, 'no region');
  assert.equal(
    WatchedRegion.of(found, () => {}),
    undefined,
  );
  found.close();
});

test('a region that this user may not write to is not watched', {
  skip: skip || (process.geteuid?.() === 0 && 'root may write to everything'),
}, (t) => {
  const region = newRegion(t);
  chmodSync(region.path, 0o400);
  assert.equal(
    watch(t, region.path, () => {}),
    undefined,
  );
});
