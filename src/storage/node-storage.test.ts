// The port's suite on real file systems, then what only these have.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { regionFolder } from '../../test/support/adapters.js';
import { temporaryFolder } from '../../test/support/log-builder.js';
import { cannotCount, descriptors } from '../../test/support/process-resources.js';
import { kernelPlace } from '../../test/support/storage-places.js';
import { libc } from '../memory/libc.js';
import { judgeFolder } from '../region/folder-identity.js';
import { identifyFolder } from './identify-folder.js';
import { nodeStorage } from './node-storage.js';
import { storageConformance } from './storage.conformance.js';
import { LISTING_LIMIT, type OpenMode } from './storage.js';

const MODES: readonly OpenMode[] = ['read', 'write', 'create', 'open-or-create'];

const FILE_SYSTEMS: Readonly<Record<string, (t: TestContext) => string>> = {
  'node:fs': temporaryFolder,
  'node:fs in shared memory': regionFolder,
};

for (const [name, folder] of Object.entries(FILE_SYSTEMS)) {
  storageConformance(name, (t) => kernelPlace(folder(t)));
}

const noLibc = libc() === undefined && 'libc is not bound here';

/** A file system, or a filter of calls, that has none of those that can be done without. */
function refuseCalls(t: TestContext) {
  const bound = libc();
  assert.ok(bound !== undefined);
  const refuse = (): never => {
    throw Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
  };
  t.mock.method(bound, 'allocate', refuse);
  t.mock.method(bound, 'statusOf', () => false);
  t.mock.method(bound, 'statusAt', () => false);
  return t.mock.method(bound, 'renameNoReplace', refuse);
}

storageConformance(
  'node:fs where calls are refused',
  (t) => {
    refuseCalls(t);
    return kernelPlace(temporaryFolder(t));
  },
  noLibc || undefined,
);

test('libc tells of files what Node does', { skip: noLibc }, (t) => {
  const folder = temporaryFolder(t);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('file'), 'text');
  linkSync(at('file'), at('second'));
  symlinkSync('nowhere', at('link'));
  const paths = [at('file'), at('link'), folder, '/usr', '/dev/null', '/proc/1'];
  const descriptors = ['file', '.'].map((name) => openSync(at(name), 'r'));
  t.after(() => {
    for (const fd of descriptors) closeSync(fd);
  });
  const told = () => [
    ...paths.map((path) => nodeStorage.statusAt(path)),
    ...descriptors.map((fd) => nodeStorage.statusOf(fd)),
  ];
  const lstat = t.mock.method(fs, 'lstatSync');
  syncBuiltinESMExports();
  t.after(() => {
    lstat.mock.restore();
    syncBuiltinESMExports();
  });
  const byLibc = told();
  assert.equal(lstat.mock.callCount(), 0);
  refuseCalls(t);
  assert.deepEqual(byLibc, told());
  assert.equal(lstat.mock.callCount(), paths.length);
});

test('a device number is what makedev of libc makes of its halves', { skip: noLibc }, (t) => {
  const bound = libc();
  assert.ok(bound !== undefined);
  let halves: readonly [number, number] = [0, 0];
  t.mock.method(bound, 'statusAt', (_path: string, status: Uint8Array) => {
    const view = new DataView(status.buffer);
    view.setUint32(136, halves[0], true);
    view.setUint32(140, halves[1], true);
    return true;
  });
  for (const [major, minor, device] of [
    [254, 0, 0xfe00n],
    [8, 17, 0x811n],
    [8, 18, 0x812n],
    [9, 18, 0x912n],
    [0, 0x12345, 0x1230_0045n],
    [0xfedcba98, 0x76543210, 0xfedc_b765_432a_9810n],
  ] as const) {
    halves = [major, minor];
    assert.equal(nodeStorage.statusAt('/')?.device, device);
  }
});

