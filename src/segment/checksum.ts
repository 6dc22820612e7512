// XXH64 by a native module, which is loaded when it is first needed: where its binary is missing, that
// is a refusal with a code, and importing this package is none.
import { createRequire } from 'node:module';
import type * as XxHash from '@node-rs/xxhash';
import { messageOf, WalError } from '../errors.js';

let native: typeof XxHash.xxh64 | undefined;

/** XXH64 of `bytes`; `seed` is taken modulo 2^64. */
export function xxh64(bytes: Uint8Array, seed: bigint): bigint {
  native ??= loadNative();
  return native(bytes, BigInt.asUintN(64, seed));
}

/**
 * Loads the native part ahead of its first use.
 * @throws WalError ERR_FLASHSTRIKE_PLATFORM
 */
export function assertChecksums(): void {
  native ??= loadNative();
}

function loadNative(): typeof XxHash.xxh64 {
  try {
    const loaded = createRequire(import.meta.url)('@node-rs/xxhash') as typeof XxHash;
    return loaded.xxh64;
  } catch (error) {
    throw new WalError(
      'ERR_FLASHSTRIKE_PLATFORM',
      `The native part of @node-rs/xxhash, which all checksums need, cannot be loaded ` +
        `(${messageOf(error).split(/\. |\n/, 1)[0]}). Install with optional dependencies, and start node ` +
        'with addons: without --no-addons, and with --allow-addons where --permission is used. Where the ' +
        'application is bundled, leave flashstrike out of the bundle (external).',
      { cause: error },
    );
  }
}
