// `flashstrike trim`: the oldest segments of a log that nobody has open.
import assert from 'node:assert/strict';
import { readdirSync, unlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { removeConsumer, trim, verify, Wal } from '../../src/index.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { flashstrike } from './cli-process.js';

/** Four segments of five events each. */
function fourSegments(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let segment = 1; segment <= 4; segment++) {
    builder.segment().events(5);
    if (segment < 4) builder.watermark().seal();
  }
  return builder.meta();
}

const segmentsIn = (dir: string): string[] =>
  readdirSync(dir).filter((name) => name.endsWith('.wal'));

test('segments with nothing but earlier events go; the log is sound and goes on', async (t) => {
  const { dir } = fourSegments(t).write();
  const report = await trim(dir, 12);
  assert.deepEqual([report.firstEventId, report.removedSegments], [11, 2]);
  assert.deepEqual(await trim(dir, 12), { firstEventId: 11, removedSegments: 0, freedBytes: 0 });
  const { ok, firstEventId, notes } = await verify(dir);
  assert.deepEqual([ok, firstEventId, notes], [true, 11, []]);
  const wal = await Wal.open(dir, { sharedMemory: 'off' });
  assert.equal(wal.append(new Uint8Array(1)), 21);
  await wal.close();
  assert.equal((await trim(dir, 1000)).firstEventId, 16, 'the last segment stays');
  assert.equal((await verify(dir)).ok, true);
});

test('a log whose wal.meta is older than its segments, as after a kill', async (t) => {
  const { dir } = fourSegments(t)
    .meta({ segmentIndex: 1, offset: 4096, lastEventId: 0, durableEventId: 2 })
    .write();
  assert.equal((await trim(dir, 20)).firstEventId, 16);
  assert.equal((await verify(dir)).ok, true);
});

test('a log that is open, one that is damaged, and one without wal.meta are left alone', async (t) => {
  const { dir } = fourSegments(t).write();
  const wal = await Wal.open(dir, { sharedMemory: 'off' });
  await assert.rejects(trim(dir, 20), { code: 'ERR_FLASHSTRIKE_LOCKED' });
  await wal.close();
  const damaged = fourSegments(t);
  damaged.fileOf(1)[damaged.blockOf(1, 0).offset + 100] = 0xee;
  damaged.write();
  await assert.rejects(trim(damaged.dir, 20), {
    code: 'ERR_FLASHSTRIKE_CORRUPT',
    path: damaged.pathOf(1),
  });
  const lost = fourSegments(t).meta({ durableEventId: 20 });
  lost.write();
  unlinkSync(`${lost.dir}/wal.meta`);
  await assert.rejects(trim(lost.dir, 20), { code: 'ERR_FLASHSTRIKE_UNDECIDABLE' });
  for (const { dir: kept } of [damaged, lost]) assert.equal(segmentsIn(kept).length, 4);
  await assert.rejects(trim(temporaryFolder(t), 1), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  await assert.rejects(trim(dir, 0), { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
});

test('on the command line: a summary, JSON, and the codes of all commands', async (t) => {
  const { dir } = fourSegments(t).write();
  const { code, stdout, stderr } = await flashstrike(['trim', dir, '--before', '12', '--json']);
  assert.equal(code, 0, String(stderr));
  assert.match(String(stderr), /removed 2 segments, .*its first event is now 11/);
  const report = JSON.parse(String(stdout)) as { readonly firstEventId: number };
  assert.equal(report.firstEventId, 11);
  const damaged = fourSegments(t);
  damaged.fileOf(1)[damaged.blockOf(1, 0).offset + 100] = 0xee;
  const failed = await flashstrike(['trim', damaged.write().dir, '--before', '12']);
  assert.equal(failed.code, 1);
  assert.match(String(failed.stderr), /0000000001.wal is sound up to/);
});

test('a log that is open is left alone also where somebody has removed LOCK', {
  skip: process.platform === 'linux' ? false : 'only Linux locks folders',
}, async (t) => {
  const { dir } = fourSegments(t).write();
  const wal = await Wal.open(dir, { sharedMemory: 'off' });
  unlinkSync(`${dir}/LOCK`);
  await assert.rejects(trim(dir, 20), { code: 'ERR_FLASHSTRIKE_LOCKED' });
  assert.equal(segmentsIn(dir).length, 4);
  await wal.close();
  assert.equal((await trim(dir, 12)).firstEventId, 11);
});

test('where files cannot be locked, it is told that nobody else has the log', async (t) => {
  const { dir } = fourSegments(t).write();
  for (const lock of ['flock', 'none']) {
    const { code } = await flashstrike(['trim', dir, '--before', '12', '--lock', lock]);
    assert.equal(code, 0);
  }
  assert.equal((await trim(dir, 20, { lock: 'none' })).firstEventId, 16);
  for (const options of [{ lock: 'off' }, { locks: 'none' }]) {
    const code = 'ERR_FLASHSTRIKE_INVALID_OPTION';
    await assert.rejects(trim(dir, 20, options as object), { code });
    await assert.rejects(removeConsumer(dir, 'a', options as object), { code });
  }
});
