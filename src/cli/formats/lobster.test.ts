import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { fc } from '../../../test/support/properties.js';
import { NO_SHARED_DATA, sharedData } from '../../../test/support/shared-data.js';
import { FormatDefect } from './event-format.js';
import { createLobsterFormat } from './lobster.js';
import { LobsterOrder, OrderRecord } from './order-record.js';
import { TextBuffer } from './text-buffer.js';

const encode = (row: string): Uint8Array => {
  // Surrounded by other bytes, as a row within a chunk is.
  const bytes = Buffer.from(`9,9\n${row}\n9,9`, 'latin1');
  return createLobsterFormat().encode(bytes, 4, 4 + row.length);
};
const decode = (payload: Uint8Array): string => {
  const sink = new TextBuffer();
  createLobsterFormat().decode(payload, sink);
  return sink.text();
};
const throughPayload = (row: string): string => decode(encode(row));

describe('lobster format', () => {
  it('is 40 bytes with every field in its place', () => {
    const payload = encode('34200.004241176,1,16113575,18,5853300,-1');
    assert.equal(payload.length, 40);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    assert.equal(view.getFloat64(0, true), 34200.004241176);
    assert.equal(view.getBigUint64(8, true), 16113575n);
    assert.equal(view.getBigInt64(16, true), 5853300n);
    assert.equal(view.getBigUint64(24, true), 18n);
    assert.equal(view.getUint32(32, true), 1);
    assert.equal(view.getInt32(36, true), -1);
  });

  it('is the typed event as which it is recorded', () => {
    const row = '34200.004241176,4,18446744073709551615,9007199254740991,-9007199254740991,-1';
    const payload = encode(row);
    const value = LobsterOrder.decode({ eventId: 1, type: LobsterOrder.type, payload });
    assert.deepEqual(value, {
      timeSeconds: 34200.004241176,
      orderId: 2n ** 64n - 1n,
      price: -(2 ** 53) + 1,
      quantity: 2 ** 53 - 1,
      type: 4,
      direction: -1,
    });
    assert.deepEqual(LobsterOrder.encode(value), new Uint8Array(payload));
  });

  for (const [name, row] of [
    ['a plain row', '34200.004241176,1,16113575,18,5853300,1'],
    ['float noise past nine decimals', '35821.088778456004,3,44276101,100,5851500,1'],
    ['a hidden execution without id', '34200.017459617,5,0,1,2238200,-1'],
    ['a trading halt with price -1', '35000.5,7,0,0,-1,-1'],
    ['a whole second', '34200,1,1,1,1,1'],
    ['midnight', '0,1,1,1,1,1'],
    ['a nanosecond', '0.000000001,1,1,1,1,1'],
    ['less than a nanosecond', '0.0000000000123,1,1,1,1,1'],
    ['a time of 15 digits', '86399.9999999999,1,1,1,1,1'],
    ['the dummy price of an empty side', '1,1,1,1,-9999999999,1'],
    ['numbers beyond 32 bits', '1,1,4294967296,4294967297,-4294967297,1'],
    ['the largest safe numbers', '1,1,9007199254740991,9007199254740991,-9007199254740991,1'],
    ['an order id of 64 bits', '1,1,18446744073709551615,1,1,1'],
    ['an order id just beyond 2^53', '1,1,9007199254740993,1,1,1'],
  ] as const) {
    it(`gives back ${name}`, () => assert.equal(throughPayload(row), row));
  }

  it('writes fields in their shortest form and drops the carriage return', () => {
    const row = '034200.500000000,1,0016,07,-05,-1\r';
    assert.equal(throughPayload(row), '34200.5,1,16,7,-5,-1');
    assert.equal(throughPayload('34200.000000000,1,1,1,-0,1'), '34200,1,1,1,0,1');
    // The 17 digits of printf("%.17g") are the same float64.
    assert.equal(throughPayload('34200.004241175999,1,1,1,1,1'), '34200.004241176,1,1,1,1,1');
  });

  it('gives back every float64 time as JavaScript prints it', () => {
    const seconds = fc.double({ min: 1e-6, max: 86_400, noNaN: true });
    fc.assert(
      fc.property(seconds, (time) => {
        const row = `${time},1,1,1,1,1`;
        assert.equal(throughPayload(row), row);
      }),
    );
  });

  it('gives back every time of whole nanoseconds without trailing zeros', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 86_399 }),
        fc.nat(999_999_999),
        (whole, nanoseconds) => {
          const fraction = String(nanoseconds).padStart(9, '0');
          const row = `${whole}.${fraction},1,1,1,1,1`;
          const short = `${whole}.${fraction}`.replace(/\.?0+$/, '');
          const expected = nanoseconds === 0 ? String(whole) : short;
          assert.equal(throughPayload(row), `${expected},1,1,1,1,1`);
        },
      ),
    );
  });

  it('gives back all integer fields', () => {
    const integer = fc.maxSafeNat();
    const signed = fc.maxSafeInteger();
    const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        id,
        integer,
        signed,
        (type, orderId, size, price) => {
          const row = `1.5,${type},${orderId},${size},${Object.is(price, -0) ? 0 : price},-1`;
          assert.equal(throughPayload(row), row);
        },
      ),
    );
  });

  for (const [row, message] of [
    ['', /time is ''/],
    ['hello', /time is 'hello'/],
    ['34200', /ends before its type/],
    ['34200,1,2,3,4', /ends before its direction/],
    ['34200,1,2,3,4,1,9', /more than the six fields/],
    ['34200,1,2,3,4,1,', /more than the six fields/],
    ['34200,1,2,3,4,', /direction is ''/],
    ['34200,1,2,3,4,0', /direction is '0'/],
    ['34200,1,2,3,4,1 ', /direction is '1 '/],
    ['34200,0,2,3,4,1', /type is '0'/],
    ['34200,8,2,3,4,1', /type is '8'/],
    ['34200,1.0,2,3,4,1', /type is '1\.0'/],
    ['34200,1,-2,3,4,1', /order id is '-2'/],
    ['34200,1,18446744073709551616,3,4,1', /order id is '18446744073709551616'/],
    ['34200,1,2x,3,4,1', /order id is '2x'/],
    ['34200,1,2,-3,4,1', /size is '-3'/],
    ['34200,1,2,9007199254740992,4,1', /size is '9007199254740992'/],
    ['34200,1,2,3,--4,1', /price is '--4'/],
    ['34200,1,2,3,-,1', /price is '-'/],
    ['34200,1,2,3,58.5,1', /price is '58\.5'/],
    ['-1,1,2,3,4,1', /time is '-1'/],
    ['.5,1,2,3,4,1', /time is '\.5'/],
    ['5.,1,2,3,4,1', /time is '5\.'/],
    ['1e3,1,2,3,4,1', /time is '1e3'/],
    ['1.5.5,1,2,3,4,1', /time is '1\.5\.5'/],
    [`${'9'.repeat(400)},1,2,3,4,1`, /time is '9{40}…'/],
    [`1,1,${'9'.repeat(400)},3,4,1`, /order id is '9{40}…'/],
    // Nanoseconds since 1970 do not fit a float64: refused rather than rounded.
    ['1340285400.004241176,1,2,3,4,1', /float64 can hold to the nanosecond/],
    ['Time,Type,Order ID,Size,Price,Direction', /time is 'Time'/],
  ] as const) {
    it(`refuses '${row.slice(0, 50)}'`, () => {
      assert.throws(
        () => encode(row),
        (error) => {
          assert.ok(error instanceof FormatDefect);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  it('takes a large time that a float64 does keep', () => {
    assert.equal(throughPayload('1340285400.5,1,2,3,4,1'), '1340285400.5,1,2,3,4,1');
    assert.equal(throughPayload('01340285400.50,1,2,3,4,1'), '1340285400.5,1,2,3,4,1');
  });

  it('refuses to print a payload that is no order', () => {
    assert.throws(() => decode(new Uint8Array(39)), /39 bytes, an order has 40/);
    assert.throws(() => decode(new Uint8Array(40)), /not an order/);
    for (const change of [
      (order: OrderRecord) => (order.timeSeconds = Number.NaN),
      (order: OrderRecord) => (order.timeSeconds = -1),
      (order: OrderRecord) => (order.timeSeconds = Number.POSITIVE_INFINITY),
      (order: OrderRecord) => (order.type = 8),
      (order: OrderRecord) => (order.direction = 2),
      (order: OrderRecord) => (order.quantity = 2 ** 60),
      (order: OrderRecord) => (order.price = -(2 ** 60)),
    ]) {
      const order = new OrderRecord();
      order.payload.set(encode('34200.5,1,2,3,4,1'));
      change(order);
      assert.throws(() => decode(order.payload), /not an order/, String(change));
    }
  });

  for (const file of [
    'lobster_AAPL_2012-06-21_0930-1030_L50_message.csv.gz',
    'lobster_AMZN_2012-06-21_L1_message.csv.gz',
  ]) {
    const found = sharedData(file);
    it(`gives back ${file} but for its carriage returns`, {
      skip: found === undefined && NO_SHARED_DATA,
    }, () => {
      assert.ok(found);
      const text = gunzipSync(readFileSync(found)).toString('latin1');
      const rows = text.trimEnd().split(/\r?\n/);
      assert.ok(rows.length > 50_000);
      for (const row of rows) assert.equal(throughPayload(row), row);
    });
  }
});
