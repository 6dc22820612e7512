import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SimulatedDisk } from '../../test/simulation/simulated-disk.js';
import {
  BackedUpLog,
  heldBy,
  LONG,
  makeBackup,
  pathOf,
  portsOf,
  TARGET,
} from '../../test/support/backup-bench.js';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { code, contentOf } from '../../test/support/log-content.js';
import { WalError } from '../errors.js';
import { listConsumers, restore, verify, Wal } from '../index.js';
import { readMeta } from '../reading/log-directory.js';
import { nodeStorage } from '../storage/node-storage.js';
import { type RestoreOptions, restoreThrough } from './restore.js';

const EVENTS = 40;
const OUT = '/out';

/** Events of 3 kB, each third to fifth of seven a batch of three, over some segments. */
async function recorded(t: TestContext): Promise<string> {
  const dir = join(temporaryFolder(t), 'log');
  await using wal = await Wal.open(dir, {
    segmentBytes: 65_536,
    ringBytes: 65_536,
    sharedMemory: 'off',
    sync: { mode: 'every-block' },
  });
  const payloadOf = (id: number): Uint8Array => new Uint8Array(3000).fill(id);
  for (let id = 1; id <= EVENTS; ) {
    if (id % 7 === 3) {
      wal.appendBatch([payloadOf(id), payloadOf(id + 1), payloadOf(id + 2)], id);
      id += 3;
    } else wal.append(payloadOf(id), id++);
    if (id % 4 === 0) await wal.durable();
  }
  return dir;
}

/** First and last event of the batch that `id` is in, without its end. */
function batchOf(id: number): { readonly first: number; readonly last: number } | undefined {
  const first = [id, id - 1].find((each) => each % 7 === 3);
  return first === undefined ? undefined : { first, last: first + 2 };
}

test('a log is restored to each of its events, and goes on with the next', async (t) => {
  const source = await recorded(t);
  const all = contentOf(source);
  const root = temporaryFolder(t);
  for (let toId = 1; toId <= all.length; toId++) {
    const out = join(root, `to-${toId}`);
    const batch = batchOf(toId);
    if (batch !== undefined) {
      const { first, last } = batch;
      const told = new RegExp(
        `events ${first} to ${last}, .* End at event ${first - 1} or ${last}`,
      );
      await assert.rejects(
        restore(source, out, { toId }),
        code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', told),
      );
      assert.equal(existsSync(out), false, 'nothing is made');
      continue;
    }
    const report = await restore(source, out, { toId });
    assert.deepEqual(
      [report.complete, report.events, report.firstEventId, report.lastEventId],
      [true, toId, 1, toId],
    );
    assert.deepEqual(contentOf(out), all.slice(0, toId));
    const { verdict, problems, notes, durableEventId } = await verify(out);
    assert.deepEqual([verdict, problems, notes, durableEventId], ['clean', [], [], toId]);
    if (toId % 5 > 0) continue;
    await using wal = await Wal.open(out, { sharedMemory: 'off' });
    assert.deepEqual([wal.recovery.verdict, wal.recovery.notes], ['clean', []]);
    assert.equal(wal.append(new Uint8Array(1)), toId + 1);
    assert.equal(await wal.durable(), toId + 1);
  }
});

test('a log is restored to the time of each event, and to a moment before it', async (t) => {
  const source = await recorded(t);
  const all = contentOf(source);
  const root = temporaryFolder(t);
  let outs = 0;
  const lastOf = async (toTime: bigint | Date): Promise<number> => {
    const out = join(root, `${++outs}`);
    const { lastEventId } = await restore(source, out, { toTime });
    assert.deepEqual(contentOf(out), all.slice(0, lastEventId));
    return lastEventId;
  };
  for (const { eventId, timestampNs } of all) {
    const expected = all.findLast((event) => event.timestampNs <= timestampNs)?.eventId;
    assert.equal(await lastOf(timestampNs), expected, `event ${eventId}`);
    const before = all.findLast((event) => event.timestampNs < timestampNs)?.eventId;
    if (before !== undefined) assert.equal(await lastOf(timestampNs - 1n), before);
  }
  assert.equal(await lastOf(new Date(Date.now() + 1000)), all.length);
  const first = all[0]?.timestampNs ?? 0n;
  const none = code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /no event up to that time/);
  await assert.rejects(restore(source, join(root, 'none'), { toTime: first - 1n }), none);
  await assert.rejects(restore(source, join(root, 'none'), { toTime: new Date(0) }), none);
  assert.equal(existsSync(join(root, 'none')), false);
});

