import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORIES, simulateFamily } from './campaign.js';

test('simulated crashes at any moment, of processes and machines: a prefix, and all that was acknowledged', async (t) => {
  const totals = await simulateFamily('crashes');
  t.diagnostic(JSON.stringify(totals));
  assert.equal(totals.histories, HISTORIES);
  assert.ok(totals.crashes > HISTORIES && totals.powerCuts > HISTORIES);
  assert.ok(totals.eventsFromRing > HISTORIES, 'rings held what the files did not');
  assert.ok(totals.tornTails > HISTORIES / 10, 'tails were torn');
});
