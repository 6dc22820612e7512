import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { xxh64 } from '../segment/checksum.js';
import { WalMetaLayout } from '../segment/wal-meta.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { DirectoryEntry, Storage } from '../storage/storage.js';
import { holdsLog, listingNotes, listLog, readMeta, usableMeta } from './log-directory.js';

const touch = (dir: string, ...names: string[]) => {
  for (const name of names) writeFileSync(join(dir, name), 'x');
};

test('names are told apart, and what is not ours is noted', (t) => {
  const dir = temporaryFolder(t);
  touch(dir, '0000000002.wal', '0000000001.wal', 'prepared-7.tmp', 'LOCK', 'wal.meta');
  touch(dir, '0000000003.wal.lz4', '0000000002.wal.lz4', 'notes\u001b.txt', 'wal.meta.tmp');
  touch(dir, '0000000004.wal.lz4.tmp');
  const listing = listLog(nodeStorage, dir);
  assert.deepEqual(
    listing.segments.map(({ name, index, bytes, kind, isCompressed }) => [
      name,
      index,
      bytes,
      kind,
      isCompressed,
    ]),
    [
      ['0000000001.wal', 1, 1, 'file', false],
      ['0000000002.wal', 2, 1, 'file', false],
      ['0000000003.wal.lz4', 3, 1, 'file', true],
    ],
  );
  assert.deepEqual(listing.doubled, ['0000000002.wal.lz4'], 'the original counts');
  assert.deepEqual(listing.compressing, ['0000000004.wal.lz4.tmp']);
  assert.deepEqual(listing.prepared, ['prepared-7.tmp']);
  assert.deepEqual(listing.gaps, []);
  assert.ok(listing.hasLock && listing.hasMeta && listing.hasMetaTemporary && holdsLog(listing));
  assert.deepEqual(listingNotes(listing, { status: 'missing' }), [
    'notes\\u{1b}.txt is not part of the log.',
    '0000000004.wal.lz4.tmp was left behind by a crash.',
    '0000000002.wal.lz4 is not read: the same segment is there without .lz4.',
  ]);
});

test('missing segments are gaps, told as ranges however wide', (t) => {
  const dir = temporaryFolder(t);
  touch(dir, '0000000002.wal', '0000000004.wal', '4294967295.wal');
  let listings = 0;
  const list = (path: string) => {
    listings++;
    return nodeStorage.list(path);
  };
  assert.deepEqual(listLog({ ...nodeStorage, list }, dir).gaps, [
    { firstIndex: 3, lastIndex: 3 },
    { firstIndex: 5, lastIndex: 4294967294 },
  ]);
  assert.equal(listings, 2, 'believed when the second listing shows it, too');
});

test('a gap that only one listing shows is a rotation, not a gap', (t) => {
  const dir = temporaryFolder(t);
  touch(dir, '0000000001.wal', '0000000002.wal', '0000000003.wal');
  let listings = 0;
  const storage: Storage = {
    ...nodeStorage,
    list(path): readonly DirectoryEntry[] {
      listings++;
      const entries = nodeStorage.list(path);
      return listings === 1 ? entries.filter(({ name }) => name !== '0000000002.wal') : entries;
    },
  };
  assert.deepEqual(listLog(storage, dir).gaps, []);
  assert.equal(listings, 2);
});

test('a segment that vanishes while it is listed is left out', (t) => {
  const dir = temporaryFolder(t);
  touch(dir, '0000000001.wal', '0000000002.wal');
  const gone = join(dir, '0000000001.wal');
  const storage: Storage = {
    ...nodeStorage,
    statusAt: (path) => (path === gone ? undefined : nodeStorage.statusAt(path)),
  };
  assert.deepEqual(
    listLog(storage, dir).segments.map(({ index }) => index),
    [2],
  );
});

