import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { AssertionFailure, WalError } from '../errors.js';
import { KIB, MIB } from '../units.js';
import { createMappedRegion } from './mapped-region.js';
import { createPortableRegion } from './portable-region.js';
import { attachRegion, createRegion } from './region-factories.js';
import { isRegionName, newRegionName } from './region-names.js';
import { CONFORMANCE_REQUEST as REQUEST, regionConformance } from './shared-region.conformance.js';

const NO_MAPPING = cannotMap === false ? undefined : cannotMap;
const mapping = NO_MAPPING === undefined ? {} : { skip: NO_MAPPING };

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashstrike-region-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const newPath = (folder: string): string => join(folder, newRegionName(REQUEST.logId));

regionConformance('portable', (_t, request) => createPortableRegion(request));
regionConformance(
  'mapped',
  (t, request) => createMappedRegion(newPath(regionFolder(t)), request),
  NO_MAPPING,
);

test('region names are never the same and are told from other names', () => {
  const names = new Set(Array.from({ length: 100 }, () => newRegionName(0xabcn)));
  assert.equal(names.size, 100);
  for (const name of names) {
    assert.ok(isRegionName(name));
    assert.ok(name.startsWith('flashstrike-0000000000000abc-'));
  }
  assert.ok(isRegionName(newRegionName(2n ** 64n - 1n)));
  for (const name of ['flashstrike-', 'flashstrike-0-0', `${newRegionName(1n)}x`, 'a/b', '']) {
    assert.equal(isRegionName(name), false, name);
  }
});

test('the file of a region is private, of full size, and holds what is written', mapping, (t) => {
  const folder = regionFolder(t);
  const old = process.umask(0);
  t.after(() => process.umask(old));
  const path = newPath(folder);
  const region = createMappedRegion(path, REQUEST);
  const stats = statSync(path);
  assert.equal(stats.mode & 0o777, 0o600);
  assert.equal(stats.size, region.byteLength);
  // No hole: a store into one on a full file system would be SIGBUS.
  assert.ok(stats.blocks * 512 >= region.byteLength, `${stats.blocks} blocks`);
  region.ring(4096).set([1, 2, 3]);
  const found = readFileSync(path).subarray(region.section('ring').byteOffset);
  assert.deepEqual([...found.subarray(0, 4)], [1, 2, 3, 0]);
  assert.equal(region.release({ remove: true }), 'removed');
  assert.deepEqual(readdirSync(folder), []);
});

test('a large ring is a hole behind its first part, until it is extended', mapping, (t) => {
  const path = newPath(regionFolder(t));
  const region = createMappedRegion(path, { ...REQUEST, ringBytes: 16 * MIB });
  const { firstRingBytes } = region.handle;
  const before = region.section('ring').byteOffset;
  const blockBytes = (): number => statSync(path).blocks * 512;
  assert.equal(firstRingBytes, 256 * KIB);
  assert.equal(statSync(path).size, region.byteLength);
  assert.equal(blockBytes(), before + firstRingBytes);
  region.ring(firstRingBytes)[7] = 77;
  // From another thread's view: it is the same memory, and the pages may be mapped or not.
  attachRegion(region.handle).extendRing(512 * KIB);
  assert.equal(blockBytes(), before + 512 * KIB);
  region.extendRing(2 * MIB, 512 * KIB);
  region.extendRing(MIB);
  assert.equal(blockBytes(), before + 2 * MIB, 'what is there stays');
  assert.equal(region.ring(2 * MIB)[7], 77);
  region.ring(2 * MIB).fill(0xff, 0, 2 * MIB);
  assert.equal(blockBytes(), before + 2 * MIB);
  assert.equal(region.release({ remove: true }), 'removed');
  // Its descriptor may be another file's by now, and so may its address.
  assert.throws(() => region.extendRing(MIB), AssertionFailure);
  assert.throws(() => region.ring(firstRingBytes), AssertionFailure);
});

test('what a thread sees of a ring is what is used of it', mapping, (t) => {
  const path = newPath(regionFolder(t));
  const region = createMappedRegion(path, { ...REQUEST, ringBytes: 16 * MIB });
  t.after(() => region.release({ remove: true }));
  const { firstRingBytes } = region.handle;
  assert.equal(region.buffer.byteLength, region.section('ring').byteOffset);
  assert.equal(region.ring(4096).buffer.byteLength, firstRingBytes);
  assert.equal(region.ring(firstRingBytes), region.ring(4096));
  assert.equal(region.ring(firstRingBytes + 1).buffer.byteLength, 16 * MIB);
  assert.equal(region.ring(16 * MIB), region.ring(4096));
  assert.throws(() => region.ring(16 * MIB + 1), AssertionFailure);
});

test('an existing file, whatever it is, is neither used nor removed', mapping, (t) => {
  const path = newPath(regionFolder(t));
  writeFileSync(path, 'precious');
  assert.throws(() => createMappedRegion(path, REQUEST), { code: 'EEXIST' });
  assert.equal(readFileSync(path, 'utf8'), 'precious');
});

