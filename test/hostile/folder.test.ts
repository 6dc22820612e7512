// Somebody else puts links, FIFOs, sockets, devices and folders under the names that a log uses.
// What cannot be used is refused by name; nothing hangs, nothing is followed, nothing of it is
// removed.
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { backupSteps } from '../../src/backup/backup-steps.js';
import { ConsumerHolds } from '../../src/consumers/consumer-holds.js';
import { listConsumers, replay, salvage, verify, Wal, WalError } from '../../src/index.js';
import { FILE_PORTS } from '../../src/judgement/reading-ports.js';
import { MetaStore } from '../../src/recorder/housekeeping/meta-store.js';
import { META_TEMPORARY_FILE } from '../../src/segment/file-names.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { regionFolder, TINY } from '../support/adapters.js';
import { DISGUISES } from '../support/disguises.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { SteppedLog } from '../support/stepped-log.js';

const CONTENT = 'of somebody else, and to stay as it is';
const EVENTS = 9;

/** Three finished segments and a fourth that is open; durable to the end. */
function aLog(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let segment = 0; segment < 2; segment++) builder.segment().events(3).watermark().seal();
  return builder.segment().events(3).watermark().meta().write();
}

/** What is there, without opening any of it. */
const look = (path: string): string => {
  const { ino, mode, nlink, size } = lstatSync(path, { bigint: true });
  return `${ino} ${mode} ${nlink} ${size}`;
};

const namesIn = (dir: string): string[] => readdirSync(dir).sort();

/** Reads the whole log in each way; a refusal must have a code, and no event may be a wrong one. */
async function readInEveryWay(dir: string): Promise<void> {
  const ways: (() => unknown)[] = [
    () => verify(dir),
    () => Array.from(replay(dir), ({ eventId }) => assert.ok(eventId <= EVENTS)),
    () => Array.from(salvage(dir)),
    () => inspectLog(dir),
  ];
  for (const way of ways) {
    try {
      await way();
    } catch (error) {
      assert.ok(error instanceof WalError, String(error));
    }
  }
}

const open = (dir: string): SteppedLog =>
  new SteppedLog({ storage: nodeStorage }, dir, { lock: 'flock' });

const openRefusal = (dir: string): WalError => {
  try {
    open(dir).close();
  } catch (error) {
    assert.ok(error instanceof WalError, String(error));
    return error;
  }
  return assert.fail('it was opened');
};

const NEW_META = { cleanlyClosed: false, logId: 7n, firstKeptEventId: 0 };
const NAMES: Readonly<Record<string, string>> = {
  'wal.meta': 'wal.meta',
  'wal.meta.tmp': META_TEMPORARY_FILE,
  LOCK: 'LOCK',
  'a finished segment': '0000000002.wal',
  'the last segment': '0000000003.wal',
  'a prepared segment': 'prepared-3.tmp',
  'a half-compressed segment': '0000000001.wal.lz4.tmp',
};

for (const [what, name] of Object.entries(NAMES)) {
  // LOCK is taken over, and written, by another way.
  if (name === 'LOCK') continue;
  test(`${what} that is a hard link: the log opens, and nothing is written to the other name`, (t) => {
    const { dir } = aLog(t);
    const path = join(dir, name);
    const other = join(temporaryFolder(t), 'other');
    if (!existsSync(path)) writeFileSync(path, CONTENT);
    linkSync(path, other);
    const content = readFileSync(other);
    const log = open(dir);
    log.append();
    log.commit();
    log.close();
    assert.deepEqual(readFileSync(other), content);
    assert.equal(Array.from(replay(dir)).length, EVENTS + 1);
    assert.ok(content.equals(readFileSync(other)));
  });

  test(`${what} that is a hard link to somebody's file: refused, or left without its name`, (t) => {
    const { dir } = aLog(t);
    const path = join(dir, name);
    const other = join(temporaryFolder(t), 'other');
    writeFileSync(other, CONTENT);
    if (existsSync(path)) unlinkSync(path);
    linkSync(other, path);
    try {
      open(dir).close();
      assert.ok(!existsSync(path) || lstatSync(path).ino !== lstatSync(other).ino);
    } catch (error) {
      assert.ok(error instanceof WalError, String(error));
      assert.equal(error.code, 'ERR_FLASHSTRIKE_CORRUPT');
      assert.equal(lstatSync(path).ino, lstatSync(other).ino, 'what is refused is left alone');
    }
    assert.equal(readFileSync(other, 'utf8'), CONTENT);
  });
}

