// The folder of a log that was being written, as a tool of backup leaves it, opened as a log.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openConsumer, verify, Wal } from '../../src/index.js';
import { judgeFolder } from '../../src/region/folder-identity.js';
import { identifyFolder } from '../../src/storage/identify-folder.js';
import { readLockRecord } from '../../src/storage/lock-file.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { cannotMap, mappedOptions, regionFolder } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, code, contentOf } from '../support/log-content.js';

const SEGMENT_BYTES = 65_536;

interface Copied {
  readonly dir: string;
  readonly copy: string;
  readonly options: ReturnType<typeof mappedOptions> & { readonly segmentBytes: number };
  /** The original, open. */
  readonly wal: Wal;
}

const folderOf = (dir: string) =>
  identifyFolder(nodeStorage, dir) ?? assert.fail(`${dir} is no folder`);

/** Appends `count` events and waits until they are durable. */
async function append(wal: Wal, count: number): Promise<void> {
  for (let at = 0; at < count; at++) wal.append(Buffer.from(`event ${wal.lastEventId + 1}`));
  await wal.durable();
}

/** The files by name of a live log; a copy takes them one after the other. */
function copyFiles(from: string, to: string, isTaken: (name: string) => boolean): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (isTaken(name)) writeFileSync(join(to, name), readFileSync(join(from, name)));
  }
}

/** A live log of which the copy took the segments, then 100 events more, then wal.meta and LOCK. */
async function copyOfALiveLog(t: TestContext): Promise<Copied> {
  // On a tmpfs, which tells births of folders.
  const root = regionFolder(t);
  const dir = join(root, 'original');
  const copy = join(root, 'copy');
  const options = { ...mappedOptions(t), segmentBytes: SEGMENT_BYTES };
  const wal = await Wal.open(dir, options);
  await append(wal, 200);
  // Births are told in ticks of some milliseconds.
  const born = folderOf(dir);
  for (;;) {
    mkdirSync(copy);
    if (judgeFolder(born, folderOf(copy)) === 'copy') break;
    renameSync(copy, join(temporaryFolder(t), 'young'));
  }
  copyFiles(dir, copy, (name) => name.endsWith('.wal'));
  await append(wal, 100);
  return { dir, copy, options, wal };
}

/** What the copy's tool reads last. */
const copyRest = ({ dir, copy }: Copied): void =>
  copyFiles(dir, copy, (name) => name === 'LOCK' || name === 'wal.meta');

/** Closes the original, so that wal.meta tells of all its events. */
async function finishOriginal(copied: Copied): Promise<void> {
  const lock = readFileSync(join(copied.dir, 'LOCK'));
  await copied.wal.close();
  copyRest(copied);
  writeFileSync(join(copied.copy, 'LOCK'), lock);
}

test('a copy that lacks a tail opens as after a crash, tells the ids, and is then a log of its own', {
  skip: cannotMap,
}, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { dir, copy, options } = copied;
  await finishOriginal(copied);
  assert.equal((await verify(copy)).verdict, 'live-copy');
  await assert.rejects(
    Wal.open(copy, { ...options, recovery: 'strict' }),
    code('ERR_FLASHSTRIKE_LIVE_COPY'),
  );
  assert.equal((await verify(copy)).verdict, 'live-copy', 'nothing was changed');
  {
    await using wal = await Wal.open(copy, options);
    const { verdict, missingTail, lastEventId, notes, advice } = wal.recovery;
    assert.deepEqual(
      [verdict, missingTail, lastEventId],
      ['live-copy', { firstEventId: 201, lastEventId: 300 }, 200],
    );
    assert.match(notes.join(' '), /Events 201 to 300 are only in the original/);
    assert.match(advice, /continues as a log in its own right, with event 201/);
    assert.equal(wal.append(Buffer.from('of the copy')), 201);
    await wal.durable();
  }
  assert.equal(
    judgeFolder(readLockRecord(nodeStorage, copy).folder ?? folderOf('/'), folderOf(copy)),
    'same',
  );
  await assertSound(copy);
  await assertSound(dir);
  assert.equal(contentOf(dir).length, 300);
  assert.equal(contentOf(copy).length, 201);
  await using again = await Wal.open(copy, { ...options, recovery: 'strict' });
  assert.deepEqual([again.recovery.verdict, again.lastEventId], ['clean', 201]);
});

test('the region of the living original is left alone', { skip: cannotMap }, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { copy, options } = copied;
  await using wal = copied.wal;
  copyRest(copied);
  const regions = readdirSync(options.sharedMemoryDirectory);
  {
    await using opened = await Wal.open(copy, options);
    assert.equal(opened.lastEventId, 200);
    assert.equal(readdirSync(options.sharedMemoryDirectory).length, regions.length + 1);
  }
  assert.deepEqual(readdirSync(options.sharedMemoryDirectory), regions);
  await append(wal, 10);
  assert.equal(wal.lastEventId, 310);
});

test('a folder whose copying cannot be proven is opened by name alone', {
  skip: cannotMap,
}, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { copy, options } = copied;
  await finishOriginal(copied);
  writeFileSync(join(copy, 'LOCK'), JSON.stringify({ regions: [] }));
  const refused = { code: 'ERR_FLASHSTRIKE_CORRUPT', message: /recovery: 'accept-copy'/ };
  await assert.rejects(Wal.open(copy, options), refused);
  await using wal = await Wal.open(copy, { ...options, recovery: 'accept-copy' });
  assert.equal(wal.recovery.verdict, 'live-copy');
  assert.deepEqual(wal.recovery.missingTail, { firstEventId: 201, lastEventId: 300 });
});

