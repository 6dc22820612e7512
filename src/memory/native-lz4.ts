// LZ4 blocks by a native module. In front of a packed block it has the length of what is unpacked,
// u32: that length bounds what unpacking allocates, so it is never taken from a file.
import type * as Lz4 from 'lz4-napi';
import { loadNative } from './native-module.js';

/** Bytes before a packed block that tell the length of what is unpacked. */
export const LENGTH_PREFIX_BYTES = 4;

export interface Lz4Blocks {
  /** @returns the prefix and the block */
  pack(bytes: Buffer): Uint8Array;
  /**
   * @param prefixed the prefix and the block
   * @returns at most as many bytes as the prefix tells
   * @throws Error where the block is not valid, or would be longer
   */
  unpack(prefixed: Buffer): Uint8Array;
}

/** @throws WalError ERR_FLASHSTRIKE_PLATFORM */
export function loadLz4(): Lz4Blocks {
  const native = loadNative('lz4-napi', 'compressed segments need') as typeof Lz4;
  return {
    pack: (bytes) => native.compressSync(bytes),
    unpack: (prefixed) => native.uncompressSync(prefixed),
  };
}
