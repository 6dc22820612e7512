import { loadXxh64, type Xxh64 } from '../memory/native-xxhash.js';

/** Replaces itself at its first use: after that a call costs what one of the import did. */
let native: Xxh64 = (bytes, seed) => {
  assertChecksums();
  return native(bytes, seed);
};

/** XXH64 of `bytes`; `seed` is taken modulo 2^64. */
export function xxh64(bytes: Uint8Array, seed: bigint): bigint {
  return native(bytes, BigInt.asUintN(64, seed));
}

/**
 * Loads the native part ahead of its first use.
 * @throws WalError ERR_FLASHSTRIKE_PLATFORM
 */
export function assertChecksums(): void {
  native = loadXxh64();
}