test('the restored log is another log: consumers and backups of the original are not its own', async (t) => {
  const root = temporaryFolder(t);
  const [source, out] = [join(root, 'log'), join(root, 'out')];
  const wal = await Wal.open(source, { sharedMemory: 'off' });
  for (let id = 1; id <= 10; id++) wal.append(Uint8Array.of(id));
  await wal.durable();
  const consumer = await wal.registerConsumer('billing');
  await consumer.acknowledge(9);
  const target = join(root, 'backup');
  await wal.backup(target);
  await wal.close();
  assert.deepEqual(
    readdirSync(target).filter((name) => name.endsWith('.consumer')),
    [],
  );
  await restore(target, out, { toId: 5 });
  assert.deepEqual(listConsumers(out), []);
  const logIdOf = (dir: string) => {
    const meta = readMeta(nodeStorage, dir);
    return meta.status === 'present' ? meta.meta.logId : undefined;
  };
  assert.equal(logIdOf(target), logIdOf(source));
  assert.notEqual(logIdOf(out), logIdOf(source));
  await using restored = await Wal.open(out, { sharedMemory: 'off' });
  const wrong = code('ERR_FLASHSTRIKE_WRONG_LOG');
  await assert.rejects(restored.backup(target), wrong);
});

test('what was removed on purpose at the beginning stays told as that', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  log.trim(disk, 2, LONG);
  log.compress(disk, 3);
  makeBackup(disk);
  const report = await restoreThrough(portsOf(disk), TARGET, OUT, { toId: 75 }, 'none');
  assert.deepEqual([report.firstEventId, report.lastEventId, report.events], [41, 75, 35]);
  assert.deepEqual(await heldBy(disk, OUT), { first: 41, last: 75 });
  const meta = readMeta(disk, OUT);
  assert.equal(meta.status === 'present' && meta.meta.firstKeptEventId, 41);
  const before = restoreThrough(portsOf(disk), TARGET, '/x', { toId: 40 }, 'none');
  await assert.rejects(before, code('ERR_FLASHSTRIKE_EXPIRED', /first one there is 41/));
});

test('damage up to the end is told, and the target then opens for nobody; behind it does no harm', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  makeBackup(disk);
  disk.damage(pathOf(3, TARGET), 6000, Uint8Array.of(0xff));
  const ports = portsOf(disk);
  const damaged = code('ERR_FLASHSTRIKE_CORRUPT', /0000000003/);
  await assert.rejects(restoreThrough(ports, TARGET, OUT, {}, 'none'), damaged);
  assert.equal(await heldBy(disk, OUT), undefined);
  const { lastEventId } = await restoreThrough(ports, TARGET, '/short', { toId: 50 }, 'none');
  assert.equal(lastEventId, 50);
  assert.deepEqual(await heldBy(disk, '/short'), { first: 1, last: 50 });
});

test('any call of a restore fails, or is the last: no log that opens with fewer events', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const base = new SimulatedDisk();
  log.write(base, LONG);
  makeBackup(base);
  const ends: RestoreOptions[] = [{}, { toId: 75 }, { toTime: 1_700_000_000_000_000_075n }];
  for (const end of ends) {
    const last = Object.keys(end).length === 0 ? LONG : 75;
    let cuts = 0;
    for (let call = 1; ; call++) {
      const disk = base.copy();
      const storage = new FaultyStorage(disk);
      // What has begun in the target: reading the source is others' matter.
      const when = ({ path, kind }: { path: string; kind: string }): boolean =>
        path.startsWith(OUT) && kind !== 'statusAt' && kind !== 'realPath';
      const fault = storage.fail({ code: 'EIO', when, from: call });
      const error = await restoreThrough(portsOf(storage), TARGET, OUT, end, 'none').then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (fault.hits === 0) {
        assert.equal(error, undefined);
        break;
      }
      cuts++;
      assert.deepEqual([...storage.openFiles.values()], [], 'nothing stays open');
      if (call % 2 === 0) disk.cutPower();
      if (disk.statusAt(`${OUT}/wal.meta`) === undefined) continue;
      const held = await heldBy(disk, OUT);
      if (held !== undefined) assert.deepEqual(held, { first: 1, last }, `call ${call}`);
      if (error !== undefined) assert.ok(error instanceof WalError, String(error));
    }
    assert.ok(cuts > 20, `${cuts} calls`);
  }
});

