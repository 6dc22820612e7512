// kill -9 in place of the N-th system call of each kind that changes the log's files, until a run
// passes. On what the first kill left, a second recorder recovers, appends, and is killed as well.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap } from '../support/adapters.js';
import { cannotTrace } from '../support/strace.js';
import { CHANGES, nextNth, spoken, survive } from './call-faults.js';

for (const [call, meaning] of Object.entries(CHANGES)) {
  test(`kill -9 where ${meaning} (${call}), then again: nothing appended is lost`, {
    skip: cannotMap || cannotTrace,
  }, async (t) => {
    let kills = 0;
    for (let nth = 1, hit = true; hit; nth = nextNth(nth)) {
      const kill = { call, fault: 'kill', when: String(nth) };
      const { runsHit, events, ends } = await survive([kill, kill]);
      t.diagnostic(`${spoken(kill)}: ${ends}; ${events} events`);
      hit = runsHit > 0;
      kills += runsHit;
    }
    assert.ok(kills > 1, `there is no call of ${call}`);
  });
}
