// The process, or the machine, ends at every single call of a life, and of the recovery behind it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Crash, Subject } from '../simulation/subject.js';
import { errorOf, live, subjectOf } from './scenario.js';

const CALLS_MAX = 5000;
/** What chance leaves of what was not synced: so many times for each call. */
const POWER_CUTS = 4;
/** Lives that recovery is cut short behind: every so many calls. */
const LIVES_APART = 19;

/** A life that ends at call `call`; undefined when it came to its own end before. */
function cutShort(call: number, how: Crash, seed: number): Subject | undefined {
  const subject = subjectOf(seed);
  const { kernel } = subject.machine;
  kernel.callsToLive = call;
  const error = errorOf(() => live(subject));
  if (!kernel.halted) {
    assert.equal(error, undefined, `nothing failed, yet: ${error}`);
    return undefined;
  }
  subject.crash(how);
  return subject;
}

test('a kill in any call of a life loses nothing that was appended', async (t) => {
  let calls = 0;
  for (let call = 1; call < CALLS_MAX; call++) {
    const subject = cutShort(call, 'kill', call);
    if (subject === undefined) break;
    calls++;
    const { appended } = subject.oracle;
    subject.open();
    assert.equal(subject.oracle.appended, appended, `a kill in call ${call} lost events`);
    subject.crash('kill');
    await subject.endWell();
  }
  t.diagnostic(JSON.stringify({ kills: calls }));
  assert.ok(calls > 200, 'a life has many calls');
});

test('a power cut in any call of a life loses nothing that was durable', async (t) => {
  let cuts = 0;
  for (let call = 1; call < CALLS_MAX; call++) {
    let subject: Subject | undefined;
    for (let round = 0; round < POWER_CUTS; round++) {
      subject = cutShort(call, 'power', call * POWER_CUTS + round);
      if (subject === undefined) break;
      cuts++;
      await subject.endWell();
    }
    if (subject === undefined) break;
  }
  t.diagnostic(JSON.stringify({ powerCuts: cuts }));
  assert.ok(cuts > 200 * POWER_CUTS);
});

for (const how of ['kill', 'power'] as const) {
  test(`recovery behind a ${how} may be cut short in any call: done again, it finds the same`, async (t) => {
    let recoveries = 0;
    for (let call = 3; call < CALLS_MAX; call += LIVES_APART) {
      const undisturbed = cutShort(call, how, call);
      if (undisturbed === undefined) break;
      undisturbed.open();
      const { appended } = undisturbed.oracle;
      for (let recoveryCall = 1; recoveryCall < CALLS_MAX; recoveryCall++) {
        const subject = cutShort(call, how, call);
        assert.ok(subject !== undefined);
        const { kernel } = subject.machine;
        kernel.callsToLive = recoveryCall;
        errorOf(() => subject.open());
        if (!kernel.halted) break;
        recoveries++;
        subject.crash('kill');
        subject.open();
        assert.equal(subject.oracle.appended, appended, `call ${call}, recovery ${recoveryCall}`);
        subject.crash(recoveryCall % 2 === 0 ? 'kill' : 'power');
        await subject.endWell();
      }
    }
    t.diagnostic(JSON.stringify({ recoveriesCutShort: recoveries }));
    assert.ok(recoveries > 300);
  });
}
