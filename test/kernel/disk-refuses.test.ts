// Disks that say no: read-only from one moment to the next, files that may not be changed, a mount
// that is taken away, sectors that cannot be read.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { replay, verify, Wal } from '../../src/index.js';
import { MIB } from '../../src/units.js';
import { assertNoRegion, cannotMap, mappedOptions, type Variant } from '../support/adapters.js';
import { appendEvents, assertSound, code, segmentFiles } from '../support/log-content.js';
import { cannotLoop, LoopDisk, type LoopDiskOptions } from '../support/loop-disk.js';
import { must } from '../support/mount-point.js';
import { assertFailedForGood, assertRecovers, Victim } from '../support/victim.js';

const skip = cannotMap || cannotLoop('ext4');
const DISK_BYTES = 48 * MIB;

interface Scene {
  readonly disk: LoopDisk;
  readonly directory: string;
  readonly options: Variant['options'];
}

function sceneOf(t: TestContext, more: Partial<LoopDiskOptions> = {}): Scene {
  const disk = new LoopDisk(t, 'ext4', { bytes: DISK_BYTES, ...more });
  return { disk, directory: join(disk.folder, 'log'), options: mappedOptions(t) };
}

/** Every file of the folder, by the hash of its content. */
const hashesOf = (directory: string): (readonly [string, string])[] =>
  readdirSync(directory)
    .sort()
    .map((name) => {
      const hash = createHash('sha256').update(readFileSync(join(directory, name)));
      return [name, hash.digest('hex')] as const;
    });

test('a disk that becomes read-only ends the log; it can be read, and opened once it is mended', {
  skip,
}, async (t) => {
  const { disk, directory, options } = sceneOf(t, { mount: 'errors=remount-ro' });
  const victim = await Victim.start(t, directory, options, { more: 20 });
  disk.reportError();
  assert.throws(() => writeFileSync(join(disk.folder, 'file'), ''), { code: 'EROFS' });
  const story = await victim.story();
  assertFailedForGood(story);
  assert.match(story.failure?.cause ?? '', /^(EROFS|EIO)$/);
  assert.equal(story.durableEventId, 10);
  const before = hashesOf(directory);
  await assert.rejects(Wal.open(directory, options), code('ERR_FLASHSTRIKE_ACCESS', /EROFS/));
  assert.deepEqual(hashesOf(directory), before, 'a refused open changes nothing');
  assert.ok([...replay(directory)].length >= 10, 'reading needs no right to write');
  disk.restart();
  await assertRecovers(directory, options, story.last);
  assertNoRegion(options);
});

test('a segment that may not be changed any more ends the log', { skip }, async (t) => {
  const { directory, options } = sceneOf(t);
  const victim = await Victim.start(t, directory, options, { more: 20 });
  const segment = join(directory, segmentFiles(directory)[0] ?? '');
  must('chattr', '+i', segment);
  const story = await victim.story();
  assertFailedForGood(story);
  assert.equal(story.failure?.cause, 'EPERM');
  await assert.rejects(Wal.open(directory, options), code('ERR_FLASHSTRIKE_ACCESS', /EPERM/));
  must('chattr', '-i', segment);
  await assertRecovers(directory, options, story.last);
  assertNoRegion(options);
});

test('a folder in which nothing may be made or changed is refused, and left as it is', {
  skip,
}, async (t) => {
  const { disk, directory, options } = sceneOf(t);
  const empty = join(disk.folder, 'empty');
  mkdirSync(empty);
  {
    await using wal = await Wal.open(directory, options);
    appendEvents(wal, 100);
  }
  const before = hashesOf(directory);
  for (const folder of [empty, directory]) {
    must('chattr', '+i', folder);
    await assert.rejects(Wal.open(folder, options), code('ERR_FLASHSTRIKE_ACCESS', /EPERM/));
  }
  // LOCK tells of regions: that much an open may write before it is refused.
  const withoutLock = (hashes: typeof before) => hashes.filter(([name]) => name !== 'LOCK');
  assert.deepEqual(withoutLock(hashesOf(directory)), withoutLock(before));
  assert.deepEqual(readdirSync(empty), []);
  for (const folder of [empty, directory]) must('chattr', '-i', folder);
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, 100);
  }
  assertNoRegion(options);
});

test('a mount that is taken away under an open log lives on for it; all is there where it is again', {
  skip,
}, async (t) => {
  const { disk, directory, options } = sceneOf(t);
  const victim = await Victim.start(t, directory, options, {
    more: 20,
    until: 'wal.durableEventId === 30',
  });
  disk.vanish();
  assert.deepEqual(readdirSync(disk.folder), [], 'the name leads nowhere');
  const story = await victim.story();
  assert.equal(story.failure, undefined);
  assert.equal(story.close[1], undefined);
  assert.deepEqual(readdirSync(disk.folder), [], 'nothing was written beside the log');
  disk.restart();
  await assertSound(directory);
  await using wal = await Wal.open(directory, options);
  assert.deepEqual([wal.recovery.verdict, wal.lastEventId], ['clean', story.lastAfter]);
});

/** A log of several segments, and where the last event's bytes stand in the disk's image. */
async function logOnDisk({ disk, directory, options }: Scene): Promise<number> {
  {
    await using wal = await Wal.open(directory, options);
    for (let id = 1; id <= 1000; id++) wal.append(Buffer.from(`event ${id}`.padEnd(100)));
  }
  disk.restart();
  assert.ok(segmentFiles(directory).length > 3);
  // An open reads the last segment only, and how many events are in that is the writer's affair.
  return readFileSync(disk.image).lastIndexOf('event 1000 ');
}

test('sectors that cannot be read: told by every reader, nothing changed, all there when mended', {
  skip,
}, async (t) => {
  // Without a journal: it would be among what cannot be read.
  const scene = sceneOf(t, { make: ['-O', '^has_journal'] });
  const { disk, directory, options } = scene;
  const offset = await logOnDisk(scene);
  const whole = readFileSync(disk.image);
  assert.ok(offset > 0);
  truncateSync(disk.image, offset - (offset % 4096));
  const unreadable = segmentFiles(directory).filter((name) => !canRead(join(directory, name)));
  assert.ok(unreadable.length > 0, 'the sectors are gone');
  await assert.rejects(verify(directory), code('ERR_FLASHSTRIKE_IO', /EIO/));
  assert.throws(() => [...replay(directory)], code('ERR_FLASHSTRIKE_IO', /EIO/));
  await assert.rejects(Wal.open(directory, options), code('ERR_FLASHSTRIKE_IO', /EIO/));
  assertNoRegion(options);
  // What had been written to the image meanwhile, times of access at the most, is lost.
  disk.vanish();
  disk.awaitRelease();
  const fd = openSync(disk.image, 'r+');
  writeSync(fd, whole, 0, whole.length, 0);
  closeSync(fd);
  disk.restart();
  await assertSound(directory);
  await using wal = await Wal.open(directory, options);
  assert.deepEqual([wal.recovery.verdict, wal.lastEventId], ['clean', 1000]);
});

function canRead(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EIO');
    return false;
  }
}
