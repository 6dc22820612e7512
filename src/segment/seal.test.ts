import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { isDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';
import {
  decodeSeal,
  encodeSeal,
  SEAL_ENTRIES_MAX,
  SEAL_PAYLOAD_BYTES_MAX,
  type Seal,
  SealEntryLayout,
  SealTotalsLayout,
  SparseIndexBuilder,
} from './seal.js';

/** A seal over blocks of 1 to 9 events each, as a writer would make it. */
const someSeal: fc.Arbitrary<Seal> = fc
  .record({
    firstEventId: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: MAX_EVENT_ID - 1000 })),
    counts: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }),
    firstTimestampNs: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    watermarkBlocks: fc.nat(9),
  })
  .map(({ firstEventId, counts, firstTimestampNs, watermarkBlocks }) => {
    const index = new SparseIndexBuilder();
    let eventId = firstEventId;
    let highest = firstTimestampNs;
    for (const [blockIndex, eventCount] of counts.entries()) {
      highest += BigInt(eventCount % 3);
      index.add(eventId, highest, 4096 + blockIndex * 88, blockIndex);
      eventId += eventCount;
    }
    const eventCount = eventId - firstEventId;
    const totals = {
      firstEventId,
      lastEventId: eventId - 1,
      eventCount,
      eventBlocks: counts.length,
      watermarkBlocks,
      payloadBytes: eventCount * 24,
      firstTimestampNs: eventCount === 0 ? 0n : firstTimestampNs,
      highestTimestampNs: eventCount === 0 ? 0n : highest,
    };
    return { totals, entries: [...index.entries] };
  });

const SEAL: Seal = {
  totals: {
    firstEventId: 10,
    lastEventId: 19,
    eventCount: 10,
    eventBlocks: 3,
    watermarkBlocks: 1,
    payloadBytes: 240,
    firstTimestampNs: 100n,
    highestTimestampNs: 300n,
  },
  entries: [
    { eventId: 10, highestTimestampNs: 100n, offset: 4096, blockIndex: 0 },
    { eventId: 15, highestTimestampNs: 300n, offset: 4296, blockIndex: 2 },
  ],
};

