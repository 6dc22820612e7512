// XXH64 by a native module, which is loaded when it is first needed: where its binary is missing,
// that is a refusal with a code, and importing this package is none.
import { createRequire } from 'node:module';
import type * as XxHash from '@node-rs/xxhash';
import { messageOf, WalError } from '../errors.js';

/** XXH64 of the bytes; the seed is unsigned, 64 bits. */
export type Xxh64 = (bytes: Uint8Array, seed: bigint) => bigint;

/** @throws WalError ERR_FLASHSTRIKE_PLATFORM */
export function loadXxh64(): Xxh64 {
  try {
    const loaded = createRequire(import.meta.url)('@node-rs/xxhash') as typeof XxHash;
    return loaded.xxh64;
  } catch (error) {
    throw new WalError(
      'ERR_FLASHSTRIKE_PLATFORM',
      `The native part of @node-rs/xxhash, which all checksums need, cannot be loaded ` +
        `(${messageOf(error).split(/\. |\n/, 1)[0]}). Install with optional dependencies, and ` +
        'start node with addons: without --no-addons, and with --allow-addons where --permission ' +
        'is used. Where the application is bundled, leave flashstrike out of the bundle ' +
        '(external).',
      { cause: error },
    );
  }
}
