// A backup ends at every single call that changes something, by a kill or with the power; or that
// call fails. Whatever is left opens as the backup that was there before or as a longer prefix of
// the log, or is refused; and the next run comes to its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackupRequest } from '../../src/backup/backup-steps.js';
import { Random } from '../../src/cli/demo/random.js';
import { WalError } from '../../src/errors.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import {
  BackedUpLog,
  heldBy,
  LONG,
  makeBackup,
  SHORT,
  SOURCE,
  stepsOf,
  TARGET,
} from '../support/backup-bench.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import type { CallKind, StorageCall } from '../support/interposed-storage.js';
import { temporaryFolder } from '../support/log-builder.js';
import { snapshotsOn, writeSnapshot } from '../support/snapshot-bench.js';

const CHANGING: ReadonlySet<CallKind> = new Set([
  'open',
  'write',
  'truncate',
  'sync',
  'syncDirectory',
  'rename',
  'unlink',
  'makeDirectory',
]);
const changes = ({ kind }: StorageCall): boolean => CHANGING.has(kind);
const CALLS_MAX = 2000;

interface Case {
  readonly what: string;
  readonly logId: bigint;
  /** The disk as the backup finds it. */
  readonly disk: SimulatedDisk;
  readonly options: Partial<BackupRequest>;
  /** What the earlier backup has. */
  readonly before: { readonly first: number; readonly last: number } | undefined;
  /** What the new one has. */
  readonly after: { readonly first: number; readonly last: number };
}

function casesOf(dir: string): Case[] {
  const log = new BackedUpLog(dir);
  const fresh = new SimulatedDisk();
  log.write(fresh, LONG);
  const again = new SimulatedDisk();
  log.write(again, SHORT);
  writeSnapshot(again, log.logId, 30);
  makeBackup(again);
  log.write(again, LONG);
  writeSnapshot(again, log.logId, 70, { keep: 1 });
  // The old one does not come back behind a power cut.
  again.syncDirectory(SOURCE);
  const packed = again.copy();
  for (const index of [1, 2, 3]) log.compress(packed, index);
  const pruned = again.copy();
  log.trim(pruned, 1, LONG);
  const gap = again.copy();
  log.trim(gap, 3, LONG);
  const whole = { first: 1, last: LONG };
  const short = { first: 1, last: SHORT };
  const prune = { prune: true };
  const { logId } = log;
  return [
    { what: 'a first one', logId, disk: fresh, options: {}, before: undefined, after: whole },
    { what: 'a second one', logId, disk: again, options: {}, before: short, after: whole },
    {
      what: 'of compressed segments',
      logId,
      disk: packed,
      options: {},
      before: short,
      after: whole,
    },
    {
      what: 'that prunes',
      logId,
      disk: pruned,
      options: prune,
      before: short,
      after: { first: 21, last: LONG },
    },
    {
      what: 'that prunes all that there was',
      logId,
      disk: gap,
      options: prune,
      before: short,
      after: { first: 61, last: LONG },
    },
  ];
}

/** The calls that change something in a whole run. */
function callsOf({ disk, options }: Case): number {
  const storage = new FaultyStorage(disk.copy());
  makeBackup(storage, options);
  return storage.calls.filter(changes).length;
}

/** A run that ends at its `call`-th change, which is not made; undefined where none is left. */
function cutShort({ disk, options }: Case, call: number): SimulatedDisk {
  const after = disk.copy();
  const storage = new FaultyStorage(after);
  storage.fail({ code: 'EIO', when: changes, from: call });
  assert.throws(() => makeBackup(storage, options), WalError);
  assert.deepEqual([...storage.openFiles.values()], [], 'nothing stays open');
  return after;
}

