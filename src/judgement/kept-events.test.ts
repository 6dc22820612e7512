// Logs whose oldest segments were removed, on purpose or not, as each way of reading tells of them.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cannotMap, regionFolder } from '../../test/support/adapters.js';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { readersOf } from '../../test/support/readers.js';
import { SteppedLog } from '../../test/support/stepped-log.js';
import { WalError } from '../errors.js';
import { Wal } from '../recorder/application/wal.js';
import { type RecoveryMode, recoverLog } from '../recovery/recover-log.js';
import { salvage } from '../salvage/salvage.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { acquireLock } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';
import { inspectLog } from '../verification/inspect.js';
import { verify } from '../verification/verify.js';

const { openCursor, replay } = readersOf(import.meta.url);

/** Four segments of five events each; those before `firstKeptEventId` were removed on purpose. */
function fourSegments(t: TestContext, firstKeptEventId: number): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t));
  for (let segment = 1; segment <= 4; segment++) {
    builder.segment().events(5);
    if (segment < 4) builder.watermark().seal();
  }
  return builder.meta({ firstKeptEventId }).write();
}

/** The folder becomes a copy, as LOCK proves. */
function asCopy(t: TestContext, builder: LogBuilder): LogBuilder {
  const { dir } = builder;
  const original = temporaryFolder(t);
  const folder = identifyFolder(nodeStorage, original) ?? assert.fail('there is no folder');
  const lock = acquireLock(nodeStorage, dir, 'flock');
  lock.write({ regions: [], folder });
  lock.release();
  return builder;
}

