import assert from 'node:assert/strict';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { codeOf } from '../errors.js';
import { type RecoveryMode, recoverLog } from '../recovery/recover-log.js';
import type { judgeFolder } from '../region/folder-identity.js';
import { replayThrough } from '../replay/replay.js';
import { salvageThrough } from '../salvage/salvage.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { acquireLock } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { inspectLog } from '../verification/inspect.js';
import { verifyThrough } from '../verification/verify.js';
import { isCopyByLock } from './live-copy.js';
import { FILE_PORTS } from './reading-ports.js';

const BIRTH_NS = 1_700_000_000_000_000_000n;

/** A disk that tells births, whatever that of the tests does. */
const storage: Storage = {
  ...nodeStorage,
  statusAt: (path) => {
    const status = nodeStorage.statusAt(path);
    return status && { ...status, birthNs: BIRTH_NS };
  },
};
const PORTS = { ...FILE_PORTS, storage };

/** Writes LOCK as it lies in a folder that was judged so. */
function recordFolder(
  dir: string,
  match: Exclude<ReturnType<typeof judgeFolder>, 'remounted'>,
): void {
  const own = identifyFolder(storage, dir) ?? assert.fail('there is no folder');
  const births = { same: BIRTH_NS, copy: BIRTH_NS - 1n, unknown: undefined };
  const folder = match === 'unknown' ? undefined : { ...own, birthNs: births[match] };
  const lock = acquireLock(storage, dir, 'flock');
  lock.write({ regions: [], folder });
  lock.release();
}

const PAYLOAD_BYTES = 3000;

/** Two segments of 6 events each, one a block; what is beyond the tail is for the test to say. */
function twoSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t), { payloadBytes: PAYLOAD_BYTES });
  for (let index = 1; index <= 2; index++) {
    builder.segment();
    for (let count = 1; count <= 6; count++)
      builder.events(1, { durableEventId: builder.lastEventId });
    if (index === 1) builder.seal();
  }
  return builder;
}

interface Shape {
  readonly make: (t: TestContext) => LogBuilder;
  /** Events that are there, and the ids that the copy lacks. */
  readonly events: number;
  readonly missing: readonly [number, number];
}

/** What tools of backup leave. */
const SHAPES: Readonly<Record<string, Shape>> = {
  'wal.meta was taken after the last segment': {
    make: (t) => twoSegments(t).meta({ durableEventId: 20, lastEventId: 20 }),
    events: 12,
    missing: [13, 20],
  },
  'wal.meta names a segment that came after the listing': {
    make: (t) => twoSegments(t).meta({ segmentIndex: 3, durableEventId: 12 }),
    events: 12,
    missing: [13, 12],
  },
  'the same behind a finished segment': {
    make: (t) => twoSegments(t).seal().meta({ segmentIndex: 4, durableEventId: 30 }),
    events: 12,
    missing: [13, 30],
  },
  'the last segment was read up to the middle of a block': {
    make: (t) => {
      const builder = twoSegments(t).meta();
      const { offset, bytes } = builder.blockOf(2, 3);
      builder.fileOf(2).fill(0, offset + bytes / 2);
      return builder;
    },
    events: 9,
    missing: [10, 12],
  },
  'the last segment was read up to the middle of a block header': {
    make: (t) => {
      const builder = twoSegments(t).meta();
      builder.fileOf(2).fill(0, builder.blockOf(2, 3).offset + 20);
      return builder;
    },
    events: 9,
    missing: [10, 12],
  },
  'a chunk of the last segment was read before the block in it, the next one after': {
    make: (t) => {
      const builder = twoSegments(t).meta();
      const page = Math.ceil(builder.blockOf(2, 2).offset / 4096 + 1) * 4096;
      builder.fileOf(2).fill(0, builder.blockOf(2, 2).offset + 10, page);
      return builder;
    },
    events: 8,
    missing: [9, 12],
  },
  'nothing of the last segment was there yet': {
    make: (t) => {
      const builder = twoSegments(t).meta();
      builder.fileOf(2).fill(0, 4096);
      return builder;
    },
    events: 6,
    missing: [7, 12],
  },
};

const recoveredBy = (dir: string, mode: RecoveryMode) => {
  const log = recoverLog(storage, dir, mode, {});
  if (log.last !== undefined) storage.close(log.last.file.fd);
  return log;
};