describe('seal', () => {
  test('round trip', () => {
    fc.assert(
      fc.property(someSeal, (seal) => {
        const bytes = encodeSeal(seal.totals, seal.entries);
        assert.equal(bytes.length % 8, 0);
        assert.deepEqual(decodeSeal(bytes), seal);
      }),
    );
  });

  test('a full index fills the reserve exactly and reads back', () => {
    const index = new SparseIndexBuilder();
    for (let block = 0; block < SEAL_ENTRIES_MAX; block++) {
      index.add(block + 1, 5n, 4096 + block * 88, block);
    }
    const totals = {
      firstEventId: 1,
      lastEventId: SEAL_ENTRIES_MAX,
      eventCount: SEAL_ENTRIES_MAX,
      eventBlocks: SEAL_ENTRIES_MAX,
      watermarkBlocks: 0,
      payloadBytes: SEAL_ENTRIES_MAX * 24,
      firstTimestampNs: 5n,
      highestTimestampNs: 5n,
    };
    const bytes = encodeSeal(totals, index.entries);
    assert.equal(bytes.length, SEAL_PAYLOAD_BYTES_MAX);
    const seal = decodeSeal(bytes);
    assert.ok(!isDefect(seal));
    assert.equal(seal.entries.length, SEAL_ENTRIES_MAX);
  });

  test('a seal cut at every byte, and one with bytes behind it, is a defect', () => {
    const bytes = encodeSeal(SEAL.totals, SEAL.entries);
    for (let end = 0; end < bytes.length; end++) {
      assert.ok(isDefect(decodeSeal(bytes.subarray(0, end))), `cut at ${end}`);
    }
    assert.ok(isDefect(decodeSeal(new Uint8Array([...bytes, ...new Uint8Array(24)]))));
  });

  test('all zero and all 0xFF never validate', () => {
    for (const length of [64, 88, SEAL_PAYLOAD_BYTES_MAX]) {
      assert.ok(isDefect(decodeSeal(new Uint8Array(length))));
      assert.ok(isDefect(decodeSeal(new Uint8Array(length).fill(0xff))));
    }
  });

  for (const entryCount of [
    0,
    1,
    3,
    SEAL_ENTRIES_MAX,
    SEAL_ENTRIES_MAX + 1,
    2 ** 31,
    2 ** 32 - 1,
  ]) {
    test(`an entry count of ${entryCount} that the bytes do not hold is refused`, () => {
      const bytes = encodeSeal(SEAL.totals, SEAL.entries);
      const at = SealTotalsLayout.offset.entryCount;
      new DataView(bytes.buffer).setUint32(at, entryCount, true);
      const seal = decodeSeal(bytes);
      assert.ok(isDefect(seal));
      assert.match(seal.message, new RegExp(`claims ${entryCount} entries`));
    });
  }

  const TOTALS = SealTotalsLayout.offset;
  const second = SealTotalsLayout.size + SealEntryLayout.size;
  const ENTRY = SealEntryLayout.offset;
  const BEYOND = 2n ** 53n;
  const impossible: [string, (view: DataView) => void][] = [
    ['a spare byte', (view) => view.setUint8(TOTALS.spare + 3, 1)],
    ['first id 0', (view) => view.setBigUint64(TOTALS.firstEventId, 0n, true)],
    ['first id beyond 2^53', (view) => view.setBigUint64(TOTALS.firstEventId, BEYOND, true)],
    ['last id beyond 2^53', (view) => view.setBigUint64(TOTALS.lastEventId, BEYOND + 9n, true)],
    ['another event count', (view) => view.setBigUint64(TOTALS.eventCount, 11n, true)],
    ['more blocks than events', (view) => view.setUint32(TOTALS.eventBlocks, 11, true)],
    ['no blocks', (view) => view.setUint32(TOTALS.eventBlocks, 0, true)],
    ['fewer blocks than entries', (view) => view.setUint32(TOTALS.eventBlocks, 1, true)],
    ['no bytes', (view) => view.setBigUint64(TOTALS.payloadBytes, 0n, true)],
    ['bytes beyond 2^53', (view) => view.setBigUint64(TOTALS.payloadBytes, BEYOND, true)],
    ['times out of order', (view) => view.setBigUint64(TOTALS.firstTimestampNs, 301n, true)],
    ['an entry before the segment', (view) => view.setBigUint64(64 + ENTRY.eventId, 9n, true)],
    ['an entry behind the segment', (view) => view.setBigUint64(second + ENTRY.eventId, 20n, true)],
    ['an entry repeated', (view) => view.setBigUint64(second + ENTRY.eventId, 10n, true)],
    ['an offset off alignment', (view) => view.setUint32(second + ENTRY.offset, 4300, true)],
    ['an offset that does not rise', (view) => view.setUint32(second + ENTRY.offset, 4096, true)],
    ['an index that does not rise', (view) => view.setUint32(second + ENTRY.blockIndex, 0, true)],
    ['an entry later than all', (view) => view.setBigUint64(second + 8, 301n, true)],
    ['an entry earlier than the last', (view) => view.setBigUint64(second + 8, 99n, true)],
  ];
  for (const [what, alter] of impossible) {
    test(`seal with ${what} is refused`, () => {
      const bytes = encodeSeal(SEAL.totals, SEAL.entries);
      alter(new DataView(bytes.buffer));
      const seal = decodeSeal(bytes);
      assert.ok(isDefect(seal));
      assert.equal(seal.defect, 'field');
    });
  }

  test('ids up to the highest are sealed, and none beyond', () => {
    const totals = { ...SEAL.totals, firstEventId: MAX_EVENT_ID - 9, lastEventId: MAX_EVENT_ID };
    assert.deepEqual(decodeSeal(encodeSeal(totals, [])), { totals, entries: [] });
    const beyond = { ...totals, firstEventId: MAX_EVENT_ID - 8, lastEventId: MAX_EVENT_ID + 1 };
    assert.throws(() => encodeSeal(beyond, []), /out of range/);
  });

  test('more entries than the reserve holds are refused by their number', () => {
    const bytes = new Uint8Array(SEAL_PAYLOAD_BYTES_MAX + SealEntryLayout.size);
    const at = SealTotalsLayout.offset.entryCount;
    new DataView(bytes.buffer).setUint32(at, SEAL_ENTRIES_MAX + 1, true);
    const seal = decodeSeal(bytes);
    assert.ok(isDefect(seal));
    assert.match(seal.message, /claims 1361 entries/);
  });

  test('times without events are refused', () => {
    const totals = {
      ...SEAL.totals,
      lastEventId: 9,
      eventCount: 0,
      eventBlocks: 0,
      payloadBytes: 0,
    };
    assert.throws(() => encodeSeal(totals, []), /times but no events/);
  });
});

describe('sparse index', () => {
  test('holds every n-th block, the first included, and at least half of its room when over it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.nat(200), (room, blockCount) => {
        const index = new SparseIndexBuilder(room);
        for (let block = 0; block < blockCount; block++)
          index.add(block + 1, 0n, block * 88, block);
        const blocks = index.entries.map((entry) => entry.blockIndex);
        assert.ok(blocks.length <= room);
        const stride = blocks[1] ?? 1;
        assert.equal(Math.log2(stride) % 1, 0);
        const expected = Array.from(
          { length: Math.ceil(blockCount / stride) },
          (_, i) => i * stride,
        );
        assert.deepEqual(blocks, expected);
        if (blockCount > room) assert.ok(blocks.length >= room / 2);
      }),
    );
  });
});
