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
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, contentOf, durableInMeta, preparedFiles } from '../support/log-content.js';
import { cannotTrace, failing, Strace } from '../support/strace.js';

/** Ten durable events, then, with the fault in place, up to `options.more` and a look around. */
const VICTIM = `
const append = () => wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
const outcome = (action) => {
  try { return [typeof action()]; } catch (error) { return [error.code, error.message]; }
};
const settled = (promise) => promise.then((value) => [value], (error) => [error.code, error.message]);
const wal = await Wal.open(directory, options);
for (let count = 0; count < 10; count++) append();
await wal.durable();
tell('ready');
await told();
let refusal = [];
for (let count = 0; count < MORE && refusal.length === 0; count++) {
  try { append(); } catch (error) { refusal = [error.code]; }
}
const last = wal.lastEventId;
if (PAUSE > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE));
const story = {
  refusal,
  last,
  durable: await settled(wal.durable()),
  state: wal.state,
  append: outcome(append),
  tryAppend: outcome(() => wal.tryAppend(new Uint8Array(1))),
  appendBatch: outcome(() => wal.appendBatch([new Uint8Array(1)])),
  earlier: await settled(wal.durable(10)),
  lastAfter: wal.lastEventId,
  writtenEventId: wal.writtenEventId,
  durableEventId: wal.durableEventId,
};
const { code, message, path, offset, cause } = wal.failure ?? {};
story.failure = wal.failure && { code, message, path, offset, cause: cause?.code };
story.close = await settled(wal.close());
story.closeAgain = await settled(wal.close());
tell('story ' + JSON.stringify(story));
`;

type Outcome = readonly [string | number, string?];

interface Story {
  readonly refusal: Outcome;
  readonly last: number;
  readonly durable: Outcome;
  readonly state: string;
  readonly append: Outcome;
  readonly tryAppend: Outcome;
  readonly appendBatch: Outcome;
  readonly earlier: Outcome;
  readonly lastAfter: number;
  readonly writtenEventId: number;
  readonly durableEventId: number;
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly path: string;
    readonly offset?: number;
    readonly cause: string;
  };
  readonly close: Outcome;
  readonly closeAgain: Outcome;
}

interface Fault {
  /** Arguments of strace; `spare` is the file that becomes the second segment. */
  readonly args: (paths: { directory: string; segment: string; spare: string }) => string[];
  /** Events to append with the fault in place. */
  readonly more: number;
  /** What the log is given after them, to get over it. */
  readonly pauseMs?: number;
}

interface Ended {
  readonly story: Story;
  readonly directory: string;
  readonly segment: string;
  readonly spare: string;
  /** The calls that were traced from when the fault was there. */
  readonly calls: readonly string[];
}

/** Runs the victim; the injected fault has fired. */
async function suffer(t: TestContext, options: Variant['options'], fault: Fault): Promise<Ended> {
  const directory = temporaryFolder(t);
  const text = VICTIM.replace('MORE', String(fault.more)).replaceAll(
    'PAUSE',
    String(fault.pauseMs ?? 0),
  );
  const manual = { ...options, sync: { mode: 'manual' }, preparedSegments: 1 };
  const script = Script.start(t, text, directory, manual);
  await script.tells('ready');
  // Idle: the watermark and the meta are written, the spare is prepared.
  await eventually('wal.meta tells it', () => durableInMeta(directory) === 10);
  await eventually('a spare is there', () => preparedFiles(directory).length === 1);
  const segment = join(directory, '0000000001.wal');
  const spare = join(directory, preparedFiles(directory)[0] ?? '');
  const args = fault.args({ directory, segment, spare });
  const strace = await Strace.attach(t, script.child.pid ?? 0, { args });
  script.tell();
  const story: Story = JSON.parse(await script.tells('story'));
  const { code, stderr } = await script.ended;
  assert.deepEqual(
    { code, stderr },
    { code: 0, stderr: '' },
    'the process lives, and ends by itself',
  );
  await strace.detach();
  assert.ok(strace.injected.length > 0, `the fault did not fire:\n${strace.calls.join('\n')}`);
  return { story, directory, segment, spare, calls: strace.calls };
}

/** The log told its failure in every way there is. */
function assertFailedForGood({ story }: Ended): void {
  const { durable, append, tryAppend, appendBatch, earlier, close, closeAgain, failure } = story;
  assert.equal(durable[0], 'ERR_FLASHSTRIKE_DURABILITY_UNKNOWN', durable.join());
  assert.match(durable[1] ?? '', /may or may not be on disk.*Open the log again/);
  assert.equal(story.state, 'failed');
  assert.ok(['ERR_FLASHSTRIKE_FAILED', undefined].includes(story.refusal[0] as string));
  for (const [code, message] of [append, tryAppend, appendBatch, close, closeAgain]) {
    assert.equal(code, 'ERR_FLASHSTRIKE_FAILED');
    assert.ok(message?.includes(failure?.path ?? '?'), `${message} names the file`);
  }
  assert.equal(story.lastAfter, story.last);
  assert.equal(earlier[0], story.durableEventId, 'what was durable before stays so');
  assert.equal(failure?.code, 'ERR_FLASHSTRIKE_FAILED');
  assert.match(failure?.message ?? '', /nothing was retried.*Mend the disk, then open it again/);
}