describe('on a real file system', () => {
  const refuses = (path: string, modes: readonly OpenMode[] = MODES): void => {
    for (const mode of modes) {
      // A name that must not exist is told as such, whatever it is.
      const code = mode === 'create' ? 'EEXIST' : 'ERR_FLASHSTRIKE_UNSAFE_FILE';
      assert.throws(() => nodeStorage.open(path, mode), { code }, mode);
    }
  };

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

  test('a folder of more entries than a log has is refused, not held in memory', (t) => {
    const folder = temporaryFolder(t);
    const entry = { name: 'x', isFile: () => true };
    let [left, isClosed] = [LISTING_LIMIT + 1, false];
    const readSync = () => (left-- > 0 ? entry : null);
    const closeSync = (): void => {
      isClosed = true;
    };
    const large = { readSync, closeSync } as unknown as fs.Dir;
    const opened = t.mock.method(fs, 'opendirSync', () => large);
    syncBuiltinESMExports();
    t.after(() => {
      opened.mock.restore();
      syncBuiltinESMExports();
    });
    assert.throws(() => nodeStorage.list(folder), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
    assert.ok(isClosed);
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
});

test('a file system without the flag: a rename in one step, never two names', {
  skip: noLibc,
}, (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'one'), '');
  const refused = refuseCalls(t);
  // A crash behind the first change of the folder, whatever that is: nothing else is to be done.
  const unlink = t.mock.method(fs, 'unlinkSync', () => assert.fail('a second step'));
  syncBuiltinESMExports();
  t.after(() => {
    unlink.mock.restore();
    syncBuiltinESMExports();
  });
  nodeStorage.renameNoReplace(join(folder, 'one'), join(folder, 'two'));
  assert.deepEqual(readdirSync(folder), ['two']);
  assert.equal(refused.mock.callCount(), 1);
});

test('numbers of files are unsigned: an inode of 2^63 and more is none below zero', (t) => {
  const folder = temporaryFolder(t);
  const real = lstatSync(folder, { bigint: true });
  const high = Object.assign(Object.create(Object.getPrototypeOf(real)), real, {
    ino: -5n,
    dev: -(2n ** 63n),
  });
  if (noLibc === false) refuseCalls(t);
  const lstat = t.mock.method(fs, 'lstatSync', () => high);
  syncBuiltinESMExports();
  t.after(() => {
    lstat.mock.restore();
    syncBuiltinESMExports();
  });
  const status = nodeStorage.statusAt(folder);
  assert.deepEqual([status?.inode, status?.device], [2n ** 64n - 5n, 2n ** 63n]);
  // As LOCK and the region's header have it, and as it is compared with them.
  const identity = identifyFolder(nodeStorage, folder);
  assert.equal(identity?.inode, 2n ** 64n - 5n);
  assert.ok(identity !== undefined);
  const inHeader = { ...identity, device: 2n ** 63n, inode: 2n ** 64n - 5n };
  assert.equal(judgeFolder(inHeader, identity), 'same');
});

test('a file that somebody has mapped, or another process open, is open elsewhere', async (t) => {
  const native = libc();
  if (native === undefined) return t.skip('libc is bound on Linux with koffi only');
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, new Uint8Array(8192));
  const fd = openSync(path, 'r+');
  t.after(() => closeSync(fd));
  if (nodeStorage.isOpenElsewhere(fd)) return t.skip('this file system has no leases');
  const mapped = openSync(path, 'r+');
  const address = native.mapShared(mapped, 8192);
  closeSync(mapped);
  assert.equal(nodeStorage.isOpenElsewhere(fd), true, 'mapped, and no descriptor is left');
  native.unmap(address, 8192);
  assert.equal(nodeStorage.isOpenElsewhere(fd), false);
  const script = "process.stdout.write('has it'); setTimeout(() => {}, 1e6)";
  const own = openSync(path, 'r');
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 2, own] });
  closeSync(own);
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.stdout !== null);
  await once(child.stdout, 'data');
  assert.equal(nodeStorage.isOpenElsewhere(fd), true, 'another process has it');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(nodeStorage.isOpenElsewhere(fd), false);
});

test('who opens a file that another asks about waits a moment, and has it', async (t) => {
  if (libc() === undefined) return t.skip('libc is bound on Linux with koffi only');
  const path = join(temporaryFolder(t), 'file');
  writeFileSync(path, 'text');
  const words = new Int32Array(new SharedArrayBuffer(8));
  const asking = new Worker(
    `import(process.env.STORAGE_MODULE).then(({ nodeStorage }) => {
      const words = require('node:worker_threads').workerData;
      const fd = nodeStorage.open(process.env.ASKED_FILE, 'rewrite');
      while (Atomics.load(words, 0) === 0) {
        if (!nodeStorage.isOpenElsewhere(fd)) Atomics.add(words, 1, 1);
      }
      nodeStorage.close(fd);
    });`,
    {
      eval: true,
      workerData: words,
      env: {
        STORAGE_MODULE: new URL('./node-storage.js', import.meta.url).href,
        ASKED_FILE: path,
      },
    },
  );
  const ended = once(asking, 'exit');
  try {
    const deadline = Date.now() + 10_000;
    while (Atomics.load(words, 1) === 0 && Date.now() < deadline) await sleep(10);
    if (Atomics.load(words, 1) === 0) return t.skip('this file system has no leases');
    for (let round = 0; round < 50_000; round++) closeSync(nodeStorage.open(path, 'read'));
  } finally {
    Atomics.store(words, 0, 1);
    await ended;
  }
});

test('a folder that takes no other is told, and not tried for ever', {
  skip: process.platform !== 'linux' && 'there is no /proc',
}, () => {
  const module = new URL('./make-directory.js', import.meta.url).href;
  const script = `
    import { makeDirectory } from '${module}';
    for (const path of ['/proc/flashstrike', '/proc/flashstrike/log', '/proc/version/log']) {
      try {
        console.log('made', makeDirectory(path, 0o700));
      } catch ({ code }) {
        console.log(code);
      }
    }`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
  assert.equal(stdout, 'ENOENT\nENOENT\nENOTDIR\n');
});
