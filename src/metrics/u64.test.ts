import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../../test/support/properties.js';
import { addHalves, increment, readU64, writeU64 } from './u64.js';

const TWO_POW_64 = 2n ** 64n;
const u64 = fc.bigInt({ min: 0n, max: TWO_POW_64 - 1n });
/** Around the places where halves carry. */
const edge = fc
  .tuple(
    fc.constantFrom(0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, TWO_POW_64),
    fc.integer({ min: -3, max: 3 }),
  )
  .map(([base, by]) => BigInt.asUintN(64, base + BigInt(by)));
const value = fc.oneof(edge, u64);

const wordsOf = (number: bigint): Uint32Array =>
  new Uint32Array(new BigUint64Array([0n, number, 0n]).buffer);

function assertOnly(words: Uint32Array, number: bigint): void {
  assert.deepEqual([...new BigUint64Array(words.buffer)], [0n, number, 0n]);
}

test('a sum carries from half to half, modulo 2^64, and touches nothing else', () => {
  fc.assert(
    fc.property(value, value, (start, by) => {
      const words = wordsOf(start);
      addHalves(words, 2, Number(by & 0xffff_ffffn), Number(by >> 32n));
      assertOnly(words, (start + by) % TWO_POW_64);
    }),
    { numRuns: 2000 },
  );
});

test('halves may come as signed words', () => {
  fc.assert(
    fc.property(value, value, (start, by) => {
      const words = wordsOf(start);
      addHalves(words, 2, Number(BigInt.asIntN(32, by)), Number(BigInt.asIntN(32, by >> 32n)));
      assertOnly(words, (start + by) % TWO_POW_64);
    }),
    { numRuns: 2000 },
  );
});

test('one is added at every edge', () => {
  fc.assert(
    fc.property(edge, (start) => {
      const words = wordsOf(start);
      increment(words, 2);
      assertOnly(words, (start + 1n) % TWO_POW_64);
    }),
  );
});

test('a number up to 2^53 is written as it is read', () => {
  const number = fc.oneof(
    fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53),
    fc.maxSafeNat(),
  );
  fc.assert(
    fc.property(number, value, (written, before) => {
      const words = wordsOf(before);
      writeU64(words, 2, written);
      assertOnly(words, BigInt(written));
      assert.equal(readU64(words, 2), written);
    }),
  );
});

test('above 2^53 the nearest double is read', () => {
  fc.assert(
    fc.property(value, (number) => assert.equal(readU64(wordsOf(number), 2), Number(number))),
  );
});
