import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { contentOf } from '../../test/support/log-content.js';
import { WalError } from '../errors.js';
import { verify, Wal } from '../index.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { nodeStorage } from '../storage/node-storage.js';
import { LogCopy } from './log-copy.js';
import { type SalvageToOptions, salvageTo, salvageToThrough } from './salvage-copy.js';

const copyOf = (builder: LogBuilder, output: string, options: SalvageToOptions = {}) =>
  salvageToThrough(FILE_PORTS, builder.dir, output, options);

/** Three segments that are nearly full, of 27 events each. */
function largeLog(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t), { payloadBytes: 1000 });
  for (let index = 1; index <= 3; index++) {
    builder.segment().events(10).events(8).events(9);
    if (index < 3) builder.seal();
  }
  return builder.meta().write();
}

function ruin(builder: LogBuilder, index: number, position: number): void {
  builder.fileOf(index)[builder.blockOf(index, position).offset] = 0;
  builder.write();
}

const withoutId = (dir: string) =>
  contentOf(dir).map(({ type, timestampNs, payload }) => ({ type, timestampNs, payload }));

async function assertClean(output: string, expectedNotes: readonly string[] = []): Promise<void> {
  const { verdict, problems, notes } = await verify(output);
  assert.deepEqual([verdict, problems, notes], ['clean', [], expectedNotes]);
}

test('a sound log is copied event by event, over as many segments', async (t) => {
  const builder = largeLog(t);
  const output = join(temporaryFolder(t), 'made', 'here');
  const report = await copyOf(builder, output);
  assert.deepEqual(
    { ...report, source: '', output: '' },
    {
      source: '',
      output: '',
      complete: true,
      events: 81,
      firstEventId: 1,
      lastEventId: 81,
      segments: 3,
      lost: 0,
      ranges: [{ firstEventId: 1, lastEventId: 81, newFirstEventId: 1 }],
      gaps: [],
    },
  );
  await assertClean(output);
  assert.deepEqual(contentOf(output), contentOf(builder.dir));
  assert.deepEqual(readdirSync(output), [
    '0000000001.wal',
    '0000000002.wal',
    '0000000003.wal',
    'LOCK',
    'salvage.json',
    'wal.meta',
  ]);
  assert.deepEqual(JSON.parse(readFileSync(join(output, 'salvage.json'), 'utf8')), report);
});

test('behind a gap the ids go on, and the report tells which they were', async (t) => {
  const builder = largeLog(t);
  const sound = withoutId(builder.dir);
  ruin(builder, 2, 1);
  const output = temporaryFolder(t);
  const gaps: unknown[] = [];
  const report = await copyOf(builder, output, { onGap: (gap) => gaps.push(gap) });
  assert.deepEqual(report.ranges, [
    { firstEventId: 1, lastEventId: 37, newFirstEventId: 1 },
    { firstEventId: 46, lastEventId: 81, newFirstEventId: 38 },
  ]);
  assert.deepEqual([report.lost, report.lastEventId], [8, 73]);
  assert.deepEqual(gaps, report.gaps);
  await assertClean(output);
  assert.deepEqual(withoutId(output), [...sound.slice(0, 37), ...sound.slice(45)]);

  await using wal = await Wal.open(output);
  assert.deepEqual([wal.recovery.verdict, wal.recovery.notes], ['clean', []]);
  assert.equal(wal.append(new Uint8Array(1)), 74);
  assert.notEqual(wal.recovery.file, undefined);
});

test('a log whose first events are not there keeps its ids', async (t) => {
  const builder = largeLog(t).remove(1);
  const output = temporaryFolder(t);
  const report = await copyOf(builder, output);
  assert.deepEqual(report.ranges, [{ firstEventId: 28, lastEventId: 81, newFirstEventId: 28 }]);
  const begin = 'The log begins with 0000000002.wal: it does not have the segments before it.';
  await assertClean(output, [begin]);
  assert.deepEqual(contentOf(output), contentOf(builder.dir));
  await using wal = await Wal.open(output);
  assert.equal(wal.append(new Uint8Array(1)), 82);
});

test('where nothing can be read, the copy is a log without events', async (t) => {
  const builder = largeLog(t);
  for (const bytes of builder.files.values()) bytes.fill(0xee, 0, 4096);
  const output = temporaryFolder(t);
  const { events, lost, firstEventId, lastEventId } = await copyOf(builder.write(), output);
  assert.deepEqual([events, lost, firstEventId, lastEventId], [0, 81, 1, 0]);
  await assertClean(output);
  await using wal = await Wal.open(output);
  assert.equal(wal.append(new Uint8Array(1)), 1);
});

