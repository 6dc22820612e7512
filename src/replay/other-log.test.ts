// A position that was remembered means nothing in another log: who says which log it is of is
// refused everywhere else, also where the folder gets another log while he waits.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { code } from '../../test/support/log-content.js';
import { openConsumer } from '../consumers/consumers.js';
import type { StartOptions } from '../reading/events.js';
import { follow } from './follow.js';
import { followBlocks } from './follow-blocks.js';
import { logIdOf } from './log-id-of.js';
import { openCursor } from './open-cursor.js';
import { replay } from './replay.js';

const OURS = 0xa1n;
const OTHER = 0xb2n;
const another = code('ERR_FLASHSTRIKE_WRONG_LOG', /holds log 0+b2, not log 0+a1: it was made anew/);

/** A log of 20 events in three segments. */
function build(dir: string, logId: bigint): LogBuilder {
  const builder = new LogBuilder(dir, { logId });
  for (const count of [5, 5, 10]) builder.segment().events(count).watermark();
  return builder.meta().write();
}

type Read = (dir: string, options: StartOptions) => number | undefined | Promise<unknown>;

const READERS: readonly (readonly [name: string, read: Read])[] = [
  ['replay', (dir, options) => [...replay(dir, options)].at(0)?.eventId],
  [
    'openCursor',
    (dir, options) => {
      const cursor = openCursor(dir, options);
      cursor.next();
      cursor.close();
      return cursor.eventId === 0 ? undefined : cursor.eventId;
    },
  ],
  ['follow', async (dir, options) => (await one(follow(dir, options)))?.eventId],
  ['followBlocks', async (dir, options) => (await one(followBlocks(dir, options)))?.lastEventId],
];

async function one<Item>(items: AsyncGenerator<Item, undefined, void>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}

for (const [name, read] of READERS) {
  test(`${name} takes its own log, and no other, wherever it begins`, async (t) => {
    const { dir } = build(temporaryFolder(t), OTHER);
    for (const start of [{}, { from: 1 }, { from: 12 }, { from: 21 }, { fromTime: 1n }]) {
      const attempt = async (): Promise<unknown> => read(dir, { ...start, logId: OURS });
      await assert.rejects(attempt, another);
    }
    const own = await read(dir, { from: 5, logId: OTHER });
    assert.equal(own, await read(dir, { from: 5 }));
    for (const strange of [5, '5', null, -1n, 2n ** 64n]) {
      const attempt = async (): Promise<unknown> => read(dir, { logId: strange as bigint });
      const refused = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /^logId must be a bigint/);
      await assert.rejects(attempt, refused);
    }
  });

  test(`${name} finds the first segment that comes in no other log either`, async (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'LOCK'), '{"regions":[]}');
    const reading = Promise.resolve(name.startsWith('f') ? read(dir, { logId: OURS }) : undefined);
    const outcome = reading.then(
      () => undefined,
      (error: unknown) => error,
    );
    await sleep(30);
    new LogBuilder(dir, { logId: OTHER }).segment().events(1).meta().write();
    const told = await outcome;
    assert.equal(told !== undefined, name.startsWith('f'), 'who waited is told');
    if (name.startsWith('f')) another(told);
    else await assert.rejects(async () => read(dir, { logId: OURS }), another);
  });
}

