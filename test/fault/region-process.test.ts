// Two processes and one shared region: what the second finds while the first lives, and after its
// kill. FAULTS rows 13, 42, 43, 46.
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { lookForRegions } from '../../src/judgement/log-regions.js';
import { readNumber } from '../../src/memory/sequence-latch.js';
import { openRegionFile, type RegionFile } from '../../src/region/region-file.js';
import { machineRegions } from '../../src/region/regions.js';
import { acquireLock, readLockRecord } from '../../src/storage/lock-file.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import {
  CHILD_LATCH_VALUE,
  CHILD_LOG_ID,
  CHILD_RING_BYTES,
  childRingByte,
} from './region-child.js';
import { cannotMap, type Owner, startOwner, temporaryFolder } from './region-owner.js';

const LOCKED = { code: 'ERR_FLASHSTRIKE_LOCKED' };

interface Running {
  readonly folder: string;
  readonly memory: string;
  readonly owner: Owner;
  readonly path: string;
}

async function running(t: TestContext): Promise<Running> {
  const folder = temporaryFolder(t);
  const memory = temporaryFolder(t, '/dev/shm');
  const owner = await startOwner(t, folder, memory);
  assert.equal(owner.report.kind, 'owner');
  assert.ok('path' in owner.report && owner.report.path !== undefined);
  assert.equal(owner.report.adapter, 'mapped');
  return { folder, memory, owner, path: owner.report.path };
}

/** Whose each region is that LOCK in `folder` leads to, as a reader judges it. */
function whoseIn(folder: string): string[] {
  const all = lookForRegions(nodeStorage, machineRegions, folder, CHILD_LOG_ID);
  assert.ok(all !== undefined);
  all.close();
  return all.found.map(({ whose }) => whose);
}

/** The region that the folder's LOCK names, as another process finds it. */
function regionOf(t: TestContext, folder: string): RegionFile {
  const [path] = readLockRecord(nodeStorage, folder).regions;
  assert.ok(path !== undefined);
  const file = openRegionFile(path);
  assert.ok('close' in file, 'reason' in file ? file.reason : '');
  t.after(() => file.close());
  return file;
}

function assertRing(file: RegionFile): void {
  const ring = file.readSection('ring');
  assert.equal(ring.length, CHILD_RING_BYTES);
  assert.ok(ring.every((byte, at) => byte === childRingByte(at)));
  assert.equal(readNumber(file.readLatch('control', 0), 0), CHILD_LATCH_VALUE);
}

describe('a region and its lock across processes', { skip: cannotMap }, () => {
  test('a living process is seen as the owner, and its memory can be read', async (t) => {
    const { folder, owner } = await running(t);
    const file = regionOf(t, folder);
    assert.ok(file.ownerIsAlive());
    assert.equal(file.header.pid, owner.pid);
    assertRing(file);
    assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), LOCKED);
  });

  test('kill -9 frees both locks and leaves every byte of the ring', async (t) => {
    const { folder, owner, path } = await running(t);
    const before = regionOf(t, folder);
    await owner.kill();
    assert.equal(before.ownerIsAlive(), false);
    const lock = acquireLock(nodeStorage, folder, 'flock');
    t.after(() => lock.release());
    const file = regionOf(t, folder);
    assert.equal(file.ownerIsAlive(), false);
    assertRing(file);
    assert.equal(file.unlink(), 'removed');
    assert.equal(existsSync(path), false);
    assertRing(file); // what is open can still be read
  });

  test('a second process is refused while the first lives, and gets the lock after', async (t) => {
    const { folder, memory, owner } = await running(t);
    const second = await startOwner(t, folder, memory);
    assert.equal(second.report.kind, 'refused');
    assert.ok('code' in second.report);
    assert.equal(second.report.code, 'ERR_FLASHSTRIKE_LOCKED');
    assert.match(second.report.message, /another process/);
    await owner.kill();
    const third = await startOwner(t, folder, memory);
    assert.equal(third.report.kind, 'owner');
  });

  test('a symbolic link to the folder leads a second process to the same lock', async (t) => {
    const { folder, memory } = await running(t);
    const link = join(temporaryFolder(t), 'link');
    symlinkSync(folder, link);
    const second = await startOwner(t, link, memory);
    assert.equal(second.report.kind, 'refused');
  });

  test('this process holds the lock against another', async (t) => {
    const folder = temporaryFolder(t);
    const memory = temporaryFolder(t, '/dev/shm');
    const lock = acquireLock(nodeStorage, folder, 'flock');
    const refused = await startOwner(t, folder, memory);
    assert.equal(refused.report.kind, 'refused');
    assert.deepEqual(readdirSync(memory), []);
    lock.release();
    const owner = await startOwner(t, folder, memory);
    assert.equal(owner.report.kind, 'owner');
  });

  test('a process that was started while the lock was held does not keep it', async (t) => {
    const folder = temporaryFolder(t);
    const lock = acquireLock(nodeStorage, folder, 'flock');
    // Any child: had it inherited the descriptor, the lock would live as long as it does.
    await startOwner(t, temporaryFolder(t), temporaryFolder(t, '/dev/shm'));
    lock.release();
    acquireLock(nodeStorage, folder, 'flock').release();
  });

  test('in a copied folder the region is foreign, and the original stays whole', async (t) => {
    const { folder, owner, path } = await running(t);
    const copy = join(temporaryFolder(t), 'copy');
    cpSync(folder, copy, { recursive: true });
    assert.deepEqual(readLockRecord(nodeStorage, copy).regions, [path]);
    assert.deepEqual(whoseIn(folder), ['ours']);
    assert.deepEqual(whoseIn(copy), ['another']);
    // The copy has a lock of its own, and taking it takes nothing from the original.
    acquireLock(nodeStorage, copy, 'flock').release();
    assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), LOCKED);
    await owner.kill();
    assert.deepEqual(whoseIn(copy), ['another']);
    assertRing(regionOf(t, folder));
  });

  test('a LOCK that was replaced hides neither the region nor that its owner lives', async (t) => {
    const { folder } = await running(t);
    const lockPath = join(folder, 'LOCK');
    const text = readFileSync(lockPath);
    unlinkSync(lockPath);
    writeFileSync(lockPath, text);
    assert.ok(regionOf(t, folder).ownerIsAlive());
  });

  test('a name that is taken from a running log is missing or foreign to all others', async (t) => {
    const { folder, path } = await running(t);
    const held = regionOf(t, folder);
    renameSync(path, `${path}.moved`);
    assert.equal(openRegionFile(path).status, 'missing');
    writeFileSync(path, 'precious', { mode: 0o600 });
    assert.equal(openRegionFile(path).status, 'damaged');
    assert.equal(held.unlink(), 'name-lost');
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    assert.ok(held.ownerIsAlive());
    assertRing(held);
  });
});
