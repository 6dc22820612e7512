import assert from 'node:assert/strict';
import { rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { WalError } from '../errors.js';
import { openSegment } from '../reading/segment-file.js';
import { readBuffer, SegmentReader } from '../reading/segment-reader.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { judgeTail, type OutsideClaims, type TailJudgement, tailError } from './tail-judgement.js';

const buffer = readBuffer();

function readerOf(t: TestContext, builder: LogBuilder, index: number, storage = nodeStorage) {
  const file = openSegment(storage, builder.pathOf(index), { index });
  assert.ok(file !== undefined);
  t.after(() => storage.close(file.fd));
  const reader = new SegmentReader(storage, file, buffer);
  while (reader.next());
  return reader;
}

function judgeLast(
  t: TestContext,
  builder: LogBuilder,
  outside: OutsideClaims = {},
  index = 1,
): TailJudgement {
  const reader = readerOf(t, builder, index);
  const judgement = judgeTail(nodeStorage, builder.dir, reader, () => outside);
  assert.ok(judgement !== undefined, 'nothing moves here');
  return judgement;
}

const verdictOf = (judgement: TailJudgement): string => judgement.tailCase.verdict;

/** Three blocks of 2, 3 and 4 events, the middle one damaged; nobody calls it durable. */
function withDamage(t: TestContext, claims: { third?: number } = {}): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  builder.events(4, { durableEventId: claims.third ?? 0 });
  const middle = builder.blockOf(1, 1);
  builder.fileOf(1)[middle.offset + 80] = 0xee;
  return builder;
}

test('an undamaged log is clean, its last event known durable or not', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  for (const durableEventId of [0, 2, 5]) {
    const judgement = judgeLast(t, builder.meta({ durableEventId }).write());
    assert.equal(verdictOf(judgement), 'clean');
    assert.equal(judgement.claims.durableEventId, durableEventId);
    assert.deepEqual([judgement.droppedEvents, judgement.droppedBytes], [0, 0]);
    assert.equal(tailError(judgement), undefined);
  }
});

test('a hole with later blocks, none claiming it durable, is a torn tail with exact counts', (t) => {
  const builder = withDamage(t).meta({ durableEventId: 2 }).write();
  const judgement = judgeLast(t, builder);
  const [middle, last] = [builder.blockOf(1, 1), builder.blockOf(1, 2)];
  assert.equal(verdictOf(judgement), 'torn-tail');
  assert.equal(judgement.nextEventId, 3);
  assert.equal(judgement.endOffset, middle.offset);
  assert.equal(judgement.droppedEvents, 7, 'three in the hole and four behind');
  assert.equal(judgement.droppedBytes, last.offset + last.bytes - middle.offset);
  assert.equal(tailError(judgement), undefined);
});

test('the same hole is corruption as soon as a later header claims it durable', (t) => {
  const builder = withDamage(t, { third: 5 }).meta({ durableEventId: 0 }).write();
  const judgement = judgeLast(t, builder);
  assert.equal(verdictOf(judgement), 'corruption');
  const error = tailError(judgement);
  assert.ok(error instanceof WalError);
  assert.equal(error.code, 'ERR_FLASHSTRIKE_CORRUPT');
  assert.equal(error.path, builder.pathOf(1));
  assert.equal(error.offset, builder.blockOf(1, 1).offset);
  assert.match(
    error.message,
    /Events 3 to 5 are lost\. Reported durable by a block after it \(5\)/,
  );
  assert.match(
    error.message,
    /restore the file from a backup, or salvage .*: flashstrike salvage /,
  );
});

test('meta, region or a consumer may be the one who called it durable', (t) => {
  const byMeta = withDamage(t).meta({ durableEventId: 3 }).write();
  assert.equal(verdictOf(judgeLast(t, byMeta)), 'corruption');
  const bySomeone = withDamage(t).meta({ durableEventId: 2 }).write();
  assert.equal(verdictOf(judgeLast(t, bySomeone, { region: 3 })), 'corruption');
  assert.equal(verdictOf(judgeLast(t, bySomeone, { acknowledgement: 5 })), 'corruption');
  assert.equal(verdictOf(judgeLast(t, bySomeone, { region: 2, acknowledgement: 2 })), 'torn-tail');
});

test('zeros where durable events were are corruption, zeros behind the durable ones are not', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  const { offset } = builder.blockOf(1, 1);
  builder.fileOf(1).fill(0, offset);
  assert.equal(verdictOf(judgeLast(t, builder.meta({ durableEventId: 5 }).write())), 'corruption');
  assert.equal(verdictOf(judgeLast(t, builder.meta({ durableEventId: 2 }).write())), 'clean');
});

test('a last segment that meta names and that is gone is corruption', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  builder.segment().events(1).meta().write();
  unlinkSync(builder.pathOf(2));
  const judgement = judgeLast(t, builder);
  assert.equal(verdictOf(judgement), 'corruption');
  const empty = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  empty.segment().meta({ durableEventId: 2 }).write();
  unlinkSync(empty.pathOf(2));
  assert.equal(verdictOf(judgeLast(t, empty)), 'corruption', 'even when it held no event');
  assert.match(judgeLast(t, empty).tailCase.label, /later segment is missing/);
});

