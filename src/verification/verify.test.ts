import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { compressFile, frameOf } from '../../test/support/lz4-frames.js';
import { codeOf } from '../errors.js';
import { type LeftRing, NO_REGIONS } from '../judgement/left-rings.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { replay, replayThrough } from '../replay/replay.js';
import { RingControlLayout } from '../ring/ring-control.js';
import { ringOfSections } from '../ring/ring-snapshot.js';
import { salvage } from '../salvage/salvage.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { verify, verifyThrough } from './verify.js';
import type { VerifyReport } from './verify-report.js';

/** Three segments: events 1-9, 10-14, 15-20; all durable. */
function threeSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(4).events(5).seal();
  builder.segment().events(2).watermark().events(3).seal();
  return builder.segment().events(1).events(5).meta().write();
}

const shortProblems = ({ problems }: VerifyReport) =>
  problems.map(({ file, offset, code, lost }) => ({ file, offset, code, lost }));

const CORRUPT = 'ERR_FLASHSTRIKE_CORRUPT';

test('a sound log: counts, ids, segments, no problem', async (t) => {
  const report = await verify(threeSegments(t).dir);
  assert.deepEqual(report, {
    ok: true,
    verdict: 'clean',
    events: 20,
    firstEventId: 1,
    lastEventId: 20,
    durableEventId: 20,
    segments: 3,
    problems: [],
    tornTail: undefined,
    missingTail: undefined,
    waitingEvents: 0,
    snapshots: [],
    advice: 'Nothing to do.',
    notes: [],
  });
});

for (const [index, lost] of [
  [1, 9],
  [2, 5],
  [3, 6],
]) {
  test(`segment ${index}, compressed, is read as if it was not`, async (t) => {
    const { dir } = threeSegments(t);
    const whole = await verify(dir);
    compressFile(join(dir, `000000000${index}.wal`));
    assert.deepEqual(await verify(dir), whole);
  });

  test(`segment ${index} in a frame of another kind is not called corrupt: it needs a newer version`, async (t) => {
    const { dir } = threeSegments(t);
    compressFile(join(dir, `000000000${index}.wal`), { bd: 0x70 });
    const { ok, verdict, problems, advice } = await verify(dir);
    assert.deepEqual([ok, verdict], [false, 'undecidable']);
    assert.deepEqual(
      problems.map(({ code, lost }) => [code, lost]),
      [['ERR_FLASHSTRIKE_UNSUPPORTED', lost]],
    );
    assert.equal(advice, 'Use the version that wrote it, or a newer one.');
  });
}

test('a sound frame that holds more than its segment may have is refused', async (t) => {
  const builder = threeSegments(t);
  const path = builder.pathOf(1);
  const segmentBytes = builder.fileOf(1).length;
  const longer = new Uint8Array(segmentBytes + 8);
  longer.set(builder.fileOf(1));
  writeFileSync(`${path}.lz4`, frameOf(longer));
  unlinkSync(path);
  const { verdict, problems } = await verify(builder.dir);
  assert.equal(verdict, 'corruption');
  const [problem] = problems;
  assert.deepEqual([problem?.file, problem?.offset], ['0000000001.wal.lz4', 0]);
  assert.match(
    problem?.message ?? '',
    new RegExp(`LZ4 frame of ${longer.length} bytes for a segment of ${segmentBytes}`),
  );
});

test('a segment that is there plain and compressed is read plain', async (t) => {
  const { dir } = threeSegments(t);
  writeFileSync(join(dir, '0000000002.wal.lz4'), '');
  const { ok, notes } = await verify(dir);
  assert.equal(ok, true);
  assert.deepEqual(notes, [
    '0000000002.wal.lz4 is not read: the same segment is there without .lz4.',
  ]);
});

