import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { xxh64 } from './checksum.js';
import {
  CONSUMER_BYTES,
  CONSUMER_DROP_OFFSET,
  ConsumerHeaderLayout,
  type ConsumerRecord,
  type ConsumerSlot,
  confirmationOffset,
  decodeConsumer,
  encodeConfirmation,
  encodeConsumer,
  encodeDrop,
  encodeSlot,
  slotOffset,
} from './consumer-record.js';
import { isDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';

const HEADER = { name: 'billing', logId: 0x1122_3344_5566_7788n, createdTsNs: 1_700_000_000n };
const SLOT: Omit<ConsumerSlot, 'sequence'> = {
  acknowledgedEventId: 2 ** 40 + 5,
  timestampNs: 1_700_000_001n,
  maxLagBytes: 2 ** 41,
  maxLagMs: 60_000,
  policy: 'drop',
};

function recordIn(bytes: Uint8Array): ConsumerRecord {
  const record = decodeConsumer(bytes);
  assert.ok(!isDefect(record), isDefect(record) ? record.message : '');
  return record;
}

const defectIn = (bytes: Uint8Array): string => {
  const record = decodeConsumer(bytes);
  return isDefect(record) ? record.defect : 'none';
};

/** A file with so many slots written; the last may lack its confirmation. */
function withSlots(sequences: number, isConfirmed: boolean): Uint8Array {
  const bytes = encodeConsumer(HEADER, { ...SLOT, acknowledgedEventId: 2 });
  const { seed } = recordIn(bytes);
  for (let sequence = 3; sequence <= sequences; sequence++) {
    const slot = { ...SLOT, acknowledgedEventId: sequence, sequence };
    bytes.set(encodeSlot(slot, seed), slotOffset(sequence));
    if (sequence < sequences || isConfirmed) {
      bytes.set(encodeConfirmation(sequence, seed), confirmationOffset(sequence));
    }
  }
  return bytes;
}

describe('the file of a consumer', () => {
  test('round trip', () => {
    const id = fc.integer({ min: 0, max: MAX_EVENT_ID });
    const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const name = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/);
    const policy = fc.constantFrom('hold', 'drop');
    fc.assert(
      fc.property(name, u64, id, id, policy, (name, logId, acknowledgedEventId, lag, policy) => {
        const header = { ...HEADER, name, logId };
        const slot = { ...SLOT, acknowledgedEventId, maxLagBytes: lag, maxLagMs: lag, policy };
        const record = recordIn(encodeConsumer(header, slot));
        assert.deepEqual(record.header, header);
        assert.deepEqual(record.newest, { ...slot, sequence: 2 });
        assert.deepEqual(record.durable, record.newest);
        assert.equal(record.dropped, undefined);
      }),
    );
  });

  test('each acknowledgement overwrites the older slot', () => {
    for (let sequences = 3; sequences < 8; sequences++) {
      const { newest, durable } = recordIn(withSlots(sequences, true));
      assert.equal(newest.acknowledgedEventId, sequences);
      assert.deepEqual(durable, newest);
    }
  });

  test('an acknowledgement that is not confirmed may be lost with the power', () => {
    for (let sequences = 3; sequences < 8; sequences++) {
      const { newest, durable } = recordIn(withSlots(sequences, false));
      assert.equal(newest.acknowledgedEventId, sequences);
      assert.equal(durable.acknowledgedEventId, sequences - 1);
    }
  });

  test('a torn slot leaves the other, whichever it is', () => {
    for (const sequences of [4, 5]) {
      for (const torn of [sequences - 1, sequences]) {
        const bytes = withSlots(sequences, true);
        bytes.fill(0, slotOffset(torn), slotOffset(torn) + 20);
        const left = torn === sequences ? sequences - 1 : sequences;
        const { newest, durable } = recordIn(bytes);
        assert.equal(newest.acknowledgedEventId, left);
        assert.equal(durable.acknowledgedEventId, left);
      }
    }
  });

  test('without a slot that is valid it is damaged', () => {
    const bytes = withSlots(5, true);
    for (const sequence of [4, 5]) flip(bytes, slotOffset(sequence));
    assert.equal(defectIn(bytes), 'checksum');
  });

  test('a slot in the place of the other, or of another file, is none', () => {
    const bytes = withSlots(5, true);
    const slots = [4, 5].map((at) => bytes.slice(slotOffset(at), slotOffset(at) + 64));
    bytes.set(slots[1] ?? [], slotOffset(4));
    assert.equal(recordIn(bytes).newest.acknowledgedEventId, 5);
    bytes.set(slots[0] ?? [], slotOffset(5));
    bytes.set(slots[0] ?? [], slotOffset(4));
    assert.equal(recordIn(bytes).newest.acknowledgedEventId, 4);
    const other = encodeConsumer({ ...HEADER, name: 'other' }, SLOT);
    for (const at of [4, 5]) bytes.set(slots[at - 4] ?? [], slotOffset(at));
    other.set(bytes.subarray(4096), 4096);
    assert.equal(defectIn(other), 'checksum');
  });

  test('each flipped bit of the header is noticed', () => {
    const bytes = encodeConsumer(HEADER, SLOT);
    for (let bit = 0; bit < ConsumerHeaderLayout.size * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(defectIn(flipped), bit < 64 ? 'magic' : 'checksum', `bit ${bit}`);
    }
  });

  test('what is shorter, longer, empty or newer is no record', () => {
    const bytes = encodeConsumer(HEADER, SLOT);
    for (const length of [0, 127, 128, 4096, CONSUMER_BYTES - 1]) {
      assert.equal(defectIn(bytes.subarray(0, length)), 'truncated', `${length}`);
    }
    assert.equal(defectIn(Buffer.concat([bytes, new Uint8Array(1)])), 'field');
    assert.equal(defectIn(new Uint8Array(CONSUMER_BYTES)), 'zero');
    const newer = forgedHeader((view) => view.setUint16(8, 2, true));
    assert.equal(defectIn(newer), 'version');
  });

  test('a header that is impossible is refused although its checksum holds', () => {
    for (const alter of [
      (view: DataView) => view.setUint8(10, 0),
      (view: DataView) => view.setUint8(10, 65),
      (view: DataView) => view.setUint8(32, 0x2f),
      (view: DataView) => view.setUint8(32, 0x2e),
      (view: DataView) => view.setUint8(11, 1),
    ]) {
      assert.equal(defectIn(forgedHeader(alter)), 'field');
    }
  });

  test('a mark of the drop is told, a torn one is none', () => {
    const bytes = withSlots(5, true);
    const drop = { acknowledgedEventId: 5, timestampNs: 7n, lagBytes: 2 ** 40, lagMs: 9 };
    bytes.set(encodeDrop(drop, recordIn(bytes).seed), CONSUMER_DROP_OFFSET);
    assert.deepEqual(recordIn(bytes).dropped, drop);
    flip(bytes, CONSUMER_DROP_OFFSET + 3);
    assert.equal(recordIn(bytes).dropped, undefined);
  });

  test('a slot of no consumer is not written', () => {
    for (const slot of [{ sequence: 0 }, { acknowledgedEventId: MAX_EVENT_ID + 1 }]) {
      const code = 'ERR_ASSERTION';
      assert.throws(() => encodeSlot({ ...SLOT, sequence: 1, ...slot }, 0n), { code });
    }
    assert.throws(() => encodeConsumer({ ...HEADER, name: '.a' }, SLOT), { code: 'ERR_ASSERTION' });
  });
});

function forgedHeader(alter: (view: DataView) => void): Uint8Array {
  const bytes = encodeConsumer(HEADER, SLOT);
  const view = new DataView(bytes.buffer);
  alter(view);
  const { checksum } = ConsumerHeaderLayout.offset;
  view.setBigUint64(checksum, xxh64(bytes.subarray(0, checksum), 0n), true);
  return bytes;
}

function flip(bytes: Uint8Array, offset: number): void {
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
}
