import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { fc } from '../../test/support/properties.js';
import { libc } from '../memory/libc.js';
import { publishNumber, publishWords, readNumber, readWords } from '../memory/sequence-latch.js';
import { createMappedRegion } from './mapped-region.js';
import {
  listRegions,
  openRegionFile,
  type RegionFile,
  removeUnfinishedRegion,
} from './region-file.js';
import { RegionHeaderLayout, type RegionRequest } from './region-layout.js';
import { newRegionName } from './region-names.js';
import type { SharedRegion } from './shared-region.js';

const REQUEST: RegionRequest = {
  logId: 77n,
  folder: { device: 5n, inode: 6n, birthNs: 7n, path: '/logs/orders' },
  telemetryBytes: 4096,
  controlBytes: 4096,
  ringBytes: 16 * 1024,
};
const OFFSET = RegionHeaderLayout.offset;
const skip = cannotMap;

interface Fixture {
  readonly folder: string;
  readonly path: string;
  readonly region: SharedRegion;
}

function fixture(t: TestContext): Fixture {
  const folder = regionFolder(t);
  const path = join(folder, newRegionName(REQUEST.logId));
  const region = createMappedRegion(path, REQUEST);
  t.after(() => {
    region.release({ remove: true });
  });
  return { folder, path, region };
}

/** The file as a dead process leaves it. */
function orphan(t: TestContext): Fixture {
  const made = fixture(t);
  made.region.release({ remove: false });
  return made;
}

function opened(t: TestContext, path: string): RegionFile {
  const file = openRegionFile(path);
  assert.equal(file.status, 'match', 'reason' in file ? file.reason : '');
  assert.ok('header' in file);
  t.after(() => file.close());
  return file;
}

