// A real file system that runs full. Unlike a tmpfs, ext4 leaves a partial file where an allocation
// fails, and has a journal of its own to find room for.
import assert from 'node:assert/strict';
import { closeSync, openSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { libc } from '../../src/memory/libc.js';
import { KIB, MIB } from '../../src/units.js';
import { assertNoRegion, cannotMap, mappedOptions } from '../support/adapters.js';
import { eventually, settles } from '../support/eventually.js';
import {
  appendEvents,
  assertHoldsEvents,
  assertSound,
  code,
  preparedFiles,
} from '../support/log-content.js';
import { cannotLoop, LoopDisk } from '../support/loop-disk.js';
import { refusalOf } from '../support/mount-point.js';

const SEGMENT_BYTES = 256 * KIB;

/** Takes all space but about `leftBytes`, as a file. */
function takeSpace(folder: string, leftBytes: number): string {
  const { bavail, bsize } = statfsSync(folder);
  const path = join(folder, 'ballast');
  const fd = openSync(path, 'wx');
  try {
    libc()?.allocate(fd, bavail * bsize - leftBytes);
  } finally {
    closeSync(fd);
  }
  return path;
}

/** Appends until the log refuses; returns the refusal. */
async function appendUntilRefused(wal: Wal): Promise<unknown> {
  for (;;) {
    try {
      appendEvents(wal, 100);
    } catch (error) {
      return error;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a full ext4: refused at once, no partial file stays, all goes on with space', {
  skip: cannotMap || cannotLoop('ext4'),
}, async (t) => {
  const disk = new LoopDisk(t, 'ext4', { bytes: 48 * MIB });
  const directory = join(disk.folder, 'log');
  const options = {
    ...mappedOptions(t),
    segmentBytes: SEGMENT_BYTES,
    ringBytes: SEGMENT_BYTES,
    stallTimeoutMs: 2 ** 31 - 1,
  };
  const wal = await Wal.open(directory, options);
  await wal.durable(appendEvents(wal, 100));
  // Room for four segments and a half: the last allocation fails half-way.
  const ballast = takeSpace(disk.folder, 4.5 * SEGMENT_BYTES);
  code('ERR_FLASHSTRIKE_NO_SPACE', /free some space/i)(await appendUntilRefused(wal));
  assert.equal(wal.state, 'no-space');
  assert.equal(wal.failure, undefined);
  const { durableEventId, lastEventId } = wal;
  assert.ok(durableEventId < lastEventId, 'something waits in the ring');
  // It would fill the disk. Each attempt to prepare a segment makes one for a moment, and the next
  // attempt comes half a second later.
  let looksWithout = 0;
  await eventually('no partial file stays', () => {
    looksWithout = preparedFiles(directory).length === 0 ? looksWithout + 1 : 0;
    return looksWithout === 3;
  });
  const durable = wal.durable();
  assert.equal(refusalOf('rm', ballast), undefined);
  assert.equal(await settles('durable', durable), lastEventId);
  await eventually('the log is open again', () => wal.state === 'open');
  const last = await wal.durable(appendEvents(wal, 5000));
  await wal.close();
  assertNoRegion(options);
  disk.cutPower();
  disk.restart();
  assertHoldsEvents(directory, last);
  await assertSound(directory);
});
