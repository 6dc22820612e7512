// A sync fails, and the kernel marks the pages clean that it could not write. A process that comes
// after reads them in the page cache and syncs them with success, and once the cache goes they are
// gone. Recovery writes what it accepts again, so that what it calls durable is.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verify, Wal, type WalOptions } from '../../src/index.js';
import { KIB, MIB } from '../../src/units.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { assertSound, contentOf, durableInMeta } from '../support/log-content.js';
import { cannotLoop, LoopDisk } from '../support/loop-disk.js';
import { must } from '../support/mount-point.js';
import { SmallDisk } from '../support/small-disk.js';

const OPTIONS: WalOptions = {
  // A small one has its spare from the start.
  segmentBytes: 256 * KIB,
  ringBytes: MIB,
  sharedMemory: 'off',
  sync: { mode: 'manual' },
};
const DURABLE = 10;
const WRITTEN = 210;
const EVENT_BYTES = 1000;

const payloadOf = (id: number): Buffer => Buffer.from(`event ${id} `.padEnd(EVENT_BYTES, '.'));

const RECORDER = `
const wal = await Wal.open(directory, options);
const append = (last) => {
  for (let id = wal.lastEventId + 1; id <= last; id++) {
    wal.append(Buffer.from(('event ' + id + ' ').padEnd(${EVENT_BYTES}, '.')));
  }
};
append(${DURABLE});
await wal.durable();
// The active segment and its spare.
while (wal.telemetry.segmentPreparer.preparedSegments < 2) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
tell('ready');
await told();
append(${WRITTEN});
const code = await wal.durable().then(() => 'none', (error) => error.code);
const cause = wal.failure?.cause?.code;
tell('story ' + JSON.stringify({ code, cause, written: wal.writtenEventId }));
process.kill(process.pid, 'SIGKILL');
`;

interface Scene {
  readonly disk: LoopDisk;
  readonly directory: string;
}

/** A log whose last sync has failed for real; its disk is well again, its page cache intact. */
async function failedWriteBack(t: TestContext): Promise<Scene> {
  const undo: (() => void)[] = [];
  t.after(() => {
    for (const step of undo.reverse()) step();
  });
  const stack = { after: (hook: () => void) => undo.push(hook) };
  const backing = new SmallDisk(stack, 16 * MIB);
  // Without a journal, which would fail as well and take the file system with it; and what a spare
  // segment that cannot be prepared gives back must not make room.
  const make = ['-O', '^has_journal'];
  const disk = new LoopDisk(stack, 'ext4', {
    bytes: 64 * MIB,
    parent: backing.folder,
    make,
  });
  const directory = join(disk.folder, 'log');
  const script = Script.start(t, RECORDER, directory, OPTIONS);
  await script.tells('ready');
  // Nothing is written any more: a write into zeros that are being given back would be lost.
  await eventually('wal.meta tells it', () => durableInMeta(directory) === DURABLE);
  // The image gives back what holds zeros only, the rest of the segment too; then its own disk is
  // full, and a write there fails.
  disk.writeByPage(t);
  must('sync', '-f', disk.folder);
  must('fallocate', '--dig-holes', disk.image);
  backing.fill();
  script.tell();
  const story = JSON.parse(await script.tells('story'));
  assert.deepEqual(story, {
    code: 'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN',
    cause: 'ENOSPC',
    written: WRITTEN,
  });
  await script.ended;
  backing.free();
  assert.equal(contentOf(directory).length, WRITTEN, 'the page cache has all of it');
  return { disk, directory };
}

const skip = cannotLoop('ext4');

test('a failed write-back, and the cache goes: the kernel has lost what no one called durable', {
  skip,
}, async (t) => {
  const { disk, directory } = await failedWriteBack(t);
  disk.restart();
  const { ok, lastEventId } = await verify(directory);
  assert.ok(ok);
  assert.ok(lastEventId >= DURABLE && lastEventId < WRITTEN, `${lastEventId} events are there`);
});

test('a failed write-back, a restart, then the cache goes: nothing acknowledged is missing', {
  skip,
}, async (t) => {
  const { disk, directory } = await failedWriteBack(t);
  {
    await using wal = await Wal.open(directory, OPTIONS);
    assert.equal(wal.lastEventId, WRITTEN);
    assert.equal(await wal.durable(), WRITTEN);
  }
  disk.restart();
  const events = contentOf(directory);
  assert.equal(events.length, WRITTEN);
  for (const { eventId, payload } of events) {
    assert.deepEqual(Buffer.from(payload), payloadOf(eventId));
  }
  await assertSound(directory);
});