test('damage in several segments: each told with file, offset and loss, the rest counted', async (t) => {
  const builder = threeSegments(t);
  const [first, second] = [builder.blockOf(1, 1), builder.blockOf(2, 0)];
  builder.fileOf(1)[first.offset + 70] = 0xee;
  builder.fileOf(2)[second.offset + 70] = 0xee;
  const report = await verify(builder.write().dir);
  assert.equal(report.ok, false);
  assert.equal(report.verdict, 'corruption');
  assert.deepEqual(shortProblems(report), [
    { file: '0000000001.wal', offset: first.offset, code: CORRUPT, lost: 5 },
    { file: '0000000002.wal', offset: second.offset, code: CORRUPT, lost: 2 },
  ]);
  assert.deepEqual([report.events, report.firstEventId, report.lastEventId], [13, 1, 20]);
  const [, problem] = report.problems;
  assert.deepEqual([problem?.firstEventId, problem?.lastEventId], [second.firstEventId, 11]);
  assert.match(problem?.message ?? '', /Events 10 to 11 are lost\..* flashstrike salvage /);
  assert.match(report.advice, /flashstrike salvage \S+ --output NEW_FOLDER/);
});

test('a damaged header page costs the segment, and the next header tells how much', async (t) => {
  const builder = threeSegments(t);
  builder.fileOf(2).fill(0, 0, 4096);
  const report = await verify(builder.write().dir);
  assert.deepEqual(shortProblems(report), [
    { file: '0000000002.wal', offset: 0, code: CORRUPT, lost: 5 },
  ]);
  assert.equal(report.events, 15);
  assert.equal(report.segments, 3);
});

test('a damaged header of the first segment: what it held begins with event 1', async (t) => {
  const builder = threeSegments(t);
  builder.fileOf(1)[30] = 1;
  const { problems } = await verify(builder.write().dir);
  const [problem] = problems;
  assert.deepEqual([problem?.lost, problem?.firstEventId, problem?.lastEventId], [9, 1, 9]);
  const alone = new LogBuilder(temporaryFolder(t)).segment().events(3).meta();
  alone.fileOf(1)[30] = 1;
  assert.equal((await verify(alone.write().dir)).problems[0]?.lost, 3, 'wal.meta tells');
});

test('a damaged header of the last segment: the claims tell how much is lost', async (t) => {
  const builder = threeSegments(t);
  builder.files.set(3, new Uint8Array(10));
  const report = await verify(builder.write().dir);
  assert.deepEqual(shortProblems(report), [
    { file: '0000000003.wal', offset: 0, code: CORRUPT, lost: 6 },
  ]);
});

test('missing segments: in the middle, at the end, all', async (t) => {
  const middle = threeSegments(t);
  rmSync(middle.pathOf(2));
  assert.deepEqual(shortProblems(await verify(middle.dir)), [
    { file: '0000000002.wal', offset: undefined, code: CORRUPT, lost: 5 },
  ]);
  const end = threeSegments(t);
  rmSync(end.pathOf(3));
  const [problem] = (await verify(end.dir)).problems;
  assert.deepEqual([problem?.file, problem?.lost], ['0000000002.wal', 6]);
  const all = new LogBuilder(temporaryFolder(t)).segment().events(3).meta().write();
  rmSync(all.pathOf(1));
  const report = await verify(all.dir);
  assert.deepEqual(shortProblems(report), [
    { file: undefined, offset: undefined, code: CORRUPT, lost: 3 },
  ]);
});

test('a log that begins with a later segment is sound from there on', async (t) => {
  const builder = threeSegments(t);
  rmSync(builder.pathOf(1));
  const report = await verify(builder.dir);
  assert.equal(report.verdict, 'clean');
  assert.deepEqual([report.events, report.firstEventId, report.lastEventId], [11, 10, 20]);
});

test('a torn tail is told with its counts, and is sound', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  const { offset, bytes } = builder.blockOf(1, 1);
  builder.fileOf(1)[offset + 70] = 0xee;
  const report = await verify(builder.meta({ durableEventId: 2 }).write().dir);
  assert.deepEqual([report.ok, report.verdict, report.events], [true, 'torn-tail', 2]);
  assert.deepEqual(report.tornTail, {
    file: '0000000001.wal',
    offset,
    lastEventId: 2,
    droppedEvents: 3,
    droppedBytes: bytes,
  });
});

