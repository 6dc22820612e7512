import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { linkProblem } from './segment-chain.js';
import { SEGMENT_HEADER_PAGE_BYTES, type SegmentHeader } from './segment-header.js';

const PAGE = SEGMENT_HEADER_PAGE_BYTES;

const header = (fields: Partial<SegmentHeader>): SegmentHeader => ({
  segmentIndex: 1,
  segmentBytes: 65536,
  firstEventId: 1,
  incompatibleFlags: 0,
  compatibleFlags: 0,
  checksumKind: 1,
  blockAlignment: 8,
  logId: 1n,
  salt: 2n,
  createdTsNs: 3n,
  previousLastEventId: 0,
  previousEndOffset: 0,
  previousBlockChecksum: 0n,
  headerChecksum: 4n,
  ...fields,
});

/** The successor of a segment whose last event is `last`, and which ends at `endOffset`. */
const pinning = (last: number, endOffset: number): SegmentHeader =>
  header({
    segmentIndex: 2,
    firstEventId: last + 1,
    previousLastEventId: last,
    previousEndOffset: endOffset,
  });

describe('two segments', () => {
  const first = header({ firstEventId: 5 });

  test('hang together where the file reaches the pin and its events fit before it', () => {
    const end = PAGE + 64 + 3 * 24;
    for (const bytes of [end, 65536]) {
      assert.equal(linkProblem({ header: first, bytes }, pinning(7, end)), undefined);
    }
    // Blocks without events, and no block at all.
    assert.equal(linkProblem({ header: first, bytes: 65536 }, pinning(4, PAGE + 64)), undefined);
    assert.equal(linkProblem({ header: first, bytes: 65536 }, pinning(4, PAGE)), undefined);
  });

  test('do not where the file ends before the pin', () => {
    const problem = linkProblem({ header: first, bytes: PAGE + 199 }, pinning(7, PAGE + 200));
    assert.match(problem ?? '', /has 4295 bytes.*segment 2 says .* up to 7 end at offset 4296/);
  });

  test('do not where the first one begins behind the second', () => {
    assert.match(linkProblem({ header: first, bytes: 65536 }, pinning(3, PAGE)) ?? '', /begins/);
  });

  test('do not where more events are pinned than fit', () => {
    const end = PAGE + 64 + 3 * 24;
    const problem = linkProblem({ header: first, bytes: 65536 }, pinning(8, end));
    assert.match(problem ?? '', /begins with event 5.*up to 8 end at offset 4232/);
    assert.match(linkProblem({ header: first, bytes: 65536 }, pinning(5, PAGE)) ?? '', /begins/);
  });
});