test('a consumer is opened of its own log only, and its follower reads no other', async (t) => {
  const { dir } = build(temporaryFolder(t), OTHER);
  const options = { create: true, lock: 'none' } as const;
  await assert.rejects(openConsumer(dir, 'one', { ...options, logId: OURS }), another);
  assert.ok(!readdirSync(dir).includes('one.consumer'));
  const strange = openConsumer(dir, 'one', { ...options, logId: 5 as unknown as bigint });
  await assert.rejects(strange, code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
  const consumer = await openConsumer(dir, 'one', { ...options, logId: OTHER });
  t.after(() => consumer.close());
  const file = join(dir, 'one.consumer');
  const kept = join(temporaryFolder(t), 'kept');
  renameSync(file, kept);
  replace(dir, 0xa1n);
  renameSync(kept, file);
  await assert.rejects(
    consumer.follow().next(),
    code('ERR_FLASHSTRIKE_WRONG_LOG', /holds log 0+a1, not log 0+b2/),
  );
});

/** Removes the log, and makes another one in the same folder. */
function replace(dir: string, logId: bigint): LogBuilder {
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  return build(dir, logId);
}

for (const [name, given] of [
  ['that is told which', { logId: OURS }],
  ['that began with it', {}],
] as const) {
  test(`a follower ${name} does not go on in the log that takes its place`, async (t) => {
    const { dir } = build(temporaryFolder(t), OURS);
    for (const [from, items] of [
      [20, follow(dir, { from: 20, ...given })],
      [16, followBlocks(dir, { from: 16, ...given })],
    ] as const) {
      assert.ok((await items.next()).value !== undefined, `from ${from}`);
      const next = items.next();
      await sleep(30);
      const before = replace(dir, OTHER);
      before.segment().events(10).watermark().meta().write();
      await assert.rejects(next, another);
      assert.equal((await items.next()).done, true, 'it is over then');
      replace(dir, OURS);
    }
  });
}

test('a follower whose position is yet to come does not wait for it in another log', async (t) => {
  const { dir } = build(temporaryFolder(t), OURS);
  const events = follow(dir, { from: 25, logId: OURS });
  const next = events.next();
  await sleep(30);
  replace(dir, OTHER).segment().events(10).watermark().meta().write();
  await assert.rejects(next, another);
});

test('logIdOf tells the id that the readers are asked for', async (t) => {
  const { dir } = build(temporaryFolder(t), OURS);
  assert.equal(logIdOf(dir), OURS);
  const empty = temporaryFolder(t);
  assert.throws(() => logIdOf(empty), code('ERR_FLASHSTRIKE_NOT_A_LOG'));
  assert.throws(() => logIdOf(join(empty, 'no')), code('ERR_FLASHSTRIKE_NOT_A_LOG'));
  assert.throws(() => logIdOf(''), code('ERR_FLASHSTRIKE_INVALID_ARGUMENT'));
});

async function pendingIn(t: TestContext, dir: string, given: StartOptions = {}) {
  const controller = new AbortController();
  t.after(() => controller.abort());
  const options = { ...given, waitForLog: true, signal: controller.signal };
  const items = [follow(dir, options), followBlocks(dir, options)] as const;
  const nexts = [items[0].next(), items[1].next()] as const;
  // Whoever asserts on them comes later.
  for (const next of nexts) next.catch(() => undefined);
  await sleep(30);
  return { controller, items, nexts };
}

test('a log that is not there yet is waited for, and its folder too', async (t) => {
  const dir = join(temporaryFolder(t), 'parent', 'log');
  await assert.rejects(follow(dir).next(), code('ERR_FLASHSTRIKE_NOT_A_LOG'));
  const { items, nexts } = await pendingIn(t, dir);
  mkdirSync(dir, { recursive: true });
  await sleep(30);
  writeFileSync(join(dir, 'of-somebody-else'), '');
  await sleep(30);
  build(dir, OURS);
  assert.equal((await nexts[0]).value?.eventId, 1);
  assert.equal((await nexts[1]).value?.lastEventId, 5);
  assert.equal((await items[0].next()).value?.eventId, 2);
  for (const item of items) await item.return(undefined);
});

test('the log that comes must be the one that is asked for', async (t) => {
  const dir = join(temporaryFolder(t), 'log');
  const { nexts } = await pendingIn(t, dir, { logId: OURS });
  mkdirSync(dir);
  build(dir, OTHER);
  for (const next of nexts) await assert.rejects(next, another);
});

test('what can be no log is not waited for, and an end of the waiting is one at once', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const refused = code('ERR_FLASHSTRIKE_NOT_A_LOG', /is not a folder/);
  await assert.rejects(follow(file, { waitForLog: true }).next(), refused);
  const strange = { waitForLog: 'yes' as unknown as boolean };
  const invalid = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /^waitForLog must be true or false/);
  assert.throws(() => follow(folder, strange), invalid);
  assert.throws(() => followBlocks(folder, strange), invalid);

  const aborted = await pendingIn(t, join(folder, 'no'));
  aborted.controller.abort();
  for (const next of aborted.nexts) assert.equal((await next).done, true);
  const returned = await pendingIn(t, join(folder, 'no'));
  for (const item of returned.items) await item.return(undefined);
  for (const next of returned.nexts) assert.equal((await next).done, true);
});
