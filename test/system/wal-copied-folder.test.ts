// `cp -r` of a live log, opened beside it: the copy must not touch the original's region or lock,
// and opens as a log does after a crash.
import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.js';
import { META_TEMPORARY_FILE } from '../../src/segment/file-names.js';
import { assertNoRegion, cannotMap, mappedOptions, type Variant } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { assertSound, code, contentOf, durableInMeta } from '../support/log-content.js';
import { WORKERS } from '../support/workers-script.js';

/** Writes 1,000 durable events, waits, then leaves 100 in the ring alone and dies. */
const ORIGINAL = `${WORKERS}
const wal = await Wal.open(directory, options);
for (let id = 1; id <= 1000; id++) wal.append(Buffer.from('event ' + id));
await wal.durable();
tell('durable');
await told();
// Without its writer nothing leaves the ring; in one turn, so that nobody notices.
if (options.dies) terminateAtOnce('writer');
for (let id = 1001; id <= 1100; id++) wal.append(Buffer.from('event ' + id));
if (options.dies) process.kill(process.pid, 'SIGKILL');
await wal.close();
`;

const textsOf = (directory: string): string[] =>
  contentOf(directory).map(({ payload }) => Buffer.from(payload).toString());

const events = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `event ${at + 1}`);

interface Copied {
  readonly original: Script;
  readonly directory: string;
  readonly copy: string;
  readonly options: Variant['options'];
}

/** A live log with 1,000 durable events, and a copy of its folder. */
async function copyOfALiveLog(t: TestContext, dies: boolean): Promise<Copied> {
  const directory = join(temporaryFolder(t), 'original');
  const copy = join(temporaryFolder(t), 'copy');
  const options = mappedOptions(t);
  const text = ORIGINAL.replaceAll('options.dies', String(dies));
  const original = Script.start(t, text, directory, options, { bare: true });
  await original.tells('durable');
  await eventually('wal.meta tells it', () => durableInMeta(directory) === 1000);
  // Idle since then: nothing else changes its name while it is copied.
  const filter = (path: string): boolean => basename(path) !== META_TEMPORARY_FILE;
  cpSync(directory, copy, { recursive: true, filter });
  return { original, directory, copy, options };
}

test('the copy of a live log opens as after a crash and leaves the original alone', {
  skip: cannotMap,
}, async (t) => {
  const { original, directory, copy, options } = await copyOfALiveLog(t, false);
  const regions = readdirSync(options.sharedMemoryDirectory);
  assert.equal(regions.length, 1);
  {
    await using wal = await Wal.open(copy, options);
    assert.equal(wal.recovery.region, 'foreign');
    assert.equal(wal.recovery.verdict, 'clean');
    assert.ok(wal.recovery.notes.some((note) => note.includes(regions[0] ?? '?')));
    assert.equal(wal.lastEventId, 1000);
    wal.append(Buffer.from('of the copy'));
    await wal.durable();
    assert.equal(readdirSync(options.sharedMemoryDirectory).length, 2);
    await assert.rejects(Wal.open(directory, options), code('ERR_FLASHSTRIKE_LOCKED'));
  }
  assert.deepEqual(readdirSync(options.sharedMemoryDirectory), regions, 'the original’s stays');
  original.tell();
  const { code: exitCode, stderr } = await original.ended;
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  assertNoRegion(options);
  assert.deepEqual(textsOf(directory), events(1100));
  assert.deepEqual(textsOf(copy), [...events(1000), 'of the copy']);
  await assertSound(directory);
  await assertSound(copy);
});

test('the copy does not take the events that wait in the dead original’s region', {
  skip: cannotMap,
}, async (t) => {
  const { original, directory, copy, options } = await copyOfALiveLog(t, true);
  original.tell();
  const { signal, stderr } = await original.ended;
  assert.deepEqual({ signal, stderr }, { signal: 'SIGKILL', stderr: '' });
  const regions = readdirSync(options.sharedMemoryDirectory);
  {
    await using wal = await Wal.open(copy, options);
    assert.equal(wal.recovery.region, 'foreign');
    assert.equal(wal.lastEventId, 1000);
  }
  assert.deepEqual(readdirSync(options.sharedMemoryDirectory), regions);
  {
    await using wal = await Wal.open(directory, options);
    assert.equal(wal.recovery.region, 'recovered');
    assert.equal(wal.recovery.eventsFromRing, 100);
  }
  assertNoRegion(options);
  assert.deepEqual(textsOf(directory), events(1100));
  assert.deepEqual(textsOf(copy), events(1000));
});
