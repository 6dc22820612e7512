import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { walkSegment } from '../recovery/segment-walk.js';
import { BlockKind } from '../segment/block-header.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { openSegment, type SegmentFile } from './segment-file.js';
import { readBuffer, SegmentReader, startOf } from './segment-reader.js';

const buffer = readBuffer();

function open(t: TestContext, builder: LogBuilder, index = 1): SegmentFile {
  const file = openSegment(nodeStorage, builder.pathOf(index), { index });
  assert.ok(file !== undefined);
  t.after(() => nodeStorage.close(file.fd));
  return file;
}

test('a walk finds the end, the next id, the claims and the totals', (t) => {
  const builder = new LogBuilder(temporaryFolder(t))
    .segment()
    .events(3)
    .watermark(3)
    .events(2, { durableEventId: 3 })
    .write();
  const walk = walkSegment(new SegmentReader(nodeStorage, open(t, builder), buffer));
  const last = builder.blockOf(1, -1);
  assert.equal(walk.position.offset, last.offset + last.bytes);
  assert.equal(walk.position.nextEventId, 6);
  assert.equal(walk.position.nextBlockIndex, 3);
  assert.equal(walk.durableEventId, 3);
  assert.equal(walk.blocks, 3);
  assert.equal(walk.sealed, false);
  assert.equal(walk.stop.reason, 'zero');
  assert.equal(walk.end.endOffset, walk.position.offset);
  assert.equal(walk.end.blockChecksum, walk.position.previousBlockChecksum);
  const { eventCount, eventBlocks, watermarkBlocks } = walk.tally.totals;
  assert.deepEqual([eventCount, eventBlocks, watermarkBlocks], [5, 2, 1]);
  assert.deepEqual(
    walk.tally.entries.map((entry) => entry.eventId),
    [1, 4],
  );
});

test('a seal ends the segment and is no part of what a successor pins', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(3).seal().write();
  const walk = walkSegment(new SegmentReader(nodeStorage, open(t, builder), buffer));
  const seal = builder.blockOf(1, -1);
  assert.equal(walk.sealed, true);
  assert.equal(walk.stop.reason, 'sealed');
  assert.equal(walk.end.endOffset, seal.offset);
  assert.equal(walk.position.offset, seal.offset + seal.bytes);
});

test('a file cut at any byte of the last block ends before that block', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3).write();
  const { offset, bytes } = builder.blockOf(1, -1);
  for (let cut = offset + bytes - 1; cut >= offset; cut--) {
    truncateSync(builder.pathOf(1), cut);
    const file = openSegment(nodeStorage, builder.pathOf(1), { index: 1 });
    assert.ok(file !== undefined);
    const walk = walkSegment(new SegmentReader(nodeStorage, file, buffer));
    nodeStorage.close(file.fd);
    assert.equal(walk.position.offset, offset, `cut at ${cut}`);
    assert.equal(walk.position.nextEventId, 3);
    const expected = cut - offset < 64 ? 'full' : 'truncated';
    assert.equal(walk.stop.reason, expected, `cut at ${cut}`);
  }
});

test('each bit of a block, flipped, ends the walk before that block', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { payloadBytes: 5 });
  builder.segment().events(1).events(2).events(1).write();
  const { offset, bytes } = builder.blockOf(1, 1);
  const file = openSegment(nodeStorage, builder.pathOf(1), { index: 1 }, 'write');
  assert.ok(file !== undefined);
  t.after(() => nodeStorage.close(file.fd));
  const putByte = (at: number, value: number) =>
    nodeStorage.write(file.fd, [Uint8Array.of(value)], at);
  for (let bit = 0; bit < bytes * 8; bit++) {
    const at = offset + (bit >> 3);
    const sound = builder.fileOf(1)[at] ?? 0;
    putByte(at, sound ^ (1 << (bit & 7)));
    const walk = walkSegment(new SegmentReader(nodeStorage, file, buffer));
    assert.equal(walk.position.offset, offset, `bit ${bit}`);
    putByte(at, sound);
  }
});

