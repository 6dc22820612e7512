// A copy-on-write file system that runs full: what overwrites an allocated segment needs space as
// well. FAULTS row 61.
import assert from 'node:assert/strict';
import { closeSync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeOf } from '../../src/errors.js';
import { Wal } from '../../src/index.js';
import { KIB, MIB } from '../../src/units.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { eventually, settles } from '../support/eventually.js';
import { appendEvents, assertHoldsEvents, assertSound, code } from '../support/log-content.js';
import { cannotLoop, LoopDisk } from '../support/loop-disk.js';
import { refusalOf } from '../support/mount-point.js';

/** Takes all space, as a file that is written until nothing more fits. */
function takeSpace(folder: string): string {
  const path = join(folder, 'ballast');
  const fd = openSync(path, 'wx');
  const bytes = Buffer.alloc(MIB, 1);
  for (let size = bytes.length; size >= 4 * KIB; ) {
    try {
      writeSync(fd, bytes, 0, size);
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw error;
      size /= 2;
    }
  }
  fsyncSync(fd);
  closeSync(fd);
  return path;
}

for (const type of ['btrfs', 'ext4'] as const) {
  test(`a full ${type}, segments prepared: nothing is lost, and all goes on with space`, {
    skip: cannotMap || cannotLoop(type),
  }, async (t) => {
    const disk = new LoopDisk(t, type, { bytes: 160 * MIB });
    const directory = join(disk.folder, 'log');
    const options = {
      ...mappedOptions(t),
      segmentBytes: MIB,
      ringBytes: 256 * KIB,
      stallTimeoutMs: 2 ** 31 - 1,
    };
    const wal = await Wal.open(directory, options);
    await wal.durable(appendEvents(wal, 100));
    const ballast = takeSpace(disk.folder);
    assert.ok(statSync(ballast).size > 0);
    let refusal: unknown;
    while (refusal === undefined) {
      try {
        appendEvents(wal, 100);
      } catch (error) {
        refusal = error;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    code('ERR_FLASHSTRIKE_NO_SPACE', /free some space/i)(refusal);
    assert.equal(wal.state, 'no-space');
    assert.equal(wal.failure, undefined);
    const { lastEventId } = wal;
    const durable = wal.durable();
    assert.equal(refusalOf('rm', ballast), undefined);
    assert.equal(refusalOf('sync', '-f', disk.folder), undefined);
    assert.equal(await settles('durable', durable), lastEventId);
    await eventually('the log is open again', () => wal.state === 'open');
    const last = await wal.durable(appendEvents(wal, 5000));
    await wal.close();
    assertHoldsEvents(directory, last);
    await assertSound(directory);
  });
}
