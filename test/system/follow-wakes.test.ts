// Followers are woken by the writer, in its own and in other processes: here no timer ever goes off
// that would have them look by themselves, and whatever is not rung for is never seen.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type FollowOptions, follow, type LoggedEvent, Wal } from '../../src/index.js';
import { cannotMap, mappedOptions, onBothAdapters } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually, settles } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { payloadOf, typeOf } from '../support/log-content.js';

const PAYLOADS = new URL('../crash/payloads.js', import.meta.url).href;
const MANUAL = { sync: { mode: 'manual' } } as const;

const withoutTimers = (t: TestContext): void =>
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });

/** Takes events 1 … `last`, each once and in order. */
async function takeTo(events: AsyncIterable<LoggedEvent>, last: number): Promise<void> {
  let expected = 1;
  for await (const { eventId, type, payload } of events) {
    assert.equal(eventId, expected);
    assert.equal(type, typeOf(expected));
    assert.deepEqual(Buffer.from(payload), Buffer.from(payloadOf(expected)));
    if (expected++ === last) return;
  }
  assert.fail(`it ended before event ${expected}`);
}

const append = (wal: Wal): number =>
  wal.append(payloadOf(wal.lastEventId + 1), typeOf(wal.lastEventId + 1));

/** Commits of 1 to 5 events, with more and fewer turns of the event loop in between. */
async function commitTo(wal: Wal, last: number): Promise<void> {
  for (let commit = 0; wal.lastEventId < last; commit++) {
    const count = Math.min(1 + (commit % 5), last - wal.lastEventId);
    for (let event = 0; event < count; event++) append(wal);
    await wal.durable();
    for (let turns = 0; turns < commit % 7; turns++) await turn();
  }
}

const WAYS: readonly (readonly [string, (wal: Wal, dir: string) => AsyncIterable<LoggedEvent>])[] =
  [
    ['wal.follow', (wal) => wal.follow()],
    ['wal.follow of what is written', (wal) => wal.follow({ undurable: true })],
  ];

for (const [name, of] of WAYS) {
  onBothAdapters(`${name} is woken for each commit`, async (t, { options }) => {
    const directory = join(temporaryFolder(t), 'log');
    const wal = await Wal.open(directory, { ...options, ...MANUAL });
    append(wal);
    await wal.durable();
    withoutTimers(t);
    const following = Promise.all([1, 2].map(() => takeTo(of(wal, directory), 600)));
    await commitTo(wal, 600);
    await settles('the followers', following);
    t.mock.timers.reset();
    await wal.close();
  });
}

for (const undurable of [false, true]) {
  test(`follow is woken in the process of the log, undurable: ${undurable}`, {
    skip: cannotMap,
  }, async (t) => {
    const directory = join(temporaryFolder(t), 'log');
    const wal = await Wal.open(directory, { ...mappedOptions(t), ...MANUAL });
    append(wal);
    await wal.durable();
    withoutTimers(t);
    const following = [1, 2].map(() => takeTo(follow(directory, { undurable }), 600));
    await commitTo(wal, 600);
    await settles('the followers', Promise.all(following));
    t.mock.timers.reset();
    await wal.close();
  });
}

/** Follows without timers, tells where it waits, and ends behind the event that is asked for. */
const FOLLOWER = `
globalThis.setTimeout = () => ({});
globalThis.clearTimeout = () => {};
const hold = setInterval(() => {}, 1e6);
const { follow } = await import(INDEX);
const { payloadOf, typeOf } = await import('${PAYLOADS}');
let expected = 1;
for await (const { eventId, type, payload } of follow(directory, options.follow)) {
  if (eventId !== expected || type !== typeOf(eventId)) tell('wrong ' + eventId);
  if (Buffer.compare(payload, payloadOf(eventId)) !== 0) tell('wrong ' + eventId);
  if (expected === 1) tell('begun');
  if (expected % options.every === 0) tell('at ' + expected);
  if (expected++ === options.last) break;
}
tell('all');
clearInterval(hold);
`;

const startFollower = (
  t: TestContext,
  directory: string,
  last: number,
  options: FollowOptions = {},
  every = last + 1,
): Script => Script.start(t, FOLLOWER, directory, { follow: options, last, every }, { bare: true });

async function endOf(follower: Script): Promise<void> {
  await settles('the follower', follower.ended);
  const { code, lines, stderr } = await follower.ended;
  assert.deepEqual({ code, lines, stderr }, { code: 0, lines: ['begun', 'all'], stderr: '' });
}

for (const undurable of [false, true]) {
  test(`followers in other processes are woken for each commit, undurable: ${undurable}`, {
    skip: cannotMap,
  }, async (t) => {
    const directory = join(temporaryFolder(t), 'log');
    const wal = await Wal.open(directory, { ...mappedOptions(t), ...MANUAL });
    append(wal);
    await wal.durable();
    const followers = [1, 2].map(() => startFollower(t, directory, 1500, { undurable }));
    for (const follower of followers) await follower.tells('begun');
    await commitTo(wal, 1500);
    for (const follower of followers) await endOf(follower);
    await wal.close();
  });
}

