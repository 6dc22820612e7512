// The shared region of a crashed process, and the LOCK that names it, damaged or forged by somebody
// else: nothing of it is believed that cannot be this log's, nothing of somebody else is removed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { replay, verify } from '../../src/index.js';
import { readLogId } from '../../src/judgement/log-identity.js';
import { RegionHeaderLayout } from '../../src/region/region-layout.js';
import { newRegionName } from '../../src/region/region-names.js';
import { RingControlLayout } from '../../src/ring/ring-control.js';
import { nodeStorage } from '../../src/storage/node-storage.js';
import { PAGE_BYTES } from '../../src/units.js';
import { inspectLog } from '../../src/verification/inspect.js';
import { cannotMap } from '../support/adapters.js';
import { overwrite, Place } from '../support/crash-place.js';
import { temporaryFolder } from '../support/log-builder.js';

const WRITTEN = 3;
const WAITING = 2;

/** Three events in the files, two more in the ring, and the process is gone. */
function crashed(t: TestContext): { readonly place: Place; readonly region: string } {
  const place = new Place(t);
  const opening = place.open();
  opening.log.write(WRITTEN);
  opening.log.append();
  opening.log.append();
  opening.crash();
  const [region = ''] = place.regions;
  return { place, region };
}

const look = (path: string): string => {
  const { ino, mode, nlink, size, uid } = lstatSync(path);
  return `${ino} ${mode} ${nlink} ${size} ${uid}`;
};

const writeLock = ({ directory }: Place, text: string): void =>
  overwrite(join(directory, 'LOCK'), 0, Buffer.from(`${text.padEnd(PAGE_BYTES - 1)}\n`));

/** All readers get along with what LOCK names; none of them takes events from it. */
async function readInEveryWay({ directory }: Place): Promise<void> {
  assert.equal((await verify(directory)).lastEventId, WRITTEN);
  assert.equal(Array.from(replay(directory)).length, WRITTEN);
  assert.equal(inspectLog(directory).lastEventId, WRITTEN);
}

/** A character that steers a terminal. */
const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

for (const [what, bytes] of [
  ['its header page', PAGE_BYTES],
  ['the beginning of its header', 16],
] as const) {
  test(`${what} zeroed: the ring behind it is told and kept, never removed`, {
    skip: cannotMap,
  }, async (t) => {
    const { place, region } = crashed(t);
    overwrite(region, 0, new Uint8Array(bytes));
    const content = readFileSync(region);
    await readInEveryWay(place);
    const { path } = place.refused('ERR_FLASHSTRIKE_REGION_UNCERTAIN');
    assert.equal(path, region);
    const after = place.open({ oldRing: 'leave' });
    assert.equal(after.recovery.region, 'left');
    assert.ok(after.recovery.notes.some((note) => note.includes(region)));
    assert.deepEqual(readFileSync(region), content);
    after.log.close();
  });
}

/** Files that LOCK may be made to name; each has the name of a region, in another folder. */
const VICTIMS: Readonly<Record<string, (path: string, original: string) => unknown>> = {
  'an empty file': (path) => writeFileSync(path, '', { mode: 0o600 }),
  'a short file': (path) => writeFileSync(path, 'abc', { mode: 0o600 }),
  'a file of zeros': (path) => writeFileSync(path, Buffer.alloc(10_000), { mode: 0o600 }),
  'a text': (path) => writeFileSync(path, 'a letter\n'.repeat(1000), { mode: 0o600 }),
  'a symbolic link': (path, original) => symlinkSync(original, path),
  'a folder': (path) => mkdirSync(path),
  'a FIFO': (path) => assert.equal(spawnSync('mkfifo', [path]).status, 0),
};

for (const [victim, make] of Object.entries(VICTIMS)) {
  test(`a LOCK that names ${victim} elsewhere: not read, not removed, told`, {
    skip: cannotMap,
  }, async (t) => {
    const { place } = crashed(t);
    const elsewhere = temporaryFolder(t);
    const original = join(elsewhere, 'original');
    writeFileSync(original, 'of somebody else');
    const path = join(elsewhere, newRegionName(0xabcn));
    make(path, original);
    const before = look(path);
    writeLock(place, JSON.stringify({ regions: [path] }));
    await readInEveryWay(place);
    const after = place.open();
    assert.equal(after.recovery.eventsFromRing, WAITING, 'from its own, which bears its id');
    assert.ok(after.recovery.notes.some((note) => note.includes(path)));
    after.log.close();
    assert.equal(look(path), before);
    assert.equal(readFileSync(original, 'utf8'), 'of somebody else');
  });
}

