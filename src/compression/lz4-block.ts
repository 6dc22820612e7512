// One LZ4 block, packed and unpacked. What unpacking allocates is what the caller expects, whatever
// the block says of itself.
import { assert } from '../errors.js';
import { LENGTH_PREFIX_BYTES, type Lz4Blocks, loadLz4 } from '../memory/native-lz4.js';

/** Loaded at its first use. */
let native: Lz4Blocks | undefined;

function loaded(): Lz4Blocks {
  native ??= loadLz4();
  return native;
}

const bufferOf = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, length);

/** `bytes` as a block; undefined where that would not be shorter. */
export function packBlock(bytes: Uint8Array): Uint8Array | undefined {
  const block = loaded().pack(bufferOf(bytes)).subarray(LENGTH_PREFIX_BYTES);
  return block.length < bytes.length ? block : undefined;
}

/**
 * The content of a block; undefined where the block is not valid, or its content has not exactly
 * `contentBytes`.
 * @param prefixed any 4 bytes, which are overwritten, and the block
 */
export function unpackBlock(prefixed: Uint8Array, contentBytes: number): Uint8Array | undefined {
  assert(prefixed.length >= LENGTH_PREFIX_BYTES, 'a block has its length in front of it');
  const buffer = bufferOf(prefixed);
  buffer.writeUInt32LE(contentBytes, 0);
  let content: Uint8Array;
  // The check of the module's own: it throws nothing but that.
  const native = loaded();
  try {
    content = native.unpack(buffer);
  } catch {
    return undefined;
  }
  return content.length === contentBytes ? content : undefined;
}
