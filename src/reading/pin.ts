// A segment's header pins the end of its predecessor. Up to there everything must validate; after
// it, a seal or the remains of a torn write, everything is legal.
import { WalError } from '../errors.js';
import {
  BLOCK_ALIGNMENT,
  BLOCK_HEADER_BYTES,
  BlockKind,
  decodeBlockHeader,
  findBlock,
} from '../segment/block-header.js';
import { type Defect, isDefect } from '../segment/defect.js';
import { linkProblem } from '../segment/segment-chain.js';
import {
  maxBlockBytes,
  SEGMENT_HEADER_PAGE_BYTES,
  type SegmentHeader,
} from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { KIB } from '../units.js';
import { lostSentence, restoreAdvice } from './advice.js';
import { readSegment, type SegmentFile } from './segment-file.js';
import type { SegmentReader } from './segment-reader.js';
import { type SalvageBounds, SegmentSalvager } from './segment-salvager.js';

/** Whether what `reader` has verified so far ends exactly where the successor's header pins. */
export function endsAtPin(reader: SegmentReader, pin: SegmentHeader): boolean {
  const { endOffset, blockChecksum, lastEventId } = reader.end;
  return (
    endOffset === pin.previousEndOffset &&
    lastEventId === pin.previousLastEventId &&
    (blockChecksum === undefined || blockChecksum === pin.previousBlockChecksum)
  );
}

/**
 * Why a finished segment is not the one that its successor pins, as far as its size, the two
 * headers and one small read can tell, in a clause after its name. It does not read what stands
 * before the end: that takes a walk.
 */
export function pinProblem(
  storage: Storage,
  file: SegmentFile,
  pin: SegmentHeader,
): string | undefined {
  const problem = linkProblem(file, pin) ?? frameProblem(file);
  if (problem !== undefined || isPinnedBlockThere(storage, file, pin)) return problem;
  const { segmentIndex, previousLastEventId, previousEndOffset } = pin;
  return (
    `does not end at offset ${previousEndOffset} with event ${previousLastEventId}, as segment ` +
    `${segmentIndex} says: one of the two is from an earlier state of the log`
  );
}

/** What is wrong with the frame of a compressed segment as far as its sizes tell, likewise. */
function frameProblem({ frame }: SegmentFile): string | undefined {
  const defect = frame?.endDefect();
  return defect && `is not one whole LZ4 frame: ${defect.message}`;
}

/** The error for a compressed segment of which each event is there, and whose file is not whole. */
export function frameError({ path }: SegmentFile, defect: Defect): WalError {
  const message =
    `${path} is not one whole LZ4 frame: ${defect.message}. No event is lost. ` +
    restoreAdvice(path);
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
}

/** Looked for after a pin without a seal, and before it: most last blocks are small. */
const SMALL_WINDOWS_BYTES = [4 * KIB, 64 * KIB];

/** Read into by one call at a time: an open looks at the seal of each segment. */
const sealHeader = new Uint8Array(BLOCK_HEADER_BYTES);

/** Whether the last block that counts is the pinned one: an older copy of the file has another. */
function isPinnedBlockThere(storage: Storage, file: SegmentFile, pin: SegmentHeader): boolean {
  const { previousEndOffset: end, previousBlockChecksum: checksum } = pin;
  const { headerChecksum, salt } = file.header;
  if (end === SEGMENT_HEADER_PAGE_BYTES) return checksum === headerChecksum;
  // The seal repeats it, and is there unless recovery went on after a torn write. One that tells of
  // another block proves nothing, as it may be wrong itself.
  const count = readSegment(storage, file, sealHeader, end);
  const seal = decodeBlockHeader(sealHeader.subarray(0, count), 0, salt, end);
  const isSeal = !isDefect(seal) && seal.kind === BlockKind.seal;
  if (isSeal && seal.previousBlockChecksum === checksum && seal.firstEventId === pin.firstEventId) {
    return true;
  }
  return isPinnedBlockBefore(storage, file, pin);
}

/** The same without a seal, by a look at what stands before the pin. */
function isPinnedBlockBefore(storage: Storage, file: SegmentFile, pin: SegmentHeader): boolean {
  const { previousEndOffset: end, previousBlockChecksum: checksum } = pin;
  const { salt } = file.header;
  const maxBytes = maxBlockBytes(file.header);
  for (const windowBytes of [...SMALL_WINDOWS_BYTES, maxBytes]) {
    const from = Math.max(SEGMENT_HEADER_PAGE_BYTES, end - windowBytes);
    const window = new Uint8Array(end - from);
    const bytes = window.subarray(0, readSegment(storage, file, window, from));
    for (let at = findBlock(bytes, 0); at >= 0; at = findBlock(bytes, at + BLOCK_ALIGNMENT)) {
      const block = decodeBlockHeader(bytes, at, salt, from + at, maxBytes);
      if (!isDefect(block) && block.headerChecksum === checksum) return true;
    }
    if (from === SEGMENT_HEADER_PAGE_BYTES) break;
  }
  return false;
}

/** What counts in a segment whose end is pinned. */
export const boundsOf = (pin: SegmentHeader): SalvageBounds => ({
  limitOffset: pin.previousEndOffset,
  lastEventId: pin.previousLastEventId,
});

/**
 * A finished segment that does not validate up to its pin. Looks for what stands after the damage,
 * so that the ids that it names are those that are lost.
 */
export function pinError(storage: Storage, reader: SegmentReader, pin: SegmentHeader): WalError {
  const { file, stop, end } = reader;
  const { previousLastEventId, previousEndOffset, segmentIndex } = pin;
  const hole = new SegmentSalvager(storage, reader).skipHole(boundsOf(pin));
  const lastLost = hole === undefined ? previousLastEventId : end.lastEventId + hole.events;
  const message =
    `${file.path} is sound up to offset ${end.endOffset}, event ${end.lastEventId} ` +
    `(after that: ${stop?.message}), but segment ${segmentIndex} says that it has events up to ` +
    `${previousLastEventId}, offset ${previousEndOffset}.` +
    `${lostSentence(end.lastEventId + 1, lastLost)} ${restoreAdvice(file.path)}`;
  return new WalError('ERR_FLASHSTRIKE_CORRUPT', message, {
    path: file.path,
    offset: end.endOffset,
  });
}
