import { xxh64 as nativeXxh64 } from '@node-rs/xxhash';

/** XXH64 of `bytes`; `seed` is taken modulo 2^64. */
export function xxh64(bytes: Uint8Array, seed: bigint): bigint {
  return nativeXxh64(bytes, BigInt.asUintN(64, seed));
}
