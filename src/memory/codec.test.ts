import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { AssertionFailure } from '../errors.js';
import { codecOf, viewOf } from './codec.js';
import { block, layout, pad, safeU64, u8, u16, u32, u64 } from './layout.js';

const Mixed = layout('Mixed')
  .field(0, 'total', u64)
  .field(8, 'eventId', safeU64)
  .field(16, 'count', u32)
  .field(20, 'kind', u16)
  .field(22, 'flags', u8)
  .field(23, 'spare0', pad(1))
  .field(24, 'digest', block(6, 1))
  .field(30, 'spare1', pad(2))
  .end(32, 8);

const codec = codecOf(Mixed);
type MixedValues = ReturnType<typeof codec.decode>;

const SAMPLE: MixedValues = {
  total: 0xfedc_ba98_7654_3210n,
  eventId: 2 ** 53 - 1,
  count: 0x8123_4567,
  kind: 0x89ab,
  flags: 0xcd,
  digest: Uint8Array.of(1, 2, 3, 4, 5, 6),
};

/** The same by the calls that the codec spares. */
function expectedBytes({ total, eventId, count, kind, flags, digest }: MixedValues): Uint8Array {
  const bytes = new Uint8Array(Mixed.size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, total, true);
  view.setBigUint64(8, BigInt(eventId), true);
  view.setUint32(16, count, true);
  view.setUint16(20, kind, true);
  view.setUint8(22, flags);
  bytes.set(digest, 24);
  return bytes;
}

const anyValues = fc.record(
  {
    total: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    eventId: fc.nat(Number.MAX_SAFE_INTEGER),
    count: fc.nat(0xffff_ffff),
    kind: fc.nat(0xffff),
    flags: fc.nat(0xff),
    digest: fc.uint8Array({ minLength: 6, maxLength: 6 }),
  },
  { noNullPrototype: true },
);

describe('a codec', () => {
  test('writes what DataView would, and reads it back, at any byte of any memory', () => {
    fc.assert(
      fc.property(anyValues, fc.nat(9), fc.nat(9), fc.boolean(), (values, lead, start, shared) => {
        const length = lead + start + Mixed.size + 5;
        const memory = shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length);
        const whole = new Uint8Array(memory).fill(0xa5);
        const target = whole.subarray(lead);
        codec.encode(target, values, start);
        const end = lead + start + Mixed.size;
        assert.deepEqual(whole.slice(lead + start, end), expectedBytes(values));
        assert.deepEqual(codec.decode(target, start), values);
        const around = [...whole.subarray(0, lead + start), ...whole.subarray(end)];
        assert.ok(
          around.every((byte) => byte === 0xa5),
          'nothing else is written',
        );
      }),
    );
  });

  test('has each field by itself, the same as in the whole', () => {
    fc.assert(
      fc.property(anyValues, fc.nat(9), (values, start) => {
        const bytes = new Uint8Array(start + Mixed.size);
        const view = viewOf(bytes);
        const { field } = codec;
        field.total.set(view, start, values.total);
        field.eventId.set(view, start, values.eventId);
        field.count.set(view, start, values.count);
        field.kind.set(view, start, values.kind);
        field.flags.set(view, start, values.flags);
        field.digest.set(view, start, values.digest);
        assert.deepEqual(bytes.slice(start), expectedBytes(values));
        const read = {
          total: field.total.get(view, start),
          eventId: field.eventId.get(view, start),
          count: field.count.get(view, start),
          kind: field.kind.get(view, start),
          flags: field.flags.get(view, start),
          digest: field.digest.get(view, start),
        };
        assert.deepEqual(read, values);
      }),
    );
  });

  test('gives plain data: neither padding, nor a view of the bytes', () => {
    const bytes = Buffer.alloc(Mixed.size);
    codec.encode(bytes, SAMPLE);
    const { digest, ...rest } = codec.decode(bytes);
    bytes.fill(0);
    assert.deepEqual({ digest, ...rest }, SAMPLE);
    assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
  });

  test('says whether all padding is zero, and of nothing else', () => {
    for (let at = 0; at < Mixed.size; at++) {
      const bytes = new Uint8Array(3 + Mixed.size);
      codec.encode(bytes, SAMPLE, 3);
      assert.equal(codec.spareIsZero(bytes, 3), true);
      bytes[3 + at] = 0x80;
      assert.equal(codec.spareIsZero(bytes, 3), ![23, 30, 31].includes(at), `byte ${at}`);
    }
  });

  test('reads a safe u64 from 2^53 on as at least that', () => {
    const bytes = new Uint8Array(Mixed.size);
    const values = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n + 3n, 2n ** 64n - 1n];
    for (const value of values) {
      viewOf(bytes).setBigUint64(Mixed.offset.eventId, value, true);
      const { eventId } = codec.decode(bytes);
      assert.equal(eventId, Number(value));
      assert.ok(eventId >= 2 ** 53);
    }
  });

  test('neither writes nor reads a structure that is cut off', () => {
    // The memory goes on behind the bytes.
    const bytes = new Uint8Array(2 * Mixed.size).subarray(0, Mixed.size);
    for (const start of [1, Mixed.size, -1, Number.NaN]) {
      assert.throws(() => codec.encode(bytes, SAMPLE, start), /a Mixed is cut off/);
      assert.throws(() => codec.decode(bytes, start), /a Mixed is cut off/);
    }
  });
});