test('frames that contradict a matching checksum do not validate', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2);
  builder.events(2, { badFrames: true }).write();
  const walk = walkSegment(new SegmentReader(nodeStorage, open(t, builder), buffer));
  assert.equal(walk.position.nextEventId, 3);
  assert.equal(walk.stop.reason, 'field');
});

test('a sound block in the wrong place does not validate', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(2).events(2);
  const [second, third] = [builder.blockOf(1, 1), builder.blockOf(1, 2)];
  const bytes = builder.fileOf(1);
  const block = bytes.slice(third.offset, third.offset + third.bytes);
  bytes.set(block, second.offset);
  builder.write();
  const reader = new SegmentReader(nodeStorage, open(t, builder), buffer);
  const walk = walkSegment(reader);
  assert.equal(walk.position.offset, second.offset);
  assert.equal(walk.stop.reason, 'checksum', 'the offset is part of the seed');
});

test('a removed block is noticed by the chain', (t) => {
  // Two openings that wrote the same offsets: the second has another first block.
  const dir = temporaryFolder(t);
  const first = new LogBuilder(dir).segment().events(2).events(2);
  const second = new LogBuilder(dir, { payloadBytes: 36 }).segment().events(2).events(2);
  const { offset, bytes } = first.blockOf(1, 1);
  assert.equal(second.blockOf(1, 1).offset, offset);
  const stale = second.fileOf(1).slice(offset, offset + bytes);
  first.fileOf(1).set(stale, offset);
  first.write();
  const walk = walkSegment(new SegmentReader(nodeStorage, open(t, first), buffer));
  assert.equal(walk.position.offset, offset);
  assert.equal(walk.stop.reason, 'chain');
});

test('a limit is met exactly, or the block that reaches past it does not count', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(2).write();
  const file = open(t, builder);
  const { offset } = builder.blockOf(1, 1);
  const exact = new SegmentReader(nodeStorage, file, buffer);
  assert.deepEqual([exact.next(offset), exact.next(offset)], [true, false]);
  assert.equal(exact.stop?.reason, 'limit');
  const inside = new SegmentReader(nodeStorage, file, buffer);
  const limit = offset + 72;
  assert.deepEqual([inside.next(limit), inside.next(limit)], [true, false]);
  assert.equal(inside.stop?.reason, 'truncated');
  assert.equal(inside.offset, offset);
  assert.equal(inside.next(), true, 'without the limit it validates');
});

test('a walk can go on from a position in another opening', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(2).write();
  const file = open(t, builder);
  const reader = new SegmentReader(nodeStorage, file, buffer);
  assert.ok(reader.next());
  const resumed = new SegmentReader(nodeStorage, file, readBuffer(), reader.position);
  assert.ok(resumed.next());
  assert.equal(resumed.block?.firstEventId, 3);
  const wrong = { ...startOf(file), previousBlockChecksum: 1n };
  assert.equal(new SegmentReader(nodeStorage, file, buffer, wrong).next(), false);
});

test('after a jump the index and the id that the jump promised are checked', (t) => {
  const builder = new LogBuilder(temporaryFolder(t))
    .segment()
    .events(2)
    .events(2)
    .events(1)
    .write();
  const file = open(t, builder);
  const jump = {
    offset: builder.blockOf(1, 1).offset,
    nextEventId: 3,
    nextBlockIndex: 1,
    previousBlockChecksum: undefined,
  };
  const attempt = (from: typeof jump) => new SegmentReader(nodeStorage, file, buffer, from);
  const reader = attempt(jump);
  assert.deepEqual([reader.next(), reader.next(), reader.next()], [true, true, false]);
  for (const wrong of [{ nextEventId: 2 }, { nextBlockIndex: 2 }]) {
    const misled = attempt({ ...jump, ...wrong });
    assert.equal(misled.next(), false);
    assert.equal(misled.stop?.reason, 'chain');
  }
});

