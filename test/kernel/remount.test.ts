// A process is killed, and its file system comes back under another device number, as at each start
// of a container on overlay, btrfs, NFS, FUSE or a loop device. FAULTS row 58.
import assert from 'node:assert/strict';
import { cpSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.js';
import { MIB } from '../../src/units.js';
import { assertNoRegion, cannotMap, mappedOptions } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { assertSound, contentOf } from '../support/log-content.js';
import { cannotLoop, type DiskType, LoopDisk } from '../support/loop-disk.js';
import { WORKERS } from '../support/workers-script.js';

const KILLED = `${WORKERS}
const wal = await Wal.open(directory, options);
for (let id = 1; id <= 100; id++) wal.append(Buffer.from('event ' + id));
await wal.durable();
// Without its writer nothing leaves the ring; in one turn, so that nobody notices.
terminateAtOnce('writer');
for (let id = 101; id <= 150; id++) wal.append(Buffer.from('event ' + id));
process.kill(process.pid, 'SIGKILL');
`;

async function killedOn(t: TestContext, type: DiskType, make: readonly string[] = []) {
  const disk = new LoopDisk(t, type, { bytes: 400 * MIB, make });
  const directory = join(disk.folder, 'log');
  const options = mappedOptions(t);
  const { signal, stderr } = await Script.start(t, KILLED, directory, options, { bare: true })
    .ended;
  assert.deepEqual({ signal, stderr }, { signal: 'SIGKILL', stderr: '' });
  return { disk, directory, options };
}

for (const type of ['ext4', 'xfs'] as const) {
  test(`${type} under another device number: the ring is this log's, and taken`, {
    skip: cannotMap || cannotLoop(type),
  }, async (t) => {
    const { disk, directory, options } = await killedOn(t, type);
    const { dev } = statSync(directory);
    disk.remountElsewhere();
    assert.notEqual(statSync(directory).dev, dev);
    const copy = join(disk.folder, 'copy');
    cpSync(directory, copy, { recursive: true });
    {
      await using wal = await Wal.open(copy, options);
      assert.deepEqual(
        [wal.recovery.region, wal.lastEventId],
        ['foreign', 100],
        'no copy takes it',
      );
    }
    {
      await using wal = await Wal.open(directory, options);
      assert.deepEqual([wal.recovery.eventsFromRing, wal.lastEventId], [50, 150]);
    }
    assertNoRegion(options);
    assert.equal(contentOf(directory).length, 150);
    await assertSound(directory);
  });
}

test('a file system that tells no births, under another device number: refused, with the choices', {
  skip: cannotMap || cannotLoop('ext4'),
}, async (t) => {
  const { disk, directory, options } = await killedOn(t, 'ext4', ['-I', '128']);
  disk.remountElsewhere();
  await assert.rejects(Wal.open(directory, options), { code: 'ERR_FLASHSTRIKE_REGION_UNCERTAIN' });
  await using wal = await Wal.open(directory, { ...options, oldRing: 'take' });
  assert.deepEqual([wal.recovery.eventsFromRing, wal.lastEventId], [50, 150]);
});
