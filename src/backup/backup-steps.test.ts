import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Random } from '../../src/cli/demo/random.js';
import { SimulatedDisk } from '../../test/simulation/simulated-disk.js';
import {
  BackedUpLog,
  heldBy,
  LONG,
  makeBackup,
  pathOf,
  portsOf,
  putFile,
  SHORT,
  SOURCE,
  TARGET,
} from '../../test/support/backup-bench.js';
import { FaultyStorage } from '../../test/support/faulty-storage.js';
import type { StorageCall } from '../../test/support/interposed-storage.js';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { code } from '../../test/support/log-content.js';
import { snapshotsOn, writeSnapshot } from '../../test/support/snapshot-bench.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import { nodeStorage } from '../storage/node-storage.js';
import { verifyThrough } from '../verification/verify.js';
import { type BackupRequest, backupSteps } from './backup-steps.js';

const WHOLE = { first: 1, last: LONG };

/** Of the log at `source`, which is a folder of this machine. */
function onDisk(source: string, target: string, options: Partial<BackupRequest> = {}) {
  const request = { source, target, prune: false, lock: 'flock', ...options } as const;
  const steps = backupSteps(FILE_PORTS, request);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

const namesIn = (disk: SimulatedDisk, dir = TARGET): string[] =>
  disk.list(dir).map(({ name }) => name);

/** All files of the folders, by their paths. */
function contents(disk: SimulatedDisk, dir: string): Record<string, string> {
  const entries = namesIn(disk, dir).map((name) => {
    const bytes = disk.contentOf(`${dir}/${name}`);
    return [name, Buffer.from(bytes).toString('latin1')] as const;
  });
  return Object.fromEntries(entries);
}

test('a second backup copies what is new, and a third one nothing', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, SHORT);
  const first = makeBackup(disk);
  assert.deepEqual(
    [first.firstEventId, first.lastEventId, first.segments, first.copiedSegments],
    [1, SHORT, 3, 3],
  );
  assert.deepEqual(await heldBy(disk), { first: 1, last: SHORT });
  log.write(disk, LONG);
  const second = makeBackup(disk);
  assert.deepEqual([second.segments, second.copiedSegments, second.reusedSegments], [5, 3, 2]);
  assert.ok(second.copiedBytes > 0 && second.copiedBytes < 3 * 64 * 1024);
  const before = contents(disk, TARGET);
  const third = makeBackup(disk);
  assert.deepEqual([third.copiedSegments, third.reusedSegments, third.copiedBytes], [0, 5, 0]);
  assert.deepEqual(contents(disk, TARGET), before);
  assert.deepEqual(await heldBy(disk), WHOLE);
  const { verdict, notes } = await verifyThrough(portsOf(disk), TARGET);
  assert.deepEqual([verdict, notes], ['clean', []]);
});

test('a segment that the log has compressed takes the place of the one that was there', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, SHORT);
  makeBackup(disk);
  log.write(disk, LONG);
  for (const index of [1, 3]) log.compress(disk, index);
  const { copiedSegments, reusedSegments } = makeBackup(disk);
  assert.deepEqual([copiedSegments, reusedSegments], [4, 1]);
  const segments = namesIn(disk).filter((name) => name.includes('.wal') && !name.endsWith('meta'));
  assert.deepEqual(segments, [
    '0000000001.wal.lz4',
    '0000000002.wal',
    '0000000003.wal.lz4',
    '0000000004.wal',
    '0000000005.wal',
  ]);
  assert.deepEqual(await heldBy(disk), WHOLE);
  assert.equal(makeBackup(disk).copiedSegments, 0);
});

test('retention and compression between any two steps: no gap, and no event that the log has is missing', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  for (const earlier of [false, true]) {
    const base = new SimulatedDisk();
    log.write(base, SHORT);
    if (earlier) makeBackup(base);
    log.write(base, LONG);
    let steps = 0;
    makeBackup(base.copy(), {}, (step) => {
      steps = step;
    });
    for (let at = 1; at <= steps; at++) {
      for (let last = 1; last <= 4; last++) {
        const disk = base.copy();
        const when = `${last} segments go before step ${at}, backup before: ${earlier}`;
        const meddle = (step: number): void => {
          // Compressed first, as it happens to a segment.
          if (step === at - 1)
            for (let index = 1; index <= last; index++) log.compress(disk, index);
          if (step === at) log.trim(disk, last, LONG);
        };
        if (isRefused(() => makeBackup(disk, {}, meddle))) {
          assert.ok(earlier && last >= 3, `${when}: the log has what follows the backup`);
          assert.deepEqual(await heldBy(disk), { first: 1, last: SHORT }, when);
          continue;
        }
        const held = await heldBy(disk);
        assert.equal(held?.last, LONG, when);
        const kept = [1, 21, 41, 61, 81][last] ?? 0;
        assert.ok(held.first <= kept, `${when}: begins with ${held.first}`);
        if (earlier) assert.equal(held.first, 1, when);
        if (!earlier && at === 1) assert.equal(held.first, kept, when);
      }
    }
  }
});

