// How a follower waits: by a bell, with timers that go off only when the test says so.
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { WalError } from '../errors.js';
import type { Bell } from '../judgement/bell.js';
import { FILE_PORTS, type ReadingPorts } from '../judgement/reading-ports.js';
import { followThrough } from './follow.js';

/** A bell that the test rings, and what it is asked. */
class HandBell implements Bell {
  durable: number | undefined;
  onRing = (): void => {};
  searches = 0;
  listens = 0;
  closes = 0;
  readonly ports: ReadingPorts;

  constructor(durable: number | undefined) {
    this.durable = durable;
    this.ports = {
      ...FILE_PORTS,
      bell: (_dir, _logId, _kind, onRing) => {
        this.searches++;
        this.onRing = onRing;
        return this.durable === undefined ? undefined : this;
      },
    };
  }

  listen(): number | undefined {
    this.listens++;
    return this.durable;
  }

  close(): void {
    this.closes++;
  }

  ring(durable: number): void {
    this.durable = durable;
    this.onRing();
  }
}

const LOOK_MS = 1000;
/** For what the clock of the machine says to take a second. */
const LIMIT_MS = 20_000;

async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  void promise.then(settle, settle);
  await turns();
  return !isSettled;
}

/** Has timers go off, again and again, until it settles. */
async function tickUntil(t: TestContext, what: string, promise: Promise<unknown>, ms: number) {
  const startMs = performance.now();
  while (await isPending(promise)) {
    assert.ok(performance.now() - startMs < LIMIT_MS, `${what} never came`);
    t.mock.timers.tick(ms);
  }
}

function build(t: TestContext, durable = 2): LogBuilder {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return new LogBuilder(temporaryFolder(t)).segment().events(2).meta({ durableEventId: durable });
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

test('a ring is all it needs: no timer goes off', async (t) => {
  const builder = build(t).write();
  const bell = new HandBell(2);
  const events = followThrough(bell.ports, builder.dir);
  for (const id of [1, 2]) assert.equal((await events.next()).value?.eventId, id);
  for (let id = 3; id <= 20; id++) {
    const next = events.next();
    assert.ok(await isPending(next), 'nothing is there');
    builder.events(1).write();
    assert.ok(await isPending(next), 'and nobody rang');
    bell.ring(id);
    assert.equal((await next).value?.eventId, id);
  }
  assert.equal(bell.searches, 1);
  await events.return(undefined);
});

test('a ring without news is no reason to look at the files, nor to give up', async (t) => {
  const builder = build(t).write();
  const bell = new HandBell(2);
  const events = followThrough(bell.ports, builder.dir, { from: 3 });
  const next = events.next();
  assert.ok(await isPending(next));
  for (let count = 0; count < 5; count++) {
    const { listens } = bell;
    bell.ring(2);
    assert.ok(await isPending(next));
    assert.equal(bell.listens, listens + 1, 'each ring is listened to');
  }
  builder.events(1).write();
  bell.ring(3);
  assert.equal((await next).value?.eventId, 3);
  await events.return(undefined);
});

test('what nobody rang for is found by the look that follows, and another bell is looked for', async (t) => {
  const builder = build(t).write();
  const silent = new HandBell(2);
  const events = followThrough(silent.ports, builder.dir, { from: 3 });
  const next = events.next();
  assert.ok(await isPending(next));
  builder.events(1).events(1, { durableEventId: 3 }).write();
  t.mock.timers.tick(LOOK_MS - 1);
  assert.ok(await isPending(next), 'the bell is relied upon until then');
  // The clock of the machine says how long it was; the timer goes off until it is long enough.
  const found = next.then((step) => step.value?.eventId);
  await tickUntil(t, 'event 3', found, LOOK_MS);
  assert.equal(await found, 3);
  assert.equal(silent.closes, 1, 'it was the bell of another opening');
  await events.return(undefined);
});

test('a bell that is taken away is no end: the files are looked at from then on', async (t) => {
  const builder = build(t).write();
  const bell = new HandBell(2);
  const events = followThrough(bell.ports, builder.dir, { from: 3 });
  const next = events.next();
  assert.ok(await isPending(next));
  bell.durable = undefined;
  bell.onRing();
  assert.ok(await isPending(next));
  assert.equal(bell.closes, 1);
  builder.events(1).events(1, { durableEventId: 3 }).write();
  await tickUntil(t, 'event 3', next, 20);
  assert.equal((await next).value?.eventId, 3);
  await events.return(undefined);
});

test('what is told and is not in the files is taken for damage at once, not waited for', async (t) => {
  const builder = build(t).write();
  const bell = new HandBell(2);
  const events = followThrough(bell.ports, builder.dir);
  for (const id of [1, 2]) assert.equal((await events.next()).value?.eventId, id);
  const next = events.next();
  assert.ok(await isPending(next));
  rmSync(builder.pathOf(1));
  builder.segment().events(2).segment().events(2).write();
  for (const index of [1, 2]) rmSync(builder.pathOf(index));
  bell.ring(6);
  // Without a timer of LOOK_MS: some polls at most.
  const outcome = next.then(
    () => assert.fail('the events are gone'),
    (error: unknown) => error,
  );
  for (let polls = 0; polls < 5 && (await isPending(outcome)); polls++) t.mock.timers.tick(20);
  assert.ok(!(await isPending(outcome)), 'it is told');
  const error = await outcome;
  assert.ok(error instanceof WalError);
  assert.deepEqual([error.code, error.firstEventId], ['ERR_FLASHSTRIKE_EXPIRED', 5]);
});

test('undurable events are rung for when they are written', async (t) => {
  const builder = build(t, 0).write();
  const kinds: string[] = [];
  const bell = new HandBell(2);
  const ports: ReadingPorts = {
    ...bell.ports,
    bell: (dir, logId, kind, onRing) => {
      kinds.push(kind);
      return bell.ports.bell(dir, logId, kind, onRing);
    },
  };
  const events = followThrough(ports, builder.dir, { undurable: true, from: 3 });
  const next = events.next();
  assert.ok(await isPending(next));
  builder.events(1).write();
  bell.ring(3);
  assert.equal((await next).value?.eventId, 3);
  assert.deepEqual(kinds, ['written']);
  await events.return(undefined);
});

test('an end while it waits is one at once, and nothing stays open', async (t) => {
  const builder = build(t).write();
  const before = openDescriptors();
  const controller = new AbortController();
  for (const end of ['return', 'abort'] as const) {
    const bell = new HandBell(2);
    const { signal } = controller;
    const events = followThrough(bell.ports, builder.dir, { from: 3, signal });
    const next = events.next();
    assert.ok(await isPending(next));
    if (end === 'return') await events.return(undefined);
    else controller.abort();
    assert.equal((await next).done, true);
    assert.equal(bell.closes, 1);
    bell.onRing();
    assert.equal((await events.next()).done, true);
  }
  assert.equal(openDescriptors(), before);
});