const codeBy = (dir: string, mode: RecoveryMode): string | undefined => {
  try {
    recoveredBy(dir, mode);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
};

for (const [name, { make, events, missing }] of Object.entries(SHAPES)) {
  test(`${name}: a copy lacks a tail, an original is damaged`, async (t) => {
    const { dir } = make(t).write();
    const [firstEventId, lastEventId] = missing;
    recordFolder(dir, 'copy');
    const report = await verifyThrough(PORTS, dir);
    assert.deepEqual(
      [report.ok, report.verdict, report.events, report.missingTail, report.problems],
      [true, 'live-copy', events, { firstEventId, lastEventId }, []],
    );
    const { tail } = inspectLog(dir, PORTS);
    assert.deepEqual([tail?.verdict, tail?.missingTail], ['live-copy', report.missingTail]);
    assert.equal([...replayThrough(PORTS, dir)].length, events);
    for (const mode of ['default', 'tolerate-tail', 'accept-copy'] as const) {
      const log = recoveredBy(dir, mode);
      assert.deepEqual(
        [log.verdict, log.nextEventId, log.missingTail, log.last?.canContinue],
        ['live-copy', events + 1, { firstEventId, lastEventId }, false],
      );
      assert.match(log.notes.join(' '), /copy of a log that was being written/);
    }
    assert.equal(codeBy(dir, 'strict'), 'ERR_FLASHSTRIKE_LIVE_COPY');

    for (const match of ['same', 'unknown'] as const) {
      recordFolder(dir, match);
      const damaged = await verifyThrough(PORTS, dir);
      assert.equal(damaged.verdict, 'corruption', match);
      assert.match(damaged.problems[0]?.message ?? '', /recovery: 'accept-copy'/);
      assert.throws(() => [...replayThrough(PORTS, dir)], { code: 'ERR_FLASHSTRIKE_CORRUPT' });
      for (const mode of ['default', 'strict', 'tolerate-tail'] as const) {
        assert.equal(codeBy(dir, mode), 'ERR_FLASHSTRIKE_CORRUPT', `${match}, ${mode}`);
      }
      assert.equal(recoveredBy(dir, 'accept-copy').verdict, 'live-copy', match);
    }
  });
}

const flip = (builder: LogBuilder, segmentIndex: number, block: number, at = 100): void => {
  const bytes = builder.fileOf(segmentIndex);
  const { offset } = builder.blockOf(segmentIndex, block);
  bytes[offset + at] = (bytes[offset + at] ?? 0) ^ 1;
};

/** No copying makes these, so they stay what they are in a copy, too. */
const DAMAGES: Readonly<Record<string, (builder: LogBuilder) => void>> = {
  'a block with sound ones behind it': (builder) => flip(builder, 2, 2),
  'a block header with sound ones behind it': (builder) => flip(builder, 2, 2, 12),
  'the last block, which was durable': (builder) => flip(builder, 2, -1),
  'the header of the last segment': (builder) => builder.fileOf(2).fill(0xee, 0, 64),
};

for (const [name, damage] of Object.entries(DAMAGES)) {
  test(`${name} is damaged: corruption, also in a copy, in every mode`, async (t) => {
    const builder = twoSegments(t).meta();
    damage(builder);
    const { dir } = builder.write();
    for (const match of ['copy', 'same', 'unknown'] as const) {
      recordFolder(dir, match);
      assert.equal((await verifyThrough(PORTS, dir)).verdict, 'corruption', match);
      for (const mode of ['default', 'strict', 'tolerate-tail', 'accept-copy'] as const) {
        assert.equal(codeBy(dir, mode), 'ERR_FLASHSTRIKE_CORRUPT', `${match}, ${mode}`);
      }
    }
  });
}

test('a gap between segments and damage before the tail are corruption in a copy, too', async (t) => {
  const gap = twoSegments(t).seal().segment().events(3).meta({ durableEventId: 40 }).write();
  rmSync(gap.pathOf(2));
  recordFolder(gap.dir, 'copy');
  assert.equal((await verifyThrough(PORTS, gap.dir)).verdict, 'corruption');
  for (const mode of ['default', 'accept-copy'] as const) {
    assert.equal(codeBy(gap.dir, mode), 'ERR_FLASHSTRIKE_CORRUPT');
  }
  const before = twoSegments(t).meta({ durableEventId: 40 });
  flip(before, 1, 2);
  recordFolder(before.write().dir, 'copy');
  const { verdict, problems } = await verifyThrough(PORTS, before.dir);
  assert.deepEqual([verdict, problems.map(({ file }) => file)], ['corruption', ['0000000001.wal']]);
});

test('a copy that lacks nothing is judged as any log', async (t) => {
  const { dir } = twoSegments(t).meta().write();
  recordFolder(dir, 'copy');
  const { verdict, missingTail } = await verifyThrough(PORTS, dir);
  assert.deepEqual([verdict, missingTail], ['clean', undefined]);
  assert.equal(recoveredBy(dir, 'strict').verdict, 'clean');
});

test('salvage gives what stands behind the hole of a copy', (t) => {
  const { dir } = SHAPES[
    'a chunk of the last segment was read before the block in it, the next one after'
  ]
    ?.make(t)
    .write() ?? { dir: '' };
  recordFolder(dir, 'copy');
  const events = [...salvageThrough(PORTS, dir)].filter(({ kind }) => kind === 'event');
  assert.ok(events.length > 8);
});

test('a file that ends early is a tail that lacks; LOCK that cannot be read proves nothing', async (t) => {
  const builder = twoSegments(t).meta().write();
  truncateSync(builder.pathOf(2), builder.blockOf(2, 4).offset);
  recordFolder(builder.dir, 'copy');
  assert.equal((await verifyThrough(PORTS, builder.dir)).verdict, 'live-copy');
  writeFileSync(`${builder.dir}/LOCK`, 'no record');
  assert.equal(isCopyByLock(storage, builder.dir), false);
  rmSync(`${builder.dir}/LOCK`);
  assert.equal(isCopyByLock(storage, builder.dir), false);
});