function isRefused(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    return code('ERR_FLASHSTRIKE_EXPIRED', /prune/)(error);
  }
}

test('events that go behind all snapshots meanwhile: refused, or a backup that can be opened', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  for (const earlier of [false, true]) {
    const base = new SimulatedDisk();
    log.write(base, SHORT);
    if (earlier) makeBackup(base);
    log.write(base, LONG);
    writeSnapshot(base, log.logId, 30, { keep: 1 });
    let steps = 0;
    makeBackup(base.copy(), { prune: true }, (step) => {
      steps = step;
    });
    let refused = 0;
    for (let at = 1; at <= steps; at++) {
      const disk = base.copy();
      const meddle = (step: number): void => {
        if (step !== at) return;
        writeSnapshot(disk, log.logId, 70, { keep: 1 });
        log.trim(disk, 3, LONG);
      };
      const when = `before step ${at}, backup before: ${earlier}`;
      try {
        const { firstEventId } = makeBackup(disk, { prune: true }, meddle);
        const { sound } = snapshotsOn(disk, log.logId, LONG, TARGET);
        const isOpened = firstEventId === 1 || sound.some((event) => event >= firstEventId);
        assert.ok(isOpened, `${when}: begins with ${firstEventId}, snapshots ${sound}`);
      } catch (error) {
        assert.ok(code('ERR_FLASHSTRIKE_EXPIRED', /make the backup again/i)(error), when);
        refused++;
        if (earlier) assert.deepEqual(await heldBy(disk), { first: 1, last: SHORT }, when);
        makeBackup(disk, { prune: true });
        assert.deepEqual(snapshotsOn(disk, log.logId, LONG, TARGET).sound, [70], when);
      }
    }
    assert.ok(refused > 0);
  }
});

test('a snapshot that cannot be read is left out', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const base = new SimulatedDisk();
  log.write(base, LONG);
  writeSnapshot(base, log.logId, 30);
  writeSnapshot(base, log.logId, 70);
  for (const at of [0, 4096]) {
    const disk = base.copy();
    const storage = new FaultyStorage(disk);
    const when = ({ kind, path, offset }: StorageCall): boolean =>
      kind === 'read' && path === `${SOURCE}/0000000000000030.snapshot` && offset === at;
    storage.fail({ code: 'EIO', when });
    assert.equal(makeBackup(storage).snapshots, 1);
    assert.deepEqual(snapshotsOn(disk, log.logId, LONG, TARGET).sound, [70]);
  }
});

test('a damaged segment that the backup has already makes no backup fail', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  writeSnapshot(disk, log.logId, 30);
  writeSnapshot(disk, log.logId, 70);
  makeBackup(disk);
  const storage = new FaultyStorage(disk);
  storage.fail({ code: 'EIO', when: ({ kind, path }) => kind === 'read' && path === pathOf(2) });
  const { complete, snapshots } = makeBackup(storage);
  assert.deepEqual([complete, snapshots], [true, 1]);
});

test('a log that goes on between any two steps: the backup is what was durable when it began', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  let steps = Number.POSITIVE_INFINITY;
  for (let at = 2; at <= steps; at++) {
    const disk = new SimulatedDisk();
    log.write(disk, SHORT);
    let count = 0;
    const report = makeBackup(disk, { durableEventId: SHORT }, (step) => {
      count = step;
      if (step !== at) return;
      log.write(disk, LONG);
      for (const index of [1, 2, 3]) if (at % 2 === 0) log.compress(disk, index);
    });
    steps = count;
    assert.equal(report.lastEventId, SHORT, `before step ${at}`);
    assert.deepEqual(await heldBy(disk), { first: 1, last: SHORT }, `before step ${at}`);
  }
});

/** Blocks of ten events in the last segment, of which the headers call some durable. */
function manyBlocks(dir: string): LogBuilder {
  const builder = new LogBuilder(dir, { payloadBytes: 100 });
  builder.segment().events(10).seal().segment();
  for (let block = 2; block <= 9; block++) {
    builder.events(10, { durableEventId: Math.max(0, 10 * (block - 3)) });
  }
  return builder.write();
}

