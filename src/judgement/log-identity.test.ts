import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { recoverLog } from '../recovery/recover-log.js';
import { newRegionName } from '../region/region-names.js';
import { replayThrough } from '../replay/replay.js';
import { salvageThrough } from '../salvage/salvage.js';
import { segmentFileName } from '../segment/file-names.js';
import { nodeStorage } from '../storage/node-storage.js';
import { inspectLog } from '../verification/inspect.js';
import { verifyThrough } from '../verification/verify.js';
import { electLogId, readLogId } from './log-identity.js';
import { FILE_PORTS } from './reading-ports.js';

const OURS = 0x1122_3344_5566_7788n;
const THEIRS = 0x99n;

/** `count` segments of 5 events each, all but the last finished. */
function segments(t: TestContext, count: number, logId = OURS): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t), { logId });
  for (let index = 1; index <= count; index++) {
    builder.segment().events(2).events(3);
    if (index < count) builder.seal();
  }
  return builder.meta().write();
}

const nameRegionOf = (dir: string, logId: bigint): void =>
  writeFileSync(
    join(dir, 'LOCK'),
    JSON.stringify({ regions: [join('/dev/shm', newRegionName(logId))] }),
  );

/** Puts the other log's file of the same name in the place of each of these. */
function replaceBy(other: LogBuilder, builder: LogBuilder, ...indexes: number[]): void {
  for (const index of indexes) copyFileSync(other.pathOf(index), builder.pathOf(index));
}

test('the id of a log is that of its segments, of its meta, of its region, or not known', (t) => {
  const builder = segments(t, 3);
  assert.equal(readLogId(nodeStorage, builder.dir), OURS);
  const young = new LogBuilder(temporaryFolder(t)).meta().write();
  assert.equal(readLogId(nodeStorage, young.dir), OURS);
  const bare = temporaryFolder(t);
  assert.equal(readLogId(nodeStorage, bare), undefined);
  nameRegionOf(bare, OURS);
  assert.equal(readLogId(nodeStorage, bare), OURS);
});

test('who has most votes is the log; between equals LOCK decides, then the segments', () => {
  const [a, b] = [OURS, THEIRS];
  const cases: readonly [readonly bigint[], bigint | undefined, readonly bigint[], bigint][] = [
    [[a, a, b], b, [], a],
    [[b, a, a], undefined, [], a],
    [[a, b], undefined, [], a],
    [[a, b], a, [], a],
    [[b, a], a, [], a],
    [[a], b, [], a],
    [[a], b, [a], a],
    [[b], b, [a, a, a], b],
    [[b, a], undefined, [a], a],
    [[a, a, b], b, [b], b],
    [[], a, [], a],
    [[], b, [a], a],
  ];
  for (const [ofSegments, meta, regions, expected] of cases) {
    const votes = { segments: ofSegments, meta, regions };
    assert.equal(electLogId(votes), expected, Object.values(votes).join(' | '));
  }
  assert.equal(electLogId({ segments: [], meta: undefined, regions: [] }), undefined);
});

test('what cannot be read has no vote, and stops nobody', (t) => {
  const builder = segments(t, 3);
  rmSync(builder.pathOf(2));
  mkdirSync(builder.pathOf(2));
  rmSync(join(builder.dir, 'wal.meta'));
  mkdirSync(join(builder.dir, 'wal.meta'));
  rmSync(join(builder.dir, 'LOCK'));
  mkdirSync(join(builder.dir, 'LOCK'));
  assert.equal(readLogId(nodeStorage, builder.dir), OURS);
});

test('a long log is asked in 64 places', (t) => {
  const dir = temporaryFolder(t);
  for (let index = 1; index <= 300; index++) writeFileSync(join(dir, segmentFileName(index)), '');
  let opened = 0;
  const storage = {
    ...nodeStorage,
    open: (path: string, mode: Parameters<typeof nodeStorage.open>[1]) => {
      opened++;
      return nodeStorage.open(path, mode);
    },
  };
  readLogId(storage, dir);
  assert.ok(opened <= 66, `${opened} files`);
});

for (const [where, foreign] of [
  ['in front', [1]],
  ['in the middle', [2]],
  ['at the end', [4]],
] as const) {
  test(`a segment of another log ${where} is the one that is blamed, by all who read`, async (t) => {
    const builder = segments(t, 4);
    const [index] = foreign;
    replaceBy(segments(t, 4, THEIRS), builder, index);
    const file = segmentFileName(index);
    const report = await verifyThrough(FILE_PORTS, builder.dir);
    assert.deepEqual(
      report.problems.map(({ file, code, firstEventId, lastEventId }) => [
        file,
        code,
        firstEventId,
        lastEventId,
      ]),
      [[file, 'ERR_FLASHSTRIKE_WRONG_LOG', index * 5 - 4, index * 5]],
    );
    assert.equal(report.events, 15);

    const states = inspectLog(builder.dir, FILE_PORTS).segments.map(({ state }) => state);
    assert.deepEqual(
      states.map((state) => state === 'damaged'),
      [1, 2, 3, 4].map((each) => each === index),
    );

    const ids: number[] = [];
    const read = () => {
      for (const { eventId } of replayThrough(FILE_PORTS, builder.dir)) ids.push(eventId);
    };
    assert.throws(read, { code: 'ERR_FLASHSTRIKE_WRONG_LOG', path: builder.pathOf(index) });
    assert.deepEqual(ids.length, (index - 1) * 5);

    const gaps = [...salvageThrough(FILE_PORTS, builder.dir)].flatMap((item) =>
      item.kind === 'gap' ? [[item.file, item.firstEventId, item.lastEventId]] : [],
    );
    assert.deepEqual(gaps, [[file, index * 5 - 4, index * 5]]);
    if (index < 4) return;
    assert.throws(() => recoverLog(nodeStorage, builder.dir, 'default', {}), {
      code: 'ERR_FLASHSTRIKE_WRONG_LOG',
      path: builder.pathOf(4),
    });
  });
}

test('a foreign wal.meta with one foreign segment does not outvote twelve', async (t) => {
  const builder = segments(t, 13);
  const other = segments(t, 13, THEIRS);
  replaceBy(other, builder, 7);
  copyFileSync(join(other.dir, 'wal.meta'), join(builder.dir, 'wal.meta'));
  const { problems } = await verifyThrough(FILE_PORTS, builder.dir);
  assert.deepEqual(
    problems.map(({ file, code }) => [file, code]),
    [
      ['0000000007.wal', 'ERR_FLASHSTRIKE_WRONG_LOG'],
      ['wal.meta', 'ERR_FLASHSTRIKE_WRONG_LOG'],
    ],
  );
  const events = [...salvageThrough(FILE_PORTS, builder.dir)].filter(
    ({ kind }) => kind === 'event',
  );
  assert.equal(events.length, 60);
});