test('a LOCK that names a region of another user: not read, not removed, told', {
  skip: cannotMap || (userInfo().uid === 0 ? false : 'only root can give files away'),
}, async (t) => {
  const { place, region } = crashed(t);
  chownSync(region, 65_534, 65_534);
  const before = look(region);
  await readInEveryWay(place);
  const { message } = place.refused('ERR_FLASHSTRIKE_REGION_UNCERTAIN');
  assert.match(message, /belongs to user 65534/);
  const after = place.open({ oldRing: 'leave' });
  assert.match(after.recovery.notes.join(), /belongs to user 65534/);
  after.log.close();
  assert.equal(look(region), before);
});

test('a region that was not finished, of this log by its name, is removed', {
  skip: cannotMap,
}, (t) => {
  const { place } = crashed(t);
  const id = readLogId(nodeStorage, place.directory);
  assert.ok(id !== undefined);
  const path = join(temporaryFolder(t), newRegionName(id));
  writeFileSync(path, Buffer.alloc(3 * PAGE_BYTES), { mode: 0o600 });
  writeLock(place, JSON.stringify({ regions: [path] }));
  const after = place.open();
  assert.equal(after.recovery.eventsFromRing, WAITING, 'from the one that LOCK forgot');
  assert.equal(existsSync(path), false);
  after.log.close();
});

const NAME = newRegionName(1n);

test('a LOCK with any text whatever: the log opens, and its notes steer no terminal', {
  skip: cannotMap,
}, async (t) => {
  const deep = 1500;
  const texts = [
    'null',
    '[]',
    '{"regions": null}',
    '{"regions": {"length": 1e9}}',
    JSON.stringify({ regions: [5] }),
    JSON.stringify({ regions: [[`/dev/shm/${NAME}`]] }),
    JSON.stringify({ regions: [NAME] }),
    JSON.stringify({ regions: [`./${NAME}`] }),
    JSON.stringify({ regions: ['/dev/zero'] }),
    JSON.stringify({ regions: ['/etc/passwd'] }),
    JSON.stringify({ regions: Array.from({ length: 5 }, () => `/dev/shm/${NAME}`) }),
    JSON.stringify({ regions: Array.from({ length: 4 }, () => `/dev/shm/${NAME}`) }),
    JSON.stringify({ regions: [`/dev\0/shm/${NAME}`] }),
    JSON.stringify({ regions: [`/${'x'.repeat(300)}/${NAME}`] }),
    JSON.stringify({ regions: [`/${'x/'.repeat(1900)}${NAME}`] }),
    JSON.stringify({ regions: [`/etc/passwd/${NAME}`] }),
    JSON.stringify({ regions: [`/tmp/\u001b]0;owned\u0007\u202e\n/${NAME}`] }),
    '['.repeat(deep) + ']'.repeat(deep),
    '\u0000'.repeat(100),
    '\ufffd'.repeat(1000),
  ];
  for (const text of texts) {
    const { place } = crashed(t);
    writeLock(place, text);
    await readInEveryWay(place);
    const after = place.open();
    assert.equal(after.recovery.eventsFromRing, WAITING, text);
    for (const note of after.recovery.notes) assert.doesNotMatch(note, STEERS);
    after.log.close();
  }
});

test('a region that calls events durable which are not there: refused, both are kept', {
  skip: cannotMap,
}, async (t) => {
  for (const [low, high] of [
    [6, 0],
    [0xffff_ffff, 0x1f_ffff],
    [0, 0x20_0000],
    [0xffff_ffff, 0xffff_ffff],
  ] as const) {
    const { place, region } = crashed(t);
    const control = readFileSync(region).readUInt32LE(RegionHeaderLayout.offset.controlOffset);
    const latch = Buffer.alloc(64);
    // Both slots say the same, whichever is the current one.
    for (const slot of [8, 32]) {
      latch.writeUInt32LE(1, slot);
      latch.writeUInt32LE(PAGE_BYTES, slot + 4);
      latch.writeUInt32LE(low, slot + 8);
      latch.writeUInt32LE(high, slot + 12);
    }
    overwrite(region, control + RingControlLayout.offset.durablePoint, latch);
    const content = readFileSync(region);
    for (const recovery of ['default', 'strict', 'tolerate-tail'] as const) {
      place.refused('ERR_FLASHSTRIKE_CORRUPT', { recovery });
    }
    assert.equal((await verify(place.directory)).ok, false);
    assert.deepEqual(readFileSync(region), content);
    assert.deepEqual(place.ids, [1, 2, 3]);
  }
});
