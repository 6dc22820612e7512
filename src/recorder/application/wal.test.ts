// What only the whole log with its threads can show, and what was once wrong.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { cannotMap, regionFolder } from '../../../test/support/adapters.js';
import { cannotMount, SmallDisk } from '../../../test/support/small-disk.js';
import { WalError } from '../../errors.js';
import { listRegions } from '../../region/region-file.js';
import { replay } from '../../replay/replay.js';
import { KIB, MIB } from '../../units.js';
import { Wal } from './wal.js';

test('a close that gives up for want of space keeps what waits: the next open has it all', {
  skip: cannotMap || cannotMount,
}, async (t) => {
  const disk = new SmallDisk(t, 8 * MIB);
  const directory = join(disk.folder, 'log');
  const regions = regionFolder(t);
  const options = {
    segmentBytes: 64 * KIB,
    ringBytes: 64 * KIB,
    sharedMemoryDirectory: regions,
    // So long the close waits for space.
    stallTimeoutMs: 2_000,
  };
  const wal = await Wal.open(directory, options);
  disk.fill();
  const isFull = (error: unknown): boolean =>
    error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_NO_SPACE';
  // A thread that is slow may keep the ring full for longer than that before the disk is.
  const isSlow = (error: unknown): boolean =>
    error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_STALLED';
  assert.throws(() => {
    for (;;) {
      try {
        wal.append(new Uint8Array(1_000).fill(wal.lastEventId + 1));
      } catch (error) {
        if (!isSlow(error)) throw error;
      }
    }
  }, isFull);
  const { lastEventId } = wal;
  await assert.rejects(wal.close(), isFull);
  assert.equal(listRegions(regions).length, 1);

  disk.free();
  const again = await Wal.open(directory, options);
  assert.ok(again.recovery.eventsFromRing > 0);
  assert.equal(again.lastEventId, lastEventId);
  await again.close();
  let expected = 1;
  for (const { eventId, payload } of replay(directory)) {
    assert.equal(eventId, expected);
    assert.deepEqual(Buffer.from(payload), Buffer.alloc(1_000, expected));
    expected++;
  }
  assert.equal(expected - 1, lastEventId);
  assert.deepEqual(listRegions(regions), []);
});
