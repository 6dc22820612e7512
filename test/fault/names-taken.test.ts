// Somebody else takes away, replaces or cuts the files of a running log: it is told, never made
// good in silence, and what now has the name of ours is left alone.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeFolder } from '../../bench/harness/remove-folder.js';
import { verify, Wal, WalError } from '../../src/index.js';
import { libc } from '../../src/memory/libc.js';
import { cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually, settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents, code, segmentFiles } from '../support/log-content.js';

test('the region’s name is removed: all that was appended is synced, then the log ends', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const wal = await Wal.open(directory, options);
  assert.equal(wal.capabilities.sharedMemoryNameLost, false);
  appendEvents(wal, 100);
  const [name = ''] = readdirSync(options.sharedMemoryDirectory);
  unlinkSync(join(options.sharedMemoryDirectory, name));
  await eventually('the log ends', () => {
    if (wal.state === 'open') appendEvents(wal, 1);
    return wal.state === 'failed';
  });
  assert.equal(wal.capabilities.sharedMemoryNameLost, true);
  const last = wal.lastEventId;
  assert.throws(
    () => wal.append(new Uint8Array(1)),
    code('ERR_FLASHSTRIKE_FAILED', /shared region/),
  );
  await assert.rejects(settles('close', wal.close()), code('ERR_FLASHSTRIKE_FILE_LOST'));
  assertHoldsEvents(directory, last);
  await using again = await Wal.open(directory, { ...options, recovery: 'strict' });
  assert.equal(again.lastEventId, last, 'and nobody asks for the region');
});

test('another file has the region’s name: close leaves it alone', {
  skip: cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const wal = await Wal.open(directory, options);
  appendEvents(wal, 100);
  const [name = ''] = readdirSync(options.sharedMemoryDirectory);
  const path = join(options.sharedMemoryDirectory, name);
  unlinkSync(path);
  writeFileSync(path, 'of somebody else');
  await wal.close();
  assert.equal(readFileSync(path, 'utf8'), 'of somebody else');
  await using again = await Wal.open(directory, options);
  assert.equal(again.lastEventId, 100);
});

const noFolderLock =
  process.platform === 'linux' && libc() !== undefined ? false : 'folders cannot be locked here';

for (const [what, harm] of [
  ['removed', (path: string) => unlinkSync(path)],
  ['moved', (path: string) => renameSync(path, `${path}.moved`)],
  ['replaced', (path: string) => renameSync(`${path}.other`, path)],
] as const) {
  onBothAdapters(
    `LOCK is ${what}: nobody else can open the log, it goes on, and LOCK is made again`,
    async (t, v) => {
      const directory = temporaryFolder(t);
      const path = join(directory, 'LOCK');
      const wal = await Wal.open(directory, v.options);
      await wal.durable(appendEvents(wal, 100));
      const text = readFileSync(path, 'utf8');
      if (what === 'replaced') writeFileSync(`${path}.other`, '{"regions":[]}');
      harm(path);
      // The folder is locked as well, until the log is closed.
      const locked = code('ERR_FLASHSTRIKE_LOCKED', /Close it there first/);
      await assert.rejects(Wal.open(directory, v.options), locked);
      await eventually('LOCK is made again', () => {
        return existsSync(path) && readFileSync(path, 'utf8') === text;
      });
      await assert.rejects(Wal.open(directory, v.options), locked);
      await wal.durable(appendEvents(wal, 100));
      assert.equal(wal.state, 'open');
      await wal.close();
      assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')).regions, []);
      await using again = await Wal.open(directory, { ...v.options, recovery: 'strict' });
      assert.equal(again.lastEventId, 200);
    },
    noFolderLock,
  );
}

test('LOCK is removed, made again, and the process is killed: the ring is found by it', {
  skip: cannotMap || noFolderLock,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const script = Script.start(
    t,
    `const wal = await Wal.open(directory, options);
     tell('open');
     await told();
     for (let n = 0; n < 50; n++) wal.append(Buffer.from('event ' + (n + 1)));
     process.kill(process.pid, 'SIGKILL');`,
    directory,
    options,
  );
  await script.tells('open');
  const path = join(directory, 'LOCK');
  const text = readFileSync(path, 'utf8');
  unlinkSync(path);
  await eventually('LOCK is made again', () => {
    return existsSync(path) && readFileSync(path, 'utf8') === text;
  });
  script.tell();
  await script.ended;
  await using again = await Wal.open(directory, options);
  assert.equal(again.lastEventId, 50);
});

