// The writing of a snapshot ends at every single call that changes something, by a kill or with the
// power; or that call fails. What was there before is there and sound, or the new one is; and the
// next one comes to its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/cli/demo/random.js';
import { WalError } from '../../src/errors.js';
import type { SnapshotRequest } from '../../src/machine/snapshot-writer.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import { BackedUpLog, LONG, putFile, SOURCE } from '../support/backup-bench.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import type { CallKind, StorageCall } from '../support/interposed-storage.js';
import { temporaryFolder } from '../support/log-builder.js';
import { flipBit, snapshotsOn, writeSnapshot } from '../support/snapshot-bench.js';

const CHANGING: ReadonlySet<CallKind> = new Set([
  'open',
  'write',
  'sync',
  'syncDirectory',
  'rename',
  'unlink',
]);
const changes = ({ kind }: StorageCall): boolean => CHANGING.has(kind);
const OLDER = 30;
const NEWER = 70;

interface Bench {
  readonly logId: bigint;
  readonly disk: SimulatedDisk;
}

/** A log with one snapshot. */
function benchOf(dir: string): Bench {
  const log = new BackedUpLog(dir);
  const disk = new SimulatedDisk();
  log.write(disk, LONG);
  writeSnapshot(disk, log.logId, OLDER);
  return { logId: log.logId, disk };
}

function assertUsable({ logId }: Bench, disk: SimulatedDisk, keep: number, when: string): void {
  const { sound, unfit } = snapshotsOn(disk, logId);
  assert.deepEqual(unfit, [], when);
  const newest = sound.at(-1);
  assert.ok(newest === OLDER || newest === NEWER, `${when}: ${sound} are sound`);
  if (newest === NEWER && keep > 1) assert.deepEqual(sound, [OLDER, NEWER], when);
  const { kept } = writeSnapshot(disk, logId, NEWER, { keep });
  assert.deepEqual(kept, keep === 1 ? [NEWER] : [OLDER, NEWER], when);
  assert.deepEqual(snapshotsOn(disk, logId).sound, kept, when);
  const names = disk.list(SOURCE).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => name.endsWith('.tmp')),
    [],
    when,
  );
}

for (const keep of [1, 2]) {
  test(`a snapshot that ends at any call leaves one that can be used: ${keep} kept`, (t) => {
    const bench = benchOf(temporaryFolder(t));
    const counting = new FaultyStorage(bench.disk.copy());
    writeSnapshot(counting, bench.logId, NEWER, { keep });
    const calls = counting.calls.filter(changes).length;
    assert.ok(calls >= 7, `${calls} calls`);
    for (let call = 1; call <= calls; call++) {
      const after = bench.disk.copy();
      const storage = new FaultyStorage(after);
      // From there on nothing is done any more, as by a process that is gone.
      storage.fail({ code: 'EIO', when: changes, from: call });
      try {
        writeSnapshot(storage, bench.logId, NEWER, { keep });
      } catch (error) {
        assert.ok(error instanceof WalError, String(error));
      }
      assert.deepEqual([...storage.openFiles.values()], [], 'nothing stays open');
      const killed = after.copy();
      assertUsable(bench, killed, keep, `killed at call ${call}`);
      const cut = after.copy();
      cut.cutPower();
      assertUsable(bench, cut, keep, `power cut at call ${call}`);
      for (let seed = 1; seed <= 2; seed++) {
        const crashed = after.copy();
        crashed.crash(new Random(seed * 1000 + call));
        assertUsable(bench, crashed, keep, `crash ${seed} at call ${call}`);
      }
    }
  });
}

test('a call that fails once is told, and the snapshot before it stays', (t) => {
  const bench = benchOf(temporaryFolder(t));
  for (const kind of ['open', 'write', 'sync', 'rename', 'syncDirectory'] as const) {
    for (const code of ['ENOSPC', 'EIO', 'EDQUOT']) {
      const after = bench.disk.copy();
      const storage = new FaultyStorage(after);
      storage.fail({ code, when: (call) => call.kind === kind && changes(call), times: 1 });
      const isFull = code !== 'EIO';
      assert.throws(() => writeSnapshot(storage, bench.logId, NEWER), {
        code: `ERR_FLASHSTRIKE_${isFull ? 'NO_SPACE' : 'IO'}`,
      });
      assertUsable(bench, after, 2, `${kind} ${code}`);
    }
  }
});

