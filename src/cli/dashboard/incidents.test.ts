import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error, warning } from '../diagnosis/trouble.js';
import { Incidents } from './incidents.js';

const waits = (forNs: string) => error('segment-waits', `waiting for ${forNs}`, 'Do so');
const slow = warning('slow-sync', 'a sync took 120 ms', 'Do this');

describe('incidents', () => {
  it('last from when a trouble was there first until it was not, in its latest words', () => {
    const incidents = new Incidents();
    incidents.update([waits('1 s')], 1000);
    incidents.update([waits('2 s'), slow], 2000);
    const [first, second] = incidents.latest(9);
    assert.deepEqual(first, { ...slow, fromMs: 2000 });
    assert.deepEqual(second, { ...waits('2 s'), fromMs: 1000 });
    incidents.update([slow], 3000);
    assert.deepEqual(incidents.latest(9), [
      { ...slow, fromMs: 2000 },
      { ...waits('2 s'), fromMs: 1000, toMs: 3000 },
    ]);
    incidents.update([waits('1 s')], 4000);
    assert.equal(incidents.latest(9).length, 3, 'the same again is another one');
    assert.equal(incidents.latest(1)[0]?.fromMs, 4000, 'those of now come first');
  });

  it('are forgotten, the oldest first, when there are many', () => {
    const incidents = new Incidents();
    for (let round = 0; round < 200; round++) {
      incidents.update([slow], 2 * round);
      incidents.update([], 2 * round + 1);
    }
    const kept = incidents.latest(1000);
    assert.equal(kept.length, 50);
    assert.equal(kept[0]?.fromMs, 398);
    assert.equal(kept.at(-1)?.fromMs, 300);
  });
});
