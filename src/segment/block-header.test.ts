import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeFrame } from '../../test/support/frames.js';
import { fc } from '../../test/support/properties.js';
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  BlockHeaderLayout,
  BlockKind,
  decodeBlockHeader,
  encodeBlockHeader,
  findBlock,
  MAX_BLOCK_PAYLOAD_BYTES,
  verifyBlockPayload,
} from './block-header.js';
import { xxh64 } from './checksum.js';
import { type Defect, isDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';
import { encodeSeal, SEAL_PAYLOAD_BYTES_MAX } from './seal.js';

const SALT = 0xfedc_ba98_7654_3210n;
const AT = 4096;
type Fields = Omit<BlockHeader, 'headerChecksum'>;

const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const someFields: fc.Arbitrary<Fields> = fc
  .record({
    kind: fc.constantFrom(BlockKind.events, BlockKind.watermark, BlockKind.seal),
    firstEventId: fc.oneof(fc.integer({ min: 1, max: MAX_EVENT_ID - 4 }), fc.constant(1)),
    eventCount: fc.integer({ min: 1, max: 5 }),
    spareBytes: fc.integer({ min: 0, max: 1000 }).map((units) => units * 8),
    blockIndex: u32,
    behind: fc.integer({ min: 1, max: 2 ** 33 }),
    payloadChecksum: u64,
    previousBlockChecksum: u64,
    writtenTsNs: u64,
  })
  .map(({ eventCount, spareBytes, behind, ...fields }) => {
    const counts = {
      [BlockKind.events]: { eventCount, payloadBytes: eventCount * 24 + spareBytes },
      [BlockKind.watermark]: { eventCount: 0, payloadBytes: 0 },
      [BlockKind.seal]: { eventCount: 0, payloadBytes: 64 + spareBytes },
    }[fields.kind];
    const durableEventId = Math.max(0, fields.firstEventId - behind);
    return { ...fields, flags: 0, ...counts, durableEventId };
  });

function frames(firstEventId: number, payloads: readonly string[]): Uint8Array {
  const target = new Uint8Array(1000);
  let at = 0;
  payloads.forEach((text, index) => {
    const payload = Buffer.from(text);
    const eventId = firstEventId + index;
    at += encodeFrame(target, at, { kind: 1, type: 2, eventId, timestampNs: 5n, payload });
  });
  return target.slice(0, at);
}

const fieldsOf = (kind: number, payload: Uint8Array, eventCount: number): Fields => ({
  kind,
  flags: 0,
  payloadBytes: payload.length,
  firstEventId: 5,
  eventCount,
  blockIndex: 3,
  durableEventId: 4,
  payloadChecksum: xxh64(payload, SALT),
  previousBlockChecksum: 77n,
  writtenTsNs: 1_700_000_000_000_000_000n,
});

/** A header with a checksum that holds over fields that a writer would not let through. */
function forged(alter: (view: DataView) => void, fields = fieldsOf(1, frames(5, ['a']), 1)) {
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
  encodeBlockHeader(bytes, fields, SALT, AT);
  const view = new DataView(bytes.buffer);
  alter(view);
  const { headerChecksum } = BlockHeaderLayout.offset;
  const checksum = xxh64(bytes.subarray(0, headerChecksum), SALT ^ BigInt(AT));
  view.setBigUint64(headerChecksum, checksum, true);
  return decodeBlockHeader(bytes, 0, SALT, AT);
}

function decoded(fields: Fields): BlockHeader {
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
  encodeBlockHeader(bytes, fields, SALT, AT);
  const header = decodeBlockHeader(bytes, 0, SALT, AT);
  assert.ok(!isDefect(header));
  return header;
}

const defectOf = (result: object | undefined): Defect['defect'] | undefined =>
  isDefect(result) ? result.defect : undefined;

describe('block header', () => {
  test('round trip, at any file offset and place in memory', () => {
    fc.assert(
      fc.property(someFields, u64, fc.nat(2 ** 27), fc.nat(20), (fields, salt, units, at) => {
        const target = new Uint8Array(BLOCK_HEADER_BYTES);
        const headerChecksum = encodeBlockHeader(target, fields, salt, units * 8);
        const bytes = new Uint8Array(at + BLOCK_HEADER_BYTES + 3).fill(0xaa);
        bytes.set(target, at);
        const header = decodeBlockHeader(bytes, at, salt, units * 8);
        assert.deepEqual(header, { ...fields, headerChecksum });
        if (at % 8 === 0) assert.equal(findBlock(bytes, at), at);
      }),
      { numRuns: 200 },
    );
  });

  test('each flipped bit is noticed', () => {
    const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
    encodeBlockHeader(bytes, fieldsOf(1, frames(5, ['a']), 1), SALT, AT);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const defect = defectOf(decodeBlockHeader(flipped, 0, SALT, AT));
      assert.equal(defect, bit < 16 ? 'magic' : 'checksum', `bit ${bit}`);
    }
  });

  test('a header cut at every byte is truncated', () => {
    const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
    encodeBlockHeader(bytes, fieldsOf(2, new Uint8Array(0), 0), SALT, AT);
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(defectOf(decodeBlockHeader(bytes.subarray(0, end), 0, SALT, AT)), 'truncated');
      assert.equal(defectOf(decodeBlockHeader(bytes, end + 1, SALT, AT)), 'truncated');
      assert.equal(findBlock(bytes.subarray(0, end), 0), -1);
    }
    assert.equal(defectOf(decodeBlockHeader(bytes, -1, SALT, AT)), 'truncated');
  });

  test('a sound block at another offset or of another segment does not validate', () => {
    const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
    encodeBlockHeader(bytes, fieldsOf(2, new Uint8Array(0), 0), SALT, AT);
    assert.equal(defectOf(decodeBlockHeader(bytes, 0, SALT, AT + 8)), 'checksum');
    assert.equal(defectOf(decodeBlockHeader(bytes, 0, SALT ^ 1n, AT)), 'checksum');
  });

  test('all zero and all 0xFF never validate, and zero is told apart', () => {
    const zero = new Uint8Array(BLOCK_HEADER_BYTES);
    assert.equal(defectOf(decodeBlockHeader(zero, 0, 0n, 0)), 'zero');
    assert.equal(defectOf(decodeBlockHeader(zero.fill(0xff), 0, 0n, 0)), 'magic');
  });

  const OFFSET = BlockHeaderLayout.offset;
  const seal = fieldsOf(3, new Uint8Array(64), 0);
  const watermark = fieldsOf(2, new Uint8Array(0), 0);
  const impossible: [string, (view: DataView) => void, Fields?][] = [
    ['kind 0', (view) => view.setUint8(OFFSET.kind, 0)],
    ['kind 4', (view) => view.setUint8(OFFSET.kind, 4)],
    ['a flag', (view) => view.setUint8(OFFSET.flags, 1)],
    ['payload not a multiple of 8', (view) => view.setUint32(OFFSET.payloadBytes, 28, true)],
    ['payload of 0', (view) => view.setUint32(OFFSET.payloadBytes, 0, true)],
    ['payload of 2^31', (view) => view.setUint32(OFFSET.payloadBytes, 2 ** 31, true)],
    ['payload of 2^32 - 8', (view) => view.setUint32(OFFSET.payloadBytes, 2 ** 32 - 8, true)],
    [
      'payload over the limit',
      (view) => view.setUint32(OFFSET.payloadBytes, MAX_BLOCK_PAYLOAD_BYTES + 8, true),
    ],
    ['no events', (view) => view.setUint32(OFFSET.eventCount, 0, true)],
    ['more events than fit', (view) => view.setUint32(OFFSET.eventCount, 2, true)],
    ['id 0', (view) => view.setBigUint64(OFFSET.firstEventId, 0n, true)],
    ['id 2^53', (view) => view.setBigUint64(OFFSET.firstEventId, 2n ** 53n, true)],
    ['id 2^53 - 1', (view) => view.setBigUint64(OFFSET.firstEventId, 2n ** 53n - 1n, true)],
    ['id 2^64 - 1', (view) => view.setBigUint64(OFFSET.firstEventId, 2n ** 64n - 1n, true)],
    ['durable id not below', (view) => view.setBigUint64(OFFSET.durableEventId, 5n, true)],
    [
      'durable id 2^53 + 1',
      (view) => view.setBigUint64(OFFSET.durableEventId, 2n ** 53n + 1n, true),
    ],
    ['watermark with a payload', (view) => view.setUint32(OFFSET.payloadBytes, 8, true), watermark],
    ['watermark with events', (view) => view.setUint32(OFFSET.eventCount, 1, true), watermark],
    ['seal without payload', (view) => view.setUint32(OFFSET.payloadBytes, 0, true), seal],
    ['seal with events', (view) => view.setUint32(OFFSET.eventCount, 1, true), seal],
    [
      'seal over its reserve',
      (view) => view.setUint32(OFFSET.payloadBytes, SEAL_PAYLOAD_BYTES_MAX + 8, true),
      seal,
    ],
  ];
  for (const [what, alter, fields] of impossible) {
    test(`forged header with ${what} is refused`, () => {
      assert.equal(defectOf(forged(alter, fields)), 'field');
    });
  }

  test('the last id that exists fits, the next does not', () => {
    const last = { ...fieldsOf(1, frames(5, ['a']), 1), firstEventId: MAX_EVENT_ID };
    assert.equal(decoded(last).firstEventId, MAX_EVENT_ID);
    const over = { ...last, eventCount: 2, payloadBytes: 48 };
    const write = () => encodeBlockHeader(new Uint8Array(64), over, SALT, AT);
    assert.throws(write, { code: 'ERR_ASSERTION' });
  });
});