/** The status; a file that is opened is closed again. */
function statusOf(path: string): string {
  const file = openRegionFile(path);
  if ('close' in file) file.close();
  else assert.match(file.reason, /^[a-z].*\.$/);
  return file.status;
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

describe('a region as seen from outside', { skip }, () => {
  test('a region of this log and boot is read without being mapped', (t) => {
    const { path, region } = fixture(t);
    region.ring(4096).set([1, 2, 3, 4], 100);
    const file = opened(t, path);
    assert.equal(file.header.pid, process.pid);
    assert.equal(file.header.logId, REQUEST.logId);
    assert.deepEqual([...file.readSection('ring', 99, 6)], [0, 1, 2, 3, 4, 0]);
    assert.equal(file.readSection('ring').length, REQUEST.ringBytes);
    assert.equal(file.readSection('ring')[103], 4);
    assert.equal(file.readSection('header').length, 4096);
    const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
    // One by its owner, which is this test; the reader adds none.
    assert.equal(maps.filter((line) => line.includes(path)).length, 1);
  });

  test('reading outside of a section is a broken invariant', (t) => {
    const file = opened(t, fixture(t).path);
    for (const [from, bytes] of [
      [0, REQUEST.ringBytes + 1],
      [REQUEST.ringBytes, 1],
      [-1, 1],
    ] as const) {
      assert.throws(() => file.readSection('ring', from, bytes), { code: 'ERR_ASSERTION' });
    }
  });

  test('the owner is alive while it holds the region, and looking does not disturb it', (t) => {
    const { path, region } = fixture(t);
    const first = opened(t, path);
    const second = opened(t, path);
    assert.ok(first.ownerIsAlive() && second.ownerIsAlive());
    region.release({ remove: false });
    for (let look = 0; look < 3; look++) {
      assert.equal(first.ownerIsAlive(), false);
      assert.equal(second.ownerIsAlive(), false);
    }
    const next = openSync(path, 'r');
    t.after(() => closeSync(next));
    assert.ok(libc()?.tryLock(next), 'a look leaves no lock behind');
  });

  test('a reader at the same moment is not taken for the owner', (t) => {
    const { path } = orphan(t);
    const file = opened(t, path);
    const other = openSync(path, 'r');
    t.after(() => closeSync(other));
    assert.ok(libc()?.tryLockShared(other), 'another reader is looking');
    assert.equal(file.ownerIsAlive(), false);
  });

  test('a latch is read whole while its writer goes on', (t) => {
    const { path, region } = fixture(t);
    const file = opened(t, path);
    const index = region.section('control').byteOffset / 4 + 16;
    publishNumber(region.words, index, 2 ** 40 + 3);
    assert.equal(readNumber(file.readLatch('control', 64), 0), 2 ** 40 + 3);
    publishWords(region.words, index, Int32Array.of(1, 2, 3, 4, 5, 6));
    const target = new Int32Array(6);
    readWords(file.readLatch('control', 64), 0, target);
    assert.deepEqual([...target], [1, 2, 3, 4, 5, 6]);
  });

  test('a copy of a latch that its writer changed meanwhile is not taken', (t) => {
    const file = opened(t, fixture(t).path);
    const copies: Int32Array[] = [];
    for (const [counter, value] of [
      [1, 10],
      [3, 30],
      [3, 31],
    ] as const) {
      const words = new Int32Array(16);
      words[0] = counter;
      words.fill(value, 8, 14);
      copies.push(words);
    }
    const [, expected] = copies;
    // What the kernel may copy while the writer goes on: only the second is followed by its own.
    Object.defineProperty(file, 'readSection', {
      configurable: true,
      value: () => new Uint8Array(copies.shift()?.buffer ?? assert.fail('too many looks')),
    });
    assert.deepEqual(file.readLatch('control', 0), expected);
    Object.defineProperty(file, 'readSection', {
      configurable: true,
      value: () => new Uint8Array(Int32Array.of(copies.push(new Int32Array(1)), 0).buffer),
    });
    assert.throws(() => file.readLatch('control', 0), { code: 'ERR_FLASHSTRIKE_SHARED_MEMORY' });
  });

  test('the region of any log is taken', (t) => {
    const file = openRegionFile(fixture(t).path);
    assert.ok('close' in file);
    assert.equal(file.header.logId, REQUEST.logId);
    file.close();
  });

  test('a region of another boot, or of none, is told', (t) => {
    const { path } = orphan(t);
    for (const boot of [new Uint8Array(16).fill(7), new Uint8Array(16)]) {
      overwrite(path, OFFSET.bootId, boot);
      assert.equal(statusOf(path), 'other-boot');
    }
  });

  test('a newer layout version is unsupported, none at all is damage', (t) => {
    const { path } = orphan(t);
    overwrite(path, OFFSET.layoutVersion, Uint8Array.of(4));
    assert.equal(statusOf(path), 'unsupported');
    overwrite(path, OFFSET.layoutVersion, Uint8Array.of(0));
    assert.equal(statusOf(path), 'damaged');
  });

  test('a file cut, grown, emptied or filled with noise is damaged', (t) => {
    const { path, region } = orphan(t);
    appendFileSync(path, Buffer.alloc(4096));
    assert.equal(statusOf(path), 'damaged');
    for (const bytes of [region.byteLength - 1, 4096, 4095, 100, 0]) {
      truncateSync(path, bytes);
      assert.equal(statusOf(path), 'damaged', `${bytes} bytes`);
    }
    for (const fill of [0, 0xff]) {
      writeFileSync(path, Buffer.alloc(region.byteLength, fill));
      assert.equal(statusOf(path), 'damaged');
    }
  });

  test('a file cut while it is read is an error with its offset, not a short answer', (t) => {
    const { path } = orphan(t);
    const file = opened(t, path);
    truncateSync(path, 8192);
    assert.throws(() => file.readSection('ring'), {
      code: 'ERR_FLASHSTRIKE_SHARED_MEMORY',
      path,
      offset: 3 * 4096,
    });
  });

  test('a forged header gives sections in the file or none, whatever its bytes', (t) => {
    const { path, region } = orphan(t);
    const sound = readFileSync(path);
    const seen = new Set<string>();
    const edit = fc.tuple(
      fc.oneof(fc.nat(128), fc.nat(4095)),
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        overwrite(path, 0, sound.subarray(0, 4096));
        for (const [offset, bytes] of edits) {
          overwrite(path, offset, bytes.subarray(0, 4096 - offset));
        }
        const file = openRegionFile(path);
        seen.add(file.status);
        if (!('close' in file)) return;
        for (const name of ['telemetry', 'control', 'ring'] as const) file.readSection(name);
        file.close();
        const { ring } = file.header.sections;
        assert.ok(ring.byteOffset + ring.byteLength === region.byteLength);
      }),
      { numRuns: 500 },
    );
    for (const status of ['damaged', 'other-boot']) assert.ok(seen.has(status), status);
  });

  test('a name that is gone is missing', (t) => {
    const { folder } = fixture(t);
    assert.equal(statusOf(join(folder, 'none')), 'missing');
    assert.equal(statusOf(join(folder, 'none', 'none')), 'missing');
  });

  test('trouble of this process is thrown: nothing is known about the region then', () => {
    assert.throws(() => openRegionFile(`/${'x'.repeat(300)}`), { code: 'ENAMETOOLONG' });
  });

  test('a symbolic link, a second name, a folder or a device is foreign', (t) => {
    const { folder, path } = orphan(t);
    const at = (name: string): string => join(folder, name);
    symlinkSync(path, at('symlink'));
    assert.equal(statusOf(at('symlink')), 'foreign');
    mkdirSync(at('folder'));
    assert.equal(statusOf(at('folder')), 'foreign');
    assert.equal(statusOf('/dev/null'), 'foreign');
    linkSync(path, at('hardlink'));
    assert.equal(statusOf(path), 'foreign');
  });

  test('a FIFO or a socket is foreign, and opening it does not hang', async (t) => {
    const { folder } = fixture(t);
    const fifo = join(folder, 'fifo');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    assert.equal(statusOf(fifo), 'foreign');
    const socket = join(folder, 'socket');
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once('listening', resolve));
    assert.equal(statusOf(socket), 'foreign');
    server.close();
  });

  test('a file that others may write is foreign', (t) => {
    const { path } = orphan(t);
    for (const mode of [0o620, 0o602, 0o666]) {
      chmodSync(path, mode);
      assert.equal(statusOf(path), 'foreign', mode.toString(8));
    }
    chmodSync(path, 0o600);
    assert.equal(statusOf(path), 'match');
  });

  test('a file of another user is foreign', (t) => {
    if (process.geteuid?.() !== 0) return t.skip('only root can give a file away');
    const { path } = orphan(t);
    chownSync(path, 65534, 65534);
    assert.equal(statusOf(path), 'foreign');
  });

  test('unlink removes the file that was read, never one that took its name', (t) => {
    const { folder, path } = orphan(t);
    const file = opened(t, path);
    writeFileSync(join(folder, 'other'), 'precious');
    renameSync(path, join(folder, 'moved'));
    assert.equal(file.unlink(), 'name-lost');
    renameSync(join(folder, 'other'), path);
    assert.equal(file.unlink(), 'name-lost');
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    renameSync(join(folder, 'moved'), path);
    assert.equal(file.unlink(), 'removed');
    assert.deepEqual(readdirSync(folder), []);
  });

  test('no answer leaves a descriptor open', (t) => {
    const { folder, path } = orphan(t);
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let round = 0; round < 20; round++) {
      statusOf(path);
      statusOf(folder);
      statusOf('/dev/null');
    }
    const file = openRegionFile(path);
    assert.ok('close' in file);
    file.close();
    file.close();
    assert.equal(open(), before);
  });

  test('what a creator left that died half-way is removed, and nothing else is', (t) => {
    const { folder, path, region } = fixture(t);
    const { layoutVersion } = OFFSET;
    assert.equal(removeUnfinishedRegion(path), false, 'it is finished');
    overwrite(path, layoutVersion, Uint8Array.of(0));
    assert.equal(removeUnfinishedRegion(path), false, 'its creator lives');
    region.release({ remove: false });
    overwrite(path, layoutVersion, Uint8Array.of(4));
    assert.equal(removeUnfinishedRegion(path), false, 'it is of a newer version');
    overwrite(path, layoutVersion, Uint8Array.of(0));
    symlinkSync(path, join(folder, 'link'));
    assert.equal(removeUnfinishedRegion(join(folder, 'link')), false, 'it is a symbolic link');
    assert.equal(removeUnfinishedRegion(join(folder, 'none')), false);
    assert.equal(removeUnfinishedRegion(folder), false);
    chmodSync(path, 0o666);
    assert.equal(removeUnfinishedRegion(path), false, 'others may write to it');
    chmodSync(path, 0o600);
    assert.equal(removeUnfinishedRegion(path), true);
    for (const bytes of [0, 5, 4096]) {
      writeFileSync(path, Buffer.alloc(bytes), { mode: 0o600 });
      assert.equal(removeUnfinishedRegion(path), true, `${bytes} bytes`);
    }
    assert.deepEqual(readdirSync(folder), ['link']);
  });

  test('only names of regions are listed, with their full paths', (t) => {
    const { folder, path } = fixture(t);
    writeFileSync(join(folder, 'flashstrike-other'), '');
    assert.deepEqual(listRegions(folder), [path]);
    assert.deepEqual(listRegions(join(folder, 'none')), []);
    assert.throws(() => listRegions(path), { code: 'ENOTDIR' });
  });
});