/** What is there after a run that did not come to its end, and that the next one does. */
async function assertGoesOn(c: Case, disk: SimulatedDisk, when: string): Promise<boolean> {
  const { before, after, options } = c;
  const held = isBegun(disk) ? await heldBy(disk) : undefined;
  if (held !== undefined) {
    assert.ok(before !== undefined || held.last === after.last, `${when}: no log of its own`);
    assert.ok(held.last >= (before?.last ?? 0) && held.last <= after.last, when);
    assert.ok(held.first >= (before?.first ?? 1) && held.first <= after.first, when);
  } else if (before !== undefined) {
    assert.ok(c.what === 'that prunes all that there was', `${when}: what was there is unharmed`);
  }
  const report = makeBackup(disk, options);
  assert.deepEqual(
    [report.complete, report.firstEventId, report.lastEventId],
    [true, after.first, after.last],
    when,
  );
  assert.deepEqual(await heldBy(disk), after, when);
  const snapshots = c.what === 'a first one' ? [] : [70];
  const states = snapshotsOn(disk, c.logId, LONG, TARGET);
  assert.deepEqual([states.sound, states.unfit], [snapshots, []], when);
  const strange = disk
    .list(TARGET)
    .filter(({ name }) => /^(backup|copying)-|snapshot\.tmp$/.test(name));
  assert.deepEqual(strange, [], when);
  return held === undefined;
}

/** Whether anything of the backup is there; LOCK and the name of wal.meta to be are nothing yet. */
const isBegun = (disk: SimulatedDisk): boolean =>
  disk.statusAt(TARGET) !== undefined &&
  disk.list(TARGET).some(({ name }) => name !== 'LOCK' && name !== 'wal.meta.tmp');

function isRefused(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    return true;
  }
}

const ENDINGS: readonly (readonly [string, (disk: SimulatedDisk, call: number) => void])[] = [
  ['a kill', (disk) => disk.kill()],
  ['a power cut', (disk) => disk.cutPower()],
  ['a crash', (disk, call) => disk.crash(new Random(call))],
];

for (const [what, end] of ENDINGS) {
  test(`${what} in any call of a backup: what was there before, or a longer prefix`, async (t) => {
    for (const c of casesOf(temporaryFolder(t))) {
      const calls = callsOf(c);
      assert.ok(calls > 20 && calls < CALLS_MAX, `${calls} calls`);
      let refused = 0;
      for (let call = 1; call <= calls; call++) {
        const disk = cutShort(c, call);
        end(disk, call);
        const when = `${c.what}, call ${call}`;
        if (await assertGoesOn(c, disk, when)) refused++;
      }
      t.diagnostic(JSON.stringify({ backup: c.what, calls, refused }));
    }
  });
}

test('any call of a backup fails once: told, and what was there is unharmed', async (t) => {
  for (const c of casesOf(temporaryFolder(t))) {
    const calls = callsOf(c);
    for (let call = 1; call <= calls; call++) {
      const disk = c.disk.copy();
      const storage = new FaultyStorage(disk);
      const code = call % 2 === 0 ? 'ENOSPC' : 'EIO';
      storage.fail({ code, when: changes, from: call, times: 1, torn: true });
      const when = `${c.what}, call ${call}: ${code}`;
      // A look at the source that fails may be one of several that tell the same.
      if (isRefused(() => makeBackup(storage, c.options))) await assertGoesOn(c, disk, when);
      else assert.deepEqual(await heldBy(disk), c.after, when);
      assert.deepEqual([...storage.openFiles.values()], [], 'nothing stays open');
    }
  }
});

test('a backup that is stopped between any two steps goes on from there', async (t) => {
  for (const c of casesOf(temporaryFolder(t))) {
    let steps = 0;
    makeBackup(c.disk.copy(), c.options, (step) => {
      steps = step;
    });
    for (let last = 1; last < steps; last++) {
      const disk = c.disk.copy();
      const storage = new FaultyStorage(disk);
      const running = stepsOf(storage, c.options);
      for (let step = 1; step <= last; step++) assert.equal(running.next().done, false);
      running.return({ ...makeBackup(c.disk.copy(), c.options) });
      assert.deepEqual([...storage.openFiles.values()], [], 'nothing stays open');
      await assertGoesOn(c, disk, `${c.what}, step ${last}`);
    }
  }
});
