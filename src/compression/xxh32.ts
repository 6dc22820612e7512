import { loadXxh32, type Xxh32State } from '../memory/native-xxhash.js';

/** Loaded at its first use. */
let native: ReturnType<typeof loadXxh32> | undefined;

function loaded(): ReturnType<typeof loadXxh32> {
  native ??= loadXxh32();
  return native;
}

/** XXH32 of `bytes`, seed 0. */
export const xxh32 = (bytes: Uint8Array): number => loaded().hash(bytes);

/** XXH32, seed 0, of bytes that come piece by piece. */
export const startXxh32 = (): Xxh32State => loaded().start();
