import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherClaims, spokenClaims } from './durable-claims.js';

test('the highest claim decides, from whichever source', () => {
  const inputs = ['meta', 'segmentHeader', 'block', 'blockBehind', 'successor', 'region'] as const;
  for (const source of [...inputs, 'acknowledgement' as const]) {
    const { durableEventId, claims } = gatherClaims({ meta: 3, region: 4, [source]: 9 });
    assert.equal(durableEventId, 9, source);
    assert.equal(claims[0]?.eventId, 9, source);
  }
});

test('without any claim nothing is durable', () => {
  assert.deepEqual(gatherClaims({}), { durableEventId: 0, claims: [] });
  assert.equal(gatherClaims({ meta: undefined, block: 0 }).durableEventId, 0);
});

test('a message names those, and only those, who call the event durable', () => {
  const claims = gatherClaims({ meta: 7, block: 2, blockBehind: 9 });
  assert.equal(spokenClaims(claims, 3), 'a block after it (9), wal.meta (7)');
  assert.equal(spokenClaims(claims, 10), '');
});
