import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { forgeHeaders, ReadCount } from '../../test/support/forged-headers.js';
import { LogBuilder, saltOf, temporaryFolder } from '../../test/support/log-builder.js';
import { openSegment } from '../reading/segment-file.js';
import {
  BLOCK_HEADER_BYTES,
  BlockHeaderLayout,
  BlockKind,
  encodeBlockHeader,
} from '../segment/block-header.js';
import { xxh64 } from '../segment/checksum.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { behindOf, scanTail, type TailScan } from './tail-scan.js';

function scan(
  t: TestContext,
  builder: LogBuilder,
  fromOffset: number,
  storage: Storage = nodeStorage,
): TailScan {
  const file = openSegment(storage, builder.write().pathOf(1), { index: 1 });
  assert.ok(file !== undefined);
  t.after(() => storage.close(file.fd));
  return scanTail(storage, file, fromOffset);
}

test('zeros to the end are nothing', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 3 << 20 }).segment().events(1);
  const { offset, bytes } = builder.blockOf(1, 0);
  const found = scan(t, builder, offset + bytes);
  assert.equal(behindOf(found, false), 'nothing');
  assert.equal(found.nonZeroEndOffset, offset + bytes);
});

test('one byte anywhere is told, and where', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 3 << 20 }).segment();
  for (const at of [4096, 4096 + (1 << 20) - 1, 4096 + (1 << 20), (3 << 20) - 1]) {
    builder.fileOf(1)[at] = 7;
    const found = scan(t, builder, 4096);
    builder.fileOf(1)[at] = 0;
    assert.equal(found.nonZeroEndOffset, at + 1);
    assert.equal(behindOf(found, false), 'bytes');
    assert.equal(behindOf(found, true), 'nothing', 'in a recycled body it is stale');
  }
});

test('blocks behind a hole are counted, with what they claim', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).events(3);
  builder.events(4, { durableEventId: 5 }).watermark(9).events(1);
  const { offset, bytes } = builder.blockOf(1, 1);
  builder.fileOf(1).fill(0, offset, offset + bytes);
  const found = scan(t, builder, offset);
  const last = builder.blockOf(1, -1);
  assert.equal(found.validHeaders, 3);
  assert.equal(found.wholeBlocks, 3);
  assert.equal(found.wholeEvents, 5);
  assert.equal(found.durableEventId, 9);
  assert.equal(found.lastEventId, 10);
  assert.equal(found.blocksEndOffset, last.offset + last.bytes);
  assert.equal(behindOf(found, true), 'blocks');
});

test('a header whose payload is torn still speaks', (t) => {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2);
  builder.events(4, { durableEventId: 2 });
  const { offset } = builder.blockOf(1, 1);
  builder.fileOf(1)[offset + 70] = 99;
  const found = scan(t, builder, offset);
  assert.deepEqual([found.validHeaders, found.wholeBlocks, found.lastEventId], [1, 0, 6]);
});

test('a header whose checksum holds claims, however impossible its fields are', (t) => {
  const fields = BlockHeaderLayout.offset;
  const impossible: readonly ((header: DataView) => void)[] = [
    (header) => header.setUint8(fields.kind, 9),
    (header) => header.setUint8(fields.flags, 1),
    (header) => header.setUint32(fields.payloadBytes, 12, true),
    (header) => header.setUint32(fields.payloadBytes, 0xffff_fff8, true),
    (header) => header.setUint32(fields.eventCount, 0, true),
    (header) => header.setBigUint64(fields.firstEventId, 5n, true),
    (header) => header.setBigUint64(fields.firstEventId, 2n ** 63n, true),
  ];
  for (const change of impossible) {
    const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).watermark(2);
    const { offset } = builder.blockOf(1, 1);
    const header = new DataView(builder.fileOf(1).buffer, offset, BLOCK_HEADER_BYTES);
    header.setBigUint64(fields.durableEventId, 7n, true);
    change(header);
    const covered = builder.fileOf(1).subarray(offset, offset + fields.headerChecksum);
    const checksum = xxh64(covered, saltOf(1) ^ BigInt(offset));
    header.setBigUint64(fields.headerChecksum, checksum, true);
    const found = scan(t, builder, offset);
    assert.deepEqual([found.validHeaders, found.durableEventId], [1, 7]);
    assert.deepEqual(
      [found.wholeBlocks, found.lastEventId],
      [0, 0],
      'and nothing else of it counts',
    );
  }
});