test('no folder and no log are the same error, with the path', (t) => {
  const dir = temporaryFolder(t);
  const missing = join(dir, 'missing');
  const file = join(dir, 'file');
  touch(dir, 'file');
  for (const path of [missing, file]) {
    assert.throws(() => listLog(nodeStorage, path), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG', path });
  }
  assert.equal(holdsLog(listLog(nodeStorage, dir)), false, 'a foreign file makes no log');
});

test('wal.meta: sound, missing, damaged at any byte, longer, a folder, a link', (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'wal.meta');
  assert.equal(readMeta(nodeStorage, dir).status, 'missing');
  const builder = new LogBuilder(dir).segment().events(3).meta().write();
  const sound = readMeta(nodeStorage, dir);
  assert.equal(sound.status, 'present');
  assert.equal(usableMeta(sound, dir, builder.logId)?.durableEventId, 3);
  assert.throws(() => usableMeta(sound, dir, 1n), { code: 'ERR_FLASHSTRIKE_WRONG_LOG', path });

  const bytes = nodeBytes(path);
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    writeFileSync(path, flipped);
    assert.equal(readMeta(nodeStorage, dir).status, 'damaged', `byte ${at}`);
  }
  for (const length of [0, 1, 63]) {
    writeFileSync(path, bytes.subarray(0, length));
    assert.equal(readMeta(nodeStorage, dir).status, 'damaged', `${length} bytes`);
  }
  writeFileSync(path, Buffer.concat([bytes, new Uint8Array(1)]));
  const longer = readMeta(nodeStorage, dir);
  assert.equal(longer.status, 'damaged');
  assert.equal(usableMeta(longer, dir), undefined, 'D is gathered without it');

  const other = temporaryFolder(t);
  mkdirSync(join(other, 'wal.meta'));
  const linked = temporaryFolder(t);
  symlinkSync(path, join(linked, 'wal.meta'));
  for (const folder of [other, linked]) {
    const unsafe = readMeta(nodeStorage, folder);
    assert.equal(unsafe.status, 'unsafe');
    assert.throws(() => usableMeta(unsafe, folder), { code: 'ERR_FLASHSTRIKE_UNSAFE_FILE' });
  }
});

test('wal.meta of a newer version is refused, not ignored', (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'wal.meta');
  const builder = new LogBuilder(dir).segment().events(1).meta().write();
  assert.equal(builder.lastEventId, 1);
  const bytes = nodeBytes(path);
  writeVersion(bytes, 3);
  writeFileSync(path, bytes);
  const reading = readMeta(nodeStorage, dir);
  assert.equal(reading.status, 'unsupported');
  assert.throws(() => usableMeta(reading, dir), { code: 'ERR_FLASHSTRIKE_UNSUPPORTED', path });
});

function nodeBytes(path: string): Uint8Array {
  return Uint8Array.from(readFileSync(path));
}

/** Another version with the checksum of the envelope made again. */
function writeVersion(bytes: Uint8Array, version: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint16(WalMetaLayout.offset.version, version, true);
  const checksum = xxh64(bytes.subarray(0, WalMetaLayout.offset.checksum), 0n);
  view.setBigUint64(WalMetaLayout.offset.checksum, checksum, true);
}

/** Four segments of four events each; wal.meta says that the log has all from event 9 on. */
function trimmed(t: TestContext, firstKeptEventId = 9): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let index = 1; index <= 4; index++) builder.segment().events(4).watermark().seal();
  return builder.meta({ firstKeptEventId }).write();
}

test('a segment that was removed on purpose and came back alone is no part of the log', (t) => {
  const builder = trimmed(t);
  rmSync(builder.pathOf(2));
  writeFileSync(`${builder.pathOf(1)}.lz4`, 'x');
  const listing = listLog(nodeStorage, builder.dir);
  assert.deepEqual(
    listing.segments.map(({ index }) => index),
    [3, 4],
  );
  assert.deepEqual([listing.gaps, listing.doubled], [[], []]);
  assert.deepEqual(listing.returned, ['0000000001.wal.lz4', '0000000001.wal']);
  const { length } = listingNotes(listing, readMeta(nodeStorage, builder.dir));
  assert.equal(length, 2, 'each is noted');
});

test('a gap that was not made on purpose stays one', (t) => {
  const gap = [{ firstIndex: 2, lastIndex: 2 }];
  // One event of what is missing was to be kept; or nothing says what was.
  for (const firstKept of [8, 0]) {
    const builder = trimmed(t, firstKept);
    rmSync(builder.pathOf(2));
    assert.deepEqual(listLog(nodeStorage, builder.dir).gaps, gap);
  }
  const unread = trimmed(t);
  rmSync(unread.pathOf(2));
  unread.fileOf(3).fill(0, 0, 4096);
  writeFileSync(unread.pathOf(3), unread.fileOf(3));
  assert.deepEqual(listLog(nodeStorage, unread.dir).gaps, gap, 'what is behind it tells nothing');
  const behind = trimmed(t);
  rmSync(behind.pathOf(3));
  assert.deepEqual(listLog(nodeStorage, behind.dir).gaps, [{ firstIndex: 3, lastIndex: 3 }]);
});
