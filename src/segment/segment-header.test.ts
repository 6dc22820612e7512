import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { xxh64 } from './checksum.js';
import { type Defect, isDefect } from './defect.js';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  LARGE_BLOCKS_FLAG,
  MAX_SEGMENT_BYTES,
  MIN_SEGMENT_BYTES,
  RECYCLED_BODY_FLAG,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
  SegmentHeaderLayout,
} from './segment-header.js';

type Fields = Omit<SegmentHeader, 'headerChecksum'>;
const OFFSET = SegmentHeaderLayout.offset;

const SECOND: Fields = {
  segmentIndex: 2,
  segmentBytes: MIN_SEGMENT_BYTES,
  firstEventId: 101,
  incompatibleFlags: 0,
  compatibleFlags: 0,
  checksumKind: 1,
  blockAlignment: 8,
  logId: 0x1111_2222_3333_4444n,
  salt: 0x5555_6666_7777_8888n,
  createdTsNs: 1_700_000_000_000_000_000n,
  previousLastEventId: 100,
  previousEndOffset: 8192,
  previousBlockChecksum: 0x9999n,
};
const FIRST: Fields = {
  ...SECOND,
  segmentIndex: 1,
  firstEventId: 1,
  previousLastEventId: 0,
  previousEndOffset: 0,
  previousBlockChecksum: 0n,
};

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const someHeader: fc.Arbitrary<Fields> = fc
  .record({
    segmentIndex: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 2 ** 32 - 2 })),
    segmentBytes: fc.integer({ min: 16, max: MAX_SEGMENT_BYTES / 4096 }).map((n) => n * 4096),
    incompatibleFlags: fc.constantFrom(0, LARGE_BLOCKS_FLAG),
    compatibleFlags: fc.oneof(fc.constantFrom(0, RECYCLED_BODY_FLAG), u32),
    logId: u64,
    salt: u64,
    createdTsNs: u64,
    previousLastEventId: fc.oneof(fc.nat(9), fc.integer({ min: 0, max: 2 ** 53 - 2 })),
    previousEndOffset: fc.integer({ min: 512, max: MAX_SEGMENT_BYTES / 8 }).map((n) => n * 8),
    previousBlockChecksum: u64,
  })
  .map((fields) => {
    const pin = fields.segmentIndex === 1 ? FIRST : fields;
    const { previousLastEventId, previousEndOffset, previousBlockChecksum } = pin;
    const firstEventId = previousLastEventId + 1;
    const fixed = { checksumKind: 1, blockAlignment: 8, firstEventId };
    return { ...fields, ...fixed, previousLastEventId, previousEndOffset, previousBlockChecksum };
  });

/** A page whose checksum holds over fields that a writer would not let through. */
function forged(
  alter: (view: DataView) => void,
  fields = SECOND,
  headerBytes: number = SegmentHeaderLayout.size,
): SegmentHeader | Defect {
  const page = encodeSegmentHeader(fields);
  const view = new DataView(page.buffer);
  alter(view);
  view.setBigUint64(headerBytes - 8, xxh64(page.subarray(0, headerBytes - 8), 0n), true);
  return decodeSegmentHeader(page);
}

const defectOf = (result: SegmentHeader | Defect): Defect['defect'] | undefined =>
  isDefect(result) ? result.defect : undefined;

