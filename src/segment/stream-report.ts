// The content of `replica-NAME.stream`: what the replicator of a log last knew of the stream that
// it feeds, for people and for who watches the log. Nothing goes by it: the stream alone says who
// may write it, and a consumer's record what is kept for it. So it is never synced, and what is
// torn or missing only tells less. Two slots, overwritten in turn: a write that is torn leaves the
// other.
import { assert } from '../errors.js';
import { codecOf, viewOf } from '../memory/codec.js';
import { layout, pad, safeU64, u16, u32, u64 } from '../memory/layout.js';
import { isZero } from '../memory/zeros.js';
import { xxh64 } from './checksum.js';
import { type Defect, isDefect, makeDefect } from './defect.js';
import { MAX_EVENT_ID } from './frame.js';

const StreamReportLayout = layout('StreamReport')
  .field(0, 'magic', u64)
  .field(8, 'version', u16)
  .field(10, 'spare0', pad(2))
  .field(12, 'epoch', u32)
  .field(16, 'sequence', safeU64)
  .field(24, 'logId', u64)
  .field(32, 'ownerLogId', u64)
  .field(40, 'confirmedEventId', safeU64)
  .field(48, 'timestampNs', u64)
  .field(56, 'metricsLayout', u32)
  .field(60, 'metricsBytes', u32)
  .field(64, 'spare1', pad(56))
  .field(120, 'checksum', u64)
  .end(128, 8);

/** The bytes `FLASHSTR`. */
const REPORT_MAGIC = 0x5254_5348_5341_4c46n;
const REPORT_VERSION = 1;
const SLOT_BYTES = 8192;
export const STREAM_REPORT_BYTES = 2 * SLOT_BYTES;
const METRICS_BYTES_MAX = SLOT_BYTES - StreamReportLayout.size;

const codec = codecOf(StreamReportLayout);

export interface StreamReport {
  /** One more with each that is written; even ones stand in slot 0. */
  readonly sequence: number;
  /** The log that was replicated. */
  readonly logId: bigint;
  /** The log that had the stream; 0: nobody was known to. */
  readonly ownerLogId: bigint;
  /** Of the owner's claim; 0: none was known. */
  readonly epoch: number;
  /** The stream was known to have events of this log up to this one. */
  readonly confirmedEventId: number;
  /** When all this was so, Unix epoch. */
  readonly timestampNs: bigint;
  /** Tells one layout of `metrics` from another; 0: there are none. */
  readonly metricsLayout: number;
  /** A copy of the replicator's metrics. */
  readonly metrics: Uint8Array;
}

export const reportOffset = (sequence: number): number => (sequence % 2) * SLOT_BYTES;

export function encodeStreamReport({ metrics, ...fields }: StreamReport): Uint8Array {
  assert(metrics.length <= METRICS_BYTES_MAX, 'the metrics of a stream have room in a slot');
  const bytes = new Uint8Array(StreamReportLayout.size + metrics.length);
  codec.encode(bytes, {
    ...fields,
    magic: REPORT_MAGIC,
    version: REPORT_VERSION,
    metricsBytes: metrics.length,
    checksum: 0n,
  });
  bytes.set(metrics, StreamReportLayout.size);
  codec.field.checksum.set(viewOf(bytes), 0, checksumOf(bytes, metrics));
  return bytes;
}

const checksumOf = (slot: Uint8Array, metrics: Uint8Array): bigint =>
  xxh64(slot.subarray(0, StreamReportLayout.offset.checksum), xxh64(metrics, 0n));

/** The newest report in the content of a file. */
export function decodeStreamReport(bytes: Uint8Array): StreamReport | Defect {
  if (isZero(bytes, 0, bytes.length)) return makeDefect('zero', 'nothing was written to it yet');
  if (bytes.length !== STREAM_REPORT_BYTES) {
    return makeDefect(bytes.length < STREAM_REPORT_BYTES ? 'truncated' : 'field', lengthOf(bytes));
  }
  const slots = [0, 1].map((parity) => decodeSlot(bytes, parity));
  const [first, second] = slots.flatMap((slot) => (isDefect(slot) ? [] : [slot]));
  if (first === undefined) {
    return slots.find((slot) => isDefect(slot) && slot.defect === 'version') ?? NEITHER;
  }
  return second !== undefined && second.sequence > first.sequence ? second : first;
}

const NEITHER = makeDefect('checksum', 'neither slot is valid');
const lengthOf = (bytes: Uint8Array): string => `${bytes.length} bytes`;

function decodeSlot(bytes: Uint8Array, parity: number): StreamReport | Defect {
  const slot = bytes.subarray(parity * SLOT_BYTES, (parity + 1) * SLOT_BYTES);
  const { magic, version, metricsBytes, checksum, ...fields } = codec.decode(slot);
  if (magic !== REPORT_MAGIC || metricsBytes > METRICS_BYTES_MAX) return NEITHER;
  const metrics = slot.slice(StreamReportLayout.size, StreamReportLayout.size + metricsBytes);
  if (checksum !== checksumOf(slot, metrics)) return NEITHER;
  if (version !== REPORT_VERSION) {
    return makeDefect('version', `version ${version}; this one reads ${REPORT_VERSION}`);
  }
  const { sequence, confirmedEventId } = fields;
  const isSound =
    Number.isSafeInteger(sequence) &&
    sequence >= 1 &&
    sequence % 2 === parity &&
    confirmedEventId <= MAX_EVENT_ID &&
    codec.spareIsZero(slot);
  return isSound ? { ...fields, metrics } : NEITHER;
}
