// Failed writes, syncs and rotations of a segment: the log stops for good, says what and where, and
// retries nothing; reopening brings back all that was durable, and what waits in the ring.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.js';
import {
  assertNoRegion,
  cannotMap,
  mappedOptions,
  onBothAdapters,
  type Variant,
} from '../support/adapters.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, contentOf, preparedFiles, segmentFiles } from '../support/log-content.js';
import { cannotTrace, failing, isInjected, Strace } from '../support/strace.js';
import {
  assertFailedForGood,
  assertRecovers,
  type Story,
  Victim,
  type VictimPlan,
} from '../support/victim.js';

interface Fault extends VictimPlan {
  /** Arguments of strace; `spare` is the file that becomes the second segment. */
  readonly args: (paths: { directory: string; segment: string; spare: string }) => string[];
}

interface Ended {
  readonly story: Story;
  readonly directory: string;
  readonly segment: string;
  readonly spare: string;
  /** The calls that were traced from when the fault was there. */
  readonly calls: readonly string[];
}

/** Runs a victim with each fault until one has fired: the last must. */
async function suffer(
  t: TestContext,
  options: Variant['options'],
  ...faults: readonly Fault[]
): Promise<Ended> {
  let ended: Ended | undefined;
  for (const fault of faults) {
    ended = await meet(t, options, fault);
    if (ended.calls.some(isInjected)) return ended;
  }
  assert.fail(`the fault did not fire:\n${ended?.calls.join('\n')}`);
}

async function meet(t: TestContext, options: Variant['options'], fault: Fault): Promise<Ended> {
  const directory = temporaryFolder(t);
  const manual = { ...options, sync: { mode: 'manual' }, preparedSegments: 1 } as const;
  const victim = await Victim.start(t, directory, manual, fault);
  await eventually('a spare is there', () => preparedFiles(directory).length === 1);
  const segment = join(directory, '0000000001.wal');
  const spare = join(directory, preparedFiles(directory)[0] ?? '');
  const args = fault.args({ directory, segment, spare });
  const strace = await Strace.attach(t, victim.pid, { args });
  const story = await victim.story();
  await strace.detach();
  return { story, directory, segment, spare, calls: strace.calls };
}

/** What reopening must find: with a shared ring all that was appended, else what was written. */
const survives = ({ story }: Ended, { adapter }: Variant): number =>
  adapter === 'mapped' ? story.last : story.writtenEventId;

for (const error of ['EIO', 'EDQUOT']) {
  onBothAdapters(
    `a sync that fails once with ${error} ends the log, and is not tried again`,
    async (t, v) => {
      const ended = await suffer(t, v.options, {
        args: ({ segment }) => failing('fdatasync', error, { path: segment, when: '1' }),
        more: 10,
      });
      assertFailedForGood(ended.story);
      const { story, calls, segment } = ended;
      assert.equal(story.durableEventId, 10);
      assert.equal(story.writtenEventId, 20);
      assert.deepEqual([story.failure?.path, story.failure?.cause], [segment, error]);
      assert.ok((story.failure?.offset ?? 0) > 4096);
      assert.match(story.failure?.message ?? '', new RegExp(`could not sync at offset.*${error}`));
      const syncs = calls.filter((call) => call.includes('fdatasync('));
      assert.equal(syncs.length, 1, syncs.join('\n'));
      // The page cache has what the sync left unknown.
      await assertRecovers(ended.directory, v.options, 20);
    },
    cannotTrace,
  );
}

for (const error of ['EIO', 'EFBIG']) {
  onBothAdapters(
    `a block that cannot be written (${error}) ends the log; the ring keeps its events`,
    async (t, v) => {
      const calls = 'pwrite64,pwritev,pwritev2,writev,write';
      const ended = await suffer(t, v.options, {
        args: ({ segment }) => failing(calls, error, { path: segment, when: '1' }),
        more: 10,
      });
      assertFailedForGood(ended.story);
      const { story, segment } = ended;
      assert.deepEqual([story.durableEventId, story.writtenEventId], [10, 10]);
      assert.deepEqual([story.failure?.path, story.failure?.cause], [segment, error]);
      assert.match(story.failure?.message ?? '', /could not write a block at offset \d+/);
      await assertRecovers(ended.directory, v.options, survives(ended, v));
    },
    cannotTrace,
  );
}

for (const error of ['ENOSPC', 'EDQUOT']) {
  onBothAdapters(
    `a block that finds no space once (${error}) goes to the next segment; the log goes on`,
    async (t, v) => {
      const calls = 'pwrite64,pwritev,pwritev2,writev,write';
      const { story, directory } = await suffer(t, v.options, {
        args: ({ segment }) => failing(calls, error, { path: segment, when: '1' }),
        more: 10,
      });
      assert.equal(story.failure, undefined);
      assert.notEqual(story.state, 'failed');
      assert.ok(story.durableEventId >= 20);
      assert.ok(segmentFiles(directory).length >= 2);
      assert.equal(contentOf(directory).length, story.lastAfter);
      await assertSound(directory);
    },
    cannotTrace,
  );
}

/** More than the first segment holds, less than it and the ring. */
const ENOUGH_TO_ROLL = 900;

