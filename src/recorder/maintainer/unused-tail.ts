// What a finished segment's file has behind its seal, given back: space that was allocated and that
// nothing will ever be written to. Only behind a seal that is there as it was written, and only
// zeros: the remains of a torn write are evidence, and stay. No sync follows: a power cut leaves
// either length.
import { isZero } from '../../memory/zeros.js';
import { readSealBlock } from '../../reading/seal-block.js';
import { openSegment } from '../../reading/segment-file.js';
import { BLOCK_HEADER_BYTES } from '../../segment/block-header.js';
import type { Storage } from '../../storage/storage.js';
import { alignUp, MIB, PAGE_BYTES } from '../../units.js';

/** A tail is looked at up to here: an event that is too large for what is left leaves as much. */
const LOOK_BYTES = 2 * MIB;

/**
 * Cuts the file of a segment whose last block ends at `endOffset`; returns the bytes that it gave
 * back. One with a second name stays as it is.
 * @param keptBytes so much may stay unused: a file that is used again should have its full length
 */
export function cutUnusedTail(
  storage: Storage,
  path: string,
  expected: { readonly index: number; readonly logId: bigint },
  endOffset: number,
  keptBytes = 0,
): number {
  const file = openSegment(storage, path, expected, 'rewrite');
  if (file === undefined) return 0;
  try {
    const isCuttable = file.names === 1 && file.frame === undefined;
    const seal = isCuttable ? readSealBlock(storage, file, endOffset) : undefined;
    if (seal === undefined) return 0;
    const sealEnd = endOffset + BLOCK_HEADER_BYTES + seal.header.payloadBytes;
    const endBytes = alignUp(sealEnd, PAGE_BYTES);
    const unusedBytes = file.bytes - endBytes;
    if (unusedBytes <= keptBytes) return 0;
    const tail = new Uint8Array(Math.min(LOOK_BYTES, file.bytes - sealEnd));
    if (!isZero(tail, 0, storage.read(file.fd, tail, sealEnd))) return 0;
    storage.truncate(file.fd, endBytes);
    return unusedBytes;
  } finally {
    storage.close(file.fd);
  }
}
