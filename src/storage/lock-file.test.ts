import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { libc } from '../memory/libc.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { newRegionName } from '../region/region-names.js';
import { acquireLock, adoptLock, type LogLock, readLockRecord } from './lock-file.js';
import { nodeStorage } from './node-storage.js';
import type { Storage } from './storage.js';

const flocks = libc() === undefined ? { skip: 'no libc is bound on this machine' } : {};
const LOCKED = { code: 'ERR_FLASHSTRIKE_LOCKED' };
const regionPath = (folder = '/dev/shm'): string => join(folder, newRegionName(5n));

function logFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-lock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function lockOf(t: TestContext, folder: string, storage: Storage = nodeStorage): LogLock {
  const lock = acquireLock(storage, folder, 'flock');
  t.after(() => lock.release());
  return lock;
}

const NOTHING = {
  regions: [],
  left: [],
  folder: undefined,
  boot: undefined,
  damaged: false,
  isWritten: false,
};

test('a second opening in the same process is refused at once', flocks, (t) => {
  const folder = logFolder(t);
  const lock = lockOf(t, folder);
  assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), {
    ...LOCKED,
    path: join(folder, 'LOCK'),
  });
  lock.release();
  lockOf(t, folder);
});

test('a folder reached by a symbolic link is the same folder', flocks, (t) => {
  const folder = logFolder(t);
  const link = `${folder}-link`;
  symlinkSync(folder, link);
  t.after(() => unlinkSync(link));
  const lock = lockOf(t, link);
  assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), LOCKED);
  lock.release();
  lockOf(t, folder);
  assert.throws(() => acquireLock(nodeStorage, link, 'flock'), LOCKED);
});

test('LOCK is private and outlives its release', flocks, (t) => {
  const folder = logFolder(t);
  const old = process.umask(0);
  t.after(() => process.umask(old));
  const lock = lockOf(t, folder);
  assert.equal(statSync(join(folder, 'LOCK')).mode & 0o777, 0o600);
  assert.deepEqual(lock.inode, statSync(join(folder, 'LOCK'), { bigint: true }).ino);
  assert.deepEqual(lock.device, statSync(join(folder, 'LOCK'), { bigint: true }).dev);
  lock.release();
  assert.ok(existsSync(join(folder, 'LOCK')));
});

test('release is idempotent, and refusals leave no descriptor open', flocks, (t) => {
  const folder = logFolder(t);
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  const lock = lockOf(t, folder);
  for (let round = 0; round < 10; round++) {
    assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), LOCKED);
    readLockRecord(nodeStorage, folder);
  }
  lock.release();
  lock.release();
  assert.equal(open(), before);
});

test('a LOCK that is replaced while it is held is noticed', flocks, (t) => {
  const folder = logFolder(t);
  const lock = lockOf(t, folder);
  assert.equal(lock.isNamed(), true);
  renameSync(join(folder, 'LOCK'), join(folder, 'LOCK.old'));
  assert.equal(lock.isNamed(), false);
  writeFileSync(join(folder, 'LOCK'), '');
  assert.equal(lock.isNamed(), false);
  // Another process could lock the new file now: it is another one.
  const second = lockOf(t, folder);
  assert.notEqual(second.inode, lock.inode);
});

for (const [what, harm] of [
  ['removed', (path: string) => unlinkSync(path)],
  ['replaced', (path: string) => writeFileSync(`${path}.new`, '{}')],
] as const) {
  test(`a LOCK that is ${what} is made again, with its text, where the folder is locked as well`, (t) => {
    const folder = logFolder(t);
    const path = join(folder, 'LOCK');
    const lock = acquireLock(nodeStorage, folder, 'none', true);
    t.after(() => lock.release());
    lock.write({ regions: [regionPath()], folder: FOLDER, boot: BOOT });
    const record = lock.read();
    harm(path);
    if (existsSync(`${path}.new`)) renameSync(`${path}.new`, path);
    assert.equal(lock.isNamed(), false);
    assert.equal(lock.restore(), true);
    assert.equal(lock.isNamed(), true);
    const { device, inode, ...named } = readLockRecord(nodeStorage, folder);
    assert.deepEqual(named, record);
    assert.deepEqual([device, inode], [lock.device, lock.inode]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['LOCK']);
  });
}

test('a LOCK that was made again names no region once the log has closed', (t) => {
  const folder = logFolder(t);
  const lock = acquireLock(nodeStorage, folder, 'none', true);
  t.after(() => lock.release());
  lock.write({ regions: [regionPath()], folder: FOLDER, boot: BOOT });
  unlinkSync(join(folder, 'LOCK'));
  // As another thread has it.
  const held = { lockFd: lock.fd, isFolderLocked: true };
  assert.equal(adoptLock(nodeStorage, folder, held).restore(), true);
  lock.forgetRegions();
  const { regions, folder: identity } = readLockRecord(nodeStorage, folder);
  assert.deepEqual([regions, identity], [[], FOLDER]);
});

