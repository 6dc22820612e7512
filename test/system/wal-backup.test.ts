// Backups of a log that is open: while it is written to, rolls, compresses and removes segments.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { backup, replay, verify, Wal, type WalOptions } from '../../src/index.js';
import { onBothAdapters } from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { appendEvents, assertHoldsEvents, code, payloadOf } from '../support/log-content.js';

const KIB = 1024;
const SMALL: WalOptions = { segmentBytes: 64 * KIB, ringBytes: 64 * KIB };
const BUSY: WalOptions = {
  ...SMALL,
  compression: 'lz4',
  hotSegments: 1,
  retention: { segments: 12 },
};

const SEGMENTS_MAX = 30;

/** All events of a log that is sound, one after the other, with the content of `appendEvents`. */
async function assertSoundBackup(
  dir: string,
  least: number,
): Promise<{ first: number; last: number }> {
  const { ok, verdict, problems, firstEventId, lastEventId, durableEventId } = await verify(dir);
  assert.deepEqual([ok, verdict, problems], [true, 'clean', []]);
  assert.ok(lastEventId >= least, `${lastEventId}, and ${least} were durable`);
  assert.equal(durableEventId, lastEventId);
  let expected = firstEventId;
  for (const { eventId, payload } of replay(dir)) {
    assert.equal(eventId, expected++);
    assert.equal(Buffer.compare(payload, Buffer.from(payloadOf(eventId))), 0);
  }
  assert.equal(expected, lastEventId + 1);
  return { first: firstEventId, last: lastEventId };
}

onBothAdapters(
  'backups of a log that is written to, compressed and trimmed all the time',
  async (t, v) => {
    const root = temporaryFolder(t);
    const dir = join(root, 'log');
    const wal = await Wal.open(dir, { ...v.options, ...BUSY });
    let isDone = false;
    const writing = (async () => {
      while (!isDone) {
        await wal.durable(appendEvents(wal, 100));
        // What is to be removed must not become more and more.
        while (!isDone && readdirSync(dir).length > SEGMENTS_MAX) await setTimeout(5);
      }
    })();
    try {
      await eventually('the oldest are gone', () => !readdirSync(dir).includes('0000000001.wal'));
      const [kept, pruned] = [join(root, 'kept'), join(root, 'pruned')];
      for (let round = 0; round < 6; round++) {
        for (const [target, prune] of [
          [kept, false],
          [pruned, true],
        ] as const) {
          const durable = wal.durableEventId;
          const isOutside = round % 3 === 2;
          const making = isOutside ? backup(dir, target, { prune }) : wal.backup(target, { prune });
          // Between two backups the log may have removed what follows the first one: told so.
          const report = await making.catch((error) => {
            code('ERR_FLASHSTRIKE_EXPIRED')(error);
            assert.equal(prune, false);
          });
          const least =
            report === undefined || (isOutside && v.adapter === 'portable') ? 0 : durable;
          const { first, last } = await assertSoundBackup(target, least);
          if (report === undefined) continue;
          assert.deepEqual(
            [report.complete, report.firstEventId, report.lastEventId],
            [true, first, last],
          );
        }
      }
    } finally {
      isDone = true;
      await writing;
    }
    assert.equal(wal.failure, undefined);
    const last = wal.lastEventId;
    await wal.close();
    const target = join(root, 'closed');
    assert.equal((await backup(dir, target)).lastEventId, last);
    await assertSoundBackup(target, last);
  },
);

onBothAdapters(
  'a backup opens beside its log, whatever becomes of that, and goes on',
  async (t, v) => {
    const root = temporaryFolder(t);
    const [dir, target] = [join(root, 'log'), join(root, 'backup')];
    const wal = await Wal.open(dir, { ...v.options, ...SMALL });
    await wal.durable(appendEvents(wal, 500));
    await wal.backup(target);
    // In the ring, and in no file of the backup.
    appendEvents(wal, 5);
    const other = await Wal.open(target, { ...v.options, ...SMALL });
    assert.deepEqual([other.recovery.verdict, other.lastEventId], ['clean', 500]);
    assert.equal(other.recovery.eventsFromRing, 0);
    await other.durable(appendEvents(other, 20));
    await other.close();
    assertHoldsEvents(target, 520);
    await wal.close();
    assertHoldsEvents(dir, 505);
    // It is a log of its own by now.
    await assert.rejects(backup(dir, target), code('ERR_FLASHSTRIKE_WRONG_LOG'));
    assertHoldsEvents(target, 520);
  },
);

test('a backup that was opened and closed without an event is gone on with', async (t) => {
  const root = temporaryFolder(t);
  const [dir, target] = [join(root, 'log'), join(root, 'backup')];
  const wal = await Wal.open(dir, SMALL);
  await wal.durable(appendEvents(wal, 500));
  await wal.backup(target);
  await (await Wal.open(target, SMALL)).close();
  await wal.durable(appendEvents(wal, 500));
  const { lastEventId } = await wal.backup(target);
  assert.equal(lastEventId, 1000);
  await wal.close();
  await assertSoundBackup(target, 1000);
});