test('blocks larger than what is left of a chunk are read whole', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 8 << 20, payloadBytes: 1000 });
  builder.segment();
  for (let block = 0; block < 10; block++) builder.events(700);
  builder.watermark().seal().write();
  const reader = new SegmentReader(nodeStorage, open(t, builder), buffer);
  const walk = walkSegment(reader);
  assert.equal(walk.tally.totals.eventCount, 7000);
  assert.equal(walk.sealed, true);
});

test('what was read ahead before a writer completed it is read again', (t) => {
  const builder = new LogBuilder(temporaryFolder(t))
    .segment()
    .events(2)
    .events(2)
    .events(2)
    .write();
  const { offset } = builder.blockOf(1, 1);
  let isWritten = false;
  const storage: Storage = {
    ...nodeStorage,
    read(fd, target, at) {
      const count = nodeStorage.read(fd, target, at);
      if (!isWritten) target.fill(0, Math.min(target.length, Math.max(0, offset - at)));
      return count;
    },
  };
  const reader = new SegmentReader(storage, open(t, builder), buffer);
  assert.ok(reader.next());
  isWritten = true;
  assert.ok(reader.next(), 'the zeros in the buffer are stale');
  assert.equal(reader.block?.firstEventId, 3);
});

test('a look that fails moves nothing, and a later one sees what was written since', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).write();
  const file = open(t, builder);
  const reader = new SegmentReader(nodeStorage, file, buffer);
  assert.ok(reader.next());
  const { offset } = reader;
  for (let look = 0; look < 3; look++) assert.equal(reader.next(), false);
  assert.equal(reader.validatesNow(), false);
  assert.equal(reader.offset, offset);
  builder.watermark().events(1).write();
  assert.equal(reader.validatesNow(), true);
  assert.equal(reader.offset, offset, 'a look does not move');
  assert.ok(reader.next());
  assert.equal(reader.block?.kind, BlockKind.watermark);
  assert.ok(reader.next());
  assert.equal(reader.nextEventId, 4);
});

test('at the end of a segment only a header is read, not a chunk', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).write();
  const reader = new SegmentReader(nodeStorage, open(t, builder), buffer);
  while (reader.next());
  const before = reader.bytesRead;
  reader.next();
  assert.equal(reader.bytesRead - before, 64);
});

test('a header that does not validate, of another index or another log, is refused', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(1).write();
  const path = builder.pathOf(1);
  const attempt = (expected: { index: number; logId?: bigint }) => () =>
    openSegment(nodeStorage, path, expected);
  assert.throws(attempt({ index: 2 }), { code: 'ERR_FLASHSTRIKE_CORRUPT', path, offset: 0 });
  assert.throws(attempt({ index: 1, logId: 5n }), { code: 'ERR_FLASHSTRIKE_WRONG_LOG', path });
  builder.fileOf(1)[130] = 1;
  builder.write();
  assert.throws(attempt({ index: 1 }), { code: 'ERR_FLASHSTRIKE_CORRUPT', path });
  truncateSync(path, 100);
  assert.throws(attempt({ index: 1 }), { code: 'ERR_FLASHSTRIKE_CORRUPT', path });
  assert.equal(openSegment(nodeStorage, `${path}.gone`, { index: 1 }), undefined);
});

test('a file that was cut at the end of its blocks grows: a reader that waits there reads on', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(3).events(200).write();
  const path = builder.pathOf(1);
  const whole = readFileSync(path);
  truncateSync(path, builder.blockOf(1, -1).offset);
  const reader = new SegmentReader(nodeStorage, open(t, builder));
  assert.ok(reader.next());
  assert.equal(reader.next(), false);
  assert.equal(reader.stop?.reason, 'full');
  assert.equal(reader.validatesNow(), false);
  writeFileSync(path, whole);
  assert.ok(reader.validatesNow());
  assert.ok(reader.next());
  assert.equal(reader.nextEventId, 204);
  assert.equal(reader.next(), false);
});
