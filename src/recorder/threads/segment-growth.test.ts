import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK_HEADER_BYTES, MAX_BLOCK_PAYLOAD_BYTES } from '../../segment/block-header.js';
import { KIB, MIB } from '../../units.js';
import { blockRoomBytes } from '../writer/active-segment.js';
import {
  closedBytes,
  firstSegmentBytes,
  isSmallSegment,
  nextSegmentBytes,
  reopenedBytes,
} from './segment-growth.js';

test('a log that is used slowly doubles its segments up to the limit', () => {
  const sizes = [firstSegmentBytes(64 * MIB)];
  while (sizes.at(-1) !== 64 * MIB) sizes.push(nextSegmentBytes(sizes.at(-1) ?? 0, 0, 64 * MIB));
  assert.equal(sizes[0], 256 * KIB);
  assert.equal(sizes[1], MIB + 36 * KIB);
  assert.equal(sizes[2], 2 * MIB + 72 * KIB);
  assert.equal(sizes.length, 8);
});

test('one that is used fast is there after five', () => {
  const sizes = [firstSegmentBytes(64 * MIB)];
  while (sizes.at(-1) !== 64 * MIB) {
    sizes.push(nextSegmentBytes(sizes.at(-1) ?? 0, 2 ** 31, 64 * MIB));
  }
  assert.equal(sizes.length, 5);
});

test('each segment but the first has room for the largest block, where the limit has', () => {
  const roomOf = (limitBytes: number) => blockRoomBytes(nextSegmentBytes(4096, 0, limitBytes));
  assert.ok(roomOf(64 * MIB) >= MAX_BLOCK_PAYLOAD_BYTES);
  const large = nextSegmentBytes(4096, 0, 64 * MIB, 5 * MIB);
  assert.ok(blockRoomBytes(large) >= 5 * MIB - BLOCK_HEADER_BYTES);
  assert.equal(nextSegmentBytes(4096, 0, 4 * MIB, 5 * MIB), 4 * MIB);
  assert.equal(nextSegmentBytes(4096, 0, 64 * KIB), 64 * KIB);
  assert.ok(isSmallSegment(nextSegmentBytes(64 * KIB, 0, 256 * KIB)));
  assert.ok(!isSmallSegment(nextSegmentBytes(256 * KIB, 0, 64 * MIB)));
});

test('the largest limit is no trouble', () => {
  assert.equal(nextSegmentBytes(1024 * MIB, 2 ** 50, 1024 * MIB), 1024 * MIB);
});

test('a file goes on with twice what it holds, within limits, and ends with a page', () => {
  assert.equal(reopenedBytes(4096, 64 * MIB), 4096 + 256 * KIB);
  assert.equal(reopenedBytes(4096, 256 * KIB), 256 * KIB);
  assert.equal(reopenedBytes(MIB + 8, 64 * MIB), 2 * MIB + 4096);
  assert.equal(reopenedBytes(30 * MIB, 64 * MIB), 32 * MIB);
  assert.equal(closedBytes(4096), 4096);
  assert.equal(closedBytes(4104), 8192);
});
