// The kernel writes the pages of an unsynced range in any order: a later block can be on the disk
// where an earlier one is not. That is a torn tail, no corruption, and nobody calls it durable.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal, type WalOptions } from '../../src/index.js';
import { KIB, MIB, PAGE_BYTES } from '../../src/units.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { forget, writeBack } from '../support/kernel-calls.js';
import { assertSound, contentOf, durableInMeta } from '../support/log-content.js';
import { cannotLoop, type DiskType, LoopDisk } from '../support/loop-disk.js';
import { must } from '../support/mount-point.js';

const TYPES: readonly DiskType[] = ['ext4', 'xfs'];
const DISK_BYTES = 320 * MIB;
const OPTIONS: WalOptions = {
  segmentBytes: 256 * KIB,
  ringBytes: 64 * KIB,
  sharedMemory: 'off',
  sync: { mode: 'manual' },
};

const DURABLE = 10;
const WRITTEN = 20;
/** From here on blocks reach the disk. */
const PERSISTED = 16;
const EVENT_BYTES = 5000;

/** Events of more than a page, each in a block of its own; the first ten are durable. */
const RECORDER = `
const wal = await Wal.open(directory, options);
for (let id = 1; id <= ${WRITTEN}; id++) {
  wal.append(Buffer.from(('event ' + id + ' ').padEnd(${EVENT_BYTES}, '.')));
  while (wal.writtenEventId < id) await new Promise((resolve) => setTimeout(resolve, 1));
  if (id === ${DURABLE}) {
    await wal.durable();
    tell('durable');
    await told();
  }
}
tell('written');
await told();
process.kill(process.pid, 'SIGKILL');
`;

function onFile<Result>(path: string, action: (fd: number) => Result): Result {
  const fd = openSync(path, 'r');
  try {
    return action(fd);
  } finally {
    closeSync(fd);
  }
}

/** Pages that wait for half a minute, or for someone's sync, are written by the kernel itself. */
const ATTEMPTS = 3;

/** What the disk has of the segment after a power cut, which a late page should have outrun. */
async function outrun(t: TestContext, disk: LoopDisk, directory: string): Promise<Buffer> {
  const script = Script.start(t, RECORDER, directory, OPTIONS);
  const path = join(directory, '0000000001.wal');
  await script.tells('durable');
  // The watermark is written by then, and nothing makes a page dirty again behind the sync.
  await eventually('wal.meta tells it', () => durableInMeta(directory) === DURABLE);
  // The zeros came in large folios, which are written whole: what comes now is to get small ones.
  must('sync', '-f', disk.folder);
  onFile(path, forget);
  script.tell();
  await script.tells('written');
  const cached = readFileSync(path);
  const from = cached.indexOf(`event ${PERSISTED} `);
  const end = cached.indexOf(`event ${WRITTEN} `) + EVENT_BYTES;
  assert.ok(from > 0 && end > from, 'the page cache has all blocks');
  const firstPage = Math.floor(from / PAGE_BYTES) * PAGE_BYTES;
  assert.ok(onFile(path, (fd) => writeBack(fd, firstPage, end - firstPage)));
  disk.cutPower();
  await script.kill();
  disk.restart();
  return readFileSync(path);
}

for (const type of TYPES) {
  test(`pages out of order on ${type}: the hole ends the log, what is behind it is counted`, {
    skip: cannotLoop(type),
  }, async (t) => {
    const disk = new LoopDisk(t, type, { bytes: DISK_BYTES });
    let directory = '';
    let onDisk: Buffer = Buffer.of();
    let hasEarlierPage = true;
    for (let attempt = 1; hasEarlierPage && attempt <= ATTEMPTS; attempt++) {
      directory = join(disk.folder, `log-${attempt}`);
      onDisk = await outrun(t, disk, directory);
      hasEarlierPage = onDisk.includes(`event ${DURABLE + 2} `);
    }
    assert.ok(!hasEarlierPage, 'an earlier page is not there');
    assert.ok(onDisk.indexOf(`event ${WRITTEN} `) > 0, 'a later page is');
    await assertSound(directory);
    {
      await using wal = await Wal.open(directory, OPTIONS);
      assert.equal(wal.recovery.verdict, 'torn-tail');
      assert.equal(wal.recovery.droppedEvents, WRITTEN - DURABLE);
      assert.equal(wal.lastEventId, DURABLE);
      // Fewer and shorter events than those that were dropped: none of them may come back.
      for (let count = 1; count <= 3; count++) wal.append(Buffer.from(`again ${count}`));
      await wal.durable();
    }
    // A second crash, a second recovery.
    disk.restart();
    {
      await using wal = await Wal.open(directory, OPTIONS);
      assert.equal(wal.recovery.verdict, 'clean');
    }
    const texts = contentOf(directory).map(
      ({ payload }) => /^\w+ \d+/.exec(Buffer.from(payload).toString())?.[0],
    );
    const expected = Array.from({ length: DURABLE }, (_, index) => `event ${index + 1}`);
    assert.deepEqual(texts, [...expected, 'again 1', 'again 2', 'again 3']);
    await assertSound(directory);
  });
}
