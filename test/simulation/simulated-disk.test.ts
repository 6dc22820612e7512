// The port's suite on the disk of the simulation, and on what stands in front of it. Then what the
// disk does to files and names: the tests over it are worth as much as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/cli/demo/random.js';
import { storageConformance } from '../../src/storage/storage.conformance.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import { simulatedPlace } from '../support/storage-places.js';
import { SimulatedDisk } from './simulated-disk.js';
import { SECTOR_BYTES } from './simulated-file.js';
import { SimulatedKernel } from './simulated-kernel.js';

/** Whoever uses a descriptor that is not open has an error of their own, and is told. */
const closedCode = 'ERR_ASSERTION';

storageConformance('the simulated disk', () => simulatedPlace());
storageConformance('the simulated kernel, undisturbed', () => {
  const disk = new SimulatedDisk();
  const storage = new SimulatedKernel(disk, new Random(1), '/');
  return { ...simulatedPlace(disk), storage, closedCode };
});
storageConformance('a storage that may fail, and does not', () => {
  const disk = new SimulatedDisk();
  return { ...simulatedPlace(disk), storage: new FaultyStorage(disk), closedCode };
});

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const SEEDS = 300;

const PATH = '/folder/file';

function written(): { disk: SimulatedDisk; fd: number } {
  const disk = new SimulatedDisk();
  disk.makeDirectory('/folder');
  disk.syncDirectory('/');
  const fd = disk.open(PATH, 'create');
  disk.syncDirectory('/folder');
  disk.write(fd, [bytesOf('first')], 0);
  disk.sync(fd);
  disk.write(fd, [bytesOf('SECOND')], 0);
  return { disk, fd };
}

const content = (disk: SimulatedDisk): string => Buffer.from(disk.contentOf(PATH)).toString();

test('a power cut leaves what was synced, a kill leaves all', () => {
  const { disk } = written();
  disk.kill();
  assert.equal(content(disk), 'SECOND');
  disk.cutPower();
  assert.equal(content(disk), 'first');
});

test('pages that were lost to a failed write-back are clean: a later sync does not bring them', () => {
  const { disk, fd } = written();
  disk.loseDirtyPages();
  disk.sync(fd);
  assert.equal(content(disk), 'SECOND', 'still in the cache');
  disk.cutPower();
  assert.notEqual(content(disk).slice(0, 5), 'SECON');
});

test('a page that is written again is dirty again', () => {
  const { disk, fd } = written();
  disk.loseDirtyPages();
  disk.write(fd, [bytesOf('SECOND')], 0);
  disk.sync(fd);
  disk.cutPower();
  assert.equal(content(disk), 'SECOND');
});

test('what was cut off does not come back from the disk: zeros were synced in its place', () => {
  for (const lengthen of ['truncate', 'allocate'] as const) {
    const { disk, fd } = written();
    disk.sync(fd);
    disk.truncate(fd, 2);
    disk[lengthen](fd, 5);
    disk.sync(fd);
    disk.write(fd, [bytesOf('lost')], 5);
    disk.cutPower();
    assert.equal(content(disk), 'SE\0\0\0', lengthen);
  }
});

test('a file with two names is there once: its bytes are counted once, a crash hits it once', () => {
  const { disk, fd } = written();
  disk.link(PATH, '/folder/second');
  disk.syncDirectory('/folder');
  assert.equal(disk.usedBytes, 6);
  disk.sync(fd);
  disk.write(fd, [bytesOf('third')], 0);
  disk.crash(new Random(1));
  assert.deepEqual(disk.contentOf('/folder/second'), disk.contentOf(PATH));
  disk.unlink(PATH);
  assert.equal(disk.statusAt('/folder/second')?.links, 1);
});

test('names survive a power cut when their folder was synced', () => {
  const { disk } = written();
  disk.rename(PATH, '/folder/renamed');
  const copy = disk.copy();
  disk.cutPower();
  assert.deepEqual(
    disk.list('/folder').map(({ name }) => name),
    ['file'],
  );
  copy.syncDirectory('/folder');
  copy.cutPower();
  assert.deepEqual(
    copy.list('/folder').map(({ name }) => name),
    ['renamed'],
  );
});

test('a descriptor of a process that was killed is gone', () => {
  const { disk, fd } = written();
  disk.kill();
  assert.throws(() => disk.sync(fd), { code: 'EBADF' });
});