test('what cannot be read back as it was written is no snapshot, and removes none', (t) => {
  const bench = benchOf(temporaryFolder(t));
  const { disk } = bench;
  const storage = new FaultyStorage(disk);
  storage.onCall = ({ kind, path }) => {
    // The disk has turned a bit around by the time that it is read again.
    if (kind === 'sync' && path.endsWith('.snapshot.tmp')) isSynced = true;
    if (isSynced && kind === 'open') {
      isSynced = false;
      flipBit(disk, path.slice(SOURCE.length + 1), 5000);
    }
  };
  let isSynced = false;
  assert.throws(() => writeSnapshot(storage, bench.logId, NEWER, { keep: 1 }), {
    code: 'ERR_FLASHSTRIKE_CORRUPT',
  });
  assert.deepEqual(snapshotsOn(disk, bench.logId).sound, [OLDER]);
});

test('what this machine cannot use does not count, and no older one goes for it', (t) => {
  const { disk, logId } = benchOf(temporaryFolder(t));
  const after = (request: Partial<SnapshotRequest>): readonly number[][] => {
    const copy = disk.copy();
    const { kept } = writeSnapshot(copy, logId, NEWER, request);
    return [[...kept], [...snapshotsOn(copy, logId).sound]];
  };
  writeSnapshot(disk, logId, 50, { stateVersion: 2 });
  // Of another version, or its content could not be read when the machine was opened.
  const all = [OLDER, 50, NEWER];
  assert.deepEqual(after({}), [[OLDER, NEWER], all]);
  assert.deepEqual(after({ versions: [1, 2], passedOver: [50] }), [[OLDER, NEWER], all]);
  assert.deepEqual(after({ versions: [1, 2], passedOver: [OLDER] }), [
    [50, NEWER],
    [50, NEWER],
  ]);
  assert.deepEqual(after({ versions: [1, 2] }), [
    [50, NEWER],
    [50, NEWER],
  ]);
  assert.deepEqual(after({ versions: [1, 2], keep: 3, passedOver: [50] }), [[OLDER, NEWER], all]);
  assert.deepEqual(after({ passedOver: [50], unfit: [50] }), [
    [OLDER, NEWER],
    [OLDER, NEWER],
  ]);
  assert.deepEqual(after({ stateVersion: 3, versions: [3] }), [[NEWER], all]);
});

test('what snapshots that failed have left goes when the next one begins', (t) => {
  const { disk, logId } = benchOf(temporaryFolder(t));
  putFile(disk, `${SOURCE}/0000000000000050.snapshot.tmp`, new Uint8Array(10));
  writeSnapshot(disk, logId, NEWER);
  const names = disk.list(SOURCE).map(({ name }) => name);
  assert.ok(!names.some((name) => name.endsWith('.tmp')), `${names}`);
});

test('each flipped bit of a snapshot makes it one that is not used', (t) => {
  const { disk, logId } = benchOf(temporaryFolder(t));
  const name = '0000000000000030.snapshot';
  const fileBytes = disk.statusAt(`${SOURCE}/${name}`)?.bytes ?? 0;
  assert.ok(fileBytes > 50_000);
  for (let offset = 0; offset < fileBytes; offset += offset < 4096 ? 37 : 997) {
    const damaged = disk.copy();
    flipBit(damaged, name, offset);
    const { sound, unfit } = snapshotsOn(damaged, logId);
    assert.deepEqual([sound, unfit.map(({ reason }) => reason)], [[], ['damaged']], `${offset}`);
  }
});

test('a snapshot of another log, ahead of the log or of another history is not used', (t) => {
  const dir = temporaryFolder(t);
  const { disk, logId } = benchOf(dir);
  const reasonsFor = (id: bigint, last: number): string[] =>
    snapshotsOn(disk, id, last).unfit.map(({ reason }) => reason);
  assert.deepEqual(reasonsFor(logId ^ 1n, LONG), ['other-log']);
  assert.deepEqual(reasonsFor(logId, OLDER - 1), ['ahead']);
  assert.deepEqual(reasonsFor(logId, OLDER), []);
  // The same ids in a log whose blocks were cut otherwise.
  const other = new SimulatedDisk();
  const log = new BackedUpLog(dir);
  log.write(other, LONG);
  const snapshot = disk.open(`${SOURCE}/0000000000000030.snapshot`, 'read');
  const bytes = new Uint8Array(disk.statusOf(snapshot).bytes);
  disk.read(snapshot, bytes, 0);
  disk.close(snapshot);
  const moved = other.open(`${SOURCE}/0000000000000070.snapshot`, 'create');
  other.write(moved, [bytes], 0);
  other.close(moved);
  const [found] = snapshotsOn(other, logId).unfit;
  assert.deepEqual([found?.eventId, found?.reason], [70, 'damaged'], 'under another name');
});