test('headers on both sides of a chunk border are found once each, whole or torn', (t) => {
  // One payload ends near the border of the first chunk, 1 MiB behind where the scan begins.
  for (let fromBorder = -200; fromBorder <= 40; fromBorder += 8) {
    const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 2 << 20 }).segment();
    builder.events(1, { payloadBytes: (1 << 20) + fromBorder - 2 * 64 - 2 * 24 });
    builder.events(1).watermark().events(2);
    const whole = scan(t, builder, 4096);
    assert.deepEqual([whole.validHeaders, whole.wholeEvents], [4, 4], `${fromBorder}`);
    for (const block of builder.blocks) builder.fileOf(1)[block.offset + 64 + 24] = 0xee;
    const torn = scan(t, builder, 4096);
    // The byte behind a watermark is in the header that follows it.
    assert.deepEqual([torn.validHeaders, torn.wholeEvents], [3, 0], `${fromBorder}`);
  }
});

test('blocks of an earlier life of the file do not validate', (t) => {
  const dir = temporaryFolder(t);
  const earlier = new LogBuilder(dir).segment().segment().events(3).events(3);
  const builder = new LogBuilder(dir).segment({ recycled: true, body: earlier.fileOf(2) });
  const found = scan(t, builder, 4096);
  assert.equal(found.validHeaders, 0);
  assert.ok(found.nonZeroEndOffset > 4096, 'the stale blocks are there');
  assert.equal(behindOf(found, true), 'nothing');
});

test('what looks like a block inside of a valid payload is payload, in any chunk', (t) => {
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 4 << 20 }).segment();
  const watermark = {
    kind: BlockKind.watermark,
    flags: 0,
    payloadBytes: 0,
    firstEventId: 900,
    eventCount: 0,
    blockIndex: 9,
    durableEventId: 899,
    payloadChecksum: xxh64(new Uint8Array(0), saltOf(1)),
    previousBlockChecksum: 0n,
    writtenTsNs: 0n,
  };
  // A user who records log files: a header with this salt, at the very offset where it would hold.
  const forge = (payload: Uint8Array, blockOffset: number, at: number) =>
    encodeBlockHeader(payload.subarray(at), watermark, saltOf(1), blockOffset + 64 + 24 + at);
  const early = new Uint8Array(4000);
  forge(early, 4096, 800);
  builder.events(1, { payload: early }).events(1, { payloadBytes: 1_000_000 });
  const [, second] = builder.blocks;
  assert.ok(second !== undefined);
  const late = new Uint8Array(1_000_000);
  // The third block begins in the first chunk of the scan and this place is in the second one.
  forge(late, second.offset + second.bytes, 500_000);
  builder.events(1, { payload: late });
  const whole = scan(t, builder, 4096);
  assert.deepEqual([whole.validHeaders, whole.durableEventId], [3, 0]);
  builder.fileOf(1)[4096] = 0;
  assert.equal(scan(t, builder, 4096).durableEventId, 899, 'alone it would count');
});

test('forged headers that overlap are all heard, and their payloads are read no more at some point', (t) => {
  const segmentBytes = 1 << 20;
  const builder = new LogBuilder(temporaryFolder(t), { segmentBytes }).segment().events(2);
  const end = builder.blockOf(1, 0).offset + builder.blockOf(1, 0).bytes;
  const count = forgeHeaders(builder.fileOf(1), saltOf(1), end, 2);
  const reads = new ReadCount(nodeStorage);
  const found = scan(t, builder, end, reads.storage);
  assert.ok(count > 10_000, 'so many headers, each with a payload to the end');
  assert.deepEqual([found.validHeaders, found.wholeBlocks], [count, 0]);
  assert.deepEqual([found.durableEventId, found.lastEventId], [1 + count, 2 + count]);
  assert.ok(reads.bytes < 16 * segmentBytes, `${reads.bytes} bytes read`);
});