test('every hole is a problem of its own, in a finished segment and in the last one', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let index = 1; index <= 2; index++) {
    builder.segment();
    for (let count = 1; count <= 5; count++) builder.events(count);
    if (index === 1) builder.seal();
    for (const position of [1, 3, 4]) {
      builder.fileOf(index)[builder.blockOf(index, position).offset] = 0;
    }
  }
  // The last block of all is not durable: without it the log has a torn tail, and no damage.
  const report = await verify(builder.meta({ durableEventId: 25 }).write().dir);
  assert.deepEqual(
    report.problems.map(({ lost, firstEventId, lastEventId }) => [lost, firstEventId, lastEventId]),
    [
      [2, 2, 3],
      [9, 7, 15],
      [2, 17, 18],
      [4, 22, 25],
    ],
  );
  assert.equal(report.events, 8);
  for (const { message, lost } of report.problems) {
    assert.match(
      message,
      /offset \d+.*Events \d+ to \d+ are lost\..*flashstrike salvage /,
      `${lost}`,
    );
  }
});

test('durable events gone from the end are corruption, with their number', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3).meta();
  builder.fileOf(1).fill(0, builder.blockOf(1, 1).offset);
  const report = await verify(builder.write().dir);
  assert.equal(report.verdict, 'corruption');
  assert.equal(report.problems[0]?.lost, 3);
});

test('what the region claims counts, and what waits in it is told', async (t) => {
  const { dir, logId } = threeSegments(t);
  const asked: unknown[] = [];
  const ports = {
    ...FILE_PORTS,
    regionDurable: (...names: unknown[]) => {
      asked.push(names);
      return 23;
    },
    leftRegions: () => ({ ...NO_REGIONS, rings: [ring(logId, 21, 25)] }),
  };
  const report = await verifyThrough(ports, dir);
  assert.equal(report.verdict, 'corruption');
  assert.deepEqual([report.waitingEvents, report.durableEventId], [5, 23]);
  assert.deepEqual(asked, [[dir, logId]]);
});

/** A ring in which events wait. */
const ring = (logId: bigint, firstEventId: number, lastEventId: number): LeftRing => ({
  path: '/dev/shm/flashstrike-ring',
  logId,
  memory: ringOfSections(new Uint8Array(RingControlLayout.size), new Uint8Array(4096)),
  unread: {
    eventCount: lastEventId - firstEventId + 1,
    firstEventId,
    lastEventId,
    longestBytes: 64,
  },
  writtenEventId: firstEventId - 1,
  durableEventId: 0,
});

test('only what the files lack waits in a ring, and rings follow one another', async (t) => {
  const { dir, logId } = threeSegments(t);
  const verified = async (...rings: LeftRing[]) => {
    const ports = {
      ...FILE_PORTS,
      leftRegions: () => ({ ...NO_REGIONS, rings, notes: ['a note'] }),
    };
    const { verdict, waitingEvents, lastEventId, notes, problems } = await verifyThrough(
      ports,
      dir,
    );
    assert.deepEqual([lastEventId, notes[0]], [20, 'a note']);
    return [verdict, waitingEvents, problems[0]?.code];
  };
  assert.deepEqual(await verified(ring(logId, 18, 20)), ['clean', 0, undefined]);
  assert.deepEqual(await verified(ring(logId, 18, 24)), ['clean', 4, undefined]);
  assert.deepEqual(await verified(ring(logId, 21, 22), ring(logId, 22, 30)), [
    'clean',
    10,
    undefined,
  ]);
  assert.deepEqual(await verified(ring(7n, 90, 91)), ['clean', 0, undefined], 'of another log');
  const mismatch = ['undecidable', 0, 'ERR_FLASHSTRIKE_RING_MISMATCH'];
  assert.deepEqual(await verified(ring(logId, 22, 30)), mismatch);
});