describe('block payload', () => {
  const events = frames(5, ['first', 'second event', '']);
  const header = decoded(fieldsOf(BlockKind.events, events, 3));

  test('sound frames, an empty watermark and a seal pass', () => {
    assert.equal(verifyBlockPayload(header, events, SALT), undefined);
    const nothing = new Uint8Array(0);
    assert.equal(
      verifyBlockPayload(decoded(fieldsOf(BlockKind.watermark, nothing, 0)), nothing, SALT),
      undefined,
    );
    const sealed = encodeSeal({ ...EMPTY_TOTALS, firstEventId: 5, lastEventId: 4 }, []);
    const sealHeader = decoded(fieldsOf(BlockKind.seal, sealed, 0));
    assert.equal(verifyBlockPayload(sealHeader, sealed, SALT), undefined);
  });

  test('each flipped bit is noticed', () => {
    for (let bit = 0; bit < events.length * 8; bit++) {
      const flipped = events.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(defectOf(verifyBlockPayload(header, flipped, SALT)), 'checksum', `bit ${bit}`);
    }
  });

  test('a payload cut at every byte, or one byte longer, is truncated', () => {
    for (let end = 0; end < events.length; end++) {
      assert.equal(
        defectOf(verifyBlockPayload(header, events.subarray(0, end), SALT)),
        'truncated',
      );
    }
    const longer = new Uint8Array(events.length + 1);
    assert.equal(defectOf(verifyBlockPayload(header, longer, SALT)), 'truncated');
  });

  test('the payload of another salt does not validate', () => {
    assert.equal(defectOf(verifyBlockPayload(header, events, SALT + 1n)), 'checksum');
  });

  test('frames of other ids under a checksum that holds are a defect', () => {
    const other = frames(6, ['first', 'second event', '']);
    const forgedHeader = decoded(fieldsOf(BlockKind.events, other, 3));
    assert.equal(defectOf(verifyBlockPayload(forgedHeader, other, SALT)), 'field');
  });

  test('a seal that does not end where its block stands is a defect', () => {
    const sealed = encodeSeal({ ...EMPTY_TOTALS, firstEventId: 4, lastEventId: 3 }, []);
    const sealHeader = decoded(fieldsOf(BlockKind.seal, sealed, 0));
    assert.match(verifyBlockPayload(sealHeader, sealed, SALT)?.message ?? '', /seal ends at 3/);
  });
});

