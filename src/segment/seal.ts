// The payload of a seal block: what a finished segment holds in total, and every n-th event block
// as an index. A convenience: a missing or torn seal is legal and can be made again by a walk.
import { assert } from '../errors.js';
import { codecOf } from '../memory/codec.js';
import { layout, pad, safeU64, u32, u64 } from '../memory/layout.js';
import { EVENT_ID_END, KIB } from '../units.js';
import { type Defect, makeDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';

export const SealTotalsLayout = layout('SealTotals')
  .field(0, 'firstEventId', safeU64)
  .field(8, 'lastEventId', safeU64)
  .field(16, 'eventCount', safeU64)
  .field(24, 'eventBlocks', u32)
  .field(28, 'watermarkBlocks', u32)
  .field(32, 'payloadBytes', safeU64)
  .field(40, 'firstTimestampNs', u64)
  .field(48, 'highestTimestampNs', u64)
  .field(56, 'entryCount', u32)
  .field(60, 'spare', pad(4))
  .end(64, 8);

export const SealEntryLayout = layout('SealEntry')
  .field(0, 'eventId', safeU64)
  .field(8, 'highestTimestampNs', u64)
  .field(16, 'offset', u32)
  .field(20, 'blockIndex', u32)
  .end(24, 8);

/** Kept free at the end of each segment, the header of the seal's block included. */
export const SEAL_RESERVED_BYTES = 32 * KIB;
// The header of a block is 64 bytes; block-header.ts, which imports this file, asserts it.
export const SEAL_PAYLOAD_BYTES_MAX = SEAL_RESERVED_BYTES - 64;
export const SEAL_ENTRIES_MAX = Math.floor(
  (SEAL_PAYLOAD_BYTES_MAX - SealTotalsLayout.size) / SealEntryLayout.size,
);

export interface SealTotals {
  /** The id that the segment starts with, also where it holds no event. */
  readonly firstEventId: number;
  /** `firstEventId + eventCount - 1`. */
  readonly lastEventId: number;
  readonly eventCount: number;
  readonly eventBlocks: number;
  readonly watermarkBlocks: number;
  /** Sum of the payloads of the event blocks: whole frames with their alignment. */
  readonly payloadBytes: number;
  /** Unix epoch; 0 in a segment without events, like `highestTimestampNs`. */
  readonly firstTimestampNs: bigint;
  readonly highestTimestampNs: bigint;
}

export interface SealEntry {
  /** First id of an event block. */
  readonly eventId: number;
  /** Highest timestamp in this segment up to the end of that block. */
  readonly highestTimestampNs: bigint;
  /** Of the block's header in the file. */
  readonly offset: number;
  readonly blockIndex: number;
}

export interface Seal {
  readonly totals: SealTotals;
  readonly entries: readonly SealEntry[];
}

const totalsCodec = codecOf(SealTotalsLayout);
const entryCodec = codecOf(SealEntryLayout);

/** The payload of a seal block, a multiple of 8 bytes. */
export function encodeSeal(totals: SealTotals, entries: readonly SealEntry[]): Uint8Array {
  assert(entries.length <= SEAL_ENTRIES_MAX, 'the index of a seal fits its reserve');
  const problem = totalsProblem(totals) ?? entriesProblem(totals, entries);
  assert(problem === undefined, `a seal is written only complete: ${problem}`);
  const bytes = new Uint8Array(SealTotalsLayout.size + entries.length * SealEntryLayout.size);
  totalsCodec.encode(bytes, { ...totals, entryCount: entries.length });
  for (const [index, entry] of entries.entries()) {
    entryCodec.encode(bytes, entry, SealTotalsLayout.size + index * SealEntryLayout.size);
  }
  return bytes;
}

/** Reads the payload of a seal block; the block's checksum is the caller's to check. */
export function decodeSeal(bytes: Uint8Array): Seal | Defect {
  if (bytes.length < SealTotalsLayout.size) {
    return makeDefect('truncated', `seal of ${bytes.length} bytes`);
  }
  const { entryCount, ...totals } = totalsCodec.decode(bytes);
  const sealBytes = SealTotalsLayout.size + entryCount * SealEntryLayout.size;
  if (entryCount > SEAL_ENTRIES_MAX || sealBytes !== bytes.length) {
    return makeDefect('field', `seal of ${bytes.length} bytes claims ${entryCount} entries`);
  }
  if (!totalsCodec.spareIsZero(bytes)) {
    return makeDefect('field', 'spare bytes of the seal are not zero');
  }
  const entries: SealEntry[] = [];
  for (let at: number = SealTotalsLayout.size; at < sealBytes; at += SealEntryLayout.size) {
    entries.push(entryCodec.decode(bytes, at));
  }
  const problem = totalsProblem(totals) ?? entriesProblem(totals, entries);
  return problem === undefined ? { totals, entries } : makeDefect('field', problem);
}

function totalsProblem(totals: SealTotals): string | undefined {
  const { firstEventId, lastEventId, eventCount, eventBlocks, payloadBytes } = totals;
  if (firstEventId < 1 || firstEventId >= EVENT_ID_END || lastEventId > MAX_EVENT_ID) {
    return 'ids of the seal out of range';
  }
  if (lastEventId - firstEventId + 1 !== eventCount) {
    return `seal counts ${eventCount} events from ${firstEventId} to ${lastEventId}`;
  }
  if (eventBlocks > eventCount || (eventBlocks === 0) !== (eventCount === 0)) {
    return `seal counts ${eventCount} events in ${eventBlocks} blocks`;
  }
  if (payloadBytes >= EVENT_ID_END || (payloadBytes === 0) !== (eventCount === 0)) {
    return `seal counts ${payloadBytes} bytes of ${eventCount} events`;
  }
  const { firstTimestampNs, highestTimestampNs } = totals;
  if (firstTimestampNs > highestTimestampNs) return 'timestamps of the seal are out of order';
  if (eventCount === 0 && highestTimestampNs !== 0n) return 'seal has times but no events';
  return undefined;
}

function entriesProblem(totals: SealTotals, entries: readonly SealEntry[]): string | undefined {
  if (entries.length > totals.eventBlocks) return 'seal has more entries than blocks';
  let previous: SealEntry | undefined;
  for (const [index, entry] of entries.entries()) {
    const { eventId, offset, blockIndex, highestTimestampNs } = entry;
    const inOrder =
      previous === undefined ||
      (eventId > previous.eventId &&
        offset > previous.offset &&
        blockIndex > previous.blockIndex &&
        highestTimestampNs >= previous.highestTimestampNs);
    const inRange =
      eventId >= totals.firstEventId &&
      eventId <= totals.lastEventId &&
      offset % 8 === 0 &&
      highestTimestampNs <= totals.highestTimestampNs;
    if (!inOrder || !inRange) return `entry ${index} of the seal is out of order or range`;
    previous = entry;
  }
  return undefined;
}

/** What an index has come to, as plain data: another thread may go on with it. */
export interface SparseIndexState {
  readonly entries: readonly SealEntry[];
  readonly stride: number;
  readonly blocksSeen: number;
}

const NEW_INDEX: SparseIndexState = { entries: [], stride: 1, blocksSeen: 0 };

/**
 * Gathers the index of a seal while a segment is written: every event block at first, and when the
 * reserve is full every second of them, then every fourth … The first block always stays.
 */
export class SparseIndexBuilder {
  readonly #entriesMax: number;
  #entries: SealEntry[];
  #stride: number;
  #blocksSeen: number;

  constructor(entriesMax: number = SEAL_ENTRIES_MAX, start: SparseIndexState = NEW_INDEX) {
    assert(entriesMax >= 2 && entriesMax <= SEAL_ENTRIES_MAX, 'an index has from 2 entries on');
    this.#entriesMax = entriesMax;
    this.#entries = [...start.entries];
    this.#stride = start.stride;
    this.#blocksSeen = start.blocksSeen;
  }

  get state(): SparseIndexState {
    return { entries: this.#entries, stride: this.#stride, blocksSeen: this.#blocksSeen };
  }

  /** Once for each event block, in order; see {@link SealEntry} for the arguments. */
  add(eventId: number, highestTimestampNs: bigint, offset: number, blockIndex: number): void {
    const seen = this.#blocksSeen++;
    if (seen % this.#stride !== 0) return;
    if (this.#entries.length === this.#entriesMax) {
      this.#entries = this.#entries.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
      if (seen % this.#stride !== 0) return;
    }
    this.#entries.push({ eventId, highestTimestampNs, offset, blockIndex });
  }

  get entries(): readonly SealEntry[] {
    return this.#entries;
  }
}