const ROTATION_FAULTS: Readonly<Record<string, Fault['args']>> = {
  'the header page cannot be written': ({ spare }) =>
    failing('pwrite64,pwritev,writev,write', 'EIO', { path: spare, when: '1' }),
  'the header page cannot be synced': ({ spare }) =>
    failing('fdatasync', 'EIO', { path: spare, when: '1' }),
  'the rename fails': () => failing('renameat2', 'EIO', { when: '1' }),
  // Housekeeping syncs the folder as well: its trouble is counted and tried again.
  'the folder cannot be synced': ({ directory }) =>
    failing('fsync', 'EIO', { path: directory, when: '1' }),
};

for (const [name, args] of Object.entries(ROTATION_FAULTS)) {
  onBothAdapters(
    `a rotation in which ${name} ends the log`,
    async (t, v) => {
      const ended = await suffer(t, v.options, { args, more: ENOUGH_TO_ROLL });
      assertFailedForGood(ended.story);
      const { failure, durableEventId, writtenEventId } = ended.story;
      assert.equal(failure?.path, join(ended.directory, '0000000002.wal'));
      assert.equal(failure?.cause, 'EIO');
      assert.match(failure?.message ?? '', /could not publish a new segment/);
      assert.ok(durableEventId > 10, 'the finished segment is durable whole');
      assert.equal(durableEventId, writtenEventId);
      await assertRecovers(ended.directory, v.options, survives(ended, v));
    },
    cannotTrace,
  );
}

for (const [name, call, ...times] of [
  // Larger blocks are written by another call, and strace counts each call by itself. Mostly one
  // small block comes first; none where the writer is late.
  ['a seal (or a small block before it) that cannot be written', 'pwrite64', '2', '1'],
  ['a last sync that fails', 'fdatasync', '1'],
] as const) {
  onBothAdapters(
    `a rotation that begins with ${name} ends the log`,
    async (t, v) => {
      const faults = times.map((when): Fault => {
        const args: Fault['args'] = ({ segment }) => failing(call, 'EIO', { path: segment, when });
        return { args, more: ENOUGH_TO_ROLL };
      });
      const ended = await suffer(t, v.options, ...faults);
      assertFailedForGood(ended.story);
      assert.equal(ended.story.failure?.path, ended.segment);
      assert.equal(ended.story.durableEventId, 10);
      await assertRecovers(ended.directory, v.options, survives(ended, v));
    },
    cannotTrace,
  );
}

test('faults off the way of an event are got over', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const more = 5 * ENOUGH_TO_ROLL;
  const once: Readonly<Record<string, Fault>> = {
    'wal.meta cannot be renamed': {
      args: () => failing('rename,renameat', 'EIO', { when: '1' }),
      more,
      // Else it could be the last wal.meta, of which `close` would tell.
      until: 'wal.telemetry.metaStore.metaFlushFailures > 0',
    },
    'a segment cannot be allocated': {
      args: () => failing('fallocate', 'EIO', { when: '1..2' }),
      more,
    },
    'a sync is interrupted': {
      args: ({ segment }) => failing('fdatasync', 'EINTR', { path: segment, when: '1..2' }),
      more,
    },
  };
  for (const [name, fault] of Object.entries(once)) {
    await t.test(name, async (s) => {
      const options = mappedOptions(s);
      const ended = await suffer(s, options, fault);
      const { story } = ended;
      assert.equal(story.state, 'open');
      assert.equal(story.failure, undefined);
      assert.equal(story.last, 10 + more);
      assert.deepEqual(story.durable, [story.last]);
      assert.deepEqual([story.close[0], story.closeAgain[0]], [null, null]);
    });
  }
});

test('a last wal.meta that cannot be written: close says so, and nothing is lost', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const options = mappedOptions(t);
  const ended = await suffer(t, options, {
    args: () => failing('rename,renameat', 'EIO'),
    more: ENOUGH_TO_ROLL,
  });
  const { story } = ended;
  assert.equal(story.state, 'open');
  assert.deepEqual(story.durable, [story.last]);
  assert.equal(story.close[0], 'ERR_FLASHSTRIKE_IO');
  assert.match(story.close[1] ?? '', /every event is on disk, but wal\.meta could not be written/);
  assertNoRegion(options);
  await using wal = await Wal.open(ended.directory, options);
  assert.deepEqual([wal.recovery.verdict, wal.recovery.eventsFromRing], ['clean', 0]);
  assert.equal(wal.lastEventId, story.lastAfter);
});

onBothAdapters(
  'a segment that can never be prepared ends the log once there is no room left',
  async (t, v) => {
    const ended = await suffer(t, v.options, {
      args: () => failing('fallocate', 'EIO'),
      more: 3000,
    });
    const { story } = ended;
    assert.equal(story.state, 'failed');
    assert.equal(story.durable[0], 'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN');
    assert.match(
      story.failure?.message ?? '',
      /prepared-\d+\.tmp: a segment could not be prepared.*EIO/,
    );
    assert.match(story.failure?.path ?? '', /prepared-\d+\.tmp$/);
    assert.deepEqual(preparedFiles(ended.directory), []);
    await assertRecovers(ended.directory, v.options, survives(ended, v));
  },
  cannotTrace,
);
