import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  LogBuilder,
  saltOf,
  temporaryFolder,
  timestampOf,
} from '../../test/support/log-builder.js';
import { readersOf } from '../../test/support/readers.js';
import { forgeSeal } from '../../test/support/wrong-seals.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import type { CursorOptions } from '../reading/events.js';
import { BLOCK_HEADER_BYTES, BlockHeaderLayout } from '../segment/block-header.js';
import { xxh64 } from '../segment/checksum.js';
import { SealEntryLayout, SealTotalsLayout } from '../segment/seal.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { OpenMode } from '../storage/storage.js';
import { follow } from './follow.js';

const { openCursor, openCursorThrough, replay } = readersOf(import.meta.url);

const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

function read(dir: string, options: CursorOptions): number[] {
  const cursor = openCursor(dir, options);
  const ids: number[] = [];
  while (cursor.next()) ids.push(cursor.eventId);
  cursor.close();
  return ids;
}

/** Three segments, the first one with a seal, the second without, and the last one in use. */
function threeSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  builder.segment().events(4).events(5).watermark().events(1).seal();
  builder.segment().watermark().events(2).events(1).watermark().events(3);
  builder.segment().events(1).events(5).watermark().events(2).meta();
  return builder.write();
}

test('reading begins with the first event of a time or later', (t) => {
  const { dir } = threeSegments(t);
  for (let eventId = -3; eventId <= 26; eventId++) {
    const fromTime = timestampOf(eventId);
    const expected = range(Math.max(1, eventId), 24);
    assert.deepEqual(read(dir, { fromTime }), expected, `time of event ${eventId}`);
    assert.deepEqual(
      [...replay(dir, { fromTime, to: 20 })].map((event) => event.eventId),
      range(Math.max(1, eventId), 20),
    );
  }
});

test('of events with equal times the first one is the beginning', (t) => {
  const builder = threeSegments(t);
  const ms = Number(timestampOf(0) / 1_000_000n);
  // A Date has milliseconds: the events of this log are one nanosecond apart.
  assert.deepEqual(read(builder.dir, { fromTime: new Date(ms) }), range(1, 24));
  assert.deepEqual(read(builder.dir, { fromTime: new Date(ms + 1) }), []);
  const foreign: Date = runInNewContext(`new Date(${ms})`);
  assert.deepEqual(read(builder.dir, { fromTime: foreign }), range(1, 24), 'of another realm');
});

test('a beginning that is no time, or two beginnings, are refused', (t) => {
  const { dir } = threeSegments(t);
  const bad: unknown[] = [1, 'now', null, {}, new Date(Number.NaN)];
  for (const fromTime of bad as Date[]) {
    const refused = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT', message: /fromTime/ };
    for (const options of [{ fromTime }, { fromTime: 1n, from: 1 }]) {
      assert.throws(() => openCursor(dir, options), refused);
      assert.throws(() => replay(dir, options), refused);
      assert.throws(() => follow(dir, options), refused);
    }
  }
});

test('a cursor at a time that is yet to come waits for it', (t) => {
  const builder = threeSegments(t);
  const cursor = openCursor(builder.dir, { fromTime: timestampOf(27) });
  assert.equal(cursor.next(), false);
  builder.events(2).meta().write();
  assert.equal(cursor.next(), false, 'events 25 and 26 are too early');
  builder.events(2).meta().write();
  assert.ok(cursor.next());
  assert.equal(cursor.eventId, 27);
  cursor.close();
});

test('a follower begins at a time, too', async (t) => {
  const { dir } = threeSegments(t);
  const ids: number[] = [];
  for await (const { eventId } of follow(dir, { fromTime: timestampOf(8), undurable: true })) {
    ids.push(eventId);
    if (eventId === 24) break;
  }
  assert.deepEqual(ids, range(8, 24));
});

/** One segment of 24 blocks of half a MiB each, without a seal. */
function longSegment(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 16 << 20 });
  builder.segment();
  for (let block = 0; block < 24; block++) {
    builder.events(512, { payloadBytes: 1000, durableEventId: builder.lastEventId });
  }
  return builder;
}

test('a segment without a seal is not read from its start: headers lead to the block', (t) => {
  const builder = longSegment(t).meta().write();
  const eventId = 23 * 512 + 7;
  for (const start of [{ from: eventId }, { fromTime: timestampOf(eventId) }]) {
    let bytesRead = 0;
    const storage = {
      ...nodeStorage,
      read(fd: number, target: Uint8Array, offset: number): number {
        const count = nodeStorage.read(fd, target, offset);
        bytesRead += count;
        return count;
      },
    };
    const cursor = openCursorThrough({ ...FILE_PORTS, storage }, builder.dir, start);
    assert.ok(cursor.next());
    assert.equal(cursor.eventId, eventId);
    cursor.close();
    assert.ok(bytesRead < 7 << 20, `${bytesRead} bytes of 13 MB`);
  }
});

const CORRUPT = { code: 'ERR_FLASHSTRIKE_CORRUPT' };

test('damage before the beginning: what is not read is not verified, what is met is told', (t) => {
  const builder = longSegment(t).segment().events(1).meta();
  const block = builder.blockOf(1, 5);
  const first = builder.fileOf(1).slice();
  const starts = (eventId: number) => [{ from: eventId }, { fromTime: timestampOf(eventId) }];
  const flip = (offset: number): void => {
    const bytes = first.slice();
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    builder.files.set(1, bytes);
    builder.write();
  };
  flip(block.offset + BLOCK_HEADER_BYTES + 100);
  const behind = block.firstEventId + 5 * 512;
  for (const start of starts(behind)) {
    assert.deepEqual(read(builder.dir, start), range(behind, builder.lastEventId));
  }
  for (const start of starts(block.firstEventId + 3)) {
    assert.throws(() => read(builder.dir, start), CORRUPT, 'in the block of the beginning');
  }
  flip(block.offset + 8);
  for (const start of starts(behind)) {
    assert.throws(() => read(builder.dir, start), CORRUPT, 'the way leads no further');
  }
});

