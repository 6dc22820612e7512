import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { xxh64 } from './checksum.js';
import { type Defect, isDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';
import { MAX_SEGMENT_BYTES } from './segment-header.js';
import { decodeMeta, encodeMeta, META_BYTES, type WalMeta, WalMetaLayout } from './wal-meta.js';

const OFFSET = WalMetaLayout.offset;
const META: WalMeta = {
  cleanlyClosed: true,
  segmentIndex: 3,
  offset: 8192,
  lastEventId: 500,
  logId: 0x1111_2222_3333_4444n,
  durableEventId: 501,
  firstKeptEventId: 0,
};
const TRIMMED: WalMeta = { ...META, firstKeptEventId: 400 };
const NEW_LOG = { ...META, segmentIndex: 0, offset: 0, lastEventId: 0, durableEventId: 0 };

const someId = fc.integer({ min: 0, max: MAX_EVENT_ID });
const someMeta: fc.Arbitrary<WalMeta> = fc
  .record({
    cleanlyClosed: fc.boolean(),
    segmentIndex: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    offset: fc.integer({ min: 512, max: MAX_SEGMENT_BYTES / 8 }).map((units) => units * 8),
    ids: fc.tuple(someId, someId),
    firstKept: fc.integer({ min: 0, max: MAX_EVENT_ID }),
    logId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  })
  .map(({ ids, firstKept, ...fields }) => ({
    ...fields,
    lastEventId: Math.min(...ids),
    durableEventId: Math.max(...ids),
    firstKeptEventId: Math.min(firstKept, Math.max(...ids)),
  }));

function forged(alter: (view: DataView) => void, meta = META): WalMeta | Defect {
  const bytes = encodeMeta(meta);
  const view = new DataView(bytes.buffer);
  alter(view);
  view.setBigUint64(OFFSET.checksum, xxh64(bytes.subarray(0, OFFSET.checksum), 0n), true);
  return decodeMeta(bytes);
}

const defectOf = (result: WalMeta | Defect): Defect['defect'] | undefined =>
  isDefect(result) ? result.defect : undefined;

describe('wal.meta', () => {
  test('round trip', () => {
    fc.assert(
      fc.property(someMeta, (meta) => assert.deepEqual(decodeMeta(encodeMeta(meta)), meta)),
    );
    assert.deepEqual(decodeMeta(encodeMeta(NEW_LOG)), NEW_LOG);
  });

  test('is of version 2 only where events were removed: others stay readable by who knows 1', () => {
    const versionOf = (meta: WalMeta): number =>
      new DataView(encodeMeta(meta).buffer).getUint16(OFFSET.version, true);
    assert.deepEqual([versionOf(META), versionOf(TRIMMED)], [1, 2]);
    const withoutIt = encodeMeta(META).subarray(OFFSET.firstKeptEventId, OFFSET.checksum);
    assert.ok(withoutIt.every((byte) => byte === 0));
    // Nothing is left but the segment that is written to, which holds nothing yet.
    const all = { ...META, firstKeptEventId: META.durableEventId + 1 };
    assert.deepEqual(decodeMeta(encodeMeta(all)), all);
  });

  test('each flipped bit is noticed', () => {
    const bytes = encodeMeta(META);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(defectOf(decodeMeta(flipped)), bit < 64 ? 'magic' : 'checksum', `bit ${bit}`);
    }
  });

  test('a file cut at every byte, empty included, is truncated', () => {
    const bytes = encodeMeta(META);
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(defectOf(decodeMeta(bytes.subarray(0, end))), 'truncated');
    }
  });

  test('bytes behind it are refused', () => {
    const longer = new Uint8Array(META_BYTES + 1);
    longer.set(encodeMeta(META));
    assert.equal(defectOf(decodeMeta(longer)), 'field');
  });

  test('all zero and all 0xFF never validate, and zero is told apart', () => {
    assert.equal(defectOf(decodeMeta(new Uint8Array(META_BYTES))), 'zero');
    assert.equal(defectOf(decodeMeta(new Uint8Array(META_BYTES).fill(0xff))), 'magic');
  });

  test('a newer version is refused by its number', () => {
    const meta = forged((view) => view.setUint16(OFFSET.version, 3, true));
    assert.ok(isDefect(meta));
    assert.equal(meta.defect, 'version');
    assert.match(meta.message, /version 3;.* reads 1 and 2$/);
  });

  const impossible: [string, (view: DataView) => void, WalMeta?][] = [
    ['an unknown flag', (view) => view.setUint16(OFFSET.flags, 3, true)],
    ['the first spare bytes set', (view) => view.setUint8(OFFSET.spare0 + 3, 1)],
    ['a first kept event in version 1', (view) => view.setUint8(OFFSET.firstKeptEventId, 9)],
    ['no first kept event in version 2', (view) => view.setUint16(OFFSET.version, 2, true)],
    ['version 1 and a first kept event', (view) => view.setUint8(OFFSET.version, 1), TRIMMED],
    [
      'a first kept event behind the one after the last',
      (view) => view.setUint32(OFFSET.firstKeptEventId, 503, true),
      TRIMMED,
    ],
    ['an offset off alignment', (view) => view.setUint32(OFFSET.offset, 8196, true)],
    ['an offset in the header page', (view) => view.setUint32(OFFSET.offset, 0, true)],
    ['an offset past the end', (view) => view.setUint32(20, MAX_SEGMENT_BYTES + 8, true)],
    ['more written than durable', (view) => view.setUint32(OFFSET.lastEventId, 502, true)],
    ['a durable id of 2^53', (view) => view.setBigUint64(OFFSET.durableEventId, 2n ** 53n, true)],
    [
      'the id behind the last',
      (view) => view.setBigUint64(OFFSET.durableEventId, 2n ** 53n - 1n, true),
    ],
    ['ids beyond 2^53', (view) => view.setBigUint64(OFFSET.lastEventId, 2n ** 63n, true)],
    ['an offset without a segment', (view) => view.setUint32(20, 4096, true), NEW_LOG],
    ['events without a segment', (view) => view.setUint32(OFFSET.durableEventId, 1, true), NEW_LOG],
  ];
  for (const [what, alter, meta] of impossible) {
    test(`forged file with ${what} is refused`, () => {
      assert.equal(defectOf(forged(alter, meta)), 'field');
    });
  }
});