test('the durable id bounds the backup, whoever tells it', async (t) => {
  const builder = manyBlocks(temporaryFolder(t));
  const lastOf = (options: Partial<BackupRequest>): number =>
    onDisk(builder.dir, join(temporaryFolder(t), 'target'), options).lastEventId;
  assert.equal(lastOf({ durableEventId: 70 }), 70);
  assert.equal(lastOf({ durableEventId: 79 }), 70);
  assert.equal(lastOf({ durableEventId: 90 }), 90);
  // The headers of its blocks know more than the one who asks.
  assert.equal(lastOf({ durableEventId: 12 }), 60);
  // Nobody has it open: what the next opening would keep.
  assert.equal(lastOf({}), 90);
  const ports = { ...FILE_PORTS, regionDurable: () => 75 };
  const target = join(temporaryFolder(t), 'target');
  const steps = backupSteps(ports, { source: builder.dir, target, prune: false, lock: 'flock' });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  assert.equal(step.value.lastEventId, 70);
  const { ok, verdict, lastEventId } = await verifyThrough(FILE_PORTS, target);
  assert.deepEqual([ok, verdict, lastEventId], [true, 'clean', 70]);
});

test('a log that is opened while its end is looked for is bounded as one that was open', (t) => {
  const builder = manyBlocks(temporaryFolder(t));
  let looks = 0;
  const ports = { ...FILE_PORTS, regionDurable: () => (looks++ === 0 ? undefined : 75) };
  const target = join(temporaryFolder(t), 'target');
  const steps = backupSteps(ports, { source: builder.dir, target, prune: false, lock: 'flock' });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  assert.equal(step.value.lastEventId, 70);
});

test('a log that lacks durable events: refused, and no folder is made', (t) => {
  const builder = manyBlocks(temporaryFolder(t)).meta({ durableEventId: 95 }).write();
  const target = join(temporaryFolder(t), 'target');
  assert.throws(() => onDisk(builder.dir, target), code('ERR_FLASHSTRIKE_CORRUPT', /91 to 95/));
  const known = { durableEventId: 95 };
  assert.throws(() => onDisk(builder.dir, target, known), code('ERR_FLASHSTRIKE_CORRUPT'));
  assert.equal(nodeStorage.statusAt(target), undefined);
});

test('a flipped bit anywhere in what is to be copied: refused by its place, and nothing is changed', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const random = new Random(7);
  const bytesOf = [0, 64 * 1024, 64 * 1024, 64 * 1024, 64 * 1024, 64 * 1024];
  for (const packed of [false, true]) {
    const base = new SimulatedDisk();
    log.write(base, SHORT);
    makeBackup(base);
    log.write(base, LONG);
    if (packed) for (const index of [3, 4]) log.compress(base, index);
    for (let round = 0; round < 60; round++) {
      const index = 3 + (round % 3);
      const isPacked = packed && index < 5;
      const path = isPacked ? `${pathOf(index)}.lz4` : pathOf(index);
      const bytes = base.contentOf(path);
      // Behind its blocks a segment holds nothing, and a seal may be anything.
      const end = isPacked ? bytes.length : [0, 0, 0, 6600, 6600, 5300][index];
      const offset = random.below(end ?? bytesOf[index] ?? 0);
      const disk = base.copy();
      disk.damage(path, offset, Uint8Array.of((bytes[offset] ?? 0) ^ (1 << (round % 8))));
      const before = contents(disk, TARGET);
      const when = `bit ${round % 8} of ${path} at ${offset}`;
      assert.throws(() => makeBackup(disk), code('ERR_FLASHSTRIKE_CORRUPT', /wal/), when);
      const after = contents(disk, TARGET);
      const named = Object.entries(after).filter(([name]) => !name.startsWith('backup-'));
      assert.deepEqual(Object.fromEntries(named), before, when);
      assert.deepEqual(await heldBy(disk), { first: 1, last: SHORT }, when);
      disk.damage(path, offset, Uint8Array.of(bytes[offset] ?? 0));
      makeBackup(disk);
      assert.deepEqual(await heldBy(disk), WHOLE, when);
    }
  }
});

