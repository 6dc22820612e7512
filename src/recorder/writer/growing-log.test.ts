// A log costs what it holds: how large its files are while it is open and once it is closed, and
// what a kill, a power cut or a full disk makes of the steps in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { eventIdsIn, idsTo, namesIn, SteppedLog } from '../../../test/support/stepped-log.js';
import { WalError } from '../../errors.js';
import { FILE_PORTS } from '../../judgement/reading-ports.js';
import { readSegmentHeader } from '../../reading/segment-file.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import { BLOCK_HEADER_BYTES } from '../../segment/block-header.js';
import { segmentFileName } from '../../segment/file-names.js';
import type { Storage } from '../../storage/storage.js';
import { KIB, MIB } from '../../units.js';
import { verifyThrough } from '../../verification/verify.js';

const DIRECTORY = '/data/log';
const FIRST = `${DIRECTORY}/${segmentFileName(1)}`;

const open = (storage: Storage, ringBytes = 64 * KIB): SteppedLog =>
  new SteppedLog({ storage }, DIRECTORY, { segmentBytes: 64 * MIB, ringBytes });

const bytesOf = (disk: SimulatedDisk, index = 1): number | undefined =>
  disk.statusAt(`${DIRECTORY}/${segmentFileName(index)}`)?.bytes;

const sizesOf = (disk: SimulatedDisk): number[] =>
  disk
    .list(DIRECTORY)
    .filter(({ name }) => name.endsWith('.wal'))
    .map(({ name }) => disk.statusAt(`${DIRECTORY}/${name}`)?.bytes ?? 0);

async function assertSound(disk: SimulatedDisk, last: number): Promise<void> {
  const { problems, notes, verdict } = await verifyThrough(
    { ...FILE_PORTS, storage: disk },
    DIRECTORY,
  );
  assert.deepEqual({ problems, notes, verdict }, { problems: [], notes: [], verdict: 'clean' });
  assert.deepEqual(eventIdsIn(disk, DIRECTORY), idsTo(last));
}

describe('a small log', () => {
  test('has a small segment and nothing prepared while it is open, and two pages once closed', async () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    assert.deepEqual(namesIn(disk, DIRECTORY), ['0000000001.wal', 'LOCK', 'wal.meta']);
    log.write(20);
    log.commit();
    log.settle();
    assert.deepEqual(namesIn(disk, DIRECTORY), ['0000000001.wal', 'LOCK', 'wal.meta']);
    assert.equal(bytesOf(disk), 256 * KIB);
    log.close();
    assert.equal(bytesOf(disk), 8 * KIB);
    await assertSound(disk, 20);
  });

  test('without events has one page', async () => {
    const disk = new SimulatedDisk();
    open(disk).close();
    assert.equal(bytesOf(disk), 4 * KIB);
    const again = open(disk);
    assert.deepEqual([again.recovery.verdict, again.recovery.notes], ['clean', []]);
    again.close();
    assert.equal(bytesOf(disk), 4 * KIB);
    await assertSound(disk, 0);
  });

  test('is opened and closed again and again: one file, as large as its events need', async () => {
    const disk = new SimulatedDisk();
    let last = 0;
    for (let round = 0; round < 300; round++) {
      const log = open(disk);
      assert.deepEqual([log.recovery.notes, log.recovery.lastEventId], [[], last]);
      last = log.append(8);
      log.close();
      assert.deepEqual(namesIn(disk, DIRECTORY), ['0000000001.wal', 'LOCK', 'wal.meta']);
    }
    // A block and a watermark a round.
    assert.equal(bytesOf(disk), 4096 * Math.ceil((4096 + 300 * (64 + 32 + 64)) / 4096));
    await assertSound(disk, last);
  });

  test('that an earlier version left with 64 MiB gives them back with the next close', async () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(3);
    log.close();
    const fd = disk.open(FIRST, 'write');
    disk.allocate(fd, 256 * KIB);
    disk.sync(fd);
    disk.close(fd);
    const again = open(disk);
    assert.equal(again.recovery.verdict, 'clean');
    again.close();
    assert.equal(bytesOf(disk), 8 * KIB);
    await assertSound(disk, 3);
  });
});

describe('a log that grows', () => {
  test('has larger and larger segments; their headers say how large', () => {
    const disk = new SimulatedDisk();
    const log = open(disk, 4 * MIB);
    for (let event = 0; event < 100; event++) {
      log.write(1, 100 * KIB);
      log.clock.advanceMs(60_000);
    }
    const sizes = sizesOf(disk);
    const unit = MIB + 36 * KIB;
    assert.deepEqual(sizes, [256 * KIB, unit, 2 * unit, 4 * unit, 8 * unit].slice(0, sizes.length));
    assert.ok(sizes.length >= 4);
    for (const [at, bytes] of sizes.entries()) {
      const path = `${DIRECTORY}/${segmentFileName(at + 1)}`;
      assert.equal(readSegmentHeader(disk, path, {})?.header.segmentBytes, bytes);
    }
    log.close();
  });

  test('writes an event that the small first segment cannot hold into the second', async () => {
    const disk = new SimulatedDisk();
    const log = open(disk, 4 * MIB);
    log.append(900 * KIB);
    log.commit();
    log.append(MIB - 1000);
    log.commit();
    log.close();
    assert.equal(sizesOf(disk).length, 3);
    await assertSound(disk, 2);
  });

  test('goes on in the same file when it is opened again, as far as that got room', async () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(20);
    log.close();
    const again = open(disk);
    assert.equal(bytesOf(disk), 256 * KIB);
    for (let event = 0; event < 50; event++) again.write(1, 10 * KIB);
    again.close();
    assert.equal(sizesOf(disk).length, 2);
    await assertSound(disk, 70);
  });
});

