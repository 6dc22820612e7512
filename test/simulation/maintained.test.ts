import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './campaign.js';
import { FAMILIES } from './profile.js';

/** Each finishes many segments, and takes ten times as long as others. */
const HISTORIES = 250;
/** One in a hundred or so drops a consumer; which, changes with each call that an open makes. */
const HISTORIES_MAX = 1500;

test('simulated maintenance beside all other threads, through crashes and faults: what anybody needs is there', async (t) => {
  let [histories, dropped] = [0, 0];
  function* seeds(): Generator<number> {
    const isEnough = (): boolean => histories >= HISTORIES && dropped > 0;
    while (!isEnough() && histories < HISTORIES_MAX) {
      yield FAMILIES.indexOf('maintained') + histories * FAMILIES.length;
    }
  }
  const totals = await simulate(seeds(), (now) => {
    histories = now.histories;
    dropped = now.consumersDropped;
  });
  t.diagnostic(JSON.stringify(totals));
  assert.ok(totals.histories >= HISTORIES);
  assert.ok(totals.segmentsRemoved > HISTORIES / 2, 'segments went');
  assert.ok(totals.segmentsCompressed > HISTORIES / 2, 'segments were compressed');
  assert.ok(totals.acknowledgements > HISTORIES / 2, 'consumers acknowledged');
  assert.ok(totals.consumersDropped > 0, 'some were dropped');
  assert.ok(totals.faults > HISTORIES / 2, 'calls failed');
});
