// The seal of a segment, read where it must stand: right behind its last other block.
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  BlockKind,
  decodeBlockHeader,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { type Defect, isDefect } from '../segment/defect.js';
import { decodeSeal, SEAL_RESERVED_BYTES, type Seal } from '../segment/seal.js';
import type { Storage } from '../storage/storage.js';
import { readSegment, type SegmentFile } from './segment-file.js';

/** A block of a seal that is there as it was written: its checksums hold. */
export interface SealBlock {
  readonly header: BlockHeader;
  /** A defect where what was written is impossible by itself. */
  readonly seal: Seal | Defect;
}

/** The seal that stands at `offset`, or undefined: a missing or torn seal is legal. */
export function readSealBlock(
  storage: Storage,
  file: SegmentFile,
  offset: number,
): SealBlock | undefined {
  const bytes = new Uint8Array(SEAL_RESERVED_BYTES);
  const count = readSegment(storage, file, bytes, offset);
  const { salt } = file.header;
  const header = decodeBlockHeader(bytes.subarray(0, count), 0, salt, offset);
  if (isDefect(header) || header.kind !== BlockKind.seal) return undefined;
  const end = BLOCK_HEADER_BYTES + header.payloadBytes;
  if (end > count) return undefined;
  const payload = bytes.subarray(BLOCK_HEADER_BYTES, end);
  const defect = verifyBlockPayload(header, payload, salt);
  if (defect?.defect === 'checksum') return undefined;
  return { header, seal: defect ?? decodeSeal(payload) };
}

/** Where a segment ends: behind the seal that stands at its pin, or at the pin. */
export function sealedEnd(storage: Storage, file: SegmentFile, pinOffset: number): number {
  const seal = readSealBlock(storage, file, pinOffset);
  return pinOffset + (seal === undefined ? 0 : BLOCK_HEADER_BYTES + seal.header.payloadBytes);
}