test('an index that tells other times than its block is not believed', (t) => {
  const builder = new LogBuilder(temporaryFolder(t));
  builder.segment().events(4).events(4).events(4).seal().segment().events(2).meta();
  // As if all up to the third block were a year earlier: the index would lead behind the events.
  forgeSeal(builder, 1, (payload) => {
    for (let entry = 0; entry < 3; entry++) {
      const at = SealTotalsLayout.size + entry * SealEntryLayout.size;
      payload.setBigUint64(at + SealEntryLayout.offset.highestTimestampNs, BigInt(entry), true);
    }
  });
  builder.write();
  for (let from = 1; from <= 14; from++) {
    assert.deepEqual(read(builder.dir, { fromTime: timestampOf(from) }), range(from, 14));
  }
});

test('segments whose beginning cannot be read are passed over, and met on the way', (t) => {
  const builder = threeSegments(t);
  const bytes = builder.fileOf(2);
  const { offset } = builder.blockOf(2, 1);
  bytes[offset + BLOCK_HEADER_BYTES] = 0xff;
  writeFileSync(builder.pathOf(2), bytes);
  const ids: number[] = [];
  const cursor = openCursor(builder.dir, { fromTime: timestampOf(12) });
  assert.throws(() => {
    while (cursor.next()) ids.push(cursor.eventId);
  }, CORRUPT);
  assert.deepEqual(ids, [], 'nothing before the time is given');
  assert.deepEqual(read(builder.dir, { fromTime: timestampOf(18) }), range(18, 24));
});

test('a log whose first block is damaged does not begin behind it', (t) => {
  const builder = threeSegments(t);
  const bytes = builder.fileOf(1);
  bytes[builder.blockOf(1, 0).offset + BLOCK_HEADER_BYTES] = 0xff;
  writeFileSync(builder.pathOf(1), bytes);
  for (const eventId of [0, 3]) {
    assert.throws(() => read(builder.dir, { fromTime: timestampOf(eventId) }), CORRUPT);
  }
  // Of the second block it is known that it begins before the time.
  assert.deepEqual(read(builder.dir, { fromTime: timestampOf(10) }), range(10, 24));
  assert.deepEqual(read(builder.dir, { fromTime: timestampOf(12) }), range(12, 24));
});

test('a block that was left from elsewhere leads nowhere', (t) => {
  const builder = longSegment(t).segment().events(1).meta();
  const [second, third] = [builder.blockOf(1, 2), builder.blockOf(1, 3)];
  const header = builder.fileOf(1).subarray(second.offset, second.offset + BLOCK_HEADER_BYTES);
  // Sound by itself, at its own place: a header that says it follows another block.
  const { previousBlockChecksum } = BlockHeaderLayout.offset;
  header[previousBlockChecksum] = (header[previousBlockChecksum] ?? 0) ^ 1;
  const [at, salt] = [BlockHeaderLayout.offset.headerChecksum, saltOf(1) ^ BigInt(second.offset)];
  new DataView(header.buffer, header.byteOffset).setBigUint64(
    at,
    xxh64(header.subarray(0, at), salt),
    true,
  );
  builder.write();
  for (const start of [{ from: third.firstEventId + 512 }, { fromTime: timestampOf(6000) }]) {
    assert.throws(() => read(builder.dir, start), CORRUPT);
  }
});

test('what lies behind a write that a crash tore, and was never durable, is no beginning', (t) => {
  const builder = new LogBuilder(temporaryFolder(t));
  builder.segment().events(3).events(2).events(4).events(1).meta({ durableEventId: 3 });
  // The header of the second block came to the disk, as did the blocks behind it.
  const torn = builder.blockOf(1, 1);
  builder.fileOf(1).fill(0, torn.offset + BLOCK_HEADER_BYTES, torn.offset + torn.bytes);
  builder.write();
  assert.deepEqual(read(builder.dir, {}), range(1, 3), 'the log, as the next open finds it');
  for (let eventId = 1; eventId <= 12; eventId++) {
    assert.deepEqual(read(builder.dir, { fromTime: timestampOf(eventId) }), range(eventId, 3));
  }
  assert.deepEqual(read(builder.dir, { from: 4 }), []);
  for (let from = 5; from <= 11; from++) {
    assert.throws(() => read(builder.dir, { from }), { code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE' });
  }
});

test('a log that begins later meanwhile is read from there', (t) => {
  let removals = 0;
  for (let removedAt = 1; removedAt <= 10; removedAt++) {
    const builder = threeSegments(t);
    const first = builder.pathOf(1);
    let opens = 0;
    const storage = {
      ...nodeStorage,
      open(path: string, mode: OpenMode): number {
        if (path === first && ++opens === removedAt) {
          removals++;
          builder.meta({ firstKeptEventId: 11 }).remove(1).write();
        }
        return nodeStorage.open(path, mode);
      },
    };
    const fromTime = timestampOf(3);
    const cursor = openCursorThrough({ ...FILE_PORTS, storage }, builder.dir, { fromTime });
    const ids: number[] = [];
    while (cursor.next()) ids.push(cursor.eventId);
    cursor.close();
    // Where it was open already it is read all the same.
    assert.deepEqual(ids, range(ids[0] === 3 ? 3 : 11, 24), `removed at open ${removedAt}`);
  }
  assert.ok(removals >= 3, 'at each open');
});