test('a LOCK that is replaced where the folder is not locked is left alone', (t) => {
  const folder = logFolder(t);
  const path = join(folder, 'LOCK');
  const lock = acquireLock(nodeStorage, folder, 'none');
  t.after(() => lock.release());
  lock.write({ regions: [regionPath()] });
  unlinkSync(path);
  writeFileSync(path, 'of another process');
  assert.equal(lock.restore(), false);
  lock.forgetRegions();
  assert.equal(readFileSync(path, 'utf8'), 'of another process');
});

test('a LOCK replaced between open and lock is not taken for the lock', flocks, (t) => {
  const folder = logFolder(t);
  let replacements = 3;
  const storage: Storage = {
    ...nodeStorage,
    open(path, mode) {
      const fd = nodeStorage.open(path, mode);
      if (replacements-- > 0) unlinkSync(path);
      return fd;
    },
  };
  const open = readdirSync('/proc/self/fd').length;
  const lock = lockOf(t, folder, storage);
  assert.equal(replacements, -1);
  assert.ok(lock.isNamed());
  assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), LOCKED);
  assert.equal(readdirSync('/proc/self/fd').length, open + 1);

  const other = logFolder(t);
  replacements = Number.POSITIVE_INFINITY;
  assert.throws(() => acquireLock(storage, other, 'flock'), {
    code: 'ERR_FLASHSTRIKE_LOCK_UNAVAILABLE',
  });
  assert.equal(readdirSync('/proc/self/fd').length, open + 1);
});

test('lock none keeps a record and refuses nobody', (t) => {
  const folder = logFolder(t);
  const first = acquireLock(nodeStorage, folder, 'none');
  const second = acquireLock(nodeStorage, folder, 'none');
  first.write({ regions: [regionPath()] });
  assert.deepEqual(second.read(), first.read());
  assert.equal(second.inode, first.inode);
  first.release();
  second.release();
});

test('a file system that refuses locks is told, with the way around', flocks, (t) => {
  // Descriptors that are no files are refused by flock as a file system without locks would.
  const storage: Storage = {
    ...nodeStorage,
    open: () => 1_000_000,
    close: () => undefined,
  };
  assert.throws(() => acquireLock(storage, logFolder(t), 'flock'), {
    code: 'ERR_FLASHSTRIKE_LOCK_UNAVAILABLE',
    message: /lock: 'none'/,
  });
});

test('a record comes back as it was written, the longer and the shorter one', (t) => {
  const folder = logFolder(t);
  const lock = acquireLock(nodeStorage, folder, 'none');
  t.after(() => lock.release());
  assert.deepEqual(lock.read(), NOTHING);
  const one = regionPath('/dev/shm');
  const many = [regionPath('/a b'), regionPath('/ä\n\u2028"'), regionPath('/'), one];
  for (const regions of [[one], many, [one], []]) {
    lock.write({ regions });
    assert.deepEqual(lock.read(), { ...NOTHING, regions, isWritten: true });
    const { device, inode } = lock;
    const expected = { ...NOTHING, regions, isWritten: true, device, inode };
    assert.deepEqual(readLockRecord(nodeStorage, folder), expected);
    assert.equal(statSync(join(folder, 'LOCK')).size, 4096);
  }
});

test('paths are recorded in full: the next opening may stand elsewhere', (t) => {
  const folder = logFolder(t);
  const lock = acquireLock(nodeStorage, folder, 'none');
  t.after(() => lock.release());
  const path = regionPath(folder);
  lock.write({ regions: [relative('.', path)] });
  assert.deepEqual(lock.read().regions, [path]);
});

const FOLDER: FolderIdentity = {
  device: 2n ** 64n - 1n,
  inode: 2n ** 63n + 1n,
  birthNs: 1_795_927_112_372_615_699n,
  path: '/srv/ä "quoted"',
};
const BOOT = '0123456789abcdef0123456789abcdef';

test('whose it is comes back as it was written, and outlives the regions', (t) => {
  const folder = logFolder(t);
  const lock = acquireLock(nodeStorage, folder, 'none');
  t.after(() => lock.release());
  for (const written of [
    FOLDER,
    { ...FOLDER, birthNs: undefined },
    { ...FOLDER, path: undefined },
    undefined,
  ]) {
    const left = [regionPath('/left')];
    lock.write({ regions: [regionPath()], left, folder: written, boot: BOOT });
    assert.deepEqual(lock.read().folder, written);
    lock.forgetRegions();
    const expected = { ...NOTHING, left, folder: written, boot: BOOT, isWritten: true };
    assert.deepEqual(lock.read(), expected);
  }
});

test('a text of an older version is read as it always was', (t) => {
  const folder = logFolder(t);
  const path = regionPath('/dev/shm');
  writeFileSync(join(folder, 'LOCK'), `${JSON.stringify({ regions: [path] }).padEnd(4095)}\n`);
  const { regions, folder: identity, boot, damaged } = readLockRecord(nodeStorage, folder);
  assert.deepEqual([regions, identity, boot, damaged], [[path], undefined, undefined, false]);
});

