// Makes the checksums of a damaged log right again, as somebody would who knows the format: only
// then does a forged field get past the first check.
import {
  BLOCK_HEADER_BYTES,
  BlockHeaderLayout,
  BlockKind,
} from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { META_BYTES, WalMetaLayout } from '../../src/segment/wal-meta.js';
import type { Image, SegmentPlan } from './specimen.js';

const HEADER = SegmentHeaderLayout.offset;
const BLOCK = BlockHeaderLayout.offset;
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** @param relink also the chain of blocks, and what each segment says of the one before */
export function reseal(
  image: Image,
  metaPath: string,
  segments: readonly SegmentPlan[],
  relink: boolean,
): void {
  resealMeta(image.get(metaPath));
  let pin = 0n;
  segments.forEach((plan, index) => {
    const bytes = image.get(plan.path);
    if (bytes === undefined || bytes.length < SegmentHeaderLayout.size) return;
    const view = viewOf(bytes);
    if (relink && index > 0) view.setBigUint64(HEADER.previousBlockChecksum, pin, true);
    const checksum = xxh64(bytes.subarray(0, HEADER.headerChecksum), 0n);
    view.setBigUint64(HEADER.headerChecksum, checksum, true);
    pin = resealBlocks(bytes, plan.blockOffsets, checksum, relink);
  });
}

function resealMeta(meta: Uint8Array | undefined): void {
  if (meta === undefined || meta.length < META_BYTES) return;
  const { checksum } = WalMetaLayout.offset;
  viewOf(meta).setBigUint64(checksum, xxh64(meta.subarray(0, checksum), 0n), true);
}

/** Returns what a successor pins. */
function resealBlocks(
  bytes: Uint8Array,
  offsets: readonly number[],
  headerChecksum: bigint,
  relink: boolean,
): bigint {
  const view = viewOf(bytes);
  const salt = view.getBigUint64(HEADER.salt, true);
  let previous = headerChecksum;
  let pin = headerChecksum;
  for (const offset of offsets) {
    const start = offset + BLOCK_HEADER_BYTES;
    if (start > bytes.length) break;
    const end = Math.min(bytes.length, start + view.getUint32(offset + BLOCK.payloadBytes, true));
    const payload = xxh64(bytes.subarray(start, end), salt);
    view.setBigUint64(offset + BLOCK.payloadChecksum, payload, true);
    if (relink) view.setBigUint64(offset + BLOCK.previousBlockChecksum, previous, true);
    const header = bytes.subarray(offset, offset + BLOCK.headerChecksum);
    previous = xxh64(header, salt ^ BigInt(offset));
    view.setBigUint64(offset + BLOCK.headerChecksum, previous, true);
    if (view.getUint8(offset + BLOCK.kind) !== BlockKind.seal) pin = previous;
  }
  return pin;
}