/** Reopening brings back all events up to `last`, and the log works again. */
async function assertRecovers(
  { directory }: Ended,
  options: Variant['options'],
  last: number,
): Promise<void> {
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, last);
    assert.equal(wal.durableEventId, last);
    wal.append(Buffer.from(`event ${last + 1}`));
    await wal.durable();
  }
  const texts = contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());
  assert.deepEqual(
    texts,
    Array.from({ length: last + 1 }, (_, at) => `event ${at + 1}`),
  );
  await assertSound(directory);
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
      assertFailedForGood(ended);
      const { story, calls, segment } = ended;
      assert.equal(story.durableEventId, 10);
      assert.equal(story.writtenEventId, 20);
      assert.deepEqual([story.failure?.path, story.failure?.cause], [segment, error]);
      assert.ok((story.failure?.offset ?? 0) > 4096);
      assert.match(story.failure?.message ?? '', new RegExp(`could not sync at offset.*${error}`));
      const syncs = calls.filter((call) => call.includes('fdatasync('));
      assert.equal(syncs.length, 1, syncs.join('\n'));
      // The page cache has what the sync left unknown.
      await assertRecovers(ended, v.options, 20);
    },
    cannotTrace,
  );
}

for (const error of ['EIO', 'ENOSPC']) {
  onBothAdapters(
    `a block that cannot be written (${error}) ends the log; the ring keeps its events`,
    async (t, v) => {
      const calls = 'pwrite64,pwritev,pwritev2,writev,write';
      const ended = await suffer(t, v.options, {
        args: ({ segment }) => failing(calls, error, { path: segment, when: '1' }),
        more: 10,
      });
      assertFailedForGood(ended);
      const { story, segment } = ended;
      assert.deepEqual([story.durableEventId, story.writtenEventId], [10, 10]);
      assert.deepEqual([story.failure?.path, story.failure?.cause], [segment, error]);
      assert.match(story.failure?.message ?? '', /could not write a block at offset \d+/);
      await assertRecovers(ended, v.options, survives(ended, v));
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
      assertFailedForGood(ended);
      const { failure, durableEventId, writtenEventId } = ended.story;
      assert.equal(failure?.path, join(ended.directory, '0000000002.wal'));
      assert.equal(failure?.cause, 'EIO');
      assert.match(failure?.message ?? '', /could not publish a new segment/);
      assert.ok(durableEventId > 10, 'the finished segment is durable whole');
      assert.equal(durableEventId, writtenEventId);
      await assertRecovers(ended, v.options, survives(ended, v));
    },
    cannotTrace,
  );
}

for (const [name, calls, when] of [
  ['a seal (or the block before it) that cannot be written', 'pwrite64,pwritev,writev,write', '2'],
  ['a last sync that fails', 'fdatasync', '1'],
] as const) {
  onBothAdapters(
    `a rotation that begins with ${name} ends the log`,
    async (t, v) => {
      const ended = await suffer(t, v.options, {
        args: ({ segment }) => failing(calls, 'EIO', { path: segment, when }),
        more: ENOUGH_TO_ROLL,
      });
      assertFailedForGood(ended);
      assert.equal(ended.story.failure?.path, ended.segment);
      assert.equal(ended.story.durableEventId, 10);
      await assertRecovers(ended, v.options, survives(ended, v));
    },
    cannotTrace,
  );
}

test('faults off the way of an event are got over', {
  skip: cannotTrace || cannotMap,
}, async (t) => {
  const once: Readonly<Record<string, Fault['args']>> = {
    'wal.meta cannot be renamed': () => failing('rename,renameat', 'EIO', { when: '1' }),
    'a segment cannot be allocated': () => failing('fallocate', 'EIO', { when: '1..2' }),
    'a sync is interrupted': ({ segment }) =>
      failing('fdatasync', 'EINTR', { path: segment, when: '1..2' }),
  };
  for (const [name, args] of Object.entries(once)) {
    await t.test(name, async (s) => {
      const options = mappedOptions(s);
      const more = 5 * ENOUGH_TO_ROLL;
      const ended = await suffer(s, options, { args, more, pauseMs: 500 });
      const { story } = ended;
      assert.equal(story.state, 'open');
      assert.equal(story.failure, undefined);
      assert.equal(story.last, 10 + 5 * ENOUGH_TO_ROLL);
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
    await assertRecovers(ended, v.options, survives(ended, v));
  },
  cannotTrace,
);