const EMPTY_TOTALS = {
  firstEventId: 1,
  lastEventId: 0,
  eventCount: 0,
  eventBlocks: 0,
  watermarkBlocks: 0,
  payloadBytes: 0,
  firstTimestampNs: 0n,
  highestTimestampNs: 0n,
};

describe('search for blocks', () => {
  test('finds each magic at a multiple of 8, whatever lies between, as a slow scan does', () => {
    const someBytes = fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.constant(Uint8Array.of(0x46, 0x42, 1, 0, 24, 0, 0, 0)),
        fc.constant(Uint8Array.of(0x46, 0x42, 3, 0, 64, 0, 0, 0)),
        fc.constant(Uint8Array.of(0x46, 0x42, 1, 0, 0, 0, 0, 1)),
        fc.constant(Uint8Array.of(0, 0x46, 0x42, 1, 0, 24, 0, 0)),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(someBytes, fc.nat(3), fc.integer({ min: -9, max: 400 }), (units, shift, from) => {
        const whole = new Uint8Array(shift + units.length * 8 + (units.length % 8));
        const bytes = whole.subarray(shift);
        bytes.set(Buffer.concat(units));
        let expected = -1;
        for (let at = 0; at < bytes.length && expected < 0; at += 8) {
          const isMagic = bytes[at] === 0x46 && bytes[at + 1] === 0x42;
          if (at >= from && isMagic && at + 64 <= bytes.length) expected = at;
        }
        assert.equal(findBlock(bytes, from), expected);
      }),
      { numRuns: 500 },
    );
  });

  test('a header with less than 64 bytes behind it is not found', () => {
    const bytes = new Uint8Array(128);
    encodeBlockHeader(bytes.subarray(64), fieldsOf(2, new Uint8Array(0), 0), SALT, AT);
    assert.equal(findBlock(bytes, 0), 64);
    assert.equal(findBlock(bytes.subarray(0, 127), 0), -1);
    assert.equal(findBlock(bytes, 65), -1);
  });
});