test('a backup of which a snapshot was made by hard links goes on, and the snapshot stays', async (t) => {
  const root = temporaryFolder(t);
  const [dir, target, snapshot] = [join(root, 'log'), join(root, 'backup'), join(root, 'monday')];
  await using wal = await Wal.open(dir, SMALL);
  await wal.durable(appendEvents(wal, 500));
  await wal.backup(target);
  mkdirSync(snapshot);
  for (const name of readdirSync(target)) linkSync(join(target, name), join(snapshot, name));
  await wal.durable(appendEvents(wal, 500));
  assert.equal((await wal.backup(target)).lastEventId, 1000);
  await assertSoundBackup(target, 1000);
  assert.equal((await assertSoundBackup(snapshot, 500)).last, 500);
});

test('a log that is closed while its backup is made: the backup comes to its end', async (t) => {
  const root = temporaryFolder(t);
  const [dir, target] = [join(root, 'log'), join(root, 'backup')];
  const wal = await Wal.open(dir, SMALL);
  await wal.durable(appendEvents(wal, 3000));
  const making = wal.backup(target);
  await wal.close();
  assert.equal((await making).lastEventId, 3000);
  await assert.rejects(wal.backup(target), code('ERR_FLASHSTRIKE_CLOSED'));
  assertHoldsEvents(target, 3000);
});

test('two backups into one folder: the second one is told, and goes on when the first has ended', async (t) => {
  const root = temporaryFolder(t);
  const [dir, target] = [join(root, 'log'), join(root, 'backup')];
  await using wal = await Wal.open(dir, SMALL);
  await wal.durable(appendEvents(wal, 5000));
  const both = await Promise.allSettled([wal.backup(target), wal.backup(target)]);
  for (const each of both) {
    if (each.status === 'rejected') code('ERR_FLASHSTRIKE_LOCKED')(each.reason);
  }
  assert.ok(both.some(({ status }) => status === 'fulfilled'));
  await wal.backup(target);
  await assertSoundBackup(target, 5000);
});

test('a stopped backup reports so, and the next one has less to do', async (t) => {
  const root = temporaryFolder(t);
  const [dir, target] = [join(root, 'log'), join(root, 'backup')];
  await using wal = await Wal.open(dir, SMALL);
  await wal.durable(appendEvents(wal, 20_000));
  const stopping = new AbortController();
  const seen: number[] = [];
  const report = await wal.backup(target, {
    signal: stopping.signal,
    onProgress: ({ copiedSegments }) => {
      seen.push(copiedSegments);
      stopping.abort();
    },
  });
  if (!report.complete) {
    assert.equal((await verify(target)).ok, false, 'it is refused as long as it is not whole');
    const staged = readdirSync(target).filter((name) => name.startsWith('backup-'));
    assert.equal(staged.length, report.copiedSegments);
  }
  const { copiedSegments, segments } = await wal.backup(target);
  assert.equal(copiedSegments + report.copiedSegments, segments);
  await assertSoundBackup(target, 20_000);
});

test('what onProgress throws comes out of the backup', async (t) => {
  const root = temporaryFolder(t);
  await using wal = await Wal.open(join(root, 'log'), SMALL);
  await wal.durable(appendEvents(wal, 20_000));
  // A backup that ends before anything is told says so: then another one is made.
  let calls = 0;
  for (let round = 0; calls === 0; round++) {
    const making = wal.backup(join(root, `${round}`), {
      onProgress: () => {
        calls++;
        throw new RangeError('of the application');
      },
    });
    const end = await making.catch((error: unknown) => error);
    if (calls > 0) assert.ok(end instanceof RangeError, JSON.stringify(end));
  }
  assert.equal(calls, 1);
});

test('arguments that cannot be meant', async (t) => {
  const dir = temporaryFolder(t);
  const target = join(dir, 'x');
  await using wal = await Wal.open(join(dir, 'log'), SMALL);
  const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  await assert.rejects(wal.backup(''), invalid);
  await assert.rejects(wal.backup(target, { prune: 1 as unknown as boolean }), invalid);
  await assert.rejects(wal.backup(target, { signal: {} as AbortSignal }), invalid);
  await assert.rejects(wal.backup(target, { onProgress: 1 as never }), invalid);
  await assert.rejects(wal.backup(target, null as never), invalid);
  const option = code('ERR_FLASHSTRIKE_INVALID_OPTION');
  await assert.rejects(wal.backup(target, { lock: 'no' as 'none' }), option);
  await assert.rejects(wal.backup(target, { Prune: true } as never), option);
  await assert.rejects(backup(join(dir, 'none'), target), code('ERR_FLASHSTRIKE_NOT_A_LOG'));
  assert.deepEqual(readdirSync(dir), ['log']);
});
