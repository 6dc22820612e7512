import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MIB, PAGE_BYTES } from '../units.js';
import { isDefect } from './defect.js';
import {
  chunkChecksum,
  chunkOffset,
  decodeSnapshotHeader,
  encodeSnapshotHeader,
  SnapshotHeaderLayout,
  snapshotFileBytes,
} from './snapshot-record.js';

const HEADER = {
  stateVersion: 7,
  logId: 0x1234_5678_9abc_def0n,
  eventId: 42,
  blockChecksum: 0xfedc_ba98_7654_3210n,
  salt: 99n,
  createdTsNs: 1_700_000_000_000_000_000n,
  contentBytes: 2 * MIB + 1,
  stateHash: 5n,
} as const;
const FILE_BYTES = PAGE_BYTES + 2 * (MIB + 8) + 1 + 8;

test('a header comes back as it was written', () => {
  for (const header of [HEADER, { ...HEADER, stateHash: undefined }]) {
    assert.deepEqual(decodeSnapshotHeader(encodeSnapshotHeader(header), FILE_BYTES), header);
  }
  assert.equal(snapshotFileBytes(HEADER.contentBytes), FILE_BYTES);
  assert.equal(snapshotFileBytes(0), PAGE_BYTES);
  assert.equal(chunkOffset(1), PAGE_BYTES + MIB + 8);
});

test('each bit of the header page that flips is noticed', () => {
  const page = encodeSnapshotHeader(HEADER);
  for (let bit = 0; bit < page.length * 8; bit++) {
    const flipped = page.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok(isDefect(decodeSnapshotHeader(flipped, FILE_BYTES)), `bit ${bit}`);
  }
});

test('a header of another length of file, an empty page and a newer version are told', () => {
  const page = encodeSnapshotHeader(HEADER);
  const defectOf = (bytes: Uint8Array, fileBytes = FILE_BYTES): string => {
    const header = decodeSnapshotHeader(bytes, fileBytes);
    return isDefect(header) ? header.defect : 'none';
  };
  assert.equal(defectOf(page, FILE_BYTES - 1), 'truncated');
  assert.equal(defectOf(page, FILE_BYTES + 1), 'field');
  assert.equal(defectOf(page.subarray(0, 127), 127), 'truncated');
  assert.equal(defectOf(new Uint8Array(PAGE_BYTES)), 'zero');
  assert.equal(defectOf(new Uint8Array(PAGE_BYTES).fill(0xff)), 'magic');
  assert.equal(SnapshotHeaderLayout.offset.checksum, 120);
});

test('a chunk validates in its place in its snapshot, and nowhere else', () => {
  const chunk = new Uint8Array(100).fill(3);
  const own = chunkChecksum(chunk, 1n, 0);
  assert.deepEqual(chunkChecksum(chunk, 1n, 0), own);
  assert.notDeepEqual(chunkChecksum(chunk, 1n, 1), own);
  assert.notDeepEqual(chunkChecksum(chunk, 8n, 0), own);
});