test('it is full at its capacity, and leaves a part allocated as ext4 does', () => {
  const { disk, fd } = written();
  disk.capacityBytes = 10_000;
  assert.throws(() => disk.allocate(fd, 16_384), { code: 'ENOSPC' });
  assert.equal(disk.statusOf(fd).bytes, 8_192);
  assert.throws(() => disk.write(fd, [bytesOf('x')], 12_000), { code: 'ENOSPC' });
  disk.write(fd, [], 12_000);
  disk.unlink(PATH);
  const other = disk.open('/folder/other', 'create');
  disk.allocate(other, 10_000);
});

/** Two sectors of `a`, durable; then the second half of the first and all of the second are `b`. */
function halfRewritten(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.makeDirectory('/folder');
  disk.syncDirectory('/');
  const fd = disk.open(PATH, 'create');
  disk.syncDirectory('/folder');
  disk.write(fd, [new Uint8Array(2 * SECTOR_BYTES).fill(97)], 0);
  disk.sync(fd);
  disk.write(fd, [new Uint8Array(1.5 * SECTOR_BYTES).fill(98)], SECTOR_BYTES / 2);
  return disk;
}

test('a crash keeps, drops or tears each sector, and never touches what did not change', () => {
  const seen = { old: 0, new: 0, torn: 0, mixed: 0 };
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = halfRewritten();
    disk.crash(new Random(seed));
    const text = content(disk);
    const half = SECTOR_BYTES / 2;
    assert.equal(
      text.slice(0, half),
      'a'.repeat(half),
      `seed ${seed}: synced and not written again`,
    );
    const first = text.slice(half, SECTOR_BYTES);
    const second = text.slice(SECTOR_BYTES);
    const isOld = [first, second].map((part) => /^a+$/.test(part));
    const isNew = [first, second].map((part) => /^b+$/.test(part));
    if (isOld.every(Boolean)) seen.old++;
    else if (isNew.every(Boolean)) seen.new++;
    else if (isOld[0] === isNew[1] || isNew[0] === isOld[1]) seen.mixed++;
    if (isOld.some((old, index) => !old && isNew[index] !== true)) seen.torn++;
  }
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 10, `${what}: ${count}`);
});

test('a crash loses or keeps each name that was not synced, a rename as a whole', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const { disk } = written();
    disk.rename(PATH, '/folder/renamed');
    disk.close(disk.open('/folder/other', 'create'));
    disk.crash(new Random(seed));
    seen.add(
      disk
        .list('/folder')
        .map(({ name }) => name)
        .join(' '),
    );
  }
  assert.deepEqual([...seen].sort(), ['file', 'file other', 'other renamed', 'renamed']);
});

test('a failed sync leaves all clean and some of it on the disk; dropped caches show it', () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = halfRewritten();
    const fd = disk.open(PATH, 'write');
    disk.failSync(fd, new Random(seed));
    const cached = content(disk);
    disk.sync(fd);
    assert.equal(content(disk), cached, 'readers see nothing of it');
    disk.dropCaches();
    lengths.add(content(disk).replaceAll('a', '').length);
  }
  const half = SECTOR_BYTES / 2;
  assert.deepEqual(
    [...lengths].sort((a, b) => a - b),
    [0, half, 2 * half, 3 * half],
  );
});

test('damage is seen at once, and outlives a crash', () => {
  const { disk } = written();
  disk.damage(PATH, 1, bytesOf('X'));
  assert.equal(content(disk), 'SXCOND');
  disk.cutPower();
  assert.equal(content(disk).slice(0, 2), 'fX');
});

test('names that a failed sync of the folder has lost come with the next change, or never', () => {
  for (const isInBlocks of [false, true]) {
    const { disk } = written();
    // Of each change chance decides whether it is lost: one of these is, whatever it says.
    for (let name = 0; name < 50; name++) disk.close(disk.open(`/folder/${name}`, 'create'));
    disk.failSyncDirectory('/folder', new Random(1), isInBlocks);
    disk.syncDirectory('/folder');
    const copy = disk.copy();
    copy.cutPower();
    assert.ok(copy.list('/folder').length < 51, 'a later sync alone brings nothing');
    disk.close(disk.open('/folder/next', 'create'));
    disk.syncDirectory('/folder');
    disk.cutPower();
    const names = disk.list('/folder').map(({ name }) => name);
    assert.ok(names.includes('next'));
    assert.equal(names.length === 52, isInBlocks);
  }
});
