// SQLite's method: the first call fails, then the second in a new life, and so on until a life
// comes to its end without a failure. Once, and for good; with the codes that systems have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOperational } from '../../src/errors.js';
import { type Fault, FaultyStorage } from '../support/faulty-storage.js';
import type { StorageCall } from '../support/interposed-storage.js';
import { errorOf, live, subjectOf } from './scenario.js';

const CALLS_MAX = 5000;

/** Every call fails in its own life. @returns how many did */
async function failEach(fault: Fault, how: (call: number) => 'kill' | 'power'): Promise<number> {
  for (let call = 1; call < CALLS_MAX; call++) {
    const subject = subjectOf(call);
    const { machine } = subject;
    const faulty = new FaultyStorage(machine.kernel);
    const armed = faulty.fail({
      ...fault,
      from: call,
      before: ({ kind, fd }: StorageCall) => {
        // A failed sync leaves pages clean that the disk does not have.
        if (kind === 'sync' && fd !== undefined) machine.disk.failSync(fd, machine.random);
      },
    });
    machine.storage = faulty;
    const error = errorOf(() => live(subject));
    if (armed.hits === 0) {
      assert.equal(error, undefined, 'a life without a failure comes to its end');
      return call - 1;
    }
    if (error !== undefined) assert.ok(isOperational(error), `call ${call}: ${error}`);
    machine.storage = machine.kernel;
    subject.crash(how(call));
    await subject.endWell();
  }
  throw new RangeError('a life has an end');
}

const alternately = (call: number): 'kill' | 'power' => (call % 2 === 0 ? 'kill' : 'power');

for (const code of ['EIO', 'ENOSPC', 'EROFS']) {
  test(`each call of a life fails once with ${code}: nothing acknowledged is lost`, async (t) => {
    const calls = await failEach({ code, times: 1, torn: true }, alternately);
    t.diagnostic(JSON.stringify({ code, callsFailed: calls }));
    assert.ok(calls > 100);
  });
}

for (const [code, how] of [
  ['EIO', 'kill'],
  ['EIO', 'power'],
  ['ENOSPC', 'kill'],
] as const) {
  test(`from each call on all fail with ${code}, then a ${how}: nothing acknowledged is lost`, async (t) => {
    const calls = await failEach({ code, torn: true }, () => how);
    t.diagnostic(JSON.stringify({ code, callsFailed: calls }));
    assert.ok(calls > 100);
  });
}
