// Limits of the process: the size of its files, and how many it may have open.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.js';
import { alignUp } from '../../src/units.js';
import {
  assertNoRegion,
  cannotMap,
  mappedOptions,
  regionFolder,
  TINY,
} from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { preparedFiles, segmentFiles } from '../support/log-content.js';
import { must, refusalOf } from '../support/mount-point.js';
import { cannotCount, descriptorsBelow } from '../support/process-resources.js';
import { assertFailedForGood, assertHolds, Victim } from '../support/victim.js';

const cannotLimit = refusalOf('prlimit', '--version') ?? false;

const OPEN = `
const outcome = await Wal.open(directory, options).then(
  (wal) => wal.close().then(() => 'opened ' + wal.capabilities.sharedMemoryReason),
  (error) => error.code + ' ' + error.message,
);
tell(outcome);
`;

for (const [sharedMemory, expected] of [
  ['off', /^ERR_FLASHSTRIKE_IO .*EFBIG/],
  ['required', /^ERR_FLASHSTRIKE_SHARED_MEMORY .*EFBIG/],
] as const) {
  test(`an open that may not make large files is told so (shared memory ${sharedMemory})`, {
    skip: cannotLimit || cannotMap,
  }, async (t) => {
    const directory = join(temporaryFolder(t), 'log');
    const options = { ...TINY, sharedMemory, sharedMemoryDirectory: regionFolder(t) };
    const under = ['prlimit', '--fsize=20000', '--'];
    const { code, signal, lines, stderr } = await Script.run(OPEN, directory, options, { under });
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    assert.match(lines.join(), expected);
    assert.deepEqual(preparedFiles(directory), []);
    assertNoRegion({ ...options });
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.lastEventId, 0);
  });
}

test('a block that could be written in part only ends the log; the ring keeps its events', {
  skip: cannotLimit || cannotMap,
}, async (t) => {
  const directory = temporaryFolder(t);
  const options = mappedOptions(t);
  const victim = await Victim.start(t, directory, options, { more: 20 });
  const path = join(directory, segmentFiles(directory)[0] ?? '');
  const before = readFileSync(path);
  const end = alignUp(before.findLastIndex((byte) => byte !== 0) + 1, 8);
  // In the middle of the next block, were it of one event: 64 bytes of header and 32 of its frame.
  const limit = end + 80;
  must('prlimit', '--pid', String(victim.pid), `--fsize=${limit}`);
  const story = await victim.story();
  assertFailedForGood(story);
  assert.equal(story.failure?.cause, 'EFBIG');
  assert.equal(story.durableEventId, 10);
  const after = readFileSync(path);
  assert.ok(
    after.subarray(end, limit).some((byte) => byte !== 0),
    'a part was written',
  );
  assert.ok(
    after.subarray(limit).every((byte) => byte === 0),
    'and no more of it',
  );
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.recovery.verdict, 'torn-tail');
    assert.equal(wal.recovery.droppedEvents, 0, 'what is torn in the file is whole in the ring');
    assert.equal(wal.lastEventId, story.last);
  }
  await assertHolds(directory, story.last);
});

/** Opens again and again under a limit that the parent sets. */
const CROWDED = `
import { readdirSync } from 'node:fs';
let durable = 0;
const attempt = () => Wal.open(directory, options).then(
  async (wal) => {
    wal.append(Buffer.from('event ' + (wal.lastEventId + 1)));
    durable = await wal.durable();
    await wal.close();
    return 'opened';
  },
  ({ code, message, cause }) => {
    // It names what was missing, and what to do about it.
    const isNamed = cause === undefined || message.includes(cause.message);
    const isClear = isNamed && (!message.includes('EMFILE') || message.includes('ulimit -n'));
    return isClear || code !== 'ERR_FLASHSTRIKE_WORKER_DIED' ? code : message;
  },
);
await attempt();
await attempt();
tell('open ' + readdirSync('/proc/self/fd').length);
await told();
const outcomes = [];
for (let count = 0; count < 2; count++) outcomes.push(await attempt());
tell('outcomes ' + JSON.stringify(outcomes));
await told();
tell('last ' + await attempt());
tell('durable ' + durable);
`;

