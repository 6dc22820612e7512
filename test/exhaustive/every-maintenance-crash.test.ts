// The process, or the machine, ends at every single call of a life in which segments are cut,
// compressed, held, removed and used again; or that call fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOperational } from '../../src/errors.js';
import { FaultyStorage } from '../support/faulty-storage.js';
import type { CallKind, StorageCall } from '../support/interposed-storage.js';
import { type Maintained, MaintainedLife } from './maintained-life.js';
import { subjectOf } from './scenario.js';

const CALLS_MAX = 5000;
/** A crash in any other call leaves what the one behind it finds. */
const CHANGING: ReadonlySet<CallKind> = new Set([
  'open',
  'write',
  'allocate',
  'truncate',
  'sync',
  'syncDirectory',
  'rename',
  'renameNoReplace',
  'unlink',
]);
const TAKES_SPACE: ReadonlySet<CallKind> = new Set([
  'write',
  'allocate',
  'rename',
  'renameNoReplace',
]);
/** Of the calls that only look, so many fail: each takes a life. */
const LOOKS_APART = 9;
async function errorIn(action: () => Promise<void>): Promise<unknown> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A life that ends at its `call`-th call that changes something; undefined where none is left. */
async function cutShort(kind: Maintained, call: number): Promise<MaintainedLife | undefined> {
  // Of what was not synced, chance leaves what it likes: another seed for each call.
  const life = new MaintainedLife(subjectOf(call), kind);
  await life.begin();
  const { kernel } = life.subject.machine;
  let left = call;
  kernel.onCall = ({ kind }) => {
    if (CHANGING.has(kind) && --left === 0) kernel.callsToLive = 1;
  };
  const error = await errorIn(() => life.live());
  kernel.onCall = () => {};
  if (kernel.halted) return life;
  if (error !== undefined) throw error;
  await life.checkDone();
  assert.equal(life.recycled > 0, kind !== 'compressing');
  return undefined;
}

/** A life for each call, which ends in it by `crash`, and goes on. @returns how many ended so */
async function endEach(kind: Maintained, crash: 'kill' | 'power'): Promise<number> {
  for (let call = 1; call < CALLS_MAX; call++) {
    const life = await cutShort(kind, call);
    if (life === undefined) return call - 1;
    life.subject.crash(crash);
    await life.checkSound();
    await life.recover();
    life.subject.crash(crash);
    await life.subject.endWell();
  }
  throw new RangeError('a life has an end');
}

test('a kill in any call of maintenance: nothing needed is gone, and it goes on', async (t) => {
  const kills = await endEach('compressing', 'kill');
  t.diagnostic(JSON.stringify({ kills }));
  assert.ok(kills > 100, 'maintenance has many calls');
});

test('a power cut in any call of maintenance: no gap, and nothing needed is gone', async (t) => {
  const powerCuts = await endEach('recycling originals', 'power');
  t.diagnostic(JSON.stringify({ powerCuts }));
  assert.ok(powerCuts > 100);
});

test('a kill in any call where files are used again: all that is to be there is', async (t) => {
  const kills = await endEach('recycling', 'kill');
  t.diagnostic(JSON.stringify({ kills }));
  assert.ok(kills > 100);
});

test('a power cut in any call where files are used again: no old segment is back', async (t) => {
  const powerCuts = await endEach('recycling', 'power');
  t.diagnostic(JSON.stringify({ powerCuts }));
  assert.ok(powerCuts > 100);
});

/** Each call of maintenance fails in a life of its own, once. @returns how many did */
async function failEach(
  code: string,
  isMeant: (call: StorageCall) => boolean,
  kind: Maintained = 'compressing',
): Promise<number> {
  for (let call = 1; call < CALLS_MAX; call++) {
    const life = new MaintainedLife(subjectOf(call), kind);
    const { machine } = life.subject;
    const faulty = new FaultyStorage(machine.kernel);
    machine.storage = faulty;
    await life.begin();
    let failed = '';
    const armed = faulty.fail({
      code,
      when: isMeant,
      from: call,
      times: 1,
      torn: true,
      before: ({ kind, fd, path }) => {
        failed = `${kind} ${path}`;
        // What a failed sync has lost is clean, and no later one brings it.
        if (kind === 'sync' && fd !== undefined) machine.disk.failSync(fd, machine.random);
        if (kind === 'syncDirectory') machine.disk.failSyncDirectory(path, machine.random);
      },
    });
    const error = await errorIn(() => life.live());
    if (armed.hits === 0) {
      assert.equal(error, undefined, 'a life without a failure comes to its end');
      return call - 1;
    }
    try {
      // What fails the log itself, or the consumer, ends this life; maintenance does not.
      if (error === undefined) await life.checkDone();
      else assert.ok(isOperational(error), String(error));
      machine.storage = machine.kernel;
      life.subject.crash('power');
      await life.checkSound();
      await life.recover();
      life.subject.crash('power');
      await life.subject.endWell();
    } catch (cause) {
      throw new Error(`where ${failed} fails, call ${call}: ${cause}`, { cause });
    }
  }
  throw new RangeError('a life has an end');
}

const isChanging = ({ kind }: StorageCall): boolean => CHANGING.has(kind);

test('each call of maintenance that changes something fails once, then a power cut', async (t) => {
  const calls = await failEach('EIO', isChanging, 'recycling originals');
  t.diagnostic(JSON.stringify({ callsFailed: calls }));
  assert.ok(calls > 100);
});

test('each call of maintenance that takes space finds none once, then a power cut', async (t) => {
  const calls = await failEach('ENOSPC', ({ kind }) => TAKES_SPACE.has(kind));
  t.diagnostic(JSON.stringify({ callsFailed: calls }));
  assert.ok(calls > 50);
});

test('calls of maintenance that only look fail once: made good for', async (t) => {
  let looks = 0;
  const calls = await failEach('EIO', (call) => {
    return !isChanging(call) && ++looks % LOOKS_APART === 0;
  });
  t.diagnostic(JSON.stringify({ callsFailed: calls }));
  assert.ok(calls > 30);
});

test('each call that changes something fails once where files are used again', async (t) => {
  const calls = await failEach('EIO', isChanging, 'recycling');
  t.diagnostic(JSON.stringify({ callsFailed: calls }));
  assert.ok(calls > 100);
});

test('no space once in each call that takes some, where files are used again', async (t) => {
  const calls = await failEach('ENOSPC', ({ kind }) => TAKES_SPACE.has(kind), 'recycling');
  t.diagnostic(JSON.stringify({ callsFailed: calls }));
  assert.ok(calls > 50);
});
