// The N-th system call of each kind fails, once and for good, until a run passes. The process lives
// and tells a code; what it had appended is there at the next open, which now and then meets the
// fault as well, and at the one after it, which does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap } from '../support/adapters.js';
import { cannotTrace } from '../support/strace.js';
import { type CallFault, ERRORS, nextNth, spoken, survive } from './call-faults.js';

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
      const { faults, events, ends } = await survive(nth === 2 ? [fault, fault] : [fault]);
      t.diagnostic(`${spoken(fault)}: ${ends}; ${events} events`);
      total += faults;
      return faults;
    };
    for (let nth = 1; (await meets(nth)) > 0; nth = nextNth(nth)) {
      if (nth === 2) await meets(nth, true);
    }
    assert.ok(total > 0, `there is no call of ${call}`);
  });
}