test('a segment missing in the middle is corruption', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  builder.segment().events(1).seal().segment().events(1);
  // The file alone tells: meta was last written in the first segment.
  builder.meta({ segmentIndex: 1, durableEventId: 2 }).write();
  unlinkSync(builder.pathOf(2));
  assert.equal(verdictOf(judgeLast(t, builder)), 'corruption');
});

test('a sealed last segment without successor is clean only while nothing later was durable', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal(0);
  assert.equal(verdictOf(judgeLast(t, builder.meta({ durableEventId: 2 }).write())), 'clean');
  assert.equal(verdictOf(judgeLast(t, builder, { region: 3 })), 'corruption');
});

test('without meta, a seal does not tell whether a next segment was there', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal().write();
  const judgement = judgeLast(t, builder);
  assert.equal(verdictOf(judgement), 'undecidable');
  assert.match(tailError(judgement)?.message ?? '', /event 2; .*whether there was a next one/);
  assert.equal(verdictOf(judgeLast(t, builder, { region: 2 })), 'clean', 'the region knows');
});

test('without meta, a torn seal does not tell either', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  const { offset } = builder.blockOf(1, -1);
  builder.fileOf(1)[offset + 70] = 0xee;
  const judgement = judgeLast(t, builder.write());
  assert.equal(verdictOf(judgement), 'undecidable');
  assert.match(tailError(judgement)?.message ?? '', /event 2; .*The seal.* is torn/);
  assert.equal(verdictOf(judgeLast(t, builder, { region: 2 })), 'torn-tail', 'the region knows');
  assert.equal(verdictOf(judgeLast(t, builder.meta().write())), 'torn-tail', 'wal.meta knows');
});

test('without meta, an empty segment does not tell whether it held events', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal().segment().write();
  assert.equal(verdictOf(judgeLast(t, builder, {}, 2)), 'undecidable');
  assert.equal(verdictOf(judgeLast(t, builder, { region: 2 }, 2)), 'clean', 'the region knows');
});

test('without meta: undecidable when no block validates, else the blocks decide', (t) => {
  const lone = new LogBuilder(temporaryFolder(t)).segment().events(2).write();
  assert.equal(verdictOf(judgeLast(t, lone)), 'clean');
  lone.fileOf(1)[lone.blockOf(1, 0).offset] = 0;
  assert.equal(verdictOf(judgeLast(t, lone.write())), 'undecidable');
  assert.equal(tailError(judgeLast(t, lone))?.code, 'ERR_FLASHSTRIKE_UNDECIDABLE');
  assert.match(tailError(judgeLast(t, lone))?.message ?? '', /tolerate-tail/);
  assert.equal(verdictOf(judgeLast(t, lone, { region: 0 })), 'torn-tail', 'the region knows');
  lone.fileOf(1).fill(0, 4096);
  assert.equal(verdictOf(judgeLast(t, lone.write())), 'undecidable', 'wiped or never written');
  assert.equal(verdictOf(judgeLast(t, lone.meta({ durableEventId: 0 }).write())), 'clean');
});

test('stale blocks behind the end of a recycled body are nothing', (t) => {
  const dir = temporaryFolder(t);
  const earlier = new LogBuilder(dir).segment().segment().events(3).events(30);
  const builder = new LogBuilder(dir).segment({ recycled: true, body: earlier.fileOf(2) });
  assert.equal(verdictOf(judgeLast(t, builder.events(1).meta().write())), 'clean');
});

test('a judgement under way gives way to a successor and to an end that validates by now', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).meta().write();
  const reader = readerOf(t, builder, 1);
  builder.events(1).write();
  assert.equal(judgeTail(nodeStorage, builder.dir, reader), undefined);
  while (reader.next());
  assert.equal(reader.nextEventId, 4);
  builder.segment().write();
  assert.equal(judgeTail(nodeStorage, builder.dir, reader), undefined);
});

test('events that become durable in the midst of a judgement are no corruption', (t) => {
  // The claim covers blocks that were not there when the end was first looked at.
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).meta().write();
  const reader = readerOf(t, builder, 1);
  const outside = () => {
    builder.events(3).write();
    return { region: 5 };
  };
  assert.equal(judgeTail(nodeStorage, builder.dir, reader, outside), undefined);
});

test('two rotations between two looks are no missing segment', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal().meta().write();
  const storage: Storage = {
    ...nodeStorage,
    list(path) {
      if (builder.files.size === 1) builder.segment().events(1).seal().segment().write();
      return nodeStorage.list(path);
    },
  };
  const reader = readerOf(t, builder, 1);
  assert.equal(judgeTail(storage, builder.dir, reader), undefined);
  assert.equal(builder.files.size, 3, 'the rotations happened');
});

test('a segment that was taken away with its successors is expired, not corrupt', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  builder.segment().events(1).seal().segment().events(1).meta().write();
  const reader = readerOf(t, builder, 1);
  rmSync(builder.pathOf(1));
  rmSync(builder.pathOf(2));
  assert.throws(() => judgeTail(nodeStorage, builder.dir, reader), {
    code: 'ERR_FLASHSTRIKE_EXPIRED',
  });
});

test('meta of another log is told as that', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).write();
  new LogBuilder(builder.dir, { logId: 1n }).meta().write();
  assert.throws(() => judgeLast(t, builder), {
    code: 'ERR_FLASHSTRIKE_WRONG_LOG',
    path: join(builder.dir, 'wal.meta'),
  });
});
