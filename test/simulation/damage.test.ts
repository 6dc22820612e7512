import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HISTORIES, simulateFamily } from './campaign.js';

test('simulated bit rot, zeros and stray writes: told, or nothing durable is missing', async (t) => {
  const totals = await simulateFamily('damage');
  t.diagnostic(JSON.stringify(totals));
  assert.equal(totals.histories, HISTORIES);
  assert.ok(totals.damages > HISTORIES, 'the medium was damaged');
  assert.ok(totals.damagesTold > HISTORIES / 2, 'and somebody told');
  assert.ok(totals.finishedDamages > HISTORIES / 4, 'finished segments too, and each open refused');
  assert.ok(totals.sealDamages > HISTORIES / 20, 'seals too, and no event was missing');
});
