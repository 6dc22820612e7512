// A durable state machine on a disk that fills up: what cannot be recorded is not applied, a
// snapshot that finds no room harms nothing, and all of it goes on once there is space.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Machine,
  openMachine,
  verify,
  type WalError,
  type WalOptions,
} from '../../src/index.js';
import { MIB } from '../../src/units.js';
import { cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { adding, addingMachine, type Sum, sumOf } from '../support/adding-machine.js';
import { eventually, settles, staysPending } from '../support/eventually.js';
import { assertSound, code } from '../support/log-content.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';

const DISK_BYTES = 2 * MIB;
const NEVER = { stallTimeoutMs: 2 ** 31 - 1 };
const noSpace = code('ERR_FLASHSTRIKE_NO_SPACE', /free some space|make space|no space/i);
const snapshots = { everyEvents: 0, keep: 2 };

const opened = (directory: string, wal: WalOptions): Promise<Machine<Sum, number>> =>
  openMachine(directory, addingMachine({ wal, snapshots }));

const snapshotsIn = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.includes('.snapshot'));

/** Applies until that is refused; where append waits for a bounded time, until the disk is full. */
async function applyUntilRefused(machine: Machine<Sum, number>): Promise<void> {
  await eventually('the machine refuses', () => {
    for (let count = 0; count < 100; count++) {
      const before = machine.eventId;
      try {
        machine.applyNow(adding(before + 1));
      } catch (error) {
        assert.equal(machine.eventId, before, 'what is refused is not applied');
        assert.equal(machine.wal.lastEventId, before, 'nor recorded');
        if ((error as WalError).code === 'ERR_FLASHSTRIKE_STALLED') return false;
        noSpace(error);
        return true;
      }
    }
    return false;
  });
}

/** The same until no segment finds room any more. */
async function applyUntilStuck(machine: Machine<Sum, number>): Promise<void> {
  await applyUntilRefused(machine);
  const { segmentPreparer } = machine.wal.telemetry;
  const { failures } = segmentPreparer.prepareSegment;
  await eventually('no segment finds room', () => {
    return segmentPreparer.prepareSegment.failures >= failures + 2;
  });
  await applyUntilRefused(machine);
}

onBothAdapters(
  'full while running: nothing is applied that is not recorded, and it goes on with space',
  async (t, v) => {
    const disk = new SmallDisk(t, DISK_BYTES);
    const directory = join(disk.folder, 'log');
    const options = { ...v.options, ...NEVER };
    const machine = await opened(directory, options);
    for (let round = 0; round < 2; round++) {
      await settles('the event', machine.submit(adding(machine.eventId + 1)));
      disk.fill();
      await applyUntilStuck(machine);
      const last = machine.eventId;
      assert.deepEqual(machine.state, sumOf(last));
      assert.equal(machine.failure, undefined);
      await assert.rejects(machine.submit(adding(1)), noSpace);
      await assert.rejects(machine.submit(adding(1)), noSpace);
      assert.deepEqual([machine.eventId, machine.state], [last, sumOf(last)]);
      // It waits for its event to be durable.
      const taking = machine.snapshot();
      assert.ok(await staysPending(taking, 100));
      disk.free();
      // It has found no room, or the space came in time.
      await settles('the snapshot', Promise.allSettled([taking]));
      await eventually('the log is open again', () => machine.wal.state === 'open');
      assert.equal(await machine.submit(adding(last + 1)), sumOf(last + 1).total);
      assert.equal((await machine.snapshot())?.eventId, last + 1);
      assert.equal(machine.upkeep.snapshotFailure, undefined);
    }
    const last = machine.eventId;
    await machine.close();
    const again = await opened(directory, options);
    assert.deepEqual(again.state, sumOf(last));
    await again.close();
    await assertSound(directory);
  },
  cannotMount,
);

onBothAdapters(
  'a snapshot that finds no room fails, older ones stay, and the machine goes on',
  async (t, v) => {
    const disk = new SmallDisk(t, DISK_BYTES);
    const directory = join(disk.folder, 'log');
    const options = { ...v.options, ...NEVER };
    const machine = await opened(directory, options);
    for (let id = 1; id <= 10; id++) await machine.submit(adding(id));
    await machine.snapshot();
    const [older] = snapshotsIn(directory);
    for (let id = 11; id <= 20; id++) await machine.submit(adding(id));
    disk.fill();
    await assert.rejects(settles('the snapshot', machine.snapshot()), noSpace);
    assert.deepEqual(snapshotsIn(directory), [older], 'nothing of it stays');
    assert.equal(machine.upkeep.snapshotFailures, 1);
    noSpace(machine.upkeep.snapshotFailure);
    assert.equal(machine.upkeep.snapshot?.eventId, 10);
    // The segment that is written to has room.
    assert.equal(await settles('an event', machine.submit(adding(21))), sumOf(21).total);
    disk.free();
    assert.equal((await settles('the next one', machine.snapshot()))?.eventId, 21);
    assert.equal(machine.upkeep.snapshotFailure, undefined);
    await machine.close();
    const report = await verify(directory);
    assert.deepEqual(
      [report.ok, report.snapshots.map(({ eventId, problem }) => [eventId, problem])],
      [
        true,
        [
          [10, undefined],
          [21, undefined],
        ],
      ],
    );
    const again = await opened(directory, options);
    assert.deepEqual([again.state, again.recovery.snapshot?.eventId], [sumOf(21), 21]);
    await again.close();
  },
  cannotMount,
);

test('closed on a full disk, it comes back to the state that it had, with all that it applied', {
  skip: cannotMount || cannotMap,
}, async (t) => {
  const disk = new SmallDisk(t, DISK_BYTES);
  const directory = join(disk.folder, 'log');
  const options = mappedOptions(t);
  const machine = await opened(directory, { ...options, stallTimeoutMs: 300 });
  await machine.submit(adding(1));
  disk.fill();
  await applyUntilStuck(machine);
  const last = machine.eventId;
  const closing = machine.close({ snapshot: true });
  await assert.rejects(settles('close', closing), code('ERR_FLASHSTRIKE_NO_SPACE'));
  disk.free();
  const again = await opened(directory, options);
  assert.ok(again.wal.recovery.eventsFromRing > 0);
  assert.deepEqual([again.eventId, again.state], [last, sumOf(last)]);
  assert.equal(await again.submit(adding(last + 1)), sumOf(last + 1).total);
  await again.close();
  await assertSound(directory);
});