describe('segment header', () => {
  test('round trip, also with compatible flags that are not known yet', () => {
    fc.assert(
      fc.property(someHeader, (fields) => {
        const page = encodeSegmentHeader(fields);
        assert.equal(page.length, SEGMENT_HEADER_PAGE_BYTES);
        const { headerChecksum, ...decoded } = decodeSegmentHeader(page) as SegmentHeader;
        assert.deepEqual(decoded, fields);
        assert.equal(headerChecksum, xxh64(page.subarray(0, OFFSET.headerChecksum), 0n));
      }),
    );
  });

  test('each flipped bit of the page is noticed, those behind the header too', () => {
    const page = encodeSegmentHeader(SECOND);
    for (let bit = 0; bit < page.length * 8; bit++) {
      const byte = bit >> 3;
      const sound = page[byte] ?? 0;
      page[byte] = sound ^ (1 << (bit & 7));
      const expected = byte < 8 ? 'magic' : byte < SegmentHeaderLayout.size ? 'checksum' : 'field';
      const defect = defectOf(decodeSegmentHeader(page));
      page[byte] = sound;
      if (defect !== expected) assert.fail(`bit ${bit}: ${defect}, ${expected} expected`);
    }
  });

  test('a page cut at every byte is truncated', () => {
    const page = encodeSegmentHeader(SECOND);
    for (let end = 0; end < page.length; end++) {
      assert.equal(defectOf(decodeSegmentHeader(page.subarray(0, end))), 'truncated');
    }
  });

  test('all zero and all 0xFF never validate, and zero is told apart', () => {
    const page = new Uint8Array(SEGMENT_HEADER_PAGE_BYTES);
    assert.equal(defectOf(decodeSegmentHeader(page)), 'zero');
    assert.equal(defectOf(decodeSegmentHeader(page.fill(0xff))), 'magic');
  });

  test('a newer version is refused by its number, whatever size its header has', () => {
    for (const headerBytes of [24, 128, 256, 4096]) {
      const newer = (view: DataView) => {
        view.setUint16(OFFSET.version, 2, true);
        view.setUint16(OFFSET.headerBytes, headerBytes, true);
      };
      const header = forged(newer, SECOND, headerBytes);
      assert.ok(isDefect(header));
      assert.equal(header.defect, 'version');
      assert.match(header.message, /version 2;.* reads 1/);
    }
  });

  for (const headerBytes of [0, 7, 8, 19, 4097, 65535]) {
    test(`a header that calls itself ${headerBytes} bytes long is damaged, not read out of bounds`, () => {
      const page = encodeSegmentHeader(SECOND);
      new DataView(page.buffer).setUint16(OFFSET.headerBytes, headerBytes, true);
      assert.equal(defectOf(decodeSegmentHeader(page)), 'checksum');
    });
  }

  test('a header of this version with another size is refused', () => {
    const longer = (view: DataView) => view.setUint16(OFFSET.headerBytes, 256, true);
    assert.equal(defectOf(forged(longer, SECOND, 256)), 'field');
  });

  const features: [RegExp, (view: DataView) => void][] = [
    [/feature bit 1 /, (view) => view.setUint32(OFFSET.incompatibleFlags, 3, true)],
    [/feature bit 5 /, (view) => view.setUint32(OFFSET.incompatibleFlags, 0x60, true)],
    [/feature bit 31 .*0x80000000/, (view) => view.setUint32(16, 0x8000_0000, true)],
    [/checksum kind 2/, (view) => view.setUint8(OFFSET.checksumKind, 2)],
    [/block alignment of 4096/, (view) => view.setUint16(OFFSET.blockAlignment, 4096, true)],
  ];
  for (const [message, alter] of features) {
    test(`what is not known here is refused by name: ${message.source}`, () => {
      const header = forged(alter);
      assert.ok(isDefect(header));
      assert.equal(header.defect, 'feature');
      assert.match(header.message, message);
    });
  }

  const impossible: [string, (view: DataView) => void, Fields?][] = [
    ['the first spare byte set', (view) => view.setUint8(OFFSET.spare0, 1)],
    ['a spare byte behind the index', (view) => view.setUint8(OFFSET.spare1 + 3, 1)],
    ['the last spare byte set', (view) => view.setUint8(OFFSET.spare2 + 23, 1)],
    ['segment index 0', (view) => view.setUint32(OFFSET.segmentIndex, 0, true)],
    [
      'an index that no other can follow',
      (view) => view.setUint32(OFFSET.segmentIndex, 0xffff_ffff, true),
    ],
    ['a size that is no multiple of 4096', (view) => view.setUint32(32, 65536 + 8, true)],
    ['a size below the least', (view) => view.setUint32(32, 65536 - 4096, true)],
    ['a size above the most', (view) => view.setUint32(32, MAX_SEGMENT_BYTES + 4096, true)],
    ['a size of 2^63', (view) => view.setBigUint64(32, 2n ** 63n, true)],
    ['a first id that does not connect', (view) => view.setUint32(OFFSET.firstEventId, 102, true)],
    [
      'ids beyond 2^53',
      (view) => {
        view.setBigUint64(OFFSET.firstEventId, 2n ** 53n, true);
        view.setBigUint64(OFFSET.previousLastEventId, 2n ** 53n - 1n, true);
      },
    ],
    ['a pin off alignment', (view) => view.setUint32(OFFSET.previousEndOffset, 8196, true)],
    ['a pin in the header page', (view) => view.setUint32(OFFSET.previousEndOffset, 4088, true)],
    ['no pin', (view) => view.setUint32(OFFSET.previousEndOffset, 0, true)],
    ['a pin past the end', (view) => view.setUint32(80, MAX_SEGMENT_BYTES + 8, true)],
    ['a pin in the first segment', (view) => view.setUint32(80, 4096, true), FIRST],
    ['a pinned checksum in the first', (view) => view.setUint32(88, 1, true), FIRST],
  ];
  for (const [what, alter, fields] of impossible) {
    test(`forged header with ${what} is refused`, () => {
      assert.equal(defectOf(forged(alter, fields)), 'field');
    });
  }

  test('a predecessor without any block is pinned at the end of its header page', () => {
    const fields = { ...SECOND, previousLastEventId: 0, firstEventId: 1, previousEndOffset: 4096 };
    assert.equal(defectOf(decodeSegmentHeader(encodeSegmentHeader(fields))), undefined);
  });
});
