import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { LogBuilder, temporaryFolder } from '../../test/support/log-builder.js';
import { EARLIER_FIRST_EVENT, forgeSeal, WRONG_SEALS } from '../../test/support/wrong-seals.js';
import { SEAL_ENTRIES_MAX } from '../segment/seal.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';
import { confirmSeal, SealCheck, sealDefect } from './seal-check.js';
import { openSegment } from './segment-file.js';
import { SegmentReader, startOf } from './segment-reader.js';
import { SegmentSalvager } from './segment-salvager.js';

/** Blocks of 2, 3 and 4 events, a watermark before the last, and a seal; events 3 to 11. */
function sealed(t: TestContext): LogBuilder {
  const builder = new LogBuilder(temporaryFolder(t)).segment().events(2).seal();
  return builder.segment().events(2).events(3).watermark().events(4).seal();
}

/** A reader at the end of what validates. */
function readerOf(
  t: TestContext,
  builder: LogBuilder,
  index = 2,
  storage: Storage = nodeStorage,
): SegmentReader {
  const file = openSegment(storage, builder.write().pathOf(index), { index });
  assert.ok(file !== undefined);
  t.after(() => storage.close(file.fd));
  const reader = new SegmentReader(storage, file);
  while (reader.next());
  return reader;
}

/** As `verify` does it: with the seal known before its blocks. */
function defectOnTheWay(reader: SegmentReader): string | undefined {
  const { endOffset } = reader.end;
  const again = reader.readerAt(startOf(reader.file));
  const check = SealCheck.at(again, endOffset);
  while (again.next(endOffset)) check?.add(again);
  return check?.defect(again)?.message;
}

describe('a seal is true of', () => {
  const sizes = [0, 1, 3, SEAL_ENTRIES_MAX, SEAL_ENTRIES_MAX + 1, 3 * SEAL_ENTRIES_MAX];
  for (const blocks of sizes) {
    test(`${blocks} events blocks`, (t) => {
      const builder = new LogBuilder(temporaryFolder(t), { segmentBytes: 1 << 20 }).segment();
      for (let block = 0; block < blocks; block++) builder.events(1).watermark();
      const reader = readerOf(t, builder.seal(), 1);
      assert.equal(defectOnTheWay(reader), undefined);
      assert.equal(sealDefect(reader), undefined);
      assert.equal(confirmSeal(reader), true);
    });
  }

  test('the blocks of a later segment', (t) => {
    const reader = readerOf(t, sealed(t));
    assert.equal(defectOnTheWay(reader), undefined);
    assert.equal(confirmSeal(reader), true);
  });
});

describe('a seal whose checksums hold is none with', () => {
  const wrong = { ...WRONG_SEALS, 'an earlier first event': EARLIER_FIRST_EVENT };
  for (const [name, change] of Object.entries(wrong)) {
    test(`${name}: the segment ends before it`, (t) => {
      const builder = sealed(t);
      const { offset } = builder.blockOf(2, -1);
      forgeSeal(builder, 2, change);
      const reader = readerOf(t, builder);
      assert.notEqual(defectOnTheWay(reader), undefined);
      assert.equal(confirmSeal(reader), false);
      const { stop, position, end } = reader;
      assert.equal(stop?.reason, 'field');
      assert.deepEqual([position.offset, position.nextEventId], [offset, 12]);
      assert.equal(position.nextBlockIndex, 4);
      assert.deepEqual(end, {
        endOffset: offset,
        blockChecksum: position.previousBlockChecksum,
        lastEventId: 11,
      });
    });

    test(`${name}: it is not met again, neither by this reader nor by others`, (t) => {
      const builder = sealed(t);
      forgeSeal(builder, 2, change);
      const reader = readerOf(t, builder);
      confirmSeal(reader);
      assert.equal(reader.next(), false);
      assert.equal(reader.stop?.reason, 'field');
      assert.equal(reader.validatesNow(), false);
      assert.equal(confirmSeal(reader), false);
      assert.equal(new SegmentSalvager(nodeStorage, reader).skipHole(), undefined);
    });
  }
});

test('the blocks are read again once, however often it is asked', (t) => {
  let reads = 0;
  const storage: Storage = {
    ...nodeStorage,
    read: (fd, target, offset) => {
      reads++;
      return nodeStorage.read(fd, target, offset);
    },
  };
  const reader = readerOf(t, sealed(t), 2, storage);
  const before = reads;
  confirmSeal(reader);
  const once = reads;
  assert.ok(once > before);
  confirmSeal(reader);
  assert.equal(reads, once);
});

test('behind damage nothing shows a seal to be wrong', (t) => {
  const builder = sealed(t);
  forgeSeal(builder, 2, EARLIER_FIRST_EVENT);
  const second = builder.blockOf(2, 1);
  builder.fileOf(2)[second.offset + 80] = 0xee;
  const salvager = new SegmentSalvager(nodeStorage, readerOf(t, builder));
  assert.equal(salvager.skipHole()?.events, 3);
  while (salvager.next());
  assert.equal(confirmSeal(salvager.reader), true);
});
