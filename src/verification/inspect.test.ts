import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { regionFolder } from '../../test/support/adapters.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { createMappedRegion } from '../region/mapped-region.js';
import { newRegionName } from '../region/region-names.js';
import type { SharedRegion } from '../region/shared-region.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { acquireLock } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import { inspectLog, listOrphanRegions, removeOrphanRegion } from './inspect.js';

function threeSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(4).events(5).seal();
  builder.segment().events(2).watermark().events(3);
  return builder.segment().events(1).events(5).meta().write();
}

test('segments are described from their headers and pins, the last by a walk', (t) => {
  const builder = threeSegments(t);
  writeFileSync(join(builder.dir, 'prepared-3.tmp'), '');
  writeFileSync(join(builder.dir, 'diary.txt'), '');
  const inspection = inspectLog(builder.dir);
  const rows = inspection.segments.map(({ file, segmentIndex, events, state, defect }) => [
    file,
    segmentIndex,
    events,
    state,
    defect,
  ]);
  assert.deepEqual(rows, [
    ['0000000001.wal', 1, 9, 'sealed', undefined],
    ['0000000002.wal', 2, 5, 'finished', undefined],
    ['0000000003.wal', 3, 6, 'active', undefined],
  ]);
  const [first] = inspection.segments;
  const lastBlock = builder.blockOf(1, 1);
  assert.equal(first?.usedBytes, lastBlock.offset + lastBlock.bytes);
  assert.deepEqual([first?.firstEventId, first?.lastEventId], [1, 9]);
  assert.deepEqual([inspection.firstEventId, inspection.lastEventId], [1, 20]);
  assert.equal(inspection.logId, builder.logId);
  assert.equal(inspection.tail?.verdict, 'clean');
  assert.equal(inspection.meta.status, 'present');
  assert.equal(inspection.locked, false);
  assert.equal(inspection.region.status, 'none');
  assert.deepEqual(inspection.otherNames, [
    { name: 'prepared-3.tmp', kind: 'prepared' },
    { name: 'diary.txt', kind: 'unknown' },
  ]);
});

test('damage is described in its place', (t) => {
  const builder = threeSegments(t);
  builder.fileOf(1).fill(0, 0, 4096);
  builder.files.set(2, builder.fileOf(2).slice(0, 4200));
  builder.fileOf(3)[builder.blockOf(3, 1).offset + 70] = 0xee;
  const { segments, meta } = inspectLog(builder.meta({ durableEventId: 20 }).write().dir);
  assert.deepEqual(
    segments.map(({ state }) => state),
    ['damaged', 'damaged', 'damaged'],
  );
  assert.match(segments[0]?.defect ?? '', /is not valid/);
  assert.match(segments[1]?.defect ?? '', /has 4200 bytes.*end at offset/);
  assert.match(segments[2]?.defect ?? '', /Events 16 to 20 are lost/);
  assert.equal(meta.status, 'present');
  rmSync(join(builder.dir, 'wal.meta'));
  assert.equal(inspectLog(builder.dir).meta.status, 'missing');
  rmSync(join(builder.dir, 'LOCK'));
  for (const name of ['wal.meta', 'LOCK']) mkdirSync(join(builder.dir, name));
  const odd = inspectLog(builder.dir);
  assert.deepEqual(
    [odd.meta.status, odd.region.status, odd.tail],
    ['damaged', 'damaged', undefined],
  );
  assert.deepEqual([odd.segments[2]?.state, odd.segments[2]?.events], ['active', 1]);
});

test('no folder and no log are errors; an empty log is not', (t) => {
  const dir = temporaryFolder(t);
  assert.throws(() => inspectLog(dir), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  assert.throws(() => inspectLog(join(dir, 'no')), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  new LogBuilder(dir).meta().write();
  const inspection = inspectLog(dir);
  assert.deepEqual([inspection.firstEventId, inspection.lastEventId], [1, 0]);
  assert.deepEqual(inspection.segments, []);
});

interface Shared {
  readonly shm: string;
  readonly builder: LogBuilder;
  create(folder?: FolderIdentity): SharedRegion;
}

function withSharedMemory(t: TestContext): Shared {
  const shm = regionFolder(t);
  const builder = threeSegments(t);
  const own = identifyFolder(nodeStorage, builder.dir) ?? assert.fail('there is no folder');
  const create: Shared['create'] = (folder = own) =>
    createMappedRegion(join(shm, newRegionName(builder.logId)), {
      logId: builder.logId,
      folder,
      telemetryBytes: 4096,
      controlBytes: 4096,
      ringBytes: 65536,
    });
  return { shm, builder, create };
}

test('a region in use, one that waits and an orphan are told apart', (t) => {
  const { shm, builder, create } = withSharedMemory(t);
  const { dir } = builder;
  const lock = acquireLock(nodeStorage, dir, 'flock');
  const [named, orphan] = [create(), create()];
  lock.write({ regions: [named.path ?? ''] });
  const inUse = inspectLog(dir);
  assert.equal(inUse.region.status, 'in-use');
  assert.equal(inUse.region.pid, process.pid);
  assert.equal(inUse.locked, true);
  assert.deepEqual(
    listOrphanRegions(shm, dir).map(({ removable }) => removable),
    [false, false],
    'their process lives',
  );
  assert.throws(() => removeOrphanRegion(orphan.path ?? ''), {
    code: 'ERR_FLASHSTRIKE_SHARED_MEMORY',
  });

  for (const region of [named, orphan]) region.release({ remove: false });
  lock.release();
  const waiting = inspectLog(dir);
  assert.equal(waiting.region.status, 'waiting');
  assert.equal(waiting.region.unreadEvents, 0);
  assert.equal(waiting.locked, false);
  const regions = listOrphanRegions(shm, dir);
  const removable = regions.filter((region) => region.removable);
  assert.deepEqual(
    removable.map(({ path, bytes, pid }) => [path, bytes, pid]),
    [[orphan.path, statSync(orphan.path ?? '').size, process.pid]],
  );
  assert.deepEqual(listOrphanRegions(relative('.', shm), dir), regions, 'however it is named');
  removeOrphanRegion(removable[0]?.path ?? '');
  assert.equal(readdirSync(shm).length, 1);
  assert.throws(() => removeOrphanRegion(removable[0]?.path ?? ''), {
    code: 'ERR_FLASHSTRIKE_SHARED_MEMORY',
    message: /was not removed/,
  });
});

test('the region of a copied folder is not removable here', (t) => {
  const { shm, builder, create } = withSharedMemory(t);
  acquireLock(nodeStorage, builder.dir, 'flock').release();
  const own = identifyFolder(nodeStorage, builder.dir) ?? assert.fail('there is no folder');
  create({ ...own, inode: own.inode + 1n }).release({ remove: false });
  const [region] = listOrphanRegions(shm, builder.dir);
  assert.equal(region?.removable, false);
  assert.match(region?.reason ?? '', /another folder/);
  assert.deepEqual(listOrphanRegions(join(shm, 'missing'), builder.dir), []);
});
