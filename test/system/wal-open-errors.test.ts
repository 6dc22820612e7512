// Opens that must be refused: each with its code and a message that says what to do, at once, and
// with the folder as it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  type ErrorCode,
  follow,
  followBlocks,
  listConsumers,
  openCursor,
  removeConsumer,
  replay,
  restore,
  salvage,
  salvageTo,
  trim,
  verify,
  Wal,
  type WalOptions,
} from '../../src/index.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { attachTelemetry } from '../../src/telemetry.js';
import { TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents, code, segmentFiles } from '../support/log-content.js';
import { cannotBeNobody, NOBODY } from '../support/nobody.js';

const OPTIONS = { ...TINY, sharedMemory: 'off' } as const;

/** A closed log of at least three segments. */
async function aLog(context: TestContext, events = 2000): Promise<string> {
  const directory = temporaryFolder(context);
  await using wal = await Wal.open(directory, OPTIONS);
  appendEvents(wal, events);
  return directory;
}

/** A closed log of at least so many segments: how many events fill one is up to the writer. */
async function aLogOf(context: TestContext, segments: number): Promise<string> {
  const directory = temporaryFolder(context);
  await using wal = await Wal.open(directory, OPTIONS);
  while (segmentFiles(directory).length < segments) await wal.durable(appendEvents(wal, 100));
  return directory;
}

/** Names, kinds and contents of all that is in a folder but LOCK, which any open may make. */
function fingerprint(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name !== 'LOCK')
    .map((name) => {
      const path = join(directory, name);
      const status = lstatSync(path);
      const content = status.isFile() ? readFileSync(path) : '';
      return `${name} ${status.mode} ${createHash('sha256').update(content).digest('hex')}`;
    });
}

/** The open is refused in this way, twice, and the folder stays as it is. */
async function assertRefused(
  directory: string,
  expected: ErrorCode,
  message: RegExp,
  options: WalOptions = OPTIONS,
): Promise<void> {
  const before = fingerprint(directory);
  for (let attempt = 0; attempt < 2; attempt++) {
    const opening = settles('open', Wal.open(directory, options));
    await assert.rejects(opening, code(expected, message));
  }
  assert.deepEqual(fingerprint(directory), before, 'the refused open changed the folder');
}

test('options that do not exist or cannot work are refused before anything is touched', async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ segmentByte: 65536 }, /no option segmentByte.*segmentBytes/],
    [{ sync: { mode: 'manual', interval: 5 } }, /no option sync\.interval/],
    [{ sync: 'manual' }, /sync must be an object/],
    [{ sync: { mode: 'never' } }, /sync\.mode must be one of interval, every-block, manual/],
    [{ segmentBytes: '65536' }, /segmentBytes must be an integer/],
    [{ segmentBytes: 65537 }, /a multiple of 4096/],
    [{ segmentBytes: 0 }, /segmentBytes/],
    [{ segmentBytes: 2 ** 32 }, /segmentBytes/],
    [{ ringBytes: 65536 * 3 }, /a power of two/],
    [{ ringBytes: 1 }, /ringBytes/],
    [{ ringBytes: 65536, maxEventBytes: 65536 }, /maxEventBytes must be an integer from 1 to/],
    [{ preparedSegments: 0 }, /preparedSegments/],
    [{ preparedSegments: 5 }, /preparedSegments/],
    [{ stallTimeoutMs: -1 }, /stallTimeoutMs/],
    [{ timestamps: 'exact' }, /timestamps must be one of/],
    [{ recovery: 'salvage' }, /salvage only reads: call salvage/],
    [{ recovery: 'best' }, /recovery must be one of/],
    [{ sharedMemory: true }, /sharedMemory must be one of/],
    [{ sharedMemoryDirectory: '' }, /sharedMemoryDirectory must be the path of a folder/],
    [{ create: 'yes' }, /create must be true or false/],
    [{ lock: false }, /lock must be one of/],
    [null, /options must be an object/],
    ['fast', /options must be an object/],
    [[], /options must be an object/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(
      Wal.open(directory, options as WalOptions),
      code('ERR_FLASHSTRIKE_INVALID_OPTION', message),
    );
  }
  assert.equal(existsSync(directory), false);
});

test('a folder must be a path', async () => {
  const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /folder of the log must be a path/);
  for (const path of ['', 'a\0b', 7, null, undefined, {}, Buffer.from('/tmp')] as string[]) {
    await assert.rejects(Wal.open(path), invalid);
  }
  const elsewhere = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /a path or a file: URL/);
  await assert.rejects(Wal.open(new URL('https://example.com/log')), elsewhere);
});

