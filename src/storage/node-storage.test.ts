// One suite for the port, passed by each adapter; then what only a real file system has.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { SimulatedDisk } from '../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { cannotCount, descriptors } from '../../test/support/process-resources.js';
import { libc } from '../memory/libc.js';
import { nodeStorage } from './node-storage.js';
import type { OpenMode, Storage } from './storage.js';

interface Place {
  readonly storage: Storage;
  readonly folder: string;
}

const ADAPTERS: Readonly<Record<string, (t: TestContext) => Place>> = {
  'node:fs': (t) => ({ storage: nodeStorage, folder: temporaryFolder(t) }),
  'the disk in memory': () => {
    const storage = new SimulatedDisk();
    storage.makeDirectory('/folder');
    return { storage, folder: '/folder' };
  },
  'a storage that may fail, and does not': (t) => ({
    storage: new FaultyStorage(nodeStorage),
    folder: temporaryFolder(t),
  }),
};

const MODES: readonly OpenMode[] = ['read', 'write', 'create', 'open-or-create'];
const bytesOf = (text: string): Uint8Array => Buffer.from(text);

for (const [name, adapter] of Object.entries(ADAPTERS)) {
  describe(name, () => {
    test('opens what is there, creates what is not, as the mode says', (t) => {
      const { storage, folder } = adapter(t);
      const path = join(folder, 'file');
      for (const mode of ['read', 'write'] as const) {
        assert.throws(() => storage.open(path, mode), { code: 'ENOENT' });
      }
      storage.close(storage.open(path, 'create'));
      assert.throws(() => storage.open(path, 'create'), { code: 'EEXIST' });
      for (const mode of ['read', 'write', 'open-or-create'] as const) {
        storage.close(storage.open(path, mode));
      }
      storage.close(storage.open(join(folder, 'other'), 'open-or-create'));
      assert.deepEqual(
        storage.list(folder).map((entry) => [entry.name, entry.kind]),
        [
          ['file', 'file'],
          ['other', 'file'],
        ],
      );
    });

    test('writes all parts one behind the other, anywhere, and reads them back', (t) => {
      const { storage, folder } = adapter(t);
      const fd = storage.open(join(folder, 'file'), 'create');
      storage.write(fd, [bytesOf('one'), new Uint8Array(0), bytesOf('two')], 5);
      storage.write(fd, [bytesOf('X')], 6);
      const target = new Uint8Array(20).fill(0xff);
      assert.equal(storage.read(fd, target, 0), 11);
      assert.deepEqual(Buffer.from(target.subarray(0, 11)), Buffer.from('\0\0\0\0\0oXetwo'));
      assert.equal(target[11], 0xff, 'nothing beyond what was read');
      assert.equal(storage.read(fd, target, 11), 0, 'nothing at the end');
      assert.equal(storage.read(fd, target.subarray(0, 3), 8), 3);
      assert.equal(storage.statusOf(fd).bytes, 11);
      storage.close(fd);
    });

    test('allocates zeros up to a length, and keeps what is there', (t) => {
      const { storage, folder } = adapter(t);
      const fd = storage.open(join(folder, 'file'), 'create');
      storage.write(fd, [bytesOf('abc')], 0);
      storage.allocate(fd, 8192);
      assert.equal(storage.statusOf(fd).bytes, 8192);
      const target = new Uint8Array(8192);
      assert.equal(storage.read(fd, target, 0), 8192);
      assert.equal(Buffer.from(target).toString('latin1'), `abc${'\0'.repeat(8189)}`);
      storage.truncate(fd, 2);
      assert.equal(storage.statusOf(fd).bytes, 2);
      storage.close(fd);
    });

    test('tells what a name is, and that there is none', (t) => {
      const { storage, folder } = adapter(t);
      const path = join(folder, 'file');
      assert.equal(storage.statusAt(path), undefined);
      const fd = storage.open(path, 'create');
      const named = storage.statusAt(path);
      const open = storage.statusOf(fd);
      assert.deepEqual(named, open);
      assert.deepEqual([open.kind, open.bytes, open.links], ['file', 0, 1]);
      assert.equal(storage.statusAt(folder)?.kind, 'directory');
      storage.close(fd);
    });

    test('renames: over what is there, or not', (t) => {
      const { storage, folder } = adapter(t);
      const [one, two, three] = ['one', 'two', 'three'].map((each) => join(folder, each));
      assert.ok(one !== undefined && two !== undefined && three !== undefined);
      for (const path of [one, two]) {
        const fd = storage.open(path, 'create');
        storage.write(fd, [bytesOf(path)], 0);
        storage.close(fd);
      }
      assert.throws(() => storage.renameNoReplace(one, two), { code: 'EEXIST' });
      storage.renameNoReplace(one, three);
      assert.throws(() => storage.renameNoReplace(one, join(folder, 'four')), { code: 'ENOENT' });
      storage.rename(three, two);
      assert.throws(() => storage.rename(three, two), { code: 'ENOENT' });
      assert.deepEqual(
        storage.list(folder).map((entry) => entry.name),
        ['two'],
      );
      const fd = storage.open(two, 'read');
      const target = new Uint8Array(one.length);
      storage.read(fd, target, 0);
      assert.equal(Buffer.from(target).toString(), one);
      storage.close(fd);
    });

    test('a file that is open survives the loss of its name', (t) => {
      const { storage, folder } = adapter(t);
      const path = join(folder, 'file');
      const fd = storage.open(path, 'create');
      storage.write(fd, [bytesOf('still')], 0);
      storage.unlink(path);
      assert.equal(storage.statusAt(path), undefined);
      assert.equal(storage.read(fd, new Uint8Array(5), 0), 5);
      storage.sync(fd);
      storage.close(fd);
      assert.throws(() => storage.unlink(path), { code: 'ENOENT' });
    });

    test('makes folders with their parents, and tells the first that it made', (t) => {
      const { storage, folder } = adapter(t);
      const deep = join(folder, 'a', 'b', 'c');
      assert.equal(storage.makeDirectory(deep), join(folder, 'a'));
      assert.equal(storage.makeDirectory(deep), undefined);
      assert.equal(storage.makeDirectory(join(folder, 'a', 'd')), join(folder, 'a', 'd'));
      storage.syncDirectory(deep);
      assert.deepEqual(storage.list(deep), []);
      assert.throws(() => storage.syncDirectory(join(folder, 'none')), { code: 'ENOENT' });
      assert.throws(() => storage.list(join(folder, 'none')), { code: 'ENOENT' });
    });

    test('a folder is no file, and a file is no folder', (t) => {
      const { storage, folder } = adapter(t);
      const inner = join(folder, 'inner');
      storage.makeDirectory(inner);
      for (const mode of ['read', 'write', 'open-or-create'] as const) {
        assert.throws(() => storage.open(inner, mode), { code: 'ERR_FLASHSTRIKE_UNSAFE_FILE' });
      }
      const file = join(folder, 'file');
      storage.close(storage.open(file, 'create'));
      assert.throws(() => storage.list(file), { code: 'ENOTDIR' });
      assert.throws(() => storage.syncDirectory(file), { code: 'ENOTDIR' });
      assert.throws(() => storage.makeDirectory(file), { code: 'EEXIST' });
    });
  });
}

