// The folder is synced before the first block of a new segment: what is durable in it must not hang
// on a name that a power cut takes away. Nobody else's sync helps here: preparer and housekeeping
// are held up.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { preparedFileName } from '../../src/segment/file-names.js';
import { MIB } from '../../src/units.js';
import { TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { durableInMeta, preparedFiles, segmentFiles } from '../support/log-content.js';
import { cannotLoop, LoopDisk } from '../support/loop-disk.js';
import { cannotTrace, onlyFiles, Strace } from '../support/strace.js';

const RECORDER = `
const wal = await Wal.open(directory, options);
wal.append(Buffer.from('event 1'));
await wal.durable();
tell('ready');
await told();
// More than the first segment has room for, less than two.
for (let id = 2; id <= 40; id++) wal.append(Buffer.alloc(1000, id));
tell('durable ' + await wal.durable());
await told();
`;
/**
 * Strace lets nobody go before it is over. A machine that is slower proves less, and fails nothing.
 */
const HOLD_UP_US = 5_000_000;

test('what is durable in a segment just begun is found by its name after a power cut', {
  skip: cannotTrace || cannotLoop('ext4'),
}, async (t) => {
  const disk = new LoopDisk(t, 'ext4', { bytes: 64 * MIB });
  const directory = join(disk.folder, 'log');
  const options = {
    ...TINY,
    sharedMemory: 'off',
    preparedSegments: 1,
    sync: { mode: 'manual' },
  } as const;
  const script = Script.start(t, RECORDER, directory, options);
  await script.tells('ready');
  await eventually('wal.meta tells it', () => durableInMeta(directory) === 1);
  await eventually('a spare is there', () => preparedFiles(directory).length === 1);
  const later = Array.from({ length: 20 }, (_, index) => preparedFileName(index + 1))
    .filter((name) => !preparedFiles(directory).includes(name))
    .concat('wal.meta.tmp');
  // Housekeeping looks for a left-over, then opens its file and is held up: strace tells of a call
  // that lasts once it is over, of the look at once.
  const hold = ['-e', 'trace=openat,%%stat', '-e', `inject=openat:delay_enter=${HOLD_UP_US}`];
  const strace = await Strace.attach(t, script.child.pid ?? 0, {
    args: [...onlyFiles(directory, later), ...hold],
  });
  script.tell();
  const durable = Number(await script.tells('durable'));
  const isAtMeta = (call: string): boolean => call.includes('wal.meta.tmp');
  await eventually('housekeeping is held up', () => strace.calls.some(isAtMeta));
  assert.equal(segmentFiles(directory).length, 2, 'a segment has begun');
  disk.cutPower();
  await script.kill();
  await strace.detach();
  disk.restart();
  await using wal = await Wal.open(directory, options);
  assert.ok(wal.lastEventId >= durable, `${durable} were durable, ${wal.lastEventId} are there`);
});
