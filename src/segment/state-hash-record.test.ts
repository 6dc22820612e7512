import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDefect } from './defect.js';
import {
  decodeHashesHeader,
  decodeStateHash,
  encodeHashesHeader,
  encodeStateHash,
  HashesHeaderLayout,
  hashOffset,
  StateHashLayout,
} from './state-hash-record.js';

const HASH = { eventId: 10_000, stateHash: 0xfedc_ba98_7654_3210n, stateVersion: 3 } as const;

test('header and record come back as they were written, and each flipped bit is noticed', () => {
  const header = encodeHashesHeader(77n);
  assert.deepEqual(decodeHashesHeader(header), { logId: 77n });
  const record = encodeStateHash(HASH, 77n);
  assert.deepEqual(decodeStateHash(record, 0, 77n), HASH);
  assert.equal(decodeStateHash(record, 0, 78n), undefined, 'of another log');
  for (let bit = 0; bit < HashesHeaderLayout.size * 8; bit++) {
    const flipped = header.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok(isDefect(decodeHashesHeader(flipped)), `bit ${bit} of the header`);
  }
  for (let bit = 0; bit < StateHashLayout.offset.spare0 * 8; bit++) {
    const flipped = record.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(decodeStateHash(flipped, 0, 77n), undefined, `bit ${bit} of the record`);
  }
});

test('an empty slot is none', () => {
  assert.equal(decodeStateHash(new Uint8Array(StateHashLayout.size), 0, 0n), undefined);
  assert.equal(hashOffset(1) - hashOffset(0), StateHashLayout.size);
});
