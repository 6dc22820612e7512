import assert from 'node:assert/strict';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Random } from '../../../src/cli/demo/random.js';
import { FolderObjects } from '../../../src/replication/objects/folder-objects.js';
import { archive, folderObjects, restoreFrom } from '../../../src/replication.js';
import { SimulatedDisk } from '../../simulation/simulated-disk.js';
import { FaultyStorage } from '../../support/faulty-storage.js';
import { temporaryFolder } from '../../support/log-builder.js';
import { code } from '../../support/log-content.js';
import { assertHas, recorded } from './bench.js';
import { assertKeepsObjects, bodyOf, bytesOf, contentIn, failure } from './store-suite.js';

const KEY = 'abc/0000000001.wal';
const FOLDER = '/mnt/archive';

test('objects are kept in a folder, and nothing else is left there', async (t) => {
  const dir = join(temporaryFolder(t), 'a', 'b');
  await assertKeepsObjects(folderObjects(pathToFileURL(dir)));
  const names = readdirSync(dir, { recursive: true });
  assert.deepEqual([...names].sort(), [
    '0123456789abcdef',
    '0123456789abcdef/0000000042-0000000000012345.wal.lz4',
    'log',
  ]);
});

test('a log is archived to a folder and restored from it', async (t) => {
  const { place, dir } = await recorded(t, 3);
  const store = folderObjects(place.path('objects'));
  const { lastEventId } = await archive(dir, store);
  const out = place.path('out');
  await restoreFrom(undefined, out, { objects: folderObjects(place.path('objects')) });
  assertHas(out, dir, 1, lastEventId);
});

test('an object that is being put is killed, or cut from power, at each call: all of it or none', async () => {
  const before = bytesOf(100_000, 1);
  const after = bytesOf(150_000, 2);
  for (const isThere of [false, true]) {
    const base = new SimulatedDisk();
    if (isThere) await new FolderObjects(base, FOLDER).put(KEY, bodyOf(before));
    let calls = 0;
    for (let isOver = false; !isOver; calls++) {
      for (const end of ['kill', 'cutPower', 'crash'] as const) {
        const disk = base.copy();
        const storage = new FaultyStorage(disk);
        // As nothing comes after a kill.
        const fault = storage.fail({ code: 'EIO', from: calls + 1 });
        const error = await new FolderObjects(storage, FOLDER).put(KEY, bodyOf(after)).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        isOver = fault.hits === 0;
        assert.equal(error === undefined, isOver, `call ${calls}`);
        if (end === 'crash') disk.crash(new Random(calls));
        else disk[end]();
        const found = await contentIn(new FolderObjects(disk, FOLDER), KEY);
        const isOld = isThere ? found?.equals(before) === true : found === undefined;
        const isNew = found?.equals(after) === true;
        assert.ok(isNew || (isOld && !isOver), `${end} behind call ${calls}`);
        // And it is put by whoever comes next.
        await new FolderObjects(disk, FOLDER).put(KEY, bodyOf(after));
        assert.ok((await contentIn(new FolderObjects(disk, FOLDER), KEY))?.equals(after));
      }
    }
    assert.ok(calls > 5, `${calls} calls`);
  }
});

test('a disk that is full, or fails, passes; what is forbidden does not', async () => {
  const disk = new SimulatedDisk();
  disk.capacityBytes = 100_000;
  const store = new FolderObjects(disk, FOLDER);
  await assert.rejects(store.put(KEY, bodyOf(bytesOf(150_000))), failure('full'));
  assert.equal(disk.list(`${FOLDER}/abc`).length, 0, 'the room is given back');
  disk.capacityBytes = 1_000_000;
  await store.put(KEY, bodyOf(bytesOf(150_000)));
  for (const [system, check] of [
    ['EIO', failure('unavailable')],
    ['EACCES', code('ERR_FLASHSTRIKE_ACCESS')],
  ] as const) {
    const storage = new FaultyStorage(disk);
    storage.fail({ code: system, when: ({ kind }) => kind === 'read' || kind === 'write' });
    const faulty = new FolderObjects(storage, FOLDER);
    await assert.rejects(faulty.put('log', bodyOf(bytesOf(9))), check);
    await assert.rejects(contentIn(faulty, KEY), check);
    assert.equal(await contentIn(store, 'log'), undefined);
    assert.deepEqual([...storage.openFiles], []);
  }
});

test('keys lead nowhere else, and only regular files are objects', async (t) => {
  const root = temporaryFolder(t);
  const dir = join(root, 'objects');
  const store = folderObjects(dir);
  writeFileSync(join(root, 'secret'), 'secret');
  const argument = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  for (const key of [
    '',
    '.',
    '..',
    '../secret',
    'a//b',
    '/secret',
    'a/',
    'a\\b',
    'a\0',
    '.hidden',
  ]) {
    await assert.rejects(store.get(key), argument, key);
    await assert.rejects(store.put(key, bodyOf(bytesOf(1))), argument, key);
  }
  await assert.rejects(store.get('a'.repeat(101)), argument);
  await store.put('log', bodyOf(bytesOf(1)));
  symlinkSync(join(root, 'secret'), join(dir, 'link'));
  await assert.rejects(contentIn(store, 'link'), code('ERR_FLASHSTRIKE_UNSAFE_FILE'));
  const short = { bytes: 5, read: bodyOf(bytesOf(4)).read };
  await assert.rejects(store.put('log', short), argument);
  assert.deepEqual(await contentIn(store, 'log'), Buffer.from(bytesOf(1)));
});