test('a bit that flips between any two steps: refused, or the backup has it as it was', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const base = new SimulatedDisk();
  log.write(base, LONG);
  let steps = 0;
  makeBackup(base.copy(), {}, (step) => {
    steps = step;
  });
  let refused = 0;
  for (let at = 1; at <= steps; at++) {
    for (const index of [4, 5]) {
      const disk = base.copy();
      const flip = (step: number): void => {
        if (step !== at) return;
        const byte = base.contentOf(pathOf(index))[5000] ?? 0;
        disk.damage(pathOf(index), 5000, Uint8Array.of(byte ^ 4));
      };
      const when = `segment ${index}, before step ${at}`;
      try {
        makeBackup(disk, {}, flip);
      } catch (error) {
        code('ERR_FLASHSTRIKE_CORRUPT', /wal/)(error);
        assert.equal(await heldBy(disk).catch(noLog), undefined, when);
        refused++;
        continue;
      }
      assert.deepEqual(await heldBy(disk), WHOLE, when);
    }
  }
  assert.ok(refused > 2 && refused < 2 * steps, `${refused} of ${2 * steps}`);
});

test('a bit that flips between the reading of the end and its copying: refused', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  const storage = new FaultyStorage(disk);
  storage.onCall = ({ kind, path }) => {
    if (kind !== 'open' || !path.endsWith('copying-0000000005.wal')) return;
    disk.damage(pathOf(5), 5000, Uint8Array.of(0xff));
    storage.onCall = () => {};
  };
  const message = /0000000005.wal read differently at offset/;
  assert.throws(() => makeBackup(storage), code('ERR_FLASHSTRIKE_CORRUPT', message));
  assert.equal(await heldBy(disk), undefined);
});

/** Nothing was begun. */
function noLog(error: unknown): undefined {
  code('ERR_FLASHSTRIKE_NOT_A_LOG')(error);
}

test('a segment that is missing between others: refused, unless the backup has it', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, SHORT);
  makeBackup(disk);
  log.write(disk, LONG);
  const missing = disk.copy();
  missing.unlink(pathOf(4));
  assert.throws(() => makeBackup(missing), code('ERR_FLASHSTRIKE_CORRUPT', /0000000004.wal is/));
  assert.deepEqual(await heldBy(missing), { first: 1, last: SHORT });
  disk.unlink(pathOf(2));
  makeBackup(disk);
  assert.deepEqual(await heldBy(disk), WHOLE);
});

test('a segment that is missing at the beginning, and was not removed on purpose: refused', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  log.trim(disk, 1, LONG);
  const whole = disk.copy();
  disk.unlink(pathOf(2));
  const refusal = code('ERR_FLASHSTRIKE_CORRUPT', /0000000002.wal is missing.* 21 to 40 are lost/);
  assert.throws(() => makeBackup(disk), refusal);
  assert.throws(() => makeBackup(disk, { prune: true }), refusal);
  assert.equal(await heldBy(disk), undefined);
  // The backup has it.
  makeBackup(whole);
  whole.unlink(pathOf(2));
  makeBackup(whole);
  assert.deepEqual(await heldBy(whole), { first: 21, last: LONG });
  assert.throws(() => makeBackup(whole, { prune: true }), refusal);
  assert.deepEqual(await heldBy(whole), { first: 21, last: LONG });
});

test('a segment that the backup has lost, and the log has removed: refused, without prune', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  log.trim(disk, 1, LONG);
  makeBackup(disk);
  log.trim(disk, 2, LONG);
  disk.unlink(pathOf(2, TARGET));
  const before = contents(disk, TARGET);
  const refusal = code('ERR_FLASHSTRIKE_CORRUPT', /target.0000000002.wal is missing.* 21 to 40/);
  assert.throws(() => makeBackup(disk), refusal);
  assert.deepEqual(contents(disk, TARGET), before);
  makeBackup(disk, { prune: true });
  assert.deepEqual(await heldBy(disk), { first: 41, last: LONG });
});

test('what is damaged in the backup is copied again where its ends tell', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  makeBackup(disk);
  disk.damage(pathOf(2, TARGET), 100, Uint8Array.of(0xff));
  disk.damage(pathOf(5, TARGET), 5000, Uint8Array.of(0xff));
  disk.unlink(pathOf(3, TARGET));
  assert.equal(await heldBy(disk), undefined);
  assert.equal(makeBackup(disk).copiedSegments, 3);
  assert.deepEqual(await heldBy(disk), WHOLE);
});