describe('what does not fit its field is an assertion, and is not cut:', () => {
  const bad: { readonly [Name in keyof MixedValues]: readonly MixedValues[Name][] } = {
    total: [-1n, 2n ** 64n],
    eventId: [2 ** 53, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
    count: [2 ** 32, -1, 0.5, Number.NaN],
    kind: [2 ** 16, -1, 0.5, 2 ** 32],
    flags: [2 ** 8, -1, 0.5, 2 ** 32],
    digest: [new Uint8Array(5), new Uint8Array(7), new Uint8Array(0)],
  };

  for (const [name, values] of Object.entries(bad)) {
    test(name, () => {
      for (const value of values) {
        const encode = () => codec.encode(new Uint8Array(32), { ...SAMPLE, [name]: value });
        assert.throws(encode, (error) => {
          assert.ok(error instanceof AssertionFailure);
          assert.match(error.message, new RegExp(`^Mixed\\.${name} has \\d bytes and cannot hold`));
          return true;
        });
      }
    });
  }

  test('a number that is set by itself, too', () => {
    const view = new DataView(new ArrayBuffer(Mixed.size));
    const { eventId, count, kind, flags } = codec.field;
    const fields = { eventId, count, kind, flags };
    for (const [name, field] of Object.entries(fields)) {
      for (const value of bad[name as keyof typeof fields]) {
        assert.throws(() => field.set(view, 0, value), AssertionFailure);
      }
    }
    assert.deepEqual(codec.decode(new Uint8Array(view.buffer)), codec.decode(new Uint8Array(32)));
  });

  test('the largest that fit do', () => {
    const values = {
      total: 2n ** 64n - 1n,
      eventId: 2 ** 53 - 1,
      count: 2 ** 32 - 1,
      kind: 2 ** 16 - 1,
      flags: 2 ** 8 - 1,
      digest: new Uint8Array(6).fill(0xff),
    };
    const bytes = new Uint8Array(Mixed.size);
    codec.encode(bytes, values);
    assert.deepEqual(codec.decode(bytes), values);
  });
});

test('a layout with another in it has no codec: neither for the compiler, nor when it runs', () => {
  const Outer = layout('Outer').field(0, 'inner', Mixed).field(32, 'more', u64).end(40, 8);
  // @ts-expect-error  "a layout within the layout has no value of its own"
  assert.throws(() => codecOf(Outer), /Outer\.inner has no value of its own/);
});
