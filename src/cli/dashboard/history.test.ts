import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mergedBucket } from './bucket.js';
import { bucketAt } from './fake-bucket.js';
import { COARSE_SECONDS, History } from './history.js';

const HOUR = 3600;
/** Seconds that begin in the middle of ten. */
const START = 1_700_000_004;

function historyOf(seconds: number, from = START): History {
  const history = new History();
  for (let at = from; at < from + seconds; at++) history.add(bucketAt(at));
  return history;
}

describe('the history of a log', () => {
  it('holds an hour, and no more however long it goes on', () => {
    const { fine, coarse } = historyOf(3 * HOUR);
    const end = START + 3 * HOUR;
    assert.equal(fine.length, 360);
    assert.equal(fine.at(-1)?.at, end - 1);
    assert.ok((coarse[0]?.at ?? end) <= end - HOUR, 'a whole hour');
    assert.ok(coarse.length <= HOUR / COARSE_SECONDS + 1);
  });

  it('loses nothing where ten seconds become one', () => {
    const { coarse } = historyOf(HOUR / 2);
    const sum = (of: (bucket: (typeof coarse)[number]) => number): number =>
      coarse.reduce((total, bucket) => total + of(bucket), 0);
    assert.equal(
      sum(({ events }) => events),
      (HOUR / 2) * 10,
    );
    assert.equal(
      sum(({ spreads }) => spreads.sync?.count ?? 0),
      HOUR / 2,
    );
    assert.equal(
      sum(({ stages }) => stages.zero),
      (HOUR / 2) * 5,
    );
    for (const { at } of coarse) assert.equal(at % COARSE_SECONDS, 0);
  });

  it('goes on in a page as it does in the server', () => {
    const server = historyOf(47);
    const page = new History(...[server.fine, server.coarse].map((each) => structuredClone(each)));
    for (let at = START + 47; at < START + 80; at++) {
      server.add(bucketAt(at));
      page.add(bucketAt(at));
    }
    assert.deepEqual(page.fine, server.fine);
    assert.deepEqual(page.coarse, server.coarse);
  });

  it('keeps gaps, where nothing was seen', () => {
    const history = historyOf(3);
    history.add(bucketAt(START + 100));
    assert.deepEqual(
      history.fine.map(({ at }) => at - START),
      [0, 1, 2, 100],
    );
    assert.equal(history.coarse.length, 2);
  });
});

describe('two buckets as one', () => {
  it('add up what happened, and have the most and the fewest of what was seen', () => {
    const quiet = bucketAt(START, { lagNs: 5, preparedLow: 0, severity: 2, waited: 1 });
    const busy = bucketAt(START + 1, { lagNs: 9, preparedLow: 2, severity: 1, waited: 2 });
    const both = mergedBucket(quiet, busy);
    assert.deepEqual(
      [both.at, both.seconds, both.events, both.waited, both.lagNs, both.severity],
      [START, 2, 20, 3, 9, 2],
    );
    assert.equal(both.preparedLow, 0);
    assert.deepEqual(both.stages, { create: 2, allocate: 0, zero: 10, sync: 18 });
    assert.equal(both.spreads.sync?.maxNs, 1000 + START + 1);
    assert.equal(both.spreads.append, undefined, 'what was not timed has no spread');
  });
});