test('a folder may be a file: URL, wherever one is asked for', async (t) => {
  const folder = join(temporaryFolder(t), 'with space');
  const url = pathToFileURL(folder);
  const copy = pathToFileURL(`${folder}-copy`);
  await using wal = await Wal.open(url, OPTIONS);
  assert.equal(wal.directory, folder);
  await wal.durable(wal.append(Buffer.from('event')));
  assert.equal((await wal.backup(copy)).lastEventId, 1);
  const consumer = await wal.registerConsumer('reader');
  assert.equal(listConsumers(url).length, 1);
  await consumer.close();
  await removeConsumer(url, 'reader');
  assert.throws(() => attachTelemetry(url), code('ERR_FLASHSTRIKE_NO_TELEMETRY'));
  for await (const { eventId } of follow(url)) if (eventId === 1) break;
  for await (const { lastEventId } of followBlocks(url)) if (lastEventId === 1) break;
  const cursor = openCursor(copy);
  assert.ok(cursor.next());
  cursor.close();
  assert.equal([...replay(copy)].length, 1);
  assert.equal([...salvage(copy)].length, 1);
  assert.equal((await verify(copy)).ok, true);
  const restored = pathToFileURL(`${folder}-restored`);
  assert.equal((await restore(copy, restored)).lastEventId, 1);
  assert.equal((await salvageTo(copy, pathToFileURL(`${folder}-salvaged`))).events, 1);
  assert.equal((await trim(restored, 1)).firstEventId, 1);
});

test('a file, and what lies below a file, is no folder', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, 'not a log');
  const notAFolder = code('ERR_FLASHSTRIKE_NOT_A_LOG', /is not a folder\. Give a folder/);
  await assert.rejects(Wal.open(file, OPTIONS), notAFolder);
  await assert.rejects(Wal.open(join(file, 'log'), OPTIONS), notAFolder);
  assert.equal(readFileSync(file, 'utf8'), 'not a log');
});

test('create: false opens what is there and makes nothing', async (t) => {
  const options = { ...OPTIONS, create: false };
  const missing = join(temporaryFolder(t), 'log');
  const notALog = code('ERR_FLASHSTRIKE_NOT_A_LOG', /create/);
  await assert.rejects(Wal.open(missing, options), notALog);
  assert.equal(existsSync(missing), false);
  const empty = temporaryFolder(t);
  await assert.rejects(Wal.open(empty, options), notALog);
  assert.deepEqual(readdirSync(empty), []);
  const directory = await aLog(t);
  await using wal = await Wal.open(directory, options);
  assert.equal(wal.recovery.verdict, 'clean');
});

test('missing parents are made, for this user alone', async (t) => {
  const directory = join(temporaryFolder(t), 'a', 'b', 'log');
  const previous = process.umask(0);
  t.after(() => process.umask(previous));
  {
    await using wal = await Wal.open(directory, OPTIONS);
    appendEvents(wal, 2000);
  }
  assert.equal(lstatSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory)) {
    assert.equal(lstatSync(join(directory, name)).mode & 0o777, 0o600, name);
  }
});

test('a folder that this user cannot write is refused', { skip: cannotBeNobody }, async (t) => {
  const script = `
    try {
      await Wal.open(directory, options);
      tell('opened');
    } catch (error) {
      tell(JSON.stringify([error.code, error.path, error.message]));
    }
  `;
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  const log = await aLog(t);
  chmodSync(log, 0o755);
  for (const directory of [folder, join(folder, 'log'), log]) {
    const { lines, stderr } = await Script.run(script, directory, OPTIONS, { under: NOBODY });
    assert.equal(stderr, '');
    const [actual, path, message] = JSON.parse(lines[0] ?? '[]');
    assert.equal(actual, 'ERR_FLASHSTRIKE_ACCESS', `${directory}: ${lines[0]}`);
    assert.ok(directory.startsWith(path) || path.startsWith(directory), path);
    assert.match(message, /write access|cannot be (written|read)/);
  }
  assert.deepEqual(readdirSync(folder), []);
  assertHoldsEvents(log, 2000);
});

/** Gives a structure another version and a right checksum again. */
function putVersion(bytes: Buffer, structureBytes: number, version: number): void {
  bytes.writeUInt16LE(version, 8);
  const checksum = xxh64(bytes.subarray(0, structureBytes - 8), 0n);
  bytes.writeBigUInt64LE(checksum, structureBytes - 8);
}