describe('a full disk', () => {
  for (const kind of ['allocate', 'write'] as const) {
    test(`at the ${kind} that gives room again: the open is refused, the file as it was`, async () => {
      const disk = new SimulatedDisk();
      const log = open(disk);
      log.write(5);
      log.close();
      const storage = new FaultyStorage(disk);
      storage.fail({
        code: 'ENOSPC',
        when: (call) => call.kind === kind && call.path === FIRST,
        torn: kind === 'write',
      });
      assert.throws(() => open(storage), { code: 'ERR_FLASHSTRIKE_NO_SPACE' });
      assert.equal(bytesOf(disk), 8 * KIB);
      assert.deepEqual([...storage.openFiles], []);
      const again = open(disk);
      assert.equal(again.append(), 6);
      again.close();
      await assertSound(disk, 6);
    });
  }
});

describe('what a close cannot cut', () => {
  test('is told, and nothing is lost: the next close cuts it', async () => {
    const disk = new SimulatedDisk();
    const storage = new FaultyStorage(disk);
    const log = open(storage);
    log.write(5);
    storage.fail({ code: 'EIO', when: ({ kind }) => kind === 'truncate', times: 1 });
    assert.throws(
      () => log.close(),
      (error: unknown) => {
        assert.ok(error instanceof WalError);
        assert.equal(error.code, 'ERR_FLASHSTRIKE_IO');
        assert.match(error.message, /every event is on disk, but the file could not be cut/);
        return true;
      },
    );
    assert.equal(bytesOf(disk), 256 * KIB);
    const again = open(disk);
    assert.deepEqual([again.recovery.verdict, again.recovery.lastEventId], ['clean', 5]);
    again.close();
    assert.equal(bytesOf(disk), 8 * KIB);
    await assertSound(disk, 5);
  });

  test('stays as long as it is: a file of two names', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(5);
    log.settle();
    log.clock.advanceMs(2);
    disk.link(FIRST, '/data/snapshot');
    log.close();
    assert.equal(bytesOf(disk), 256 * KIB);
  });

  test('stays as long as it is: what a block that found no space has left behind the end', () => {
    const disk = new SimulatedDisk();
    const log = open(disk);
    log.write(5);
    log.commit();
    log.settle();
    const { offset } = durablePointOf(log.memory);
    // Behind the watermark, which no sync has covered yet.
    disk.damage(FIRST, offset + BLOCK_HEADER_BYTES, Uint8Array.of(0x46, 0x42, 1));
    log.close();
    assert.equal(bytesOf(disk), 256 * KIB);
  });

  test('comes once wal.meta says that the log is closed', () => {
    const storage = new FaultyStorage(new SimulatedDisk());
    const log = open(storage);
    log.write(5);
    log.close();
    const story = storage.story('rename', 'truncate', 'syncDirectory', 'sync').slice(-4);
    assert.deepEqual(story, [
      'sync wal.meta.tmp',
      'rename wal.meta.tmp wal.meta',
      'syncDirectory log',
      'truncate 0000000001.wal',
    ]);
  });
});

/** A life that begins with a clean log of five events, and is to end with ten. */
function live(storage: Storage): void {
  const log = open(storage);
  for (let event = 0; event < 5; event++) log.append();
  log.close();
}

for (const end of ['kill', 'cutPower'] as const) {
  test(`no ${end} at any call of an opening, or of a close, makes an alarm`, async () => {
    const before = new SimulatedDisk();
    live(before);
    before.kill();
    const counted = new FaultyStorage(before.copy());
    live(counted);
    const calls = counted.calls.length;
    for (let call = 1; call <= calls; call++) {
      const disk = before.copy();
      const storage = new FaultyStorage(disk);
      storage.fail({ code: 'EIO', from: call });
      try {
        live(storage);
      } catch {
        // It ends here.
      }
      disk[end]();
      const again = open(disk);
      const { verdict, lastEventId, notes } = again.recovery;
      assert.ok(verdict === 'clean' || verdict === 'torn-tail', `${verdict} at call ${call}`);
      assert.doesNotMatch(notes.join(' '), /truncated/, `at call ${call}`);
      assert.ok(lastEventId >= 5, `${lastEventId} at call ${call}`);
      again.close();
      await assertSound(disk, lastEventId);
    }
  });
}
