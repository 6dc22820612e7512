// XXH64 and XXH32 by a native module.
import type * as XxHash from '@node-rs/xxhash';
import { loadNative } from './native-module.js';

/** XXH64 of the bytes; the seed is unsigned, 64 bits. */
export type Xxh64 = (bytes: Uint8Array, seed: bigint) => bigint;

/** XXH32 with seed 0 of bytes that come piece by piece. */
export interface Xxh32State {
  update(bytes: Uint8Array): unknown;
  digest(): number;
}

const load = (): typeof XxHash =>
  loadNative('@node-rs/xxhash', 'all checksums need') as typeof XxHash;

/** @throws WalError ERR_FLASHSTRIKE_PLATFORM */
export const loadXxh64 = (): Xxh64 => load().xxh64;

/** @throws WalError ERR_FLASHSTRIKE_PLATFORM */
export function loadXxh32() {
  const { xxh32, Xxh32 } = load();
  return {
    /** XXH32 of the bytes, seed 0. */
    hash: (bytes: Uint8Array): number => xxh32(bytes, 0),
    start: (): Xxh32State => new Xxh32(0),
  };
}