describe('on a real file system', () => {
  const refuses = (path: string, modes: readonly OpenMode[] = MODES): void => {
    for (const mode of modes) {
      // A name that must not exist is told as such, whatever it is.
      const code = mode === 'create' ? 'EEXIST' : 'ERR_FLASHSTRIKE_UNSAFE_FILE';
      assert.throws(() => nodeStorage.open(path, mode), { code }, mode);
    }
  };

  test('a symbolic link is refused, wherever it leads', (t) => {
    const folder = temporaryFolder(t);
    const target = join(folder, 'target');
    writeFileSync(target, 'keep');
    const link = join(folder, 'link');
    symlinkSync(target, link);
    refuses(link);
    const dangling = join(folder, 'dangling');
    symlinkSync(join(folder, 'nowhere'), dangling);
    refuses(dangling);
    assert.equal(existsSync(join(folder, 'nowhere')), false, 'nothing is created through it');
    assert.equal(nodeStorage.statusAt(link)?.kind, 'symlink');
    assert.equal(readFileSync(target, 'utf8'), 'keep');
  });

  test('a FIFO is refused without waiting for the other end', (t) => {
    const path = join(temporaryFolder(t), 'fifo');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    refuses(path);
    assert.equal(nodeStorage.statusAt(path)?.kind, 'other');
  });

  test('a socket is refused', async (t) => {
    const path = join(temporaryFolder(t), 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      refuses(path);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('a device is refused', () => {
    refuses('/dev/null', ['read', 'write', 'open-or-create']);
  });

  test('a file with a second name is opened where nothing in it changes, by either name', (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'file');
    writeFileSync(path, 'keep');
    linkSync(path, join(folder, 'second'));
    for (const name of [path, join(folder, 'second')]) {
      refuses(name, ['write', 'create', 'open-or-create']);
      for (const mode of ['read', 'rewrite'] as const) {
        nodeStorage.close(nodeStorage.open(name, mode));
      }
    }
  });

  test('what is refused leaves no descriptor open', { skip: cannotCount }, (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'file'), '');
    linkSync(join(folder, 'file'), join(folder, 'second'));
    assert.equal(spawnSync('mkfifo', [join(folder, 'fifo')]).status, 0);
    const before = descriptors();
    for (const name of ['folder', 'file', 'fifo', 'none']) {
      for (const mode of ['open-or-create', 'write'] as const) {
        if (name === 'none' && mode === 'open-or-create') continue;
        assert.throws(() => nodeStorage.open(join(folder, name), mode));
      }
    }
    assert.deepEqual(descriptors(), before);
  });

  test('files are for their owner alone, folders too, whatever the umask', (t) => {
    const folder = temporaryFolder(t);
    const before = process.umask(0);
    try {
      nodeStorage.makeDirectory(join(folder, 'a', 'b'));
      nodeStorage.close(nodeStorage.open(join(folder, 'file'), 'create'));
      nodeStorage.close(nodeStorage.open(join(folder, 'other'), 'open-or-create'));
    } finally {
      process.umask(before);
    }
    const mode = (...names: string[]): number => lstatSync(join(folder, ...names)).mode & 0o777;
    assert.deepEqual([mode('a'), mode('a', 'b')], [0o700, 0o700]);
    assert.deepEqual([mode('file'), mode('other')], [0o600, 0o600]);
  });

  test('more parts than the system takes at once are written all the same', (t) => {
    const path = join(temporaryFolder(t), 'file');
    const fd = nodeStorage.open(path, 'create');
    // 1,024 parts are what one call takes.
    const parts = Array.from({ length: 1_000 }, (_, at) => Uint8Array.of(at, at >> 8, 7));
    nodeStorage.write(fd, parts, 0);
    nodeStorage.close(fd);
    assert.deepEqual(readFileSync(path), Buffer.concat(parts));
  });

  test('a listing is sorted, and names are told as they are', (t) => {
    const folder = temporaryFolder(t);
    const names = ['z', 'a', '0000000002.wal', 'ä', 'with \u001b[31m', 'LOCK'];
    for (const name of names) writeFileSync(join(folder, name), '');
    const listed = nodeStorage.list(folder).map((entry) => entry.name);
    assert.deepEqual(listed, [...names].sort());
  });
});

test('a file system without the flag: a look, then a rename in one step, never two names', {
  skip: libc() === undefined && 'libc is not bound here',
}, (t) => {
  const folder = temporaryFolder(t);
  const [one, two, three] = ['one', 'two', 'three'].map((name) => join(folder, name));
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  for (const path of [one, two]) writeFileSync(path, path);
  const bound = libc();
  assert.ok(bound !== undefined);
  const refused = t.mock.method(bound, 'renameNoReplace', () => {
    throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
  });
  assert.throws(() => nodeStorage.renameNoReplace(one, two), { code: 'EEXIST' });
  assert.deepEqual([readFileSync(one, 'utf8'), readFileSync(two, 'utf8')], [one, two]);
  // A crash behind the first change of the folder, whatever that is: nothing else is to be done.
  const unlink = t.mock.method(fs, 'unlinkSync', () => assert.fail('a second step'));
  syncBuiltinESMExports();
  t.after(() => {
    unlink.mock.restore();
    syncBuiltinESMExports();
  });
  nodeStorage.renameNoReplace(one, three);
  assert.deepEqual(readdirSync(folder), ['three', 'two']);
  assert.equal(refused.mock.callCount(), 2);
});
