import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateFamily } from './campaign.js';

/** Each finishes many segments, and takes ten times as long as others. */
const HISTORIES = 250;

test('simulated maintenance beside all other threads, through crashes and faults: what anybody needs is there', async (t) => {
  const totals = await simulateFamily('maintained', HISTORIES);
  t.diagnostic(JSON.stringify(totals));
  assert.equal(totals.histories, HISTORIES);
  assert.ok(totals.segmentsRemoved > HISTORIES / 2, 'segments went');
  assert.ok(totals.segmentsCompressed > HISTORIES / 2, 'segments were compressed');
  assert.ok(totals.acknowledgements > HISTORIES / 2, 'consumers acknowledged');
  assert.ok(totals.consumersDropped > 0, 'some were dropped');
  assert.ok(totals.faults > HISTORIES / 2, 'calls failed');
});
