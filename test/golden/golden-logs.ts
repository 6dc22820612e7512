// One tiny log of two segments, sound, and what faults make of it. Each variant says what a reader
// has to find; the independent reader is held to it, and any other reader can be.
import { BlockHeaderLayout } from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { segmentFileName } from '../../src/segment/file-names.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { encodeMeta, type WalMeta } from '../../src/segment/wal-meta.js';
import { type GoldenEvent, headerFields, LOG_ID, SegmentImage } from './segment-image.js';

export type Outcome = 'clean' | 'torn-tail' | 'corrupt' | 'unsupported' | 'undecidable';
export type Files = Readonly<Record<string, Uint8Array>>;

export interface GoldenLog {
  readonly name: string;
  /** All files of the folder; those of `closed` that the fault left alone are shared. */
  readonly files: Files;
  readonly outcome: Outcome;
  /** Events that can be read in order before the end, or before the damage. */
  readonly readableEvents: number;
}

export const FIRST = segmentFileName(1);
export const SECOND = segmentFileName(2);
const META = 'wal.meta';

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
const events = (from: number, to: number): readonly GoldenEvent[] => EVENTS.slice(from - 1, to);

const firstSegment = (): SegmentImage =>
  new SegmentImage(headerFields(0x1111_1111_1111_1111n))
    .events(0, events(1, 3))
    .watermark(3)
    .events(3, events(4, 6))
    .events(6, events(7, 8))
    .seal(6);
const secondSegment = (first: SegmentImage, compatibleFlags = 0): SegmentImage =>
  new SegmentImage({ ...headerFields(0x2222_2222_2222_2222n, first), compatibleFlags })
    .events(8, events(9, 10))
    .watermark(10)
    .events(10, events(11, 12));