test('the output must be a folder that is new or empty, and not in the source', async (t) => {
  const builder = largeLog(t);
  const parent = temporaryFolder(t);
  mkdirSync(join(parent, 'full'));
  writeFileSync(join(parent, 'full', 'x'), '');
  writeFileSync(join(parent, 'file'), '');
  const inside = join(builder.dir, 'copy');
  const link = join(parent, 'link');
  symlinkSync(builder.dir, link);
  const outputs = [join(parent, 'full'), join(parent, 'file'), builder.dir, inside];
  outputs.push(link, join(link, 'copy'), join(link, 'copy', 'below'));
  for (const output of outputs) {
    await assert.rejects(copyOf(builder, output), { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' });
  }
  assert.deepEqual(readdirSync(join(parent, 'full')), ['x']);
  assert.ok(!existsSync(inside));
  const output = join(parent, 'new');
  await assert.rejects(salvageTo(parent, output), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  assert.ok(!existsSync(output), 'nothing is made for a source that is no log');
});

test('stopped early: what was copied is a sound log, and the report says so', async (t) => {
  const builder = largeLog(t);
  ruin(builder, 2, 0);
  const stop = new AbortController();
  const output = temporaryFolder(t);
  const { signal } = stop;
  const report = await copyOf(builder, output, { signal, onGap: () => stop.abort() });
  assert.deepEqual([report.complete, report.events], [false, 27]);
  await assertClean(output);
  assert.equal(JSON.parse(readFileSync(join(output, 'salvage.json'), 'utf8')).complete, false);
});

test('whichever call fails: told with a code, nothing left open, the source as it was', async (t) => {
  const builder = largeLog(t);
  ruin(builder, 2, 1);
  const before = builder.files.get(2)?.slice();
  const expected: Readonly<Record<string, string>> = {
    ENOSPC: 'ERR_FLASHSTRIKE_NO_SPACE',
    EIO: 'ERR_FLASHSTRIKE_IO',
    EACCES: 'ERR_FLASHSTRIKE_ACCESS',
  };
  for (const [systemCode, code] of Object.entries(expected)) {
    let calls = 0;
    for (let from = 1; ; from++) {
      const storage = new FaultyStorage(nodeStorage);
      const output = temporaryFolder(t);
      const isOfOutput = (path: string) => path.startsWith(output);
      const fault = { code: systemCode, from, times: 1, when: ({ path = '' }) => isOfOutput(path) };
      const armed = storage.fail(fault);
      const failure = await salvageToThrough({ ...FILE_PORTS, storage }, builder.dir, output).then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.equal(storage.openFiles.size, 0);
      if (armed.hits === 0) {
        assert.equal(failure, undefined);
        break;
      }
      calls++;
      assert.ok(failure instanceof WalError, `call ${from}`);
      assert.equal(failure.code, code, `call ${from}: ${failure.message}`);
      assert.equal(failure.path, output);
    }
    assert.ok(calls > 30, `${calls} calls`);
  }
  assert.deepEqual(readFileSync(builder.pathOf(2)), Buffer.from(before ?? []));
});

test('what a header calls durable, and wal.meta, comes behind the sync that covers it', async (t) => {
  const builder = largeLog(t);
  const storage = new FaultyStorage(nodeStorage);
  const output = temporaryFolder(t);
  await salvageToThrough({ ...FILE_PORTS, storage }, builder.dir, output);
  const story = storage.story('write', 'sync', 'rename', 'syncDirectory');
  const last = story.lastIndexOf('rename wal.meta.tmp wal.meta');
  const watermark = builder.blockOf(3, 2).offset + builder.blockOf(3, 2).bytes;
  assert.deepEqual(story.slice(last - 6, last), [
    `write prepared-3.tmp@${builder.blockOf(3, 2).offset}`,
    'sync prepared-3.tmp',
    `write prepared-3.tmp@${watermark}`,
    'sync prepared-3.tmp',
    'write wal.meta.tmp@0',
    'sync wal.meta.tmp',
  ]);
  const seal = story.findIndex((call) => call.startsWith('write prepared-2.tmp@0'));
  assert.equal(story[seal - 1], 'sync prepared-1.tmp', 'a segment is whole before the next one is');
  assert.deepEqual(story.slice(-2), ['sync salvage.json', `syncDirectory ${basename(output)}`]);
});

test('a block that is larger than the segments makes a larger one', (t) => {
  const source = new LogBuilder(temporaryFolder(t), { segmentBytes: 1 << 20 }).segment();
  source.events(2).events(1, { payloadBytes: 300_000 });
  const directory = temporaryFolder(t);
  const copy = new LogCopy(nodeStorage, directory, { logId: 1n, segmentBytes: 64 * 1024 });
  for (const { offset, bytes, firstEventId, eventCount } of source.blocks) {
    copy.append({
      bytes: source.fileOf(1),
      start: offset + 64,
      end: offset + bytes,
      header: { firstEventId, eventCount, writtenTsNs: 5n },
    });
  }
  copy.finish();
  assert.deepEqual(contentOf(directory), contentOf(source.meta().write().dir));
  assert.equal(copy.segments, 2);
});
