// A full, missing or closed shared-memory folder: the portable region or an error with a code,
// never SIGBUS, and nothing left behind. FAULTS rows 33, 52.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { WalError } from '../../src/errors.js';
import { createRegion } from '../../src/region/region-factories.js';
import type { RegionRequest } from '../../src/region/region-layout.js';
import { newRegionName } from '../../src/region/region-names.js';
import type { SharedRegion } from '../../src/region/shared-region.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { cannotMap, startOwner, temporaryFolder } from './region-owner.js';

const MIB = 1024 * 1024;
/** What a ring begins with. */
const FIRST_BYTES = MIB / 4;
const REQUEST: RegionRequest = {
  logId: 9n,
  folder: { device: 1n, inode: 2n, birthNs: 3n, path: undefined },
  telemetryBytes: 4096,
  controlBytes: 4096,
  ringBytes: FIRST_BYTES,
};
const GROWING: RegionRequest = { ...REQUEST, ringBytes: MIB };
const NOBODY = 65534;
const names = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name !== 'ballast');
const newPath = (folder: string): string => join(folder, newRegionName(REQUEST.logId));

function touchEveryPage(region: SharedRegion): void {
  const ringBytes = region.section('ring').byteLength;
  for (const bytes of [region.bytes.subarray(4096), region.ring(ringBytes)]) {
    for (let at = 0; at < bytes.length; at += 4096) bytes[at] = 0xff;
  }
}

/** The ring's first bytes. */
function touchRing(region: SharedRegion, bytes: number): void {
  region.ring(bytes).fill(0xff, 0, bytes);
}

describe('a full shared-memory folder', { skip: cannotMap || cannotMount }, () => {
  for (const leftBytes of [0, 4096, FIRST_BYTES / 2, FIRST_BYTES + 2 * 4096]) {
    test(`with ${leftBytes} bytes left, auto goes on without and leaves no file`, (t) => {
      const disk = new SmallDisk(t, 4 * MIB);
      disk.fill(leftBytes);
      const { region, fallbackReason } = createRegion('auto', newPath(disk.folder), REQUEST);
      assert.equal(region.adapter, 'portable');
      assert.match(fallbackReason ?? '', /ENOSPC/);
      assert.deepEqual(names(disk.folder), []);
      touchEveryPage(region);
    });

    test(`with ${leftBytes} bytes left, required refuses and leaves no file`, (t) => {
      const disk = new SmallDisk(t, 4 * MIB);
      disk.fill(leftBytes);
      assert.throws(
        () => createRegion('required', newPath(disk.folder), REQUEST),
        (error) =>
          error instanceof WalError &&
          error.code === 'ERR_FLASHSTRIKE_SHARED_MEMORY' &&
          /ENOSPC.*sharedMemoryDirectory/s.test(error.message) &&
          error.message.includes(disk.folder),
      );
      assert.deepEqual(names(disk.folder), []);
    });
  }

  test('a region that was made before the folder filled up can be written to its end', (t) => {
    const disk = new SmallDisk(t, 4 * MIB);
    const { region } = createRegion('required', newPath(disk.folder), REQUEST);
    disk.fill();
    // A region with a hole would end this process here with SIGBUS.
    touchEveryPage(region);
    assert.equal(region.ring(FIRST_BYTES)[FIRST_BYTES - 4096], 0xff);
    assert.equal(region.release({ remove: true }), 'removed');
  });

  test('a ring that was extended before the folder filled up can be written that far', (t) => {
    const disk = new SmallDisk(t, 4 * MIB);
    const { region } = createRegion('required', newPath(disk.folder), GROWING);
    for (const bytes of [MIB / 2, MIB]) {
      region.extendRing(bytes, bytes / 2);
      disk.fill();
      touchRing(region, bytes);
      disk.free();
    }
    assert.equal(region.release({ remove: true }), 'removed');
  });

  for (const leftBytes of [0, 4096, MIB / 8]) {
    test(`with ${leftBytes} bytes left a ring is not extended, and takes none of them`, (t) => {
      const disk = new SmallDisk(t, 4 * MIB);
      const { region } = createRegion('required', newPath(disk.folder), GROWING);
      touchRing(region, FIRST_BYTES);
      disk.fill(leftBytes);
      const before = statfsSync(disk.folder).bfree;
      for (let attempt = 0; attempt < 3; attempt++) {
        assert.throws(() => region.extendRing(MIB / 2, FIRST_BYTES), { code: 'ENOSPC' });
      }
      assert.equal(statfsSync(disk.folder).bfree, before);
      touchRing(region, FIRST_BYTES);
      disk.free();
      region.extendRing(MIB, FIRST_BYTES);
      disk.fill();
      touchRing(region, MIB);
      assert.equal(region.release({ remove: true }), 'removed');
    });
  }

  test('space that comes back is used', (t) => {
    const disk = new SmallDisk(t, 4 * MIB);
    disk.fill();
    assert.equal(createRegion('auto', newPath(disk.folder), REQUEST).region.adapter, 'portable');
    disk.free();
    const { region } = createRegion('auto', newPath(disk.folder), REQUEST);
    assert.equal(region.adapter, 'mapped');
    region.release({ remove: true });
  });

  test('refusals leave no descriptor open', (t) => {
    const disk = new SmallDisk(t, 4 * MIB);
    disk.fill();
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let round = 0; round < 20; round++) createRegion('auto', newPath(disk.folder), REQUEST);
    assert.equal(open(), before);
  });
});

describe('a shared-memory folder of someone else', { skip: cannotMap }, () => {
  const skip = process.getuid?.() === 0 ? false : 'only root can become another user';

  test('a folder that may not be written: auto goes on without and says why', {
    skip,
  }, async (t) => {
    const memory = temporaryFolder(t, '/dev/shm');
    chmodSync(memory, 0o755);
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o777);
    const { report } = await startOwner(t, folder, memory, NOBODY);
    assert.equal(report.kind, 'owner', JSON.stringify(report));
    assert.ok('adapter' in report);
    assert.equal(report.adapter, 'portable');
    assert.match(report.reason ?? '', /EACCES/);
    assert.deepEqual(readdirSync(memory), []);
  });

  test('a log folder that may not be written is refused with its code', { skip }, async (t) => {
    const parent = temporaryFolder(t);
    chmodSync(parent, 0o755);
    const folder = join(parent, 'log');
    mkdirSync(folder, { mode: 0o755 });
    const { report } = await startOwner(t, folder, temporaryFolder(t, '/dev/shm'), NOBODY);
    assert.equal(report.kind, 'refused');
    assert.ok('code' in report);
    assert.equal(report.code, 'EACCES');
    assert.deepEqual(readdirSync(folder), []);
  });
});
