// The content of `0000000000000042.snapshot`: what a state machine's state was behind an event. It
// is bound to its log by three numbers: the log's id, the event's id, and the checksum of the block
// that holds the event, which no other log and no other history of this one has.
//
// A page with the header, which is written last, then the bytes of the state in chunks, each with a
// checksum of its own behind it: whoever restores is given nothing that was not verified in the
// memory that it is handed out in.
//
//   0        4096                4096 + 1 MiB
//   | header | 1 MiB of state    | checksum (8) | 1 MiB of state | checksum (8) | rest | checksum |
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, pad, safeU64, u8, u16, u32, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { EVENT_ID_END, MIB, PAGE_BYTES } from '../units.js';
import { xxh64 } from './checksum.js';
import { type Defect, makeDefect } from './defect.js';

export const SnapshotHeaderLayout = layout('SnapshotHeader')
  .field(0, 'magic', u64)
  .field(8, 'version', u16)
  .field(10, 'hasStateHash', u8)
  .field(11, 'spare0', pad(1))
  .field(12, 'stateVersion', u32)
  .field(16, 'logId', u64)
  .field(24, 'eventId', safeU64)
  .field(32, 'blockChecksum', u64)
  .field(40, 'salt', u64)
  .field(48, 'createdTsNs', u64)
  .field(56, 'contentBytes', safeU64)
  .field(64, 'stateHash', u64)
  .field(72, 'spare1', pad(48))
  .field(120, 'checksum', u64)
  .end(128, 8);

/** The bytes `FLASHSNP`. */
const SNAPSHOT_MAGIC = 0x504e_5348_5341_4c46n;
const SNAPSHOT_VERSION = 1;
export const SNAPSHOT_HEADER_BYTES = PAGE_BYTES;
export const SNAPSHOT_CHUNK_BYTES = MIB;
export const CHUNK_CHECKSUM_BYTES = 8;
/** More bytes of state are refused, when they are written and when they are read. */
export const SNAPSHOT_BYTES_MAX = 2 ** 40;

const codec = codecOf(SnapshotHeaderLayout);

export interface SnapshotHeader {
  /** The number that the application gives to the form of its state. */
  readonly stateVersion: number;
  readonly logId: bigint;
  /** The last event that the state has. */
  readonly eventId: number;
  /** `headerChecksum` of the block that holds this event. */
  readonly blockChecksum: bigint;
  /** Seeds the checksums of the chunks: no chunk of another snapshot validates. */
  readonly salt: bigint;
  /** Unix epoch. */
  readonly createdTsNs: bigint;
  readonly contentBytes: number;
  /** What the application's `hash` made of the state; undefined where it has none. */
  readonly stateHash: bigint | undefined;
}

/** The first page of the file. */
export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const page = new Uint8Array(SNAPSHOT_HEADER_BYTES);
  const problem = problemOf(header);
  assert(problem === undefined, `a snapshot is written only complete: ${problem}`);
  const { stateHash, ...fields } = header;
  codec.encode(page, {
    ...fields,
    magic: SNAPSHOT_MAGIC,
    version: SNAPSHOT_VERSION,
    hasStateHash: stateHash === undefined ? 0 : 1,
    stateHash: stateHash ?? 0n,
    checksum: 0n,
  });
  codec.field.checksum.set(viewOf(page), 0, checksumOf(page));
  return page;
}

const checksumOf = (page: Uint8Array): bigint =>
  xxh64(page.subarray(0, SnapshotHeaderLayout.offset.checksum), 0n);

function problemOf({ eventId, contentBytes }: SnapshotHeader): string | undefined {
  if (eventId < 1 || eventId >= EVENT_ID_END) return `it is of event ${eventId}`;
  return contentBytes > SNAPSHOT_BYTES_MAX ? `${contentBytes} bytes` : undefined;
}

/** Reads the first page of a file that has `fileBytes`. */
export function decodeSnapshotHeader(page: Uint8Array, fileBytes: number): SnapshotHeader | Defect {
  if (page.length < SNAPSHOT_HEADER_BYTES) return makeDefect('truncated', `${fileBytes} bytes`);
  const { magic, version, hasStateHash, stateHash, checksum, ...fields } = codec.decode(page);
  if (magic !== SNAPSHOT_MAGIC) {
    return isZero(page, 0, page.length)
      ? makeDefect('zero', 'all zero')
      : makeDefect('magic', 'not a snapshot');
  }
  if (checksum !== checksumOf(page)) {
    return makeDefect('checksum', 'the checksum of the header does not match');
  }
  if (version !== SNAPSHOT_VERSION) {
    return makeDefect('version', `version ${version}; this one reads ${SNAPSHOT_VERSION}`);
  }
  const isSpareZero =
    codec.spareIsZero(page) && isZero(page, SnapshotHeaderLayout.size, SNAPSHOT_HEADER_BYTES);
  if (!isSpareZero || hasStateHash > 1 || (hasStateHash === 0 && stateHash !== 0n)) {
    return makeDefect('field', 'spare bytes that are not zero');
  }
  const header = { ...fields, stateHash: hasStateHash === 1 ? stateHash : undefined };
  const problem = problemOf(header);
  if (problem !== undefined) return makeDefect('field', problem);
  const wanted = snapshotFileBytes(header.contentBytes);
  if (wanted === fileBytes) return header;
  const kind = fileBytes < wanted ? 'truncated' : 'field';
  return makeDefect(kind, `${fileBytes} bytes in place of ${wanted}`);
}

/** Length of the file of a state of so many bytes. */
export const snapshotFileBytes = (contentBytes: number): number =>
  SNAPSHOT_HEADER_BYTES +
  contentBytes +
  Math.ceil(contentBytes / SNAPSHOT_CHUNK_BYTES) * CHUNK_CHECKSUM_BYTES;

/** Where a chunk stands in the file; its checksum right behind it. */
export const chunkOffset = (index: number): number =>
  SNAPSHOT_HEADER_BYTES + index * (SNAPSHOT_CHUNK_BYTES + CHUNK_CHECKSUM_BYTES);

/** Of a chunk at its place in this snapshot. */
export function chunkChecksum(chunk: Uint8Array, salt: bigint, index: number): Uint8Array {
  const bytes = new Uint8Array(CHUNK_CHECKSUM_BYTES);
  viewOf(bytes).setBigUint64(0, xxh64(chunk, salt ^ BigInt(index)), true);
  return bytes;
}
