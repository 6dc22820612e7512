// A disk that goes away while the log is open: the log says so, the process lives, and all is there
// once the disk is back, what waited in the ring included.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertNoRegion, cannotMap, mappedOptions, type Variant } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { durableInMeta } from '../support/log-content.js';
import { cannotLoop, type DiskType, LoopDisk } from '../support/loop-disk.js';
import { assertFailedForGood, assertRecovers, Victim } from '../support/victim.js';

const TYPES: readonly DiskType[] = ['ext4', 'xfs'];
const DISK_BYTES = 512 * 1024 * 1024;

interface Scene {
  readonly disk: LoopDisk;
  readonly directory: string;
  readonly options: Variant['options'];
}

function sceneOn(t: TestContext, type: DiskType): Scene {
  const disk = new LoopDisk(t, type, { bytes: DISK_BYTES });
  return { disk, directory: join(disk.folder, 'log'), options: mappedOptions(t) };
}

const IDLE = `
const wal = await Wal.open(directory, options);
for (let id = 1; id <= 10; id++) wal.append(Buffer.from('event ' + id));
await wal.durable();
tell('ready');
await told();
`;
const IDLE_ENDINGS = {
  'a close': "await wal.close().catch((error) => tell(error.code + ' ' + error.message));",
  'process.exit': 'process.exit(0);',
  'the end of the script': '',
};

for (const type of TYPES) {
  const skip = cannotMap || cannotLoop(type);

  test(`${type} that stops under an open log: failed for good, all is there with the disk`, {
    skip,
  }, async (t) => {
    const { disk, directory, options } = sceneOn(t, type);
    const victim = await Victim.start(t, directory, options, { more: 20 });
    disk.cutPower();
    assert.throws(() => writeFileSync(join(disk.folder, 'file'), ''), { code: 'EIO' });
    const story = await victim.story();
    assertFailedForGood(story);
    assert.equal(story.failure?.cause, 'EIO');
    assert.equal(story.durableEventId, 10);
    disk.restart();
    await assertRecovers(directory, options, story.last);
    assertNoRegion(options);
  });

  test(`${type} that stops, and the process ends without a close: in peace, nothing is lost`, {
    skip,
  }, async (t) => {
    const { disk, directory, options } = sceneOn(t, type);
    const victim = await Victim.start(t, directory, options, { more: 20, close: false });
    disk.cutPower();
    const story = await victim.story();
    assert.equal(story.state, 'failed');
    disk.restart();
    await assertRecovers(directory, options, story.last);
    assertNoRegion(options);
  });

  for (const [how, ending] of Object.entries(IDLE_ENDINGS)) {
    test(`${type} that stops under an idle log, then ${how}: told, and in peace`, {
      skip,
    }, async (t) => {
      const { disk, directory, options } = sceneOn(t, type);
      const script = Script.start(t, IDLE + ending, directory, options);
      await script.tells('ready');
      await eventually('wal.meta tells it', () => durableInMeta(directory) === 10);
      disk.cutPower();
      script.tell();
      const { code, stderr, lines } = await script.ended;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      if (how === 'a close') assert.match(lines.join(), /ERR_FLASHSTRIKE_(FAILED|IO) /);
      disk.restart();
      await assertRecovers(directory, options, 10);
      assertNoRegion(options);
    });
  }
}