for (const [name, structureBytes] of [
  ['wal.meta', 64],
  ['the last segment', 128],
] as const) {
  test(`${name} of a newer version is refused by name`, async (t) => {
    const directory = await aLog(t);
    const file = name === 'wal.meta' ? name : (segmentFiles(directory).at(-1) ?? '');
    const bytes = readFileSync(join(directory, file));
    const original = Buffer.from(bytes);
    putVersion(bytes, structureBytes, 1);
    assert.deepEqual(bytes, original, 'the checksum is made as the library makes it');
    putVersion(bytes, structureBytes, 3);
    writeFileSync(join(directory, file), bytes);
    await assertRefused(directory, 'ERR_FLASHSTRIKE_UNSUPPORTED', /version 3/);
    writeFileSync(join(directory, file), original);
    await using wal = await Wal.open(directory, OPTIONS);
    assert.equal(wal.lastEventId, 2000);
  });
}

test('segments or wal.meta of another log are refused', async (t) => {
  const directory = await aLog(t);
  const other = await aLogOf(t, segmentFiles(directory).length);
  const last = segmentFiles(directory).at(-1) ?? '';
  const previous = segmentFiles(directory).at(-2) ?? '';
  const put = (name: string, source: string): void =>
    copyFileSync(join(source, name), join(directory, name));
  for (const name of [last, previous, 'wal.meta']) {
    const original = readFileSync(join(directory, name));
    put(name, other);
    await assertRefused(
      directory,
      'ERR_FLASHSTRIKE_WRONG_LOG',
      /belongs to another log|another log/,
    );
    writeFileSync(join(directory, name), original);
  }
  assertHoldsEvents(directory, 2000);
});

test('a missing segment, and a last one that meta knows of, is corruption', async (t) => {
  const directory = await aLog(t);
  const away = temporaryFolder(t);
  const names = segmentFiles(directory);
  assert.ok(names.length >= 3);
  for (const name of [names.at(-1) ?? '', names.at(-2) ?? '']) {
    const path = join(directory, name);
    copyFileSync(path, join(away, name));
    rmSync(path);
    await assertRefused(directory, 'ERR_FLASHSTRIKE_CORRUPT', /missing|durable/);
    copyFileSync(join(away, name), path);
  }
  await using wal = await Wal.open(directory, OPTIONS);
  assert.equal(wal.recovery.verdict, 'clean');
});

type Disguise = (path: string, original: string) => void;

/** A hard link is none: what has several names is read, and never written to (wal-hard-links). */
const DISGUISES: Readonly<Record<string, Disguise>> = {
  'a symbolic link': (path, original) => symlinkSync(original, path),
  'a folder': (path) => mkdirSync(path),
  'a FIFO': (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
};

for (const [disguise, disguised] of Object.entries(DISGUISES)) {
  const skip = disguise === 'a FIFO' && process.platform === 'win32' ? 'no FIFOs here' : false;
  test(`wal.meta, LOCK or a segment that is ${disguise} is refused`, { skip }, async (t) => {
    const directory = await aLog(t);
    const away = temporaryFolder(t);
    for (const name of ['wal.meta', 'LOCK', segmentFiles(directory).at(-1) ?? '']) {
      const path = join(directory, name);
      const original = join(away, name);
      renameSync(path, original);
      disguised(path, original);
      await assertRefused(directory, 'ERR_FLASHSTRIKE_UNSAFE_FILE', /regular file|is a/);
      rmSync(path, { recursive: true });
      renameSync(original, path);
    }
    await using wal = await Wal.open(directory, OPTIONS);
    assert.equal(wal.lastEventId, 2000);
  });
}

test('a segment that is named as compressed and is not is refused', async (t) => {
  const directory = await aLog(t);
  const [first = ''] = segmentFiles(directory);
  renameSync(join(directory, first), join(directory, `${first}.lz4`));
  await assertRefused(directory, 'ERR_FLASHSTRIKE_CORRUPT', /not an LZ4 frame/);
});

test('files that are not the log’s are told and left alone', async (t) => {
  const directory = await aLog(t);
  writeFileSync(join(directory, 'notes.txt'), 'mine');
  writeFileSync(join(directory, 'prepared-7.tmp'), 'left over by a crash');
  writeFileSync(join(directory, 'wal.meta.tmp'), 'left over by a crash');
  {
    await using wal = await Wal.open(directory, OPTIONS);
    assert.ok(wal.recovery.notes.some((note) => note.includes('notes.txt')));
  }
  assert.equal(readFileSync(join(directory, 'notes.txt'), 'utf8'), 'mine');
  const names = readdirSync(directory);
  assert.equal(names.includes('prepared-7.tmp') || names.includes('wal.meta.tmp'), false);
});
