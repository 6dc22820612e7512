import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORIES, simulateFamily } from './campaign.js';

test('simulated faults of any call, failed syncs that leave pages clean, full disks: nothing acknowledged is lost', async (t) => {
  const totals = await simulateFamily('faults');
  t.diagnostic(JSON.stringify(totals));
  assert.equal(totals.histories, HISTORIES);
  assert.ok(totals.stepsWithoutSpace > HISTORIES / 50, 'blocks and headers found no space');
  assert.ok(totals.faults > HISTORIES / 2, 'calls failed');
  assert.ok(totals.refusals > HISTORIES / 10, 'opens were refused');
});