onBothAdapters(
  'LOCK is replaced where nothing else is locked: the log ends before another can write beside it',
  async (t, v) => {
    const directory = temporaryFolder(t);
    const wal = await Wal.open(directory, { ...v.options, lock: 'none' });
    await wal.durable(appendEvents(wal, 100));
    renameSync(join(directory, 'LOCK'), join(directory, 'LOCK.moved'));
    await eventually('the log ends', () => wal.state === 'failed');
    assert.match(wal.failure?.message ?? '', /LOCK/);
    assert.throws(() => wal.append(new Uint8Array(1)), code('ERR_FLASHSTRIKE_FAILED', /LOCK/));
    await assert.rejects(settles('close', wal.close()), code('ERR_FLASHSTRIKE_LOCKED', /LOCK/));
    await using again = await Wal.open(directory, v.options);
    assert.equal(again.lastEventId, 100);
  },
);

onBothAdapters('the folder is removed: the log fails, and nothing hangs', async (t, v) => {
  const directory = join(temporaryFolder(t), 'log');
  const wal = await Wal.open(directory, v.options);
  await wal.durable(appendEvents(wal, 100));
  // While its threads make a spare and write wal.meta.
  removeFolder(directory);
  await eventually('the log ends', () => wal.state === 'failed');
  await assert.rejects(
    settles('close', wal.close()),
    /^WalError: .*log\/(LOCK|0000000001\.wal) was /,
  );
  mkdirSync(directory);
  await using again = await Wal.open(directory, v.options);
  assert.equal(again.recovery.verdict, 'new', 'what is gone is gone, and there is no ghost of it');
});

onBothAdapters('the active segment is taken away or cut: nothing more is durable', async (t, v) => {
  for (const harm of [
    unlinkSync,
    (path: string) => truncateSync(path, 4096),
    (path: string) => renameSync(path, `${path}.old`),
    (path: string) => {
      writeFileSync(`${path}.new`, readFileSync(path));
      renameSync(`${path}.new`, path);
    },
  ]) {
    const directory = temporaryFolder(t);
    const wal = await Wal.open(directory, v.options);
    await wal.durable(appendEvents(wal, 100));
    const path = join(directory, segmentFiles(directory).at(-1) ?? '');
    const whole = statSync(path).size;
    harm(path);
    const appended = appendEvents(wal, 10);
    await assert.rejects(wal.durable(appended), code('ERR_FLASHSTRIKE_DURABILITY_UNKNOWN'));
    assert.equal(wal.durableEventId, 100);
    const { failure } = wal;
    assert.ok(failure instanceof WalError);
    assert.equal(failure.code, 'ERR_FLASHSTRIKE_FILE_LOST');
    await assert.rejects(settles('close', wal.close()), code('ERR_FLASHSTRIKE_FILE_LOST'));
    if (existsSync(`${path}.old`)) renameSync(`${path}.old`, path);
    if (statSync(path, { throwIfNoEntry: false })?.size === whole) {
      // Put back, or a copy of it: nothing that was acknowledged is missing.
      await using again = await Wal.open(directory, v.options);
      assert.ok(again.lastEventId >= 100);
      continue;
    }
    await assert.rejects(
      Wal.open(directory, v.options),
      code('ERR_FLASHSTRIKE_CORRUPT', /durable/),
    );
    assert.equal((await verify(directory)).ok, false);
  }
});

onBothAdapters('wal.meta is removed or replaced: it is written again', async (t, v) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, v.options);
  await wal.durable(appendEvents(wal, 100));
  const meta = join(directory, 'wal.meta');
  for (const harm of [unlinkSync, (path: string) => writeFileSync(path, '')]) {
    await eventually('it is there', () => existsSync(meta) && statSync(meta).size === 64);
    harm(meta);
    await eventually('it is there again', () => existsSync(meta) && statSync(meta).size === 64);
  }
  assert.equal(wal.state, 'open');
  await wal.durable(appendEvents(wal, 10));
});

onBothAdapters('a finished segment is unlinked or cut: readers and verify say so', async (t, v) => {
  for (const harm of [unlinkSync, (path: string) => truncateSync(path, 8192)]) {
    const directory = temporaryFolder(t);
    await using wal = await Wal.open(directory, v.options);
    await wal.durable(appendEvents(wal, 2000));
    const names = segmentFiles(directory);
    assert.ok(names.length > 2);
    harm(join(directory, names[1] ?? ''));
    assert.throws(() => Array.from(wal.replay()), code('ERR_FLASHSTRIKE_CORRUPT'));
    assert.equal((await verify(directory)).ok, false);
    await wal.durable(appendEvents(wal, 10));
  }
});
