import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LogBuilder, payloadOf, temporaryFolder } from '../../test/support/log-builder.js';
import { FILE_PORTS } from '../judgement/reading-ports.js';
import type { LoggedEvent } from '../reading/events.js';
import { follow, followThrough } from './follow.js';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

async function take(events: AsyncIterator<LoggedEvent>, count: number): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < count) {
    const step = await events.next();
    if (step.done === true) break;
    assert.deepEqual(
      Uint8Array.from(step.value.payload),
      payloadOf(step.value.eventId, step.value.payload.length),
    );
    ids.push(step.value.eventId);
  }
  return ids;
}

/** Whether `promise` is still pending after some polls. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const waited = Symbol('waited');
  return (await Promise.race([promise, sleep(60, waited)])) === waited;
}

const build = (t: TestContext) => new LogBuilder(temporaryFolder(t));

test('only durable events are handed out, as far as a later block tells', async (t) => {
  const builder = build(t).segment().events(3).events(2).meta({ durableEventId: 0 }).write();
  const events = follow(builder.dir);
  const next = events.next();
  assert.ok(await isPending(next), 'nobody calls the first event durable');
  builder.watermark(3).write();
  assert.equal((await next).value?.eventId, 1);
  assert.deepEqual(await take(events, 2), [2, 3]);
  const fourth = events.next();
  assert.ok(await isPending(fourth), 'the claim ends at event 3');
  builder.events(4, { durableEventId: 4 }).write();
  assert.equal((await fourth).value?.eventId, 4);
  const fifth = events.next();
  assert.ok(await isPending(fifth), 'a prefix may end inside of a block');
  await events.return(undefined);
  assert.equal((await fifth).done, true, 'return wakes what waits');
});

test('meta, a successor and the region tell what is durable, too', async (t) => {
  const byMeta = build(t).segment().events(3).meta({ durableEventId: 2 }).write();
  const metaEvents = follow(byMeta.dir);
  assert.deepEqual(await take(metaEvents, 2), [1, 2]);
  const third = metaEvents.next();
  assert.ok(await isPending(third));
  byMeta.segment().write();
  assert.equal((await third).value?.eventId, 3, 'a successor pins it');
  await metaEvents.return(undefined);

  const byRegion = build(t).segment().events(3).meta({ durableEventId: 0 }).write();
  let durable = 1;
  const regionEvents = followThrough({ ...FILE_PORTS, regionDurable: () => durable }, byRegion.dir);
  assert.deepEqual(await take(regionEvents, 1), [1]);
  const second = regionEvents.next();
  assert.ok(await isPending(second));
  durable = 3;
  assert.equal((await second).value?.eventId, 2);
  await regionEvents.return(undefined);
});

test('undurable events are handed out as soon as they are written', async (t) => {
  const builder = build(t).segment().events(3).meta({ durableEventId: 0 }).write();
  const events = follow(builder.dir, { undurable: true });
  assert.deepEqual(await take(events, 3), [1, 2, 3]);
  const next = events.next();
  assert.ok(await isPending(next));
  builder.events(1).write();
  assert.equal((await next).value?.eventId, 4);
  await events.return(undefined);
});

test('a follower goes through rotations, over watermarks, seals and empty segments', async (t) => {
  const builder = build(t).segment().events(2).meta().write();
  const events = follow(builder.dir, { undurable: true });
  assert.deepEqual(await take(events, 2), [1, 2]);
  const next = events.next();
  builder.watermark().seal().segment().seal().segment().watermark().events(2).write();
  assert.equal((await next).value?.eventId, 3);
  assert.deepEqual(await take(events, 1), [4]);
  await events.return(undefined);
});

test('a segment is left only at the pin: what is torn behind it is not handed out', async (t) => {
  const builder = build(t).segment().events(2).meta().write();
  const events = follow(builder.dir, { undurable: true });
  assert.deepEqual(await take(events, 2), [1, 2]);
  const next = events.next();
  // A crash tore the next block; recovery rolled, and pinned the end before it.
  const file = builder.fileOf(1);
  const { offset, bytes } = builder.blockOf(1, 0);
  file.fill(0xee, offset + bytes, offset + bytes + 200);
  builder.segment().events(1).write();
  assert.equal((await next).value?.eventId, 3);
  await events.return(undefined);
});

test('from an id that is yet to come, the follower waits for it', async (t) => {
  const builder = build(t).segment().events(2).meta().write();
  const events = follow(builder.dir, { from: 5, undurable: true });
  const next = events.next();
  assert.ok(await isPending(next));
  builder.events(2).write();
  assert.ok(await isPending(next));
  builder.events(3).write();
  assert.equal((await next).value?.eventId, 5);
  await events.return(undefined);
});

test('an empty log is followed from its first event on', async (t) => {
  const builder = build(t).meta().write();
  const events = follow(builder.dir, { undurable: true });
  const next = events.next();
  assert.ok(await isPending(next));
  builder.segment().events(1).write();
  assert.equal((await next).value?.eventId, 1);
  await events.return(undefined);
});

test('an abort ends the iteration cleanly: before, between and while it waits', async (t) => {
  const builder = build(t).segment().events(3).meta().write();
  const before = openDescriptors();
  const aborted = follow(builder.dir, { signal: AbortSignal.abort() });
  assert.equal((await aborted.next()).done, true);
  const between = new AbortController();
  const ids: number[] = [];
  for await (const event of follow(builder.dir, { signal: between.signal })) {
    ids.push(event.eventId);
    if (event.eventId === 2) between.abort();
  }
  assert.deepEqual(ids, [1, 2]);
  const waiting = new AbortController();
  const events = follow(builder.dir, { from: 4, signal: waiting.signal });
  const next = events.next();
  assert.ok(await isPending(next));
  waiting.abort();
  assert.equal((await next).done, true);
  assert.equal((await events.next()).done, true);
  assert.equal(openDescriptors(), before, 'all files are closed');
});

test('an abort by a timer comes through while events never run out', async (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 8 << 20, payloadBytes: 0 });
  builder.segment();
  for (let block = 0; block < 20; block++) builder.events(10_000);
  builder.meta().write();
  const signal = AbortSignal.timeout(1);
  let count = 0;
  for await (const _ of follow(builder.dir, { signal })) count++;
  assert.ok(count > 0 && count < 200_000, `${count} events`);
});

test('leaving the loop closes the files', async (t) => {
  const builder = build(t).segment().events(3).meta().write();
  const before = openDescriptors();
  for await (const event of follow(builder.dir)) if (event.eventId === 2) break;
  assert.equal(openDescriptors(), before);
});

test('calls of next that do not wait for each other take one event each', async (t) => {
  const builder = build(t).segment().events(1).meta().write();
  const events = follow(builder.dir, { undurable: true });
  const steps = Promise.all([events.next(), events.next(), events.next()]);
  builder.events(3).write();
  assert.deepEqual(
    (await steps).map(({ done }) => done),
    [false, false, false],
  );
  assert.deepEqual(await take(events, 1), [4]);
  await events.return(undefined);
});

test('arguments are refused at the call, the rest when the iteration starts', async (t) => {
  const builder = build(t).segment().events(1).meta().write();
  const invalid = { code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT' };
  assert.throws(() => follow(builder.dir, { from: 'x' as unknown as number }), invalid);
  assert.throws(() => follow(builder.dir, { signal: {} as AbortSignal }), invalid);
  assert.throws(() => follow(builder.dir, { undurable: 1 as unknown as boolean }), invalid);
  await assert.rejects(follow(`${builder.dir}/no`).next(), { code: 'ERR_FLASHSTRIKE_NOT_A_LOG' });
  await assert.rejects(follow(builder.dir, { from: 0 }).next(), {
    code: 'ERR_FLASHSTRIKE_OUT_OF_RANGE',
  });
});

test('damage where the follower waits is told, not waited for', async (t) => {
  const builder = build(t).segment().events(2).events(2).events(2, { durableEventId: 4 });
  builder.fileOf(1)[builder.blockOf(1, 1).offset + 70] = 0xee;
  const events = follow(builder.meta({ durableEventId: 2 }).write().dir);
  assert.deepEqual(await take(events, 2), [1, 2]);
  await assert.rejects(events.next(), { code: 'ERR_FLASHSTRIKE_CORRUPT' });
  assert.equal((await events.next()).done, true, 'it is over then');
});

test('a last segment that was taken away is expired', async (t) => {
  const builder = build(t).segment().events(1).meta().write();
  const events = follow(builder.dir);
  assert.deepEqual(await take(events, 1), [1]);
  const next = events.next();
  rmSync(builder.pathOf(1));
  await assert.rejects(next, { code: 'ERR_FLASHSTRIKE_EXPIRED' });
});

test('a pending follow holds the process', async (t) => {
  const builder = build(t).segment().events(1).meta().write();
  const url = new URL('./follow.js', import.meta.url);
  const script = `
    import { follow } from ${JSON.stringify(url.href)};
    const events = follow(${JSON.stringify(builder.dir)}, { from: 2 });
    events.next().then(() => console.log('ended'));
    setTimeout(() => events.return(), 150).unref();
  `;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(stdout, 'ended\n', 'without the pending follow the process ends before the timer');
});