test('a release that shall keep the file keeps it', mapping, (t) => {
  const path = newPath(regionFolder(t));
  const region = createMappedRegion(path, REQUEST);
  region.ring(4096)[0] = 77;
  assert.equal(region.release({ remove: false }), 'kept');
  assert.equal(readFileSync(path).readInt32LE(region.section('ring').byteOffset), 77);
});

for (const remove of [true, false]) {
  test(`a name that is another file's is told and left alone, remove ${remove}`, mapping, (t) => {
    const folder = regionFolder(t);
    const path = newPath(folder);
    const region = createMappedRegion(path, REQUEST);
    writeFileSync(join(folder, 'other'), 'precious');
    renameSync(join(folder, 'other'), path);
    assert.equal(region.release({ remove }), 'name-lost');
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });

  test(`a name that is gone is told, remove ${remove}`, mapping, (t) => {
    const path = newPath(regionFolder(t));
    const region = createMappedRegion(path, REQUEST);
    unlinkSync(path);
    region.ring(4096)[0] = 77; // the memory is still ours
    assert.equal(region.release({ remove }), 'name-lost');
  });
}

test('a hundred regions leave no descriptor open', mapping, (t) => {
  const folder = regionFolder(t);
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let round = 0; round < 100; round++) {
    const path = newPath(folder);
    const region = createMappedRegion(path, REQUEST);
    assert.throws(() => createMappedRegion(path, REQUEST), { code: 'EEXIST' });
    region.release({ remove: true });
  }
  assert.equal(open(), before);
});

test('off makes a portable region and touches no file', (t) => {
  const folder = temporaryFolder(t);
  const { region, fallbackReason } = createRegion('off', newPath(folder), REQUEST);
  assert.equal(region.adapter, 'portable');
  assert.equal(fallbackReason, undefined);
  assert.deepEqual(readdirSync(folder), []);
});

for (const mode of ['auto', 'required'] as const) {
  test(`${mode} makes a mapped region where it can, by its full path`, mapping, (t) => {
    const path = newPath(regionFolder(t));
    const { region, fallbackReason } = createRegion(mode, relative('.', path), REQUEST);
    assert.equal(region.adapter, 'mapped');
    assert.equal(fallbackReason, undefined);
    assert.equal(region.path, path);
    assert.ok(existsSync(path));
    region.release({ remove: true });
  });
}

const UNUSABLE: Readonly<Record<string, (folder: string) => string>> = {
  'a missing folder': (folder) => join(folder, 'missing'),
  'a file as folder': (folder) => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    return path;
  },
};

const TMPFS = 0x0102_1994;

/**
 * A file system that takes maps and, being full, ends the process at a store: the build's own,
 * mostly.
 */
function diskFolder(t: TestContext): string | undefined {
  const folder = temporaryFolder(t);
  return statfsSync(folder).type === TMPFS ? undefined : folder;
}

test('a folder on a disk: auto goes on without shared memory, required refuses', mapping, (t) => {
  const folder = diskFolder(t);
  if (folder === undefined) return t.skip('the temporary folder is a tmpfs');
  const { region, fallbackReason } = createRegion('auto', newPath(folder), REQUEST);
  assert.equal(region.adapter, 'portable');
  assert.match(
    fallbackReason ?? '',
    /not a tmpfs .*0x[0-9a-f]+.* a full disk would end the process/,
  );
  assert.throws(() => createRegion('required', newPath(folder), REQUEST), {
    code: 'ERR_FLASHSTRIKE_SHARED_MEMORY',
    message: /not a tmpfs.*to a folder on a tmpfs/,
  });
  assert.deepEqual(readdirSync(folder), []);
});

for (const [what, make] of Object.entries(UNUSABLE)) {
  test(`${what}: auto goes on without shared memory and says why`, (t) => {
    const folder = make(regionFolder(t));
    const { region, fallbackReason } = createRegion('auto', newPath(folder), REQUEST);
    assert.equal(region.adapter, 'portable');
    assert.ok(fallbackReason?.includes(folder), fallbackReason);
    if (NO_MAPPING === undefined) assert.match(fallbackReason ?? '', /ENOENT|ENOTDIR/);
  });

  test(`${what}: required refuses, names the folder, and says what to do`, (t) => {
    const folder = make(regionFolder(t));
    assert.throws(
      () => createRegion('required', newPath(folder), REQUEST),
      (error) =>
        error instanceof WalError &&
        error.code === 'ERR_FLASHSTRIKE_SHARED_MEMORY' &&
        error.message.includes(folder) &&
        error.message.includes('sharedMemoryDirectory') &&
        error.path?.startsWith(folder) === true,
    );
  });
}

test('a wrong call of ours is thrown, not taken for missing shared memory', mapping, (t) => {
  const path = newPath(regionFolder(t));
  const wrong = { ...REQUEST, ringBytes: 12_345 };
  assert.throws(() => createRegion('auto', path, wrong), AssertionFailure);
  // The mapped adapter alone would notice: going on with the portable one would hide it.
  const invalid = { code: 'ERR_INVALID_ARG_VALUE' };
  assert.throws(() => createRegion('auto', `${path}\0`, REQUEST), invalid);
});
