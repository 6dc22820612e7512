import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockGlance, joined } from './block-glance.js';
import {
  BLOCK_HEADER_BYTES,
  BlockKind,
  decodeBlockHeader,
  encodeBlockHeader,
} from './block-header.js';
import { isDefect } from './defect.js';

const SALT = 0x1234_5678_9abc_def0n;
const PAYLOAD = 64;
const BLOCK = BLOCK_HEADER_BYTES + PAYLOAD;

/** Two blocks, one behind the other, from byte 8 on. */
function twoBlocks(firstEventId = 2 ** 40 + 3) {
  const bytes = new Uint8Array(8 + 2 * BLOCK);
  let previousBlockChecksum = 0xfedc_ba98_7654_3210n;
  for (const block of [0, 1]) {
    const at = 8 + block * BLOCK;
    const header = {
      kind: BlockKind.events,
      flags: 0,
      payloadBytes: PAYLOAD,
      firstEventId: firstEventId + 2 * block,
      eventCount: 2,
      blockIndex: 7 + block,
      durableEventId: 1,
      payloadChecksum: 5n,
      previousBlockChecksum,
      writtenTsNs: 9n,
    };
    const target = bytes.subarray(at, at + BLOCK_HEADER_BYTES);
    previousBlockChecksum = encodeBlockHeader(target, header, SALT, at);
  }
  return { bytes, words: new Int32Array(bytes.buffer) };
}

test('it tells what the header tells, of each block', () => {
  const { bytes, words } = twoBlocks();
  const glance = new BlockGlance();
  for (const at of [8, 8 + BLOCK]) {
    assert.ok(glance.look(words, at, bytes.length, at > 8));
    const header = decodeBlockHeader(bytes, at, SALT, at);
    assert.ok(!isDefect(header));
    const { kind, payloadBytes, firstEventId, eventCount, blockIndex } = glance;
    const previousBlockChecksum = joined(glance.previousLow, glance.previousHigh);
    assert.deepEqual(
      { kind, payloadBytes, firstEventId, eventCount, blockIndex, previousBlockChecksum },
      {
        kind: header.kind,
        payloadBytes: header.payloadBytes,
        firstEventId: header.firstEventId,
        eventCount: header.eventCount,
        blockIndex: header.blockIndex,
        previousBlockChecksum: header.previousBlockChecksum,
      },
    );
  }
});

test('what is no header, is cut off, or does not follow is none', () => {
  const { bytes, words } = twoBlocks();
  const glance = new BlockGlance();
  assert.ok(!glance.look(words, 0, bytes.length, false), 'no header begins there');
  assert.ok(!glance.look(words, 8, 8 + BLOCK_HEADER_BYTES - 8, false), 'the header is cut off');
  assert.ok(!glance.look(words, 8, 8 + BLOCK - 8, false), 'its payload is');
  assert.ok(glance.look(words, 8, 8 + BLOCK, false));
  assert.ok(!glance.look(words, 8, bytes.length, true), 'the same one again');
  assert.ok(glance.look(words, 8, bytes.length, false));
  const other = twoBlocks(99);
  assert.ok(!glance.look(other.words, 8 + BLOCK, bytes.length, true), 'the second of another log');
});