test('a follower is woken while the log rolls, compresses and deletes', {
  skip: cannotMap,
}, async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  const wal = await Wal.open(directory, {
    ...mappedOptions(t),
    compression: 'lz4',
    hotSegments: 1,
  });
  await wal.durable(append(wal));
  const last = 6000;
  const follower = startFollower(t, directory, last, {}, 500);
  await follower.tells('begun');
  let compressed = 0;
  let firstEventId = 1;
  let isAt = 1;
  const own = (async () => {
    for await (const { eventId } of wal.follow()) {
      isAt = eventId;
      if (eventId === last) return;
    }
  })();
  while (wal.lastEventId < last) {
    for (let event = 0; event < 50; event++) append(wal);
    await wal.durable();
    compressed = Math.max(compressed, readdirSync(directory).filter(isCompressed).length);
    // What both of them have.
    const told = Number(follower.lines.findLast((line) => line.startsWith('at '))?.slice(3) ?? 0);
    const had = Math.min(isAt, told);
    if (had > firstEventId) firstEventId = await wal.deleteBefore(had);
  }
  await settles('the one in this process', own);
  await settles('the follower', follower.ended);
  const { lines, stderr } = await follower.ended;
  assert.equal(stderr, '');
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('at ')),
    ['begun', 'all'],
  );
  t.diagnostic(`${compressed} segments were compressed at a time; events from ${firstEventId}`);
  assert.ok(firstEventId > 1, 'segments went meanwhile');
  await wal.close();
});

const isCompressed = (name: string): boolean => name.endsWith('.lz4');

test('where nothing can be watched, or there is no region, followers look by themselves', {
  skip: cannotMap,
}, async (t) => {
  const script = `
const fs = await import('node:fs');
const { syncBuiltinESMExports } = await import('node:module');
let refused = 0;
fs.default.watch = () => {
  refused++;
  throw Object.assign(new Error('ENOSPC: watch'), { code: 'ENOSPC', syscall: 'watch' });
};
syncBuiltinESMExports();
const { follow } = await import(INDEX);
for await (const { eventId } of follow(directory)) {
  if (eventId === 1) tell('begun');
  if (eventId === 200) break;
}
tell('refused ' + (refused > 0));
`;
  for (const sharedMemory of ['required', 'off'] as const) {
    const directory = join(temporaryFolder(t), 'log');
    const wal = await Wal.open(directory, { ...mappedOptions(t), ...MANUAL, sharedMemory });
    await wal.durable(append(wal));
    const follower = Script.start(t, script, directory, {}, { bare: true });
    await follower.tells('begun');
    await commitTo(wal, 200);
    // Where nobody tells what is durable, the files do, with the next block.
    await settles('the follower', follower.ended);
    const { lines, stderr } = await follower.ended;
    assert.deepEqual([lines, stderr], [['begun', `refused ${sharedMemory === 'required'}`], '']);
    await wal.close();
  }
});

const WRITER = `
const { payloadOf, typeOf } = await import('${PAYLOADS}');
const wal = await Wal.open(directory, options);
for (;;) {
  for (let count = 0; count < 100; count++) {
    const id = wal.lastEventId + 1;
    wal.append(payloadOf(id), typeOf(id));
  }
  await wal.durable();
  tell('upTo ' + wal.lastEventId);
  await told();
}
`;

test('a follower goes on when the writer that it waits for is killed, and when one closes', {
  skip: cannotMap,
}, async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  const options = mappedOptions(t);
  let writer = Script.start(t, WRITER, directory, options);
  await writer.tells('upTo');
  const following = takeTo(follow(directory), 700);
  for (let life = 1; life <= 3; life++) {
    await writer.kill();
    writer = Script.start(t, WRITER, directory, options);
    await writer.tells('upTo');
  }
  await writer.kill();
  for (let life = 1; life <= 3; life++) {
    const wal = await Wal.open(directory, options);
    for (let count = 0; count < 100; count++) append(wal);
    await wal.close();
  }
  await settles('the follower', following);
});

test('wal.follow goes on when its log is closed, and another process opens it', {
  skip: cannotMap,
}, async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  const options = mappedOptions(t);
  const wal = await Wal.open(directory, options);
  const following = [false, true].map((undurable) => takeTo(wal.follow({ undurable }), 250));
  for (let count = 0; count < 150; count++) append(wal);
  await wal.close();
  const writer = Script.start(t, WRITER, directory, options);
  await writer.tells('upTo');
  await settles('the followers', Promise.all(following));
  await writer.kill();
});

/** Files that a process has open, and inotify instances. */
const openIn = (pid: number | 'self'): string[] =>
  readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const path = `/proc/${pid}/fdinfo/${fd}`;
    return existsSync(path) ? (readFileSync(path, 'latin1').match(/^inotify wd:.*$/gm) ?? []) : [];
  });

test('a follower that ends leaves no watch, and one of a closed log keeps no region', {
  skip: cannotMap,
}, async (t) => {
  const directory = join(temporaryFolder(t), 'log');
  const options = mappedOptions(t);
  const before = openIn('self').length;
  const wal = await Wal.open(directory, options);
  await wal.durable(append(wal));
  const events = follow(directory);
  assert.equal((await events.next()).value?.eventId, 1);
  const next = events.next();
  await eventually('the region is watched', () => openIn('self').length === before + 1);
  await wal.close();
  await eventually('it is not any more', () => openIn('self').length === before);
  await events.return(undefined);
  assert.equal((await next).done, true);
});