test('a folder that lost everything is told, by the region or by LOCK', async (t) => {
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'LOCK'), JSON.stringify({ regions: [] }));
  const report = await verify(dir);
  assert.deepEqual([report.ok, report.verdict], [false, 'undecidable']);
  assert.match(
    report.problems[0]?.message ?? '',
    /neither a segment nor wal\.meta, but LOCK shows/,
  );
  assert.throws(() => [...replay(dir)], { code: 'ERR_FLASHSTRIKE_UNDECIDABLE', path: dir });
  assert.deepEqual(
    [...salvage(dir)].map((item) => item.kind === 'gap' && item.code),
    ['ERR_FLASHSTRIKE_UNDECIDABLE'],
  );

  const ports = { ...FILE_PORTS, regionDurable: () => 7 };
  const lost = await verifyThrough(ports, dir);
  assert.deepEqual(
    [lost.verdict, lost.durableEventId, lost.problems[0]?.lost],
    ['corruption', 7, 7],
  );
  assert.throws(() => [...replayThrough(ports, dir)], {
    code: 'ERR_FLASHSTRIKE_CORRUPT',
    path: dir,
  });

  writeFileSync(join(dir, 'LOCK'), '');
  assert.equal((await verify(dir)).verdict, 'clean', 'LOCK comes before everything else');
  new LogBuilder(dir).meta().write();
  writeFileSync(join(dir, 'LOCK'), JSON.stringify({ regions: [] }));
  assert.equal((await verify(dir)).verdict, 'clean', 'a log without events');
});

test('without meta: a note where blocks tell enough, undecidable where nothing does', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).write();
  const noted = await verify(builder.dir);
  assert.deepEqual([noted.verdict, noted.notes], ['clean', ['wal.meta is missing.']]);
  builder.fileOf(1).fill(9, 4096, 5000);
  const report = await verify(builder.write().dir);
  assert.deepEqual([report.ok, report.verdict], [false, 'undecidable']);
  assert.equal(report.problems[0]?.code, 'ERR_FLASHSTRIKE_UNDECIDABLE');
});

test('segments gone from the start, and a last one that was cut off, are notes', async (t) => {
  const begun = threeSegments(t);
  rmSync(begun.pathOf(1));
  const late = await verify(begun.dir);
  assert.deepEqual([late.verdict, late.firstEventId], ['clean', 10]);
  assert.match(
    late.notes.join(),
    /begins with 0000000002\.wal: it does not have the segments before it/,
  );

  const cut = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  const { offset } = cut.meta({ durableEventId: 2 }).write().blockOf(1, 1);
  truncateSync(cut.pathOf(1), offset);
  const short = await verify(cut.dir);
  assert.deepEqual([short.verdict, short.lastEventId], ['clean', 2]);
  assert.deepEqual(short.notes, [
    `0000000001.wal has ${offset} of its 65536 bytes: it was truncated.`,
  ]);
});

test('meta that is damaged is a note; of another log, a folder or a link a problem', async (t) => {
  const damaged = threeSegments(t);
  writeFileSync(join(damaged.dir, 'wal.meta'), 'short');
  const report = await verify(damaged.dir);
  assert.deepEqual([report.verdict, report.notes.length], ['clean', 1]);

  const foreign = threeSegments(t);
  new LogBuilder(foreign.dir, { logId: 1n }).meta().write();
  assert.equal((await verify(foreign.dir)).problems[0]?.code, 'ERR_FLASHSTRIKE_WRONG_LOG');

  for (const place of [mkdirSync, (path: string) => symlinkSync('/etc/passwd', path)]) {
    const unsafe = threeSegments(t);
    rmSync(join(unsafe.dir, 'wal.meta'));
    place(join(unsafe.dir, 'wal.meta'));
    const { ok, problems } = await verify(unsafe.dir);
    assert.equal(ok, false);
    assert.deepEqual(
      problems.map(({ file, code }) => [file, code]),
      [['wal.meta', 'ERR_FLASHSTRIKE_UNSAFE_FILE']],
    );
  }
});

test('a segment name that is a link or a folder is a problem of that file', async (t) => {
  for (const place of [mkdirSync, (path: string) => symlinkSync('/etc/passwd', path)]) {
    const builder = threeSegments(t);
    rmSync(builder.pathOf(2));
    place(builder.pathOf(2));
    const { problems } = await verify(builder.dir);
    assert.deepEqual(
      problems.map(({ file, code, lost }) => [file, code, lost]),
      [['0000000002.wal', 'ERR_FLASHSTRIKE_UNSAFE_FILE', 5]],
    );
  }
});