function refusal(run: () => unknown): WalError {
  try {
    run();
  } catch (error) {
    if (error instanceof WalError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const idsOf = (events: Iterable<{ readonly eventId: number }>): number[] =>
  Array.from(events, ({ eventId }) => eventId);
const from = (first: number): number[] => Array.from({ length: 21 - first }, (_, at) => first + at);

function recovered(dir: string, mode: RecoveryMode = 'default') {
  const log = recoverLog(nodeStorage, dir, mode, {});
  if (log.last !== undefined) nodeStorage.close(log.last.file.fd);
  return log;
}

test('what was removed on purpose is no loss, and is not noted', async (t) => {
  const { dir } = fourSegments(t, 11).remove(1).remove(2);
  const { ok, notes, firstEventId, events } = await verify(dir);
  assert.deepEqual(
    { ok, notes, firstEventId, events },
    { ok: true, notes: [], firstEventId: 11, events: 10 },
  );
  assert.deepEqual(idsOf(replay(dir)), from(11));
  const { notes: openNotes, losses, firstKeptEventId } = recovered(dir);
  assert.deepEqual([openNotes, losses, firstKeptEventId], [[], [], 11]);
  const { meta } = inspectLog(dir);
  assert.equal(meta.status === 'present' && meta.firstKeptEventId, 11);
});

test('segments that were to go and are still there are read like all others', async (t) => {
  const builder = fourSegments(t, 11);
  for (const first of [1, 6]) {
    if (first > 1) builder.remove(1);
    assert.equal((await verify(builder.dir)).ok, true);
    assert.deepEqual(idsOf(replay(builder.dir)), from(first));
    assert.deepEqual(recovered(builder.dir).losses, []);
  }
});

test('one more that is missing is corruption, which names its events', async (t) => {
  const builder = fourSegments(t, 6).remove(1).remove(2);
  const { dir } = builder;
  const { verdict, problems } = await verify(dir);
  assert.equal(verdict, 'corruption');
  const told = problems.map(({ file, code, firstEventId, lastEventId, lost }) => ({
    ...{ file, code, firstEventId, lastEventId, lost },
  }));
  const code = 'ERR_FLASHSTRIKE_CORRUPT';
  assert.deepEqual(told, [
    { file: '0000000002.wal', code, firstEventId: 6, lastEventId: 10, lost: 5 },
  ]);
  const ids = /begins with event 11, but only those before 6 .* Events 6 to 10 are lost\./;
  for (const run of [
    () => recovered(dir),
    () => idsOf(replay(dir)),
    () => idsOf(replay(dir, { from: 6 })),
    () => openCursor(dir, { from: 10 }),
  ]) {
    const error = refusal(run);
    assert.deepEqual([error.code, error.path], [code, builder.pathOf(2)]);
    assert.match(error.message, ids);
  }
  const accepted = recovered(dir, 'accept-loss');
  assert.deepEqual(
    accepted.losses.map(({ firstEventId, lastEventId }) => [firstEventId, lastEventId]),
    [[6, 10]],
  );
  // What is there can be read, and what was removed on purpose is told as that.
  assert.deepEqual(idsOf(replay(dir, { from: 11 })), from(11));
  assert.equal(refusal(() => replay(dir, { from: 5 })).code, 'ERR_FLASHSTRIKE_EXPIRED');
  const gaps = [...salvage(dir)].flatMap((item) => (item.kind === 'gap' ? [item] : []));
  assert.deepEqual(
    gaps.map(({ code, firstEventId, lastEventId }) => [code, firstEventId, lastEventId]),
    [
      ['ERR_FLASHSTRIKE_EXPIRED', 1, 5],
      [code, 6, 10],
    ],
  );
});

test('an event that was removed: expired, and which one is the first that is there', (t) => {
  const { dir } = fourSegments(t, 11).remove(1).remove(2);
  for (const run of [() => replay(dir, { from: 1 }), () => openCursor(dir, { from: 10 })]) {
    const { code, firstEventId, message } = refusal(run);
    assert.deepEqual([code, firstEventId], ['ERR_FLASHSTRIKE_EXPIRED', 11]);
    assert.match(message, /the first one there is 11\./);
  }
});

test('the first segment is removed between the start of a replay and its first step', (t) => {
  const builder = fourSegments(t, 11);
  const [all, named] = [replay(builder.dir), replay(builder.dir, { from: 1 })];
  builder.remove(1).remove(2);
  assert.deepEqual(idsOf(all), from(11), 'a replay of all begins where the log does');
  const { code, firstEventId } = refusal(() => idsOf(named));
  assert.deepEqual([code, firstEventId], ['ERR_FLASHSTRIKE_EXPIRED', 11]);
});

test('removed while it is read: an open file is read on, and what follows is expired', (t) => {
  const builder = fourSegments(t, 16);
  const events = replay(builder.dir);
  assert.equal(events.next().value?.eventId, 1);
  builder.remove(1).remove(2).remove(3);
  // The current file and the one behind it are open.
  const seen: number[] = [];
  const { code, firstEventId } = refusal(() => {
    for (const { eventId } of events) seen.push(eventId);
  });
  assert.deepEqual(seen, from(2).slice(0, 9));
  assert.deepEqual([code, firstEventId], ['ERR_FLASHSTRIKE_EXPIRED', 16]);
});

test('without a wal.meta that tells, what is missing at the beginning is noted', async (t) => {
  const { dir } = fourSegments(t, 0).remove(1);
  const note = 'The log begins with 0000000002.wal: it does not have the segments before it.';
  const { ok, notes } = await verify(dir);
  assert.deepEqual([ok, notes], [true, [note]]);
  assert.deepEqual(recovered(dir).notes, [note]);
  assert.deepEqual(idsOf(replay(dir)), from(6));
});

test('in a copy a later beginning is no loss: the original removed while it was copied', async (t) => {
  const { dir } = asCopy(t, fourSegments(t, 6)).remove(1).remove(2);
  const { ok, verdict, notes, firstEventId } = await verify(dir);
  assert.deepEqual([ok, verdict, firstEventId], [true, 'clean', 11]);
  const note = /begins with event 11, and wal\.meta tells of all from 6 on: the original removed/;
  assert.match(notes.join(' '), note);
  assert.deepEqual(idsOf(replay(dir)), from(11));
  assert.equal(refusal(() => replay(dir, { from: 7 })).code, 'ERR_FLASHSTRIKE_EXPIRED');
  for (const mode of ['default', 'strict'] as const) {
    const { losses, firstKeptEventId, beginsLater, notes: told } = recovered(dir, mode);
    assert.deepEqual([losses, firstKeptEventId, beginsLater], [[], 11, true]);
    assert.match(told.join(' '), note);
  }
});

test('where nothing proves the copy, the option accepts it, and the error names it', (t) => {
  const { dir } = fourSegments(t, 6).remove(1).remove(2);
  assert.match(refusal(() => recovered(dir)).message, /is a copy.*recovery: 'accept-copy'/);
  const { losses, firstKeptEventId, beginsLater } = recovered(dir, 'accept-copy');
  assert.deepEqual([losses, firstKeptEventId, beginsLater], [[], 11, true]);
});

test('a copy whose wal.meta was taken so late that nothing it holds was kept any more', async (t) => {
  for (const removed of [0, 2]) {
    const builder = fourSegments(t, 0);
    const late = { segmentIndex: 90, durableEventId: 600, lastEventId: 600 };
    const { dir } = asCopy(t, builder.meta({ ...late, firstKeptEventId: 500 }).write());
    for (let index = 1; index <= removed; index++) builder.remove(index);
    const log = recovered(dir);
    const first = removed * 5 + 1;
    assert.deepEqual(
      [log.verdict, log.firstKeptEventId, log.beginsLater],
      ['live-copy', first, false],
    );
    const wal = await Wal.open(dir, { sharedMemory: 'off' });
    await wal.close();
    assert.deepEqual(wal.recovery.missingTail, { firstEventId: 21, lastEventId: 600 });
    assert.deepEqual(idsOf(replay(dir)), from(first));
    const again = await Wal.open(dir, { sharedMemory: 'off', recovery: 'strict' });
    await again.close();
    assert.equal((await verify(dir)).ok, true);
  }
});

test('a copy that begins later is a log of its own once it is open', async (t) => {
  const builder = asCopy(t, fourSegments(t, 6)).remove(1).remove(2);
  const { dir } = builder;
  const options = { sharedMemory: 'off', recovery: 'strict' } as const;
  for (const begun of [true, false]) {
    const wal = await Wal.open(dir, options);
    assert.equal(
      wal.recovery.notes.some((note) => note.includes('while it was copied')),
      begun,
    );
    await wal.close();
  }
  const { meta } = inspectLog(dir);
  assert.equal(meta.status === 'present' && meta.firstKeptEventId, 11);
});

test('an opening of such a copy that ends before wal.meta is its own leaves it a copy', {
  skip: cannotMap,
}, async (t) => {
  const { dir } = asCopy(t, fourSegments(t, 6)).remove(1).remove(2);
  const options = {
    lock: 'flock',
    sharedMemory: 'required',
    sharedMemoryDirectory: regionFolder(t),
  } as const;
  const storage = new FaultyStorage(nodeStorage);
  storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'rename' });
  assert.equal(refusal(() => new SteppedLog({ storage }, dir, options)).code, 'ERR_FLASHSTRIKE_IO');
  assert.equal((await verify(dir)).ok, true);
  const log = new SteppedLog({ storage: nodeStorage }, dir, options);
  assert.equal(log.append(), 21);
  log.close();
  assert.equal((await verify(dir)).events, 11);
});
