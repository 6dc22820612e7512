import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogBuilder } from '../../test/support/log-builder.js';
import { fc } from '../../test/support/properties.js';
import { isDefect } from './defect.js';
import { decodeSegmentHeader, SegmentHeaderLayout } from './segment-header.js';
import { repairSegmentHeader } from './segment-header-repair.js';

/** The second segment of a log, with its first block. */
function secondSegment() {
  const builder = new LogBuilder('/nowhere').segment().events(2).seal().segment().events(3);
  const bytes = builder.fileOf(2);
  const page = bytes.slice(0, 4096);
  const header = decodeSegmentHeader(page);
  assert.ok(!isDefect(header));
  const known = { segmentIndex: 2, segmentBytes: bytes.length, logId: builder.logId };
  return { page, header, firstBlock: bytes.slice(4096, 4160), known };
}

const NO_BLOCK = new Uint8Array(0);
const OFFSET = SegmentHeaderLayout.offset;

test('any one flipped bit of the page, with or without a first block', () => {
  const { page, header, firstBlock, known } = secondSegment();
  for (let bit = 0; bit < 4096 * 8; bit += bit < 128 * 8 ? 1 : 97) {
    const damaged = page.slice();
    damaged[bit >> 3] = (page[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.deepEqual(repairSegmentHeader(damaged, firstBlock, known), header, `bit ${bit}`);
    const isInChecksum = bit >= OFFSET.headerChecksum * 8 && bit < 128 * 8;
    const alone = repairSegmentHeader(damaged, NO_BLOCK, known);
    assert.deepEqual(alone, isInChecksum ? undefined : header, `bit ${bit}, no block`);
  }
});

test('everything but salt, time and pin wiped, and the first block tells the rest', () => {
  const { page, header, firstBlock, known } = secondSegment();
  const damaged = page.slice().fill(0xa5);
  for (const [from, to] of [
    [OFFSET.salt, OFFSET.previousLastEventId],
    [OFFSET.previousEndOffset, OFFSET.spare2],
  ]) {
    damaged.set(page.subarray(from, to), from);
  }
  assert.deepEqual(repairSegmentHeader(damaged, firstBlock, known), header);
  assert.equal(repairSegmentHeader(damaged, NO_BLOCK, known), undefined, 'no checksum is left');
  const elsewhere = { ...known, logId: known.logId + 1n };
  assert.equal(repairSegmentHeader(damaged, firstBlock, elsewhere), undefined);
});

test('a page of nonsense is never made a header', () => {
  const { firstBlock, known } = secondSegment();
  const filled = fc.uint8Array({ minLength: 4096, maxLength: 4096 });
  fc.assert(
    fc.property(filled, (page) => {
      assert.equal(repairSegmentHeader(page, firstBlock, known), undefined);
    }),
    { numRuns: 30 },
  );
  for (const bytes of [new Uint8Array(4096), new Uint8Array(4096).fill(0xff), new Uint8Array(9)]) {
    assert.equal(repairSegmentHeader(bytes, firstBlock, known), undefined);
  }
});
