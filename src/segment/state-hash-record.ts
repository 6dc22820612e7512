// The content of `state.hashes`: what the hash of a machine's state was behind some of its events,
// for who runs the same events again. A header, then records in a ring of slots: the newest takes
// the place of the oldest once all are in use. Nothing relies on it but `check`, so it is never
// synced by itself, and a record that is torn counts for none.
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, pad, safeU64, u16, u32, u64 } from '../memory/layout.js';
import { xxh64 } from './checksum.js';
import { type Defect, makeDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';

export const HashesHeaderLayout = layout('HashesHeader')
  .field(0, 'magic', u64)
  .field(8, 'version', u16)
  .field(10, 'spare0', pad(6))
  .field(16, 'logId', u64)
  .field(24, 'checksum', u64)
  .end(32, 8);

export const StateHashLayout = layout('StateHash')
  .field(0, 'eventId', safeU64)
  .field(8, 'stateHash', u64)
  .field(16, 'stateVersion', u32)
  .field(20, 'spare0', pad(4))
  .field(24, 'checksum', u64)
  .end(32, 8);

/** The bytes `FLASHHSH`. */
const HASHES_MAGIC = 0x4853_4848_5341_4c46n;
const HASHES_VERSION = 1;
export const HASHES_HEADER_BYTES = HashesHeaderLayout.size;
export const HASH_RECORD_BYTES = StateHashLayout.size;
/** Slots of the file: 32 MB. */
export const HASH_RECORDS_MAX = 1_000_000;
export const HASHES_BYTES_MAX = HASHES_HEADER_BYTES + HASH_RECORDS_MAX * HASH_RECORD_BYTES;

const headerCodec = codecOf(HashesHeaderLayout);
const recordCodec = codecOf(StateHashLayout);

export interface StateHash {
  readonly eventId: number;
  readonly stateHash: bigint;
  /** The number that the application gives to the form of its state. */
  readonly stateVersion: number;
}

export function encodeHashesHeader(logId: bigint): Uint8Array {
  const bytes = new Uint8Array(HASHES_HEADER_BYTES);
  const fields = { magic: HASHES_MAGIC, version: HASHES_VERSION, logId, checksum: 0n };
  headerCodec.encode(bytes, fields);
  headerCodec.field.checksum.set(viewOf(bytes), 0, headerChecksum(bytes));
  return bytes;
}

const headerChecksum = (bytes: Uint8Array): bigint =>
  xxh64(bytes.subarray(0, HashesHeaderLayout.offset.checksum), 0n);

/** The id of the log whose hashes these are. */
export function decodeHashesHeader(bytes: Uint8Array): { readonly logId: bigint } | Defect {
  if (bytes.length < HASHES_HEADER_BYTES) return makeDefect('truncated', `${bytes.length} bytes`);
  const { magic, version, logId, checksum } = headerCodec.decode(bytes);
  if (magic !== HASHES_MAGIC) return makeDefect('magic', 'not a file of state hashes');
  if (checksum !== headerChecksum(bytes) || !headerCodec.spareIsZero(bytes)) {
    return makeDefect('checksum', 'the checksum of the header does not match');
  }
  if (version !== HASHES_VERSION) {
    return makeDefect('version', `version ${version}; this one reads ${HASHES_VERSION}`);
  }
  return { logId };
}

export function encodeStateHash(hash: StateHash, logId: bigint): Uint8Array {
  const bytes = new Uint8Array(HASH_RECORD_BYTES);
  recordCodec.encode(bytes, { ...hash, checksum: 0n });
  const { checksum } = StateHashLayout.offset;
  recordCodec.field.checksum.set(viewOf(bytes), 0, xxh64(bytes.subarray(0, checksum), logId));
  return bytes;
}

/** The record at byte `start`; undefined for an empty slot, and for one that is torn. */
export function decodeStateHash(
  bytes: Uint8Array,
  start: number,
  logId: bigint,
): StateHash | undefined {
  const { checksum, ...hash } = recordCodec.decode(bytes, start);
  const hashed = bytes.subarray(start, start + StateHashLayout.offset.checksum);
  const isEvent = hash.eventId >= 1 && hash.eventId <= MAX_EVENT_ID;
  return isEvent && checksum === xxh64(hashed, logId) ? hash : undefined;
}

/** Where a slot stands in the file. */
export const hashOffset = (slot: number): number => HASHES_HEADER_BYTES + slot * HASH_RECORD_BYTES;
