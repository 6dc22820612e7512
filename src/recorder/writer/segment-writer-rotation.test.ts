import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  asSegment,
  Bench,
  claimsOf,
  DIRECTORY,
  kindsOf,
  LARGE_END,
  SEGMENT_BYTES,
} from '../../../test/support/writer-bench.js';
import { behindOf, scanTail } from '../../judgement/tail-scan.js';
import { openSegment } from '../../reading/segment-file.js';
import { SegmentReader } from '../../reading/segment-reader.js';
import { BLOCK_HEADER_BYTES, BlockKind } from '../../segment/block-header.js';
import { preparedFileName, segmentFileName } from '../../segment/file-names.js';
import { FRAME_HEADER_BYTES } from '../../segment/frame.js';
import { decodeSeal } from '../../segment/seal.js';
import { hasRecycledBody } from '../../segment/segment-header.js';
import { KIB, NS_PER_MS } from '../../units.js';

const SPARE = `${DIRECTORY}/${preparedFileName(2)}`;

describe('rotation', () => {
  /** What a rotation does; the seal stands behind the last event or watermark block. */
  const rotationAt = (sealOffset: number): string[] => [
    'open prepared-2.tmp',
    `write 0000000001.wal@${sealOffset}`,
    'sync 0000000001.wal',
    'close 0000000001.wal',
    'write 0000000002.wal@0',
    'sync 0000000002.wal',
    'renameNoReplace prepared-2.tmp 0000000002.wal',
    'syncDirectory log',
    'write 0000000002.wal@4096',
  ];

  for (const [mode, sealOffset] of [
    ['manual', LARGE_END],
    ['interval', LARGE_END],
    ['every-block', LARGE_END + BLOCK_HEADER_BYTES],
  ] as const) {
    test(`${mode}: last block, seal, sync; header, sync; name; folder; first block`, () => {
      const bench = new Bench({ mode });
      bench.appendLarge();
      bench.rest();
      bench.prepare();
      bench.appendLarge();
      const expected = rotationAt(sealOffset);
      assert.deepEqual(asSegment(bench.settle()).slice(0, expected.length), expected);
      assert.equal(bench.written, 2);
    });
  }

  for (const [how, harm] of [
    ['removed', () => {}],
    ['replaced', (bench: Bench) => bench.disk.close(bench.disk.open(SPARE, 'create'))],
    ['a folder by now', (bench: Bench) => bench.disk.makeDirectory(SPARE)],
  ] as const) {
    test(`takes the next prepared file where one is ${how}, and leaves that alone`, () => {
      const bench = new Bench({ mode: 'every-block' });
      bench.appendLarge();
      bench.settle();
      bench.prepare();
      bench.disk.unlink(SPARE);
      harm(bench);
      const before = bench.disk.statusAt(SPARE);
      bench.appendLarge();
      bench.settle();
      assert.equal(bench.signals.get('takerWaiting'), 1, 'it waits for another');
      bench.prepare();
      bench.settle();
      assert.equal(bench.written, 2);
      assert.deepEqual(bench.disk.statusAt(SPARE), before);
      assert.equal(bench.blocksOf(2).length, 2);
    });
  }

  test('a file that was a segment: another salt, and the header says so; no old block is one', () => {
    const bench = new Bench({ mode: 'every-block' });
    const path = (index: number): string => `${DIRECTORY}/${segmentFileName(index)}`;
    const headerOf = (index: number) => {
      const file = openSegment(bench.disk, path(index), { index });
      assert.ok(file !== undefined);
      return file;
    };
    const fill = (): void => {
      bench.append(5000);
      bench.rest();
    };
    for (let event = 0; event < 8; event++) fill();
    // The same blocks, at the same places, of the same log: only the salt is another one.
    bench.prepare(bench.disk.contentOf(path(1)));
    while (bench.disk.statusAt(path(2)) === undefined) fill();
    const [old, recycled] = [headerOf(1), headerOf(2)];
    assert.equal(hasRecycledBody(old.header), false);
    assert.equal(hasRecycledBody(recycled.header), true);
    assert.notEqual(recycled.header.salt, old.header.salt);
    const reader = new SegmentReader(bench.disk, recycled);
    while (reader.next());
    assert.equal(reader.nextEventId - 1, bench.written);
    const scan = scanTail(bench.disk, recycled, reader.offset);
    assert.ok(scan.nonZeroEndOffset > reader.offset, 'old blocks stand behind the end');
    assert.equal(scan.validHeaders, 0);
    assert.equal(behindOf(scan, hasRecycledBody(recycled.header)), 'nothing');
  });

  test('takes no prepared file that was cut', () => {
    const bench = new Bench({ mode: 'every-block' });
    bench.appendLarge();
    bench.settle();
    bench.prepare();
    const fd = bench.disk.open(SPARE, 'write');
    bench.disk.truncate(fd, 0);
    bench.disk.close(fd);
    bench.appendLarge();
    bench.settle();
    assert.equal(bench.written, 1);
  });

  test('waits while this process may open no more files, and goes on by itself', () => {
    for (const code of ['EMFILE', 'ENFILE', 'ENOMEM']) {
      const bench = new Bench({ mode: 'every-block' });
      bench.appendLarge();
      bench.settle();
      bench.prepare();
      bench.storage.fail({ code, when: ({ kind }) => kind === 'open', times: 3 });
      bench.appendLarge();
      for (let step = 0; step < 3; step++) assert.ok(bench.writer.step() > 0, code);
      assert.equal(bench.writer.hasFailed, false);
      assert.equal(bench.written, 1);
      bench.settle();
      assert.equal(bench.written, 2);
    }
  });

  test('waits with the name of a segment until its folder can be opened', () => {
    for (const code of ['EMFILE', 'ENFILE']) {
      const bench = new Bench({ mode: 'every-block' });
      bench.appendLarge();
      bench.settle();
      bench.prepare();
      bench.storage.fail({ code, when: ({ kind }) => kind === 'syncDirectory', times: 3 });
      bench.appendLarge();
      for (let step = 0; step < 3; step++) assert.ok(bench.writer.step() > 0, code);
      assert.equal(bench.writer.hasFailed, false);
      assert.equal(bench.written, 1, 'nothing is in a file whose name may not be there');
      bench.settle();
      assert.equal(bench.written, 2);
      assert.equal(bench.blocksOf(2).length, 2);
    }
  });

  test('gives each segment a salt of its own', () => {
    const bench = new Bench();
    for (const expected of [1, 2, 3]) {
      bench.appendLarge();
      bench.settle();
      assert.equal(bench.written, expected);
      bench.prepare();
    }
    const salts = [1, 2, 3].map((index) => {
      const path = `${DIRECTORY}/${segmentFileName(index)}`;
      return openSegment(bench.disk, path, { index })?.header.salt;
    });
    assert.ok(salts.every((salt) => typeof salt === 'bigint'));
    assert.equal(new Set(salts).size, 3);
  });

  test('makes the finished segment durable whole, and says so', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.settle();
    bench.prepare();
    bench.appendLarge();
    bench.settle();
    assert.deepEqual([bench.written, bench.durable], [2, 1]);
    bench.disk.cutPower();
    const first = bench.blocksOf(1);
    assert.deepEqual(kindsOf(first), [BlockKind.events, BlockKind.seal]);
    assert.deepEqual(bench.blocksOf(2), [], 'the name is durable, the block was not synced');
  });

  test('pins the last event or watermark block of the segment before, not its seal', () => {
    const bench = new Bench({ mode: 'every-block' });
    bench.append();
    bench.rest();
    const pinned = bench.blocksOf(1).at(-1);
    assert.equal(pinned?.kind, BlockKind.watermark);
    bench.prepare();
    bench.append(28 * KIB - 200);
    bench.settle();
    const path = `${DIRECTORY}/${segmentFileName(2)}`;
    const header = openSegment(bench.disk, path, { index: 2 })?.header;
    assert.equal(header?.previousBlockChecksum, pinned?.headerChecksum);
    const end = 4096 + BLOCK_HEADER_BYTES + 40 + BLOCK_HEADER_BYTES;
    assert.equal(header?.previousEndOffset, end);
    assert.equal(header?.previousLastEventId, 1);
    assert.equal(header?.firstEventId, 2);
  });

  test('seals with the totals of the segment', () => {
    const bench = new Bench();
    for (let block = 0; block < 3; block++) {
      bench.append(4 * KIB);
      bench.append(4 * KIB);
      bench.settle();
    }
    bench.prepare();
    bench.appendLarge();
    bench.settle();
    const path = `${DIRECTORY}/${segmentFileName(1)}`;
    const file = openSegment(bench.disk, path, { index: 1 });
    assert.ok(file !== undefined);
    const reader = new SegmentReader(bench.disk, file);
    while (reader.next() && reader.block?.kind !== BlockKind.seal);
    const seal = decodeSeal(reader.bytes.subarray(reader.payloadStart, reader.payloadEnd));
    assert.ok('totals' in seal);
    const { firstEventId, lastEventId, eventCount, eventBlocks, watermarkBlocks } = seal.totals;
    assert.deepEqual(
      { firstEventId, lastEventId, eventCount, eventBlocks, watermarkBlocks },
      { firstEventId: 1, lastEventId: 6, eventCount: 6, eventBlocks: 3, watermarkBlocks: 0 },
    );
    assert.equal(seal.totals.firstTimestampNs, (5n << 32n) + 1n);
    assert.equal(seal.totals.highestTimestampNs, (5n << 32n) + 6n);
  });

  test('waits while no segment is prepared, says so, and goes on with the next one', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.appendLarge();
    bench.settle();
    assert.ok(bench.writer.step() > 0, 'it waits outside of step()');
    assert.equal(bench.written, 1);
    assert.equal(bench.signals.get('takerWaiting'), 1);
    assert.equal(bench.telemetry.segmentPreparer.getNextSegmentWaited, 0, 'it still waits');
    bench.clock.advanceNs(5 * NS_PER_MS);
    bench.settle();
    bench.prepare();
    bench.settle();
    assert.equal(bench.written, 2);
    assert.equal(bench.signals.get('takerWaiting'), 0);
    const { getNextSegmentWaited, getNextSegment } = bench.telemetry.segmentPreparer;
    assert.equal(getNextSegmentWaited, 1, 'one wait, however often it looked');
    assert.equal(getNextSegment.maxNs, 5 * NS_PER_MS);
  });

  test('a request is served while it waits for a segment', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.appendLarge();
    bench.signals.requestDurable(2);
    bench.settle();
    assert.equal(bench.durable, 1, 'all that could be written is synced');
    assert.equal(bench.written, 1);
  });

  test('tells how much of the segment is used, in eighths of its room for blocks', () => {
    const bench = new Bench({ segmentBytes: 128 * KIB });
    assert.equal(bench.signals.get('activePages'), 32);
    assert.equal(bench.signals.get('usedParts'), 0);
    // 92 KiB of room.
    for (let event = 0; event < 2; event++) bench.append(20 * KIB);
    bench.settle();
    assert.equal(bench.signals.get('usedParts'), 3);
    bench.append(30 * KIB);
    bench.settle();
    assert.equal(bench.signals.get('usedParts'), 6);
    bench.prepare();
    bench.append(40 * KIB);
    bench.settle();
    assert.equal(bench.signals.get('usedParts'), 3, 'of the new one');
  });

  test('a segment that has no room for a watermark goes without', () => {
    const bench = new Bench({ mode: 'every-block' });
    // 28,672 bytes of room: the block takes all of them but 40.
    const payloadBytes = 28_672 - 40 - BLOCK_HEADER_BYTES - FRAME_HEADER_BYTES;
    bench.append(payloadBytes);
    bench.settle();
    assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events]);
    assert.equal(bench.durable, 1);
    bench.prepare();
    bench.append();
    bench.settle();
    assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events, BlockKind.seal]);
    assert.deepEqual(claimsOf(bench.blocksOf(1)), [0, 1]);
  });

  test('an event that no segment of this opening can hold is a bug, not a rotation for ever', () => {
    const bench = new Bench();
    bench.append(60 * KIB);
    for (let ticket = 0; ticket < 3; ticket++) bench.prepare();
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    assert.match(bench.signals.failure.read()?.message ?? '', /do not fit into a new segment/);
  });

  test('a block never reaches into the room of the seal, whatever waits in the ring', () => {
    const bench = new Bench();
    for (let event = 0; event < 60; event++) bench.append(2_000);
    for (let ticket = 0; ticket < 3; ticket++) bench.prepare();
    bench.settle();
    for (let index = 1; index <= 4; index++) {
      const events = bench.blocksOf(index).filter(({ kind }) => kind === BlockKind.events);
      const bytes = events.reduce((sum, each) => sum + BLOCK_HEADER_BYTES + each.payloadBytes, 0);
      assert.ok(bytes <= SEGMENT_BYTES - 36 * KIB, `${bytes} bytes in segment ${index}`);
      assert.ok(bytes > 20 * KIB, 'and it is used');
    }
  });
});
