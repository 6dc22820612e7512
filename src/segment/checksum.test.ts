import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xxh64 } from './checksum.js';

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);

test('XXH64 agrees with the published vectors and with another implementation', () => {
  // The first three are of the reference implementation, the others were made by one in Python.
  const vectors: [Uint8Array, bigint, bigint][] = [
    [new Uint8Array(0), 0n, 0xef46db3751d8e999n],
    [Buffer.from('abc'), 0n, 0x44bc2cf5ad770999n],
    [new Uint8Array(0), 2654435761n, 0xac75fda2929b17efn],
    [Buffer.from('flashstrike'), 2n ** 64n - 1n, 0xa539e54e0be2993cn],
    [counting(64), 2n ** 64n - 1n, 0x79e8b8230306e25cn],
    [counting(101), 0x8000_0000_0000_0001n, 0xf0d20388c2b4c823n],
  ];
  for (const [bytes, seed, expected] of vectors) assert.equal(xxh64(bytes, seed), expected);
});

test('bytes in shared memory and off alignment have the checksum of a plain copy', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(80), 5, 64);
  shared.set(counting(64));
  assert.equal(xxh64(shared, 7n), xxh64(counting(64), 7n));
});

test('a seed beyond 64 bits is taken modulo 2^64', () => {
  assert.equal(xxh64(counting(9), 2n ** 64n + 3n), xxh64(counting(9), 3n));
});