test('where no births are told, the original that stands where it stood proves the copy', {
  skip: cannotMap,
}, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { dir, copy, options } = copied;
  await finishOriginal(copied);
  const lock = readFileSync(join(copy, 'LOCK'), 'utf8');
  assert.match(lock, /"birthNs":"\d+",/);
  writeFileSync(join(copy, 'LOCK'), lock.replace(/"birthNs":"\d+",/, ''));
  assert.equal(readLockRecord(nodeStorage, copy).folder?.inode, folderOf(dir).inode);
  renameSync(dir, `${dir}-moved`);
  const refused = { code: 'ERR_FLASHSTRIKE_CORRUPT', message: /recovery: 'accept-copy'/ };
  await assert.rejects(Wal.open(copy, options), refused);
  mkdirSync(dir);
  await assert.rejects(Wal.open(copy, options), refused, 'another folder is there');
  rmdirSync(dir);
  renameSync(`${dir}-moved`, dir);
  assert.equal((await verify(copy)).verdict, 'live-copy');
  {
    await using wal = await Wal.open(copy, options);
    assert.equal(wal.recovery.verdict, 'live-copy');
    assert.deepEqual(wal.recovery.missingTail, { firstEventId: 201, lastEventId: 300 });
  }
  await assertSound(copy);
  await assertSound(dir);
});

test('an original that lost its last events is refused, by whatever name it lies', {
  skip: cannotMap,
}, async (t) => {
  const root = regionFolder(t);
  const dir = join(root, 'log');
  const options = { ...mappedOptions(t), segmentBytes: SEGMENT_BYTES };
  const wal = await Wal.open(dir, options);
  await append(wal, 100);
  const old = readFileSync(join(dir, '0000000001.wal'));
  await append(wal, 100);
  await wal.close();
  writeFileSync(join(dir, '0000000001.wal'), old);
  await assert.rejects(Wal.open(dir, options), code('ERR_FLASHSTRIKE_CORRUPT'));
  renameSync(dir, join(root, 'moved'));
  await assert.rejects(Wal.open(join(root, 'moved'), options), code('ERR_FLASHSTRIKE_CORRUPT'));
});

test('a prepared file that became a segment while it was copied is kept, and its events counted', {
  skip: cannotMap,
}, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { dir, copy, options } = copied;
  // The tool had the file open under its old name when the original made it segment 2.
  while (readdirSync(dir).filter((name) => name.endsWith('.wal')).length < 2) {
    await append(copied.wal, 100);
  }
  const first = readFileSync(join(dir, '0000000001.wal'));
  writeFileSync(join(copy, '0000000001.wal'), first);
  writeFileSync(join(copy, 'prepared-7.tmp'), readFileSync(join(dir, '0000000002.wal')));
  await finishOriginal(copied);
  await using wal = await Wal.open(copy, options);
  const { verdict, droppedEvents, missingTail, lastEventId, notes } = wal.recovery;
  assert.equal(verdict, 'live-copy');
  assert.ok(droppedEvents > 0);
  assert.equal(missingTail?.firstEventId, lastEventId + 1);
  assert.match(notes.join(' '), /prepared-7\.tmp holds events up to \d+.*prepared-7\.tmp\.aside/);
  assert.ok(readdirSync(copy).includes('prepared-7.tmp.aside'));
});

test('an opening of a copy that crashes before the folder is its own is done again', {
  skip: cannotMap,
}, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { copy, options } = copied;
  await finishOriginal(copied);
  const before = ['LOCK', 'wal.meta'].map(
    (name) => [name, readFileSync(join(copy, name))] as const,
  );
  await (await Wal.open(copy, options)).close();
  // The new segment is there; wal.meta and, last of all, LOCK are still as they were copied.
  for (const [name, bytes] of before) writeFileSync(join(copy, name), bytes);
  const { verdict, missingTail } = await verify(copy);
  assert.deepEqual([verdict, missingTail], ['live-copy', { firstEventId: 201, lastEventId: 300 }]);
  await using wal = await Wal.open(copy, options);
  assert.deepEqual([wal.recovery.verdict, wal.append(Buffer.from('next'))], ['live-copy', 201]);
});

test('a consumer that knows more events than the copy has gets none of those that come instead', {
  skip: cannotMap,
}, async (t) => {
  const copied = await copyOfALiveLog(t);
  const { dir, copy, options } = copied;
  {
    await using billing = await copied.wal.registerConsumer('billing');
    await billing.acknowledge(300);
  }
  await finishOriginal(copied);
  copyFiles(dir, copy, (name) => name === 'billing.consumer');
  const refused = code('ERR_FLASHSTRIKE_OUT_OF_RANGE');
  await assert.rejects(openConsumer(copy, 'billing'), refused);
  {
    await using wal = await Wal.open(copy, options);
    const { verdict, notes } = wal.recovery;
    assert.equal(verdict, 'live-copy');
    assert.match(
      notes.join(' '),
      /billing has acknowledged events up to 300, but the log was contin/,
    );
    await append(wal, 150);
    await assert.rejects(wal.registerConsumer('billing'), refused);
    assert.equal(wal.consumers()[0]?.state, 'ahead');
    assert.equal(wal.consumers()[0]?.lag?.events, 150);
  }
  await using wal = await Wal.open(copy, options);
  assert.equal(wal.recovery.verdict, 'clean');
  await assert.rejects(
    openConsumer(copy, 'billing'),
    /behind event 200: .*register it again from 201/,
  );
  await wal.removeConsumer('billing');
  await using billing = await wal.registerConsumer('billing', { from: 201 });
  for await (const { eventId } of billing.follow()) {
    assert.equal(eventId, 201);
    break;
  }
});