test('an open that finds no descriptor left is refused, and leaks none', {
  skip: cannotLimit || cannotMap || cannotCount,
}, async (t) => {
  const refused = new Map<string, number>();
  for (const spare of [0, 12, 30]) {
    const directory = join(temporaryFolder(t), 'log');
    const options = mappedOptions(t);
    const script = Script.start(t, CROWDED, directory, options);
    const open = Number(await script.tells('open'));
    const pid = script.child.pid ?? 0;
    must('prlimit', '--pid', String(pid), `--nofile=${open + spare}:`);
    script.tell();
    const outcomes: string[] = JSON.parse(await script.tells('outcomes'));
    for (const outcome of outcomes) refused.set(outcome, (refused.get(outcome) ?? 0) + 1);
    // Node itself leaks some: event loops and modules of workers that could not start.
    // A refusal may come before all threads of the log that was not opened have ended.
    for (const folder of [directory, options.sharedMemoryDirectory]) {
      await eventually(`descriptors of ${folder} are closed (${outcomes})`, () => {
        return descriptorsBelow(folder, pid).length === 0;
      });
    }
    must('prlimit', '--pid', String(pid), '--nofile=1024:');
    script.tell();
    assert.equal(await script.tells('last'), 'opened');
    const { code, stderr } = await script.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const opened = outcomes.filter((outcome) => outcome === 'opened').length;
    // What was appended by one that found no descriptor left at its close is there as well.
    const durable = Number(await script.tells('durable'));
    assert.ok(durable >= 3 + opened && durable <= 3 + outcomes.length, `${durable} events`);
    await assertHolds(directory, durable);
    assertNoRegion(options);
    assert.ok(existsSync(directory) && readdirSync(directory).includes('wal.meta'));
  }
  t.diagnostic(JSON.stringify([...refused]));
  for (const outcome of refused.keys()) assert.match(outcome, /^(opened|ERR_FLASHSTRIKE_\w+)$/);
  assert.ok(
    [...refused.keys()].some((outcome) => outcome !== 'opened'),
    'the limit was felt',
  );
});

/** That user need not be let into the folder of this project: it may read all there is. */
const READS_ALL = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];

const cannotBecome =
  process.getuid?.() === 0
    ? (refusalOf('setpriv', ...READS_ALL, 'true') ?? false)
    : 'only root can become a user with threads of its own to count';

/**
 * The log is open, or it is not and nothing of it is left: another attempt is not told "locked".
 */
const FEW_THREADS = `
tell('up');
const attempt = () => Wal.open(directory, options).then(
  (wal) => wal.close().then(() => 'opened'),
  ({ code, message }) => code + ' ' + message,
);
tell(await attempt());
tell(await attempt());
// It only comes to this where a thread that was left holds the process.
setTimeout(() => { tell('held'); process.exit(); }, 30_000).unref();
`;

test('an open that may not start all of its threads says which limit to raise, and leaves none', {
  skip: cannotLimit || cannotBecome,
}, async (t) => {
  const outcomes: string[] = [];
  const base = temporaryFolder(t);
  chmodSync(base, 0o777);
  // No other process of this user: the limit counts all of them.
  const user = String(100_000 + process.pid);
  for (let limit = 9; limit <= 18; limit++) {
    const as = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', ...READS_ALL];
    const under = [...as, 'prlimit', `--nproc=${limit}`, '--'];
    const options = { ...TINY, sharedMemory: 'off' };
    const ended = await Script.run(FEW_THREADS, join(base, `log-${limit}`), options, { under });
    const [up, ...told] = ended.lines;
    // Node itself could not start.
    if (up === undefined) continue;
    assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
    for (const outcome of told) {
      assert.match(outcome, /^(opened|ERR_FLASHSTRIKE_RESOURCES .* threads .*ulimit -u)/);
    }
    outcomes.push(...told);
  }
  assert.ok(outcomes.includes('opened'), 'enough is enough');
  assert.ok(
    outcomes.some((outcome) => outcome !== 'opened'),
    'the limit was felt',
  );
});