test('other work of the process has its turns from the first read on', async (t) => {
  const source = join(temporaryFolder(t), 'log');
  const wal = await Wal.open(source, { sharedMemory: 'off' });
  for (let id = 1; id <= 60; id++) wal.append(new Uint8Array(1_000_000));
  await wal.close();
  let bytes = 0;
  let most = 0;
  const storage = new (class extends FaultyStorage {
    override read(fd: number, target: Uint8Array, offset: number): number {
      const count = super.read(fd, target, offset);
      bytes += count;
      most = Math.max(most, bytes);
      return count;
    }
  })(nodeStorage);
  let isDone = false;
  const turn = (): void => {
    bytes = 0;
    if (!isDone) setImmediate(turn);
  };
  turn();
  const out = join(temporaryFolder(t), 'out');
  const { events } = await restoreThrough(portsOf(storage), source, out);
  isDone = true;
  assert.equal(events, 60);
  assert.ok(most > 0 && most < 40_000_000, `${most} bytes in one turn`);
});

test('arguments that cannot be meant, and a restore that is stopped', async (t) => {
  const source = new LogBuilder(temporaryFolder(t)).segment().events(20).meta().write().dir;
  const out = join(temporaryFolder(t), 'out');
  const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  const range = code('ERR_FLASHSTRIKE_OUT_OF_RANGE');
  await assert.rejects(restore(source, out, { toId: 21 }), range);
  await assert.rejects(restore(source, out, { toId: 0 }), range);
  await assert.rejects(restore(source, out, { toId: 1.5 }), invalid);
  await assert.rejects(restore(source, out, { toId: 5, toTime: 5n }), invalid);
  await assert.rejects(restore(source, out, { toTime: new Date(Number.NaN) }), invalid);
  await assert.rejects(restore(source, out, { toTime: 5 as unknown as bigint }), invalid);
  const strange = { toID: 5 } as RestoreOptions;
  await assert.rejects(
    restore(source, out, strange),
    code('ERR_FLASHSTRIKE_INVALID_OPTION', /toID/),
  );
  await assert.rejects(restore(`${source}x`, out), code('ERR_FLASHSTRIKE_NOT_A_LOG'));
  await assert.rejects(restore(source, source), invalid);
  await assert.rejects(restore(source, join(source, 'in')), invalid);
  assert.equal(existsSync(out), false, 'nothing is made');
  mkdirSync(out);
  writeFileSync(join(out, 'x'), '');
  await assert.rejects(restore(source, out), invalid);
  const stopped = await restore(source, join(out, 'y'), { signal: AbortSignal.abort() });
  assert.deepEqual([stopped.complete, stopped.events], [false, 0]);
  assert.equal((await verify(join(out, 'y'))).ok, false);
});

test('a log that has removed all its events is restored, and goes on with the next id', async (t) => {
  const kept = { firstKeptEventId: 21 };
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(20).seal().segment();
  const source = builder.meta(kept).write().remove(1).dir;
  assert.equal((await verify(source)).verdict, 'clean');
  const out = join(temporaryFolder(t), 'out');
  const { complete, events, firstEventId, lastEventId, segments } = await restore(source, out);
  assert.deepEqual([complete, events, firstEventId, lastEventId, segments], [true, 0, 21, 20, 1]);
  const { verdict, problems, notes, durableEventId } = await verify(out);
  assert.deepEqual([verdict, problems, notes, durableEventId], ['clean', [], [], 20]);
  await using wal = await Wal.open(out, { sharedMemory: 'off' });
  assert.equal(wal.append(Uint8Array.of(1)), 21);
});

test('a batch that the log begins with: no end before it is named', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t));
  builder
    .segment()
    .events(3, { continued: [1, 2] })
    .events(2);
  const source = builder.meta().write().dir;
  await assert.rejects(
    restore(source, join(temporaryFolder(t), 'out'), { toId: 2 }),
    code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /has all or none\. End at event 3\.$/),
  );
});
