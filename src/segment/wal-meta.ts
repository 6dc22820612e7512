// The content of `wal.meta`: one durable point of the log, 64 bytes, replaced as a whole file.
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, pad, safeU64, u16, u32, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { xxh64 } from './checksum.js';
import { type Defect, makeDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';
import { MAX_SEGMENT_BYTES, SEGMENT_HEADER_PAGE_BYTES } from './segment-header.js';

export const WalMetaLayout = layout('WalMeta')
  .field(0, 'magic', u64)
  .field(8, 'version', u16)
  .field(10, 'flags', u16)
  .field(12, 'spare0', pad(4))
  .field(16, 'segmentIndex', u32)
  .field(20, 'offset', u32)
  .field(24, 'lastEventId', safeU64)
  .field(32, 'logId', u64)
  .field(40, 'durableEventId', safeU64)
  .field(48, 'firstKeptEventId', safeU64)
  .field(56, 'checksum', u64)
  .end(64, 8);

/** The bytes `FLASHMTA`. */
const META_MAGIC = 0x4154_4d48_5341_4c46n;
export const META_BYTES = WalMetaLayout.size;
/** `flags` bit: the log was closed, everything is durable, and nothing was appended since. */
const CLEANLY_CLOSED_FLAG = 1;
/** Of a log that still has all that it was given: every version of this package reads it. */
const WHOLE_VERSION = 1;
/** Of one whose oldest segments were removed: who does not know of that must not judge it. */
const TRIMMED_VERSION = 2;
const codec = codecOf(WalMetaLayout);

export interface WalMeta {
  readonly cleanlyClosed: boolean;
  /** Of the durable point; 0, with all else but the log id 0, before there is a segment. */
  readonly segmentIndex: number;
  /** Just after the last durable block of that segment; 4096 where it has none. */
  readonly offset: number;
  /** Last event up to that point. */
  readonly lastEventId: number;
  readonly logId: bigint;
  /** Highest id known to be durable; not below `lastEventId`. */
  readonly durableEventId: number;
  /**
   * Events before this one were removed on purpose, or are about to be; from here on the log has
   * all. 0: nothing was ever removed.
   */
  readonly firstKeptEventId: number;
}

export function encodeMeta({ cleanlyClosed, ...point }: WalMeta): Uint8Array {
  const problem = fieldProblem(point);
  assert(problem === undefined, `wal.meta is written only complete: ${problem}`);
  const bytes = new Uint8Array(META_BYTES);
  codec.encode(bytes, {
    magic: META_MAGIC,
    version: versionOf(point),
    flags: cleanlyClosed ? CLEANLY_CLOSED_FLAG : 0,
    ...point,
    checksum: 0n,
  });
  codec.field.checksum.set(viewOf(bytes), 0, checksumOf(bytes));
  return bytes;
}

/** Reads the whole content of `wal.meta`. */
export function decodeMeta(bytes: Uint8Array): WalMeta | Defect {
  if (bytes.length < META_BYTES) return makeDefect('truncated', `${bytes.length} bytes`);
  const { magic, version, flags, checksum, ...point } = codec.decode(bytes);
  if (magic !== META_MAGIC) {
    return isZero(bytes, 0, META_BYTES)
      ? makeDefect('zero', 'all zero')
      : makeDefect('magic', 'not a wal.meta');
  }
  if (checksum !== checksumOf(bytes)) {
    return makeDefect('checksum', 'the checksum of wal.meta does not match');
  }
  if (version !== WHOLE_VERSION && version !== TRIMMED_VERSION) {
    const known = `${WHOLE_VERSION} and ${TRIMMED_VERSION}`;
    return makeDefect('version', `format version ${version}; this version reads ${known}`);
  }
  if (bytes.length !== META_BYTES) return makeDefect('field', `${bytes.length} bytes`);
  if ((flags & ~CLEANLY_CLOSED_FLAG) !== 0) return makeDefect('field', `unknown flags ${flags}`);
  if (!codec.spareIsZero(bytes)) {
    return makeDefect('field', 'spare bytes of wal.meta are not zero');
  }
  const problem =
    version === versionOf(point)
      ? fieldProblem(point)
      : `first kept event ${point.firstKeptEventId} in format version ${version}`;
  if (problem !== undefined) return makeDefect('field', problem);
  return { cleanlyClosed: flags === CLEANLY_CLOSED_FLAG, ...point };
}

const checksumOf = (bytes: Uint8Array): bigint =>
  xxh64(bytes.subarray(0, WalMetaLayout.offset.checksum), 0n);

const versionOf = ({ firstKeptEventId }: Pick<WalMeta, 'firstKeptEventId'>): number =>
  firstKeptEventId === 0 ? WHOLE_VERSION : TRIMMED_VERSION;

function fieldProblem(meta: Omit<WalMeta, 'cleanlyClosed'>): string | undefined {
  const { segmentIndex, offset, lastEventId, durableEventId, firstKeptEventId } = meta;
  if (durableEventId > MAX_EVENT_ID || lastEventId > durableEventId) {
    return `last event ${lastEventId}, durable event ${durableEventId}`;
  }
  // The segment that is written to is never removed: at most it holds nothing yet.
  if (firstKeptEventId > durableEventId + 1) {
    return `first kept event ${firstKeptEventId}, durable event ${durableEventId}`;
  }
  const placed =
    segmentIndex === 0
      ? offset === 0 && durableEventId === 0
      : offset >= SEGMENT_HEADER_PAGE_BYTES && offset <= MAX_SEGMENT_BYTES && offset % 8 === 0;
  return placed ? undefined : `offset ${offset} of segment ${segmentIndex}`;
}