test('where the path of the folder has no room, its regions have', (t) => {
  const folder = logFolder(t);
  const lock = acquireLock(nodeStorage, folder, 'none');
  t.after(() => lock.release());
  const regions = Array.from({ length: 4 }, () => regionPath(`/${'x'.repeat(200)}`));
  const path = `/${'y'.repeat(200)}`.repeat(20);
  lock.write({ regions, folder: { ...FOLDER, path }, boot: BOOT });
  assert.deepEqual(lock.read().regions, regions);
  assert.deepEqual(lock.read().folder, { ...FOLDER, path: undefined });
});

test('more regions than fit are refused, and the record stays as it was', (t) => {
  const folder = logFolder(t);
  const lock = acquireLock(nodeStorage, folder, 'none');
  t.after(() => lock.release());
  const path = regionPath();
  lock.write({ regions: [path] });
  const long = regionPath(`/${'x'.repeat(4096)}`);
  assert.throws(() => lock.write({ regions: [long] }), { code: 'ERR_FLASHSTRIKE_INVALID_OPTION' });
  assert.throws(() => lock.write({ regions: Array(5).fill(path) }), { code: 'ERR_ASSERTION' });
  assert.deepEqual(lock.read(), { ...NOTHING, regions: [path], isWritten: true });
});

const FORGED: Readonly<Record<string, string>> = {
  'no JSON': '{"regions":[',
  'white space of another kind': '\u00a0\n',
  null: 'null',
  number: '17',
  list: '[]',
  'no regions': '{}',
  'regions of another type': '{"regions":{"length":1}}',
  'a region that is no text': '{"regions":[7]}',
  'a path of something else': '{"regions":["/etc/passwd"]}',
  'a relative path': '{"regions":["flashstrike-0000000000000005-0000000000000005"]}',
  'a folder that is none': '{"regions":[],"folder":7}',
  'a folder without an inode': '{"regions":[],"folder":{"device":"1"}}',
  'an inode that is none': '{"regions":[],"folder":{"device":"1","inode":"0x1"}}',
  'a folder with a relative path': '{"regions":[],"folder":{"device":"1","inode":"2","path":"a"}}',
  'a boot that is none': '{"regions":[],"boot":"today"}',
  'too many': JSON.stringify({ regions: Array(5).fill(regionPath()) }),
  'a record that is cut': JSON.stringify({ regions: [regionPath()] }).slice(0, -3),
};

for (const [what, text] of Object.entries(FORGED)) {
  test(`a record with ${what} names nothing and is told to be damaged`, (t) => {
    const folder = logFolder(t);
    writeFileSync(join(folder, 'LOCK'), text);
    const lock = acquireLock(nodeStorage, folder, 'none');
    t.after(() => lock.release());
    assert.deepEqual(lock.read(), { ...NOTHING, damaged: true });
    assert.equal(readFileSync(join(folder, 'LOCK'), 'utf8'), text);
    lock.write({ regions: [] });
    assert.deepEqual(lock.read(), { ...NOTHING, isWritten: true });
  });
}

test('whatever LOCK holds, reading it names only paths of regions', (t) => {
  const folder = logFolder(t);
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), fc.json()), (content) => {
      writeFileSync(join(folder, 'LOCK'), content);
      const { regions, damaged } = readLockRecord(nodeStorage, folder);
      assert.deepEqual(regions, []);
      assert.equal(typeof damaged, 'boolean');
    }),
    { numRuns: 300 },
  );
});

test('a folder without LOCK has no record, and reading makes none', (t) => {
  const folder = logFolder(t);
  assert.deepEqual(readLockRecord(nodeStorage, folder), NOTHING);
  assert.deepEqual(readdirSync(folder), []);
});

test('another thread goes on with the lock by its descriptor', flocks, (t) => {
  const folder = logFolder(t);
  const { fd: lockFd } = acquireLock(nodeStorage, folder, 'flock');
  const lock = adoptLock(nodeStorage, folder, { lockFd, isFolderLocked: false });
  lock.write({ regions: [] });
  assert.throws(() => acquireLock(nodeStorage, folder, 'flock'), LOCKED);
  lock.release();
  lockOf(t, folder);
});

const UNSAFE: Readonly<Record<string, (path: string) => void>> = {
  'a symbolic link': (path) => {
    writeFileSync(`${path}.target`, '');
    symlinkSync(`${path}.target`, path);
  },
  'a dangling symbolic link': (path) => symlinkSync(`${path}.none`, path),
  'a folder': (path) => mkdirSync(path),
  'a FIFO': (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
};

for (const [what, make] of Object.entries(UNSAFE)) {
  test(`${what} in the place of LOCK is refused without hanging, and left alone`, (t) => {
    const folder = logFolder(t);
    make(join(folder, 'LOCK'));
    const before = readdirSync(folder);
    const unsafe = { code: 'ERR_FLASHSTRIKE_UNSAFE_FILE' };
    assert.throws(() => acquireLock(nodeStorage, folder, 'none'), unsafe);
    assert.throws(() => readLockRecord(nodeStorage, folder), unsafe);
    assert.deepEqual(readdirSync(folder), before);
  });
}
