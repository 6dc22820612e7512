import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap, TINY } from '../support/adapters.js';
import type { RoundsResult } from './crash-rounds.js';
import { killRounds } from './kill-rounds.js';

const FEWEST = { rounds: 30, afterMs: 120_000 };

function tell(t: { diagnostic(text: string): void }, result: RoundsResult): void {
  t.diagnostic(JSON.stringify(result));
}

test('kill -9 at random moments: every event that append returned is back', {
  skip: cannotMap,
}, async (t) => {
  const result = await killRounds({
    rounds: 170,
    fewest: FEWEST,
    seed: 20120621,
    roundsPerLog: 12,
    options: { ...TINY, sharedMemory: 'required' },
  });
  tell(t, result);
  assert.ok(result.rounds >= FEWEST.rounds);
  assert.ok(result.eventsChecked > 1000, 'the children appended something');
  assert.ok(result.beforeFirstAppend > 0, 'some kills come while the child opens or recovers');
  // How many is up to the scheduler: mostly half of them, fewer where the writer runs more often.
  assert.ok(result.withRingEvents > 0, 'no kill found events in the ring');
});

test('kill -9 on the portable ring: every event that was written is back', async (t) => {
  const result = await killRounds({
    rounds: FEWEST.rounds,
    seed: 20150501,
    roundsPerLog: 10,
    options: { ...TINY, sharedMemory: 'off' },
  });
  tell(t, result);
  assert.equal(result.eventsFromRing, 0);
  assert.ok(result.eventsChecked > 1000, 'the children appended something');
});