for (const [disguise, { make, skip }] of Object.entries(DISGUISES)) {
  for (const [what, name] of Object.entries(NAMES)) {
    // Read, removed or replaced by name, never written: see above.
    if (disguise === 'a hard link' && name !== 'LOCK') continue;
    test(`${what} that is ${disguise} is refused, never followed, never removed`, {
      skip,
    }, async (t) => {
      const { dir } = aLog(t);
      const path = join(dir, name);
      const away = temporaryFolder(t);
      const original = join(away, 'original');
      if (existsSync(path)) renameSync(path, original);
      else writeFileSync(original, CONTENT);
      await make(path, original);
      const before = look(path);
      const originalBefore = look(original);
      const content = readFileSync(original);
      const names = namesIn(dir);

      await readInEveryWay(dir);
      const refusal = openRefusal(dir);
      assert.equal(refusal.code, 'ERR_FLASHSTRIKE_UNSAFE_FILE', refusal.message);
      assert.equal(refusal.path, path);
      assert.equal(look(path), before);
      assert.equal(look(original), originalBefore);
      assert.deepEqual(readFileSync(original), content);
      assert.deepEqual(namesIn(away), ['original'], 'nothing was made where a link leads');
      assert.deepEqual(
        namesIn(dir).filter((each) => each !== 'LOCK'),
        names.filter((each) => each !== 'LOCK'),
      );
    });
  }

  test(`a compressed segment that is ${disguise} is left alone`, { skip }, async (t) => {
    const { dir } = aLog(t);
    const path = join(dir, '0000000001.wal.lz4');
    const original = join(temporaryFolder(t), 'original');
    writeFileSync(original, CONTENT);
    await make(path, original);
    const before = look(path);
    await readInEveryWay(dir);
    open(dir).close();
    assert.equal(look(path), before);
    // The only copy of its segment.
    renameSync(join(dir, '0000000001.wal'), join(temporaryFolder(t), 'away'));
    await readInEveryWay(dir);
    const isFile = disguise === 'a hard link';
    const code = isFile ? 'ERR_FLASHSTRIKE_CORRUPT' : 'ERR_FLASHSTRIKE_UNSAFE_FILE';
    assert.equal(openRefusal(dir).code, code);
    assert.equal(look(path), before);
    assert.equal(readFileSync(original, 'utf8'), CONTENT);
  });

  test(`the file of a consumer that is ${disguise}: all is kept for it, and it is left alone`, {
    skip,
  }, async (t) => {
    const { dir, logId } = aLog(t);
    const path = join(dir, 'billing.consumer');
    const original = join(temporaryFolder(t), 'original');
    writeFileSync(original, CONTENT);
    await make(path, original);
    const before = look(path);
    await readInEveryWay(dir);
    const log = open(dir);
    assert.match(log.recovery.notes.join(), /kept for consumer billing/);
    log.close();
    const [consumer, ...others] = listConsumers(dir);
    assert.deepEqual([consumer?.state, others.length], ['damaged', 0]);
    const now = { durableEventId: () => EVENTS, nowNs: () => 0n };
    const holds = new ConsumerHolds(nodeStorage, { dir, logId, ...now });
    assert.equal(holds.oldestNeeded(EVENTS + 1), 1);
    assert.equal(look(path), before);
    assert.equal(readFileSync(original, 'utf8'), CONTENT);
  });

  // The name of a hard link is removed, and nothing else of it.
  if (disguise === 'a hard link') continue;
  for (const name of ['0000000002.wal', 'backup-0000000002.wal', 'copying-0000000002.wal']) {
    test(`${name} in the folder of a backup that is ${disguise} is refused, and left alone`, {
      skip,
    }, async (t) => {
      const { dir: source } = aLog(t);
      const target = temporaryFolder(t);
      const path = join(target, name);
      const original = join(temporaryFolder(t), 'original');
      writeFileSync(original, CONTENT);
      await make(path, original);
      const before = look(path);
      const steps = backupSteps(FILE_PORTS, { source, target, prune: false, lock: 'flock' });
      const run = (): void => {
        while (steps.next().done !== true);
      };
      assert.throws(run, { code: 'ERR_FLASHSTRIKE_UNSAFE_FILE' });
      assert.equal(look(path), before);
      assert.equal(readFileSync(original, 'utf8'), CONTENT);
    });
  }

  test(`wal.meta.tmp that is ${disguise}, put there while the log is open`, { skip }, async (t) => {
    const dir = temporaryFolder(t);
    const path = join(dir, META_TEMPORARY_FILE);
    const original = join(temporaryFolder(t), 'original');
    writeFileSync(original, CONTENT);
    await make(path, original);
    const before = look(path);
    const meta = { segmentIndex: 0, offset: 0, lastEventId: 0, durableEventId: 0 };
    assert.throws(() => new MetaStore(nodeStorage, dir).flush({ ...meta, ...NEW_META }), {
      code: 'ERR_FLASHSTRIKE_UNSAFE_FILE',
      path,
    });
    assert.equal(look(path), before);
    assert.deepEqual(namesIn(dir), [META_TEMPORARY_FILE]);
  });
}

test('a left-over of our own is still removed', (t) => {
  const { dir } = aLog(t);
  for (const name of ['prepared-3.tmp', META_TEMPORARY_FILE]) writeFileSync(join(dir, name), 'x');
  open(dir).close();
  assert.deepEqual(
    namesIn(dir).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('files are for this user alone, whatever the umask', async (t) => {
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const dir = join(temporaryFolder(t), 'made', 'by', 'open');
  const shared = regionFolder(t);
  const regions = (): string[] => namesIn(shared).map((name) => join(shared, name));
  const wal = await Wal.open(dir, { ...TINY, sharedMemoryDirectory: shared });
  await wal.durable(wal.append(new Uint8Array(40)));
  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  for (const folder of [dir, shared]) {
    for (const name of namesIn(folder)) {
      // The log is at work: a file may have got its own name, or gone, since it was listed.
      const stats = statSync(join(folder, name), { throwIfNoEntry: false });
      if (stats !== undefined) assert.equal(stats.mode & 0o777, 0o600, name);
    }
  }
  const lasting = ['LOCK', 'wal.meta', '0000000001.wal'].map((name) => join(dir, name));
  for (const path of [...lasting, ...regions()]) assert.equal(modeOf(path), 0o600, path);
  assert.equal(modeOf(dir), 0o700);
  assert.equal(modeOf(join(dir, '..')), 0o700);
  await wal.close();
});
