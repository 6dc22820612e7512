// The N-th system call of each kind fails, once and for good, until a run passes. The process lives
// and tells a code; what it had appended is there at the next open, which now and then meets the
// fault as well, and at the one after it, which does not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace } from '../support/strace.js';
import { type CallFault, CHANGES, ERRORS, nextNth, spoken, survive } from './call-faults.js';
import { assertNothingLost, record } from './traced-recorder.js';

for (const [call, errors] of Object.entries(ERRORS)) {
  test(`${call} fails, once and for good: told, and nothing appended is lost`, {
    skip: cannotMap || cannotTrace,
  }, async (t) => {
    let turn = 0;
    let total = 0;
    const meets = async (nth: number, forGood = false): Promise<number> => {
      // A call that is interrupted for good is tried for ever.
      const turns = forGood ? errors.filter((error) => error !== 'EINTR') : errors;
      const when = forGood ? `${nth}+` : String(nth);
      const fault: CallFault = { call, fault: turns[turn++ % turns.length] ?? 'EIO', when };
      // There is little to read before there is a log.
      const again = forGood || call === 'pread64';
      const { faults, events, ends } = await survive(again ? [fault, fault] : [fault]);
      t.diagnostic(`${spoken(fault)}: ${ends}; ${events} events`);
      total += faults;
      return faults;
    };
    for (let nth = 1; (await meets(nth)) > 0; nth = nextNth(nth)) {
      if (nth === 1) await meets(2, true);
    }
    assert.ok(total > 0, `there is no call of ${call}`);
  });
}

async function recordWith(t: TestContext, calls: string, fault: string) {
  const options = { ...mappedOptions(t), sync: { mode: 'manual' } } as const;
  const directory = join(temporaryFolder(t), 'log');
  const run = await record(directory, options, calls, [fault]);
  assert.ok(
    run.calls.some((line) => /\((INJECTED|DELAYED)\)/.test(line)),
    'the fault fired',
  );
  return { run, events: await assertNothingLost(directory, options, [run]) };
}

test('a write of which the disk takes nothing ends the log; nothing appended is lost', {
  skip: cannotMap || cannotTrace,
}, async (t) => {
  const { run } = await recordWith(t, 'pwritev', 'pwritev:retval=0:when=2');
  assert.match(run.refusal ?? '', /^ERR_FLASHSTRIKE_FAILED .*could not write a block .*\(EIO\)/);
  assert.ok(run.appended > run.durable, 'something waited in the ring');
});

test('every call on the files takes its time: slow is not broken', {
  skip: cannotMap || cannotTrace,
}, async (t) => {
  const calls = Object.keys(CHANGES).join();
  const { run, events } = await recordWith(t, calls, `${calls}:delay_enter=20000`);
  assert.equal(run.refusal, undefined);
  assert.equal(run.durable, run.appended);
  assert.equal(events, run.appended + 1);
});