test('names that are not ours are noted', async (t) => {
  const { dir } = threeSegments(t);
  writeFileSync(join(dir, 'diary.txt'), '');
  assert.deepEqual((await verify(dir)).notes, ['diary.txt is not part of the log.']);
});

test('what cannot be read at all is thrown', async (t) => {
  await assert.rejects(verify(`${temporaryFolder(t)}/missing`), {
    code: 'ERR_FLASHSTRIKE_NOT_A_LOG',
  });
  await assert.rejects(verify(temporaryFolder(t)), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  await assert.rejects(verify(7 as unknown as string), {
    code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  });
  const { dir } = threeSegments(t);
  const denied = (code: string): Storage => ({
    ...nodeStorage,
    open: (path, mode) => {
      if (path.endsWith('2.wal')) throw Object.assign(new Error(code), { code });
      return nodeStorage.open(path, mode);
    },
  });
  const before = readdirSync('/proc/self/fd').length;
  for (const [code, expected] of [
    ['EACCES', 'ERR_FLASHSTRIKE_ACCESS'],
    ['EIO', 'ERR_FLASHSTRIKE_IO'],
  ] as const) {
    const storage = denied(code);
    await assert.rejects(verifyThrough({ ...FILE_PORTS, storage }, dir), { code: expected });
  }
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('an unreadable folder is an error of access', async (t) => {
  const { dir } = threeSegments(t);
  chmodSync(dir, 0o000);
  const isRoot = process.geteuid?.() === 0;
  // Root reads everything: be someone else for a moment.
  if (isRoot) process.seteuid?.(65_534);
  const outcome = verify(dir).catch((error: unknown) => error);
  if (isRoot) process.seteuid?.(0);
  chmodSync(dir, 0o700);
  assert.equal(codeOf(await outcome), 'ERR_FLASHSTRIKE_ACCESS');
});

test('a log that grows while it is verified is sound, and verifying it ends', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 1 << 20 });
  builder.segment().events(2).meta().write();
  let appends = 0;
  const ports = {
    ...FILE_PORTS,
    // Asked when an end is judged: each time the log goes on, and now and then into a new segment.
    regionDurable: () => {
      builder.events(3);
      if (appends++ % 2 === 1) builder.seal().segment().events(1);
      builder.write();
      return builder.lastEventId;
    },
  };
  const report = await verifyThrough(ports, builder.dir);
  assert.equal(report.verdict, 'clean');
  assert.ok(appends >= 3 && appends < 10, `${appends} appends`);
  assert.match(report.notes.join(' '), /being written/);
});

test('a LOCK that is a link or a folder is one problem, and hides none of the others', async (t) => {
  for (const place of [mkdirSync, (path: string) => symlinkSync('/etc/passwd', path)]) {
    const builder = threeSegments(t);
    builder.fileOf(3)[builder.blockOf(3, 0).offset + 100] = 0xee;
    rmSync(join(builder.write().dir, 'LOCK'));
    place(join(builder.dir, 'LOCK'));
    const { verdict, problems } = await verify(builder.dir);
    assert.equal(verdict, 'corruption');
    assert.deepEqual(
      problems.map(({ file, code }) => [file, code]),
      [
        ['0000000003.wal', CORRUPT],
        ['LOCK', 'ERR_FLASHSTRIKE_UNSAFE_FILE'],
      ],
    );
    const items = Array.from(salvage(builder.dir), (item) =>
      item.kind === 'gap' ? item.code : item.eventId,
    );
    const rest = Array.from({ length: 5 }, (_, index) => 16 + index);
    const before = Array.from({ length: 14 }, (_, index) => 1 + index);
    assert.deepEqual(items, ['ERR_FLASHSTRIKE_UNSAFE_FILE', ...before, CORRUPT, ...rest]);

    const empty = temporaryFolder(t);
    place(join(empty, 'LOCK'));
    const report = await verify(empty);
    assert.deepEqual(
      report.problems.map(({ code }) => code),
      ['ERR_FLASHSTRIKE_UNSAFE_FILE'],
    );
  }
});
