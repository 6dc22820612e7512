import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORIES, simulateFamily } from './campaign.js';

test('simulated readers beside a writer, between any two of its calls: a sound prefix with all that is durable', async (t) => {
  const totals = await simulateFamily('readers');
  t.diagnostic(JSON.stringify(totals));
  assert.equal(totals.histories, HISTORIES);
  assert.ok(totals.stepsWithoutSpace > HISTORIES / 50, 'blocks and headers found no space');
  assert.ok(totals.reads > HISTORIES, 'readers read');
});
