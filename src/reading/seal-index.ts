// The sparse index of a finished segment, as a starting point near an event.
import {
  BLOCK_HEADER_BYTES,
  BlockKind,
  decodeBlockHeader,
  verifyBlockPayload,
} from '../segment/block-header.js';
import { isDefect } from '../segment/defect.js';
import { decodeSeal, SEAL_RESERVED_BYTES, type Seal } from '../segment/seal.js';
import type { Storage } from '../storage/storage.js';
import { reading } from './read-failure.js';
import type { SegmentFile } from './segment-file.js';
import type { SegmentPosition } from './segment-reader.js';

/** The seal that stands at `offset`, or undefined: a missing or torn seal is legal. */
export function readSeal(storage: Storage, file: SegmentFile, offset: number): Seal | undefined {
  const bytes = new Uint8Array(SEAL_RESERVED_BYTES);
  const count = reading(file.path, () => storage.read(file.fd, bytes, offset), offset);
  const { salt } = file.header;
  const block = decodeBlockHeader(bytes.subarray(0, count), 0, salt, offset);
  if (isDefect(block) || block.kind !== BlockKind.seal) return undefined;
  const payload = bytes.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + block.payloadBytes);
  if (verifyBlockPayload(block, payload, salt) !== undefined) return undefined;
  const seal = decodeSeal(payload);
  return isDefect(seal) ? undefined : seal;
}

/** The last indexed block that starts at or before `eventId`. */
export function positionNear(seal: Seal, eventId: number): SegmentPosition | undefined {
  const entry = seal.entries.findLast((candidate) => candidate.eventId <= eventId);
  return (
    entry && {
      offset: entry.offset,
      nextEventId: entry.eventId,
      nextBlockIndex: entry.blockIndex,
      // The index does not tell it; the block's own checksums and all later links are checked.
      previousBlockChecksum: undefined,
    }
  );
}
