// Seals that are not true of their blocks, under checksums that hold: as a writer with a bug leaves
// them, or somebody who knows the format.
import { assert } from '../../src/errors.js';
import {
  BLOCK_HEADER_BYTES,
  BlockHeaderLayout,
  BlockKind,
} from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import { type LogBuilder, saltOf } from './log-builder.js';

const BLOCK = BlockHeaderLayout.offset;
const TOTALS = SealTotalsLayout.offset;
const ENTRY = SealEntryLayout.offset;

const add32 = (view: DataView, at: number, amount: number): void =>
  view.setUint32(at, view.getUint32(at, true) + amount, true);
const add64 = (view: DataView, at: number, amount: bigint): void =>
  view.setBigUint64(at, view.getBigUint64(at, true) + amount, true);

/** Of the second entry. */
const entry = (field: keyof typeof ENTRY): number =>
  SealTotalsLayout.size + SealEntryLayout.size + ENTRY[field];

export type SealChange = (payload: DataView, header: DataView) => void;

/** Each is possible by itself in a seal of three events blocks, a watermark before the third. */
export const WRONG_TOTALS = {
  'one events block too many': (seal) => add32(seal, TOTALS.eventBlocks, 1),
  'one watermark too many': (seal) => add32(seal, TOTALS.watermarkBlocks, 1),
  'no watermark': (seal) => seal.setUint32(TOTALS.watermarkBlocks, 0, true),
  'eight bytes too few': (seal) => add64(seal, TOTALS.payloadBytes, -8n),
  'an earlier first time': (seal) => add64(seal, TOTALS.firstTimestampNs, -1n),
  'a later highest time': (seal) => add64(seal, TOTALS.highestTimestampNs, 1n),
} as const satisfies Readonly<Record<string, SealChange>>;

/** The first id of the segment, one less: only behind another segment. */
export const EARLIER_FIRST_EVENT: SealChange = (seal) => {
  add64(seal, TOTALS.firstEventId, -1n);
  add64(seal, TOTALS.eventCount, 1n);
};

export const WRONG_ENTRIES = {
  'an entry with an earlier event id': (seal) => add64(seal, entry('eventId'), -1n),
  'an entry with a later event id': (seal) => add64(seal, entry('eventId'), 1n),
  'an entry with an earlier time': (seal) => add64(seal, entry('highestTimestampNs'), -1n),
  'an entry with a later time': (seal) => add64(seal, entry('highestTimestampNs'), 1n),
  'an entry with a lower offset': (seal) => add32(seal, entry('offset'), -8),
  'an entry with a higher offset': (seal) => add32(seal, entry('offset'), 8),
  'an entry with another block index': (seal) => add32(seal, entry('blockIndex'), 1),
} as const satisfies Readonly<Record<string, SealChange>>;

/** No seal at all, whatever its blocks are. */
export const IMPOSSIBLE_SEALS = {
  'a count of events that its ids contradict': (seal) => add64(seal, TOTALS.eventCount, 1n),
  'a last event that its block contradicts': (seal) => {
    add64(seal, TOTALS.lastEventId, 1n);
    add64(seal, TOTALS.eventCount, 1n);
  },
  'a count of entries that its length contradicts': (seal) => add32(seal, TOTALS.entryCount, -1),
  'spare bytes that are not zero': (seal) => seal.setUint32(TOTALS.spare, 1, true),
} as const satisfies Readonly<Record<string, SealChange>>;

export const WRONG_SEALS = { ...WRONG_TOTALS, ...WRONG_ENTRIES, ...IMPOSSIBLE_SEALS };

/** Their headers say that they follow another block than the one that is there. */
export const MISPLACED_SEALS = {
  'another block before it': (_, header) => add64(header, BLOCK.previousBlockChecksum, 1n),
  'another block index': (_, header) => add32(header, BLOCK.blockIndex, 1),
  'another next event': (seal, header) => {
    add64(header, BLOCK.firstEventId, 1n);
    add64(seal, TOTALS.lastEventId, 1n);
    add64(seal, TOTALS.eventCount, 1n);
  },
} as const satisfies Readonly<Record<string, SealChange>>;

/** Changes the payload of the block of a seal at `offset`; its checksums hold again. */
export function rewriteSeal(
  file: Uint8Array,
  offset: number,
  salt: bigint,
  change: SealChange,
): void {
  const view = new DataView(file.buffer, file.byteOffset + offset);
  assert(view.getUint8(BLOCK.kind) === BlockKind.seal, 'a seal stands there');
  const payloadBytes = view.getUint32(BLOCK.payloadBytes, true);
  const start = offset + BLOCK_HEADER_BYTES;
  const payload = file.subarray(start, start + payloadBytes);
  change(new DataView(payload.buffer, payload.byteOffset, payloadBytes), view);
  view.setBigUint64(BLOCK.payloadChecksum, xxh64(payload, salt), true);
  const header = file.subarray(offset, offset + BLOCK.headerChecksum);
  view.setBigUint64(BLOCK.headerChecksum, xxh64(header, salt ^ BigInt(offset)), true);
}

/** {@link rewriteSeal} of a segment that was built, and ends with its seal. */
export function forgeSeal(builder: LogBuilder, segmentIndex: number, change: SealChange): void {
  const { offset } = builder.blockOf(segmentIndex, -1);
  rewriteSeal(builder.fileOf(segmentIndex), offset, saltOf(segmentIndex), change);
}