/** A copy with `change` made to it. */
function altered(bytes: Uint8Array, change: (bytes: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}
const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  altered(bytes, (copy) => copy.set([(bytes[at] ?? 0) ^ 1], at));
const zeroed = (bytes: Uint8Array, from: number, to?: number): Uint8Array =>
  altered(bytes, (copy) => copy.fill(0, from, to));
/** A header page with a field changed and its checksum made to hold again. */
const reheaded = (bytes: Uint8Array, change: (view: DataView) => void): Uint8Array =>
  altered(bytes, (copy) => {
    const view = new DataView(copy.buffer);
    change(view);
    const { headerChecksum } = SegmentHeaderLayout.offset;
    view.setBigUint64(headerChecksum, xxh64(copy.subarray(0, headerChecksum), 0n), true);
  });

/** A block whose header differs in its time alone, made to hold where it stands. */
const rewritten = (image: SegmentImage, at: number): Uint8Array =>
  altered(image.bytes, (copy) => {
    const { writtenTsNs, headerChecksum } = BlockHeaderLayout.offset;
    const view = new DataView(copy.buffer, at);
    view.setBigUint64(writtenTsNs, view.getBigUint64(writtenTsNs, true) + 1n, true);
    const header = copy.subarray(at, at + headerChecksum);
    view.setBigUint64(headerChecksum, xxh64(header, image.header.salt ^ BigInt(at)), true);
  });

export function goldenLogs(): readonly GoldenLog[] {
  const first = firstSegment();
  const second = secondSegment(first);
  const [ninth = 0, watermark = 0, eleventh = 0] = second.offsets;
  const [, , fourth = 0, seventh = 0, seal = 0] = first.offsets;
  const closedMeta: WalMeta = {
    cleanlyClosed: true,
    segmentIndex: 2,
    offset: second.endOffset,
    lastEventId: 12,
    logId: LOG_ID,
    durableEventId: 12,
  };
  const durableTen = {
    cleanlyClosed: false,
    offset: watermark,
    lastEventId: 10,
    durableEventId: 10,
  };
  const crashedMeta = encodeMeta({ ...closedMeta, ...durableTen });
  const closed: Files = {
    [FIRST]: first.bytes,
    [SECOND]: second.bytes,
    [META]: encodeMeta(closedMeta),
  };
  const variant = (
    name: string,
    outcome: Outcome,
    readableEvents: number,
    files: Files,
  ): GoldenLog => ({ name, outcome, readableEvents, files: { ...closed, ...files } });
  const crashed = (name: string, outcome: Outcome, readableEvents: number, bytes: Uint8Array) =>
    variant(name, outcome, readableEvents, { [SECOND]: bytes, [META]: crashedMeta });

  const version = SegmentHeaderLayout.offset.version;
  const flags = SegmentHeaderLayout.offset.incompatibleFlags;
  const { logId } = SegmentHeaderLayout.offset;
  const holeAnd = (durableEventId: number): Uint8Array =>
    zeroed(
      secondSegment(first).events(durableEventId, [{ text: 'thirteen' }]).bytes,
      eleventh,
      second.endOffset,
    );

  return [
    variant('closed', 'clean', 12, {}),
    crashed('crashed', 'clean', 12, second.bytes),
    variant('meta-flipped', 'clean', 12, { [META]: flipped(encodeMeta(closedMeta), 40) }),
    variant('seal-missing', 'clean', 12, { [FIRST]: zeroed(first.bytes, seal) }),
    variant('seal-torn', 'clean', 12, { [FIRST]: zeroed(first.bytes, seal + 100) }),
    variant('finished-segment-cut-behind-seal', 'clean', 12, {
      [FIRST]: first.bytes.slice(0, first.endOffset),
    }),
    variant('recycled-body', 'clean', 12, recycled(first)),
    crashed('torn-tail', 'torn-tail', 10, zeroed(second.bytes, second.endOffset - 8)),
    crashed('hole-not-durable', 'torn-tail', 10, holeAnd(10)),
    crashed(
      'block-copied-to-the-end',
      'torn-tail',
      12,
      altered(second.bytes, (copy) => copy.copyWithin(second.endOffset, ninth, watermark)),
    ),
    crashed('hole-called-durable', 'corrupt', 10, holeAnd(12)),
    variant('durable-tail-zeroed', 'corrupt', 10, { [SECOND]: zeroed(second.bytes, eleventh) }),
    variant('flip-in-finished-segment', 'corrupt', 3, {
      [FIRST]: flipped(first.bytes, fourth + 64 + 30),
    }),
    variant('flip-in-block-header', 'corrupt', 10, {
      [SECOND]: flipped(second.bytes, eleventh + 9),
    }),
    variant('finished-segment-cut-at-a-block', 'corrupt', 6, {
      [FIRST]: zeroed(first.bytes, seventh),
    }),
    // All checksums hold: only the chain, and for the last block the pin, tell.
    variant('block-replaced', 'corrupt', 6, { [FIRST]: rewritten(first, fourth) }),
    variant('last-block-replaced', 'corrupt', 8, {
      [FIRST]: zeroed(rewritten(first, seventh), seal),
    }),
    variant('header-page-zero', 'corrupt', 0, { [SECOND]: zeroed(second.bytes, 0, 4096) }),
    variant('segments-swapped', 'corrupt', 0, { [FIRST]: second.bytes, [SECOND]: first.bytes }),
    variant('segment-of-another-log', 'corrupt', 8, {
      [SECOND]: reheaded(second.bytes, (view) => view.setBigUint64(logId, 99n, true)),
    }),
    variant('newer-version', 'unsupported', 0, {
      [SECOND]: reheaded(second.bytes, (view) => view.setUint16(version, 2, true)),
    }),
    variant('unknown-feature', 'unsupported', 0, {
      [SECOND]: reheaded(second.bytes, (view) => view.setUint32(flags, 4, true)),
    }),
  ];
}

/** The second segment over a body that held blocks of another salt, the same places included. */
function recycled(first: SegmentImage): Files {
  const earlier = new SegmentImage(headerFields(0x3333_3333_3333_3333n))
    .events(0, events(1, 8))
    .events(8, events(1, 12))
    .watermark(20);
  const second = secondSegment(first, 1);
  const bytes = earlier.bytes.slice();
  bytes.set(second.bytes.subarray(0, second.endOffset));
  return { [SECOND]: bytes };
}