test('what retention has removed stays in the backup, and goes where that is asked for', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, SHORT);
  makeBackup(disk);
  log.write(disk, LONG);
  log.trim(disk, 2, LONG);
  assert.deepEqual(makeBackup(disk).removedSegments, 0);
  assert.deepEqual(await heldBy(disk), WHOLE);
  const pruned = makeBackup(disk, { prune: true });
  assert.deepEqual([pruned.removedSegments, pruned.firstEventId, pruned.segments], [2, 41, 3]);
  assert.deepEqual(await heldBy(disk), { first: 41, last: LONG });
  const { notes } = await verifyThrough(portsOf(disk), TARGET);
  assert.deepEqual(notes, [], 'it was removed on purpose');
  assert.deepEqual(makeBackup(disk).copiedSegments, 0);
});

test('a log that has removed what follows the backup: refused by the first event that it has', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, SHORT);
  makeBackup(disk);
  log.write(disk, LONG);
  log.trim(disk, 3, LONG);
  assert.throws(
    () => makeBackup(disk),
    (error) => {
      code('ERR_FLASHSTRIKE_EXPIRED', /begins with event 61/)(error);
      assert.equal((error as { firstEventId: number }).firstEventId, 61);
      return true;
    },
  );
  assert.deepEqual(await heldBy(disk), { first: 1, last: SHORT });
  makeBackup(disk, { prune: true });
  assert.deepEqual(await heldBy(disk), { first: 61, last: LONG });
});

test('a backup or a log that was put back to an earlier state, or continued, is not mixed', async (t) => {
  const log = new BackedUpLog(temporaryFolder(t));
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  makeBackup(disk);
  const before = contents(disk, TARGET);
  // The log is an older state of itself.
  for (const index of [4, 5]) disk.unlink(pathOf(index));
  log.write(disk, SHORT);
  const refusal = code('ERR_FLASHSTRIKE_WRONG_LOG', /no backup of this log/);
  assert.throws(() => makeBackup(disk), refusal);
  assert.deepEqual(contents(disk, TARGET), before);
  // The same ids with other events.
  const other = new LogBuilder(temporaryFolder(t), { payloadBytes: 99, logId: log.logId });
  other.segment().events(10).events(10).seal().segment().events(5).events(15).seal();
  other.segment().events(20).seal().segment().events(30).seal().segment().events(5).seal();
  other.segment().events(1).meta();
  const diverged = new SimulatedDisk();
  log.write(diverged, SHORT);
  makeBackup(diverged);
  const kept = contents(diverged, TARGET);
  for (const [index, bytes] of other.files) putFile(diverged, pathOf(index), bytes);
  putFile(diverged, `${SOURCE}/wal.meta`, log.meta(SHORT));
  assert.throws(() => makeBackup(diverged, { durableEventId: 96 }), refusal);
  const named = Object.entries(contents(diverged, TARGET)).filter(
    ([name]) => !/^backup-/.test(name),
  );
  assert.deepEqual(Object.fromEntries(named), kept);
});

test('a target that is something else is refused, and left as it is', (t) => {
  const root = temporaryFolder(t);
  const source = join(root, 'source');
  mkdirSync(source);
  const builder = manyBlocks(source);
  const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /Choose a folder/);
  for (const target of [source, join(source, 'in', 'side')]) {
    assert.throws(() => onDisk(source, target), invalid, target);
  }
  const link = join(root, 'link');
  symlinkSync(source, link);
  assert.throws(() => onDisk(source, link), invalid);
  assert.throws(() => onDisk(source, join(link, 'x')), invalid);
  for (const name of ['notes.txt', 'prepared-1.tmp', 'billing.consumer', 'salvage.json']) {
    const target = join(root, name);
    mkdirSync(target);
    writeFileSync(join(target, name), '1');
    assert.throws(() => onDisk(source, target), invalid, name);
    assert.deepEqual(readdirSync(target), [name]);
  }
  writeFileSync(join(root, 'file'), '1');
  assert.throws(() => onDisk(source, join(root, 'file')), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
  const other = join(root, 'other');
  mkdirSync(other);
  new LogBuilder(other, { logId: 9n }).segment().events(3).meta().write();
  const [meta] = [readFileSync(join(other, 'wal.meta'))];
  assert.throws(() => onDisk(source, other), code('ERR_FLASHSTRIKE_WRONG_LOG', /another log/));
  assert.deepEqual(readFileSync(join(other, 'wal.meta')), meta);
  assert.throws(
    () => onDisk(join(root, 'none'), join(root, 't')),
    code('ERR_FLASHSTRIKE_NOT_A_LOG'),
  );
  const known = { logId: builder.logId + 1n };
  assert.throws(() => onDisk(source, join(root, 't'), known), code('ERR_FLASHSTRIKE_WRONG_LOG'));
  assert.equal(nodeStorage.statusAt(join(root, 't')), undefined);
});
