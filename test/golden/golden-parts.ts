// What the golden logs are made of: a tiny sound log of two segments, and ways to damage one.
import { BlockHeaderLayout } from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { segmentFileName } from '../../src/segment/file-names.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { encodeMeta, type WalMeta } from '../../src/segment/wal-meta.js';
import { type GoldenEvent, headerFields, LOG_ID, SegmentImage } from './segment-image.js';

export type Outcome = 'clean' | 'torn-tail' | 'corrupt' | 'unsupported' | 'undecidable' | 'no-log';
/** By name; undefined: the sound log has such a file, and this variant of it has none. */
export type Files = Readonly<Record<string, Uint8Array | undefined>>;

export interface GoldenLog {
  readonly name: string;
  /** All files of the folder; those of `closed` that the fault left alone are shared. */
  readonly files: Files;
  readonly outcome: Outcome;
  /** Events that can be read in order before the end, or before the refusal. */
  readonly readableEvents: number;
  /** Of the last of those, or else the id before the first segment; 0 where that is not known. */
  readonly lastEventId: number;
  /** Id of the first event that it is to have; 1 where that is not told. */
  readonly firstEventId?: number;
  /** What it holds, where that is not {@link EVENTS} or a part of them. */
  readonly events?: readonly GoldenEvent[];
  /** Up to where they are known to be durable; undefined where the log is refused. */
  readonly durableEventId: number | undefined;
}

export const FIRST = segmentFileName(1);
export const SECOND = segmentFileName(2);
export const META = 'wal.meta';

/** Outcome, events, and for a log that is not refused up to where they are durable. */
export type Verdict =
  | readonly [outcome: 'clean' | 'torn-tail', events: number, durableEventId: number]
  | readonly [outcome: Outcome, events: number];

/** What the sound log holds, by id from 1 on. */
export const EVENTS: readonly GoldenEvent[] = [
  { text: 'first', type: 1 },
  { text: '' },
  { text: 'third: 24 bytes of text.', type: 65535 },
  { text: 'batch 1 of 3', continued: true },
  { text: 'batch 2 of 3', continued: true },
  { text: 'batch 3 of 3' },
  { text: '\u0000\u001b[31m' },
  { text: 'forty bytes, as an order event has them.', type: 7 },
  { text: 'nine' },
  { text: 'ten' },
  { text: 'eleven' },
  { text: 'twelve' },
];
export const events = (from: number, to: number): readonly GoldenEvent[] =>
  EVENTS.slice(from - 1, to);

export const firstSegment = (fields: { readonly logId?: bigint } = {}): SegmentImage =>
  new SegmentImage({ ...headerFields(0x1111_1111_1111_1111n), ...fields })
    .events(0, events(1, 3))
    .watermark(3)
    .events(3, events(4, 6))
    .events(6, events(7, 8))
    .seal(6);
export const secondSegment = (first: SegmentImage, compatibleFlags = 0): SegmentImage =>
  new SegmentImage({ ...headerFields(0x2222_2222_2222_2222n, first), compatibleFlags })
    .events(8, events(9, 10))
    .watermark(10)
    .events(10, events(11, 12));

/** The events that a reader gives of a log. */
export function readable({ events, firstEventId, readableEvents }: GoldenLog) {
  const from = (firstEventId ?? 1) - 1;
  return (events ?? EVENTS).slice(from, from + readableEvents);
}

/** A copy with `change` made to it. */
export function altered(bytes: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}
export const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  altered(bytes, (copy) => copy.set([(bytes[at] ?? 0) ^ 1], at));
export const zeroed = (bytes: Uint8Array, from: number, to?: number): Uint8Array =>
  altered(bytes, (copy) => copy.fill(0, from, to));
/** A header page with a field changed and its checksum made to hold again. */
export const reheaded = (bytes: Uint8Array, change: (view: DataView) => void): Uint8Array =>
  altered(bytes, (copy) => {
    const view = new DataView(copy.buffer);
    change(view);
    const { headerChecksum } = SegmentHeaderLayout.offset;
    view.setBigUint64(headerChecksum, xxh64(copy.subarray(0, headerChecksum), 0n), true);
  });

export const newerVersion = (bytes: Uint8Array): Uint8Array =>
  reheaded(bytes, (view) => view.setUint16(SegmentHeaderLayout.offset.version, 2, true));

/** Bytes of a segment, and the salt of its blocks. */
interface Image {
  readonly bytes: Uint8Array;
  readonly header: { readonly salt: bigint };
}

/** Changes a block, by default in its time alone, and makes both of its checksums hold again. */
export const rewritten = (
  { bytes, header: { salt } }: Image,
  at: number,
  change: (block: DataView) => void = laterByOne,
): Uint8Array =>
  altered(bytes, (copy) => {
    const { payloadBytes, payloadChecksum, headerChecksum } = BlockHeaderLayout.offset;
    const view = new DataView(copy.buffer, at);
    const payloadAt = at + BlockHeaderLayout.size;
    const payloadEnd = payloadAt + view.getUint32(payloadBytes, true);
    change(view);
    view.setBigUint64(payloadChecksum, xxh64(copy.subarray(payloadAt, payloadEnd), salt), true);
    const header = copy.subarray(at, at + headerChecksum);
    view.setBigUint64(headerChecksum, xxh64(header, salt ^ BigInt(at)), true);
  });

function laterByOne(block: DataView): void {
  const { writtenTsNs } = BlockHeaderLayout.offset;
  block.setBigUint64(writtenTsNs, block.getBigUint64(writtenTsNs, true) + 1n, true);
}

/** The log of which all others are variants, closed cleanly, and how those are made. */
export function soundLog(first: SegmentImage, second: SegmentImage) {
  const closedMeta: WalMeta = {
    cleanlyClosed: true,
    segmentIndex: 2,
    offset: second.endOffset,
    lastEventId: 12,
    logId: LOG_ID,
    durableEventId: 12,
    firstKeptEventId: 0,
  };
  const [, watermark = 0] = second.offsets;
  const crashedMeta: WalMeta = {
    ...closedMeta,
    cleanlyClosed: false,
    offset: watermark,
    lastEventId: 10,
    durableEventId: 10,
  };
  const closed: Files = {
    [FIRST]: first.bytes,
    [SECOND]: second.bytes,
    [META]: encodeMeta(closedMeta),
  };
  const variant = (name: string, verdict: Verdict, files: Files): GoldenLog => {
    const [outcome, readableEvents, durableEventId] = verdict;
    const log = { name, outcome, readableEvents, durableEventId, files: { ...closed, ...files } };
    return { ...log, lastEventId: readableEvents };
  };
  /** Killed: wal.meta is older, and calls event 10 durable. */
  const crashed = (name: string, verdict: Verdict, files: Files): GoldenLog =>
    variant(name, verdict, { [META]: encodeMeta(crashedMeta), ...files });
  return { closedMeta, crashedMeta, variant, crashed };
}
