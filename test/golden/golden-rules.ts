// Logs of which one rule of docs/FORMAT.md alone tells: all checksums that it does not name hold,
// and a reader that leaves the rule out comes to another verdict, other events or another D.
import { BlockHeaderLayout, BlockKind, encodeBlockHeader } from '../../src/segment/block-header.js';
import { xxh64 } from '../../src/segment/checksum.js';
import { FrameLayout } from '../../src/segment/frame.js';
import { SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import { LARGE_BLOCKS_FLAG } from '../../src/segment/segment-header.js';
import { MIB } from '../../src/units.js';
import {
  EVENTS,
  flipped,
  type GoldenLog,
  rewritten,
  SECOND,
  secondSegment,
  soundLog,
  zeroed,
} from './golden-parts.js';
import { type GoldenEvent, headerFields, SegmentImage, START_NS } from './segment-image.js';

const HEADER_BYTES = BlockHeaderLayout.size;
const FRAME_BYTES = FrameLayout.size;

export function ruleLogs(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { crashed } = soundLog(first, second);
  const [, , eleventh = 0] = second.offsets;
  const { endOffset } = second;
  const { salt, segmentBytes } = second.header;
  const block = BlockHeaderLayout.offset;

  /** A watermark at `at` that calls `durableEventId` durable, and may be impossible besides. */
  const claim = (bytes: Uint8Array, at: number, durableEventId: number, kind = 2): Uint8Array => {
    const longer = new Uint8Array(Math.max(bytes.length, at + HEADER_BYTES));
    longer.set(bytes);
    longer.set(watermark(salt, at, durableEventId), at);
    return rewritten({ bytes: longer, header: { salt } }, at, (view) => {
      view.setUint8(block.kind, kind);
    });
  };
  /** The last block, with events that are not as they have to be. */
  const endingWith = (...last: readonly GoldenEvent[]): Uint8Array =>
    secondUpTo(first).events(10, last).bytes;
  /** A hole, and behind it a block whose payload holds what looks like a header at its place. */
  const forged = (): Uint8Array => {
    const inside = endOffset + HEADER_BYTES + FRAME_BYTES;
    const payload = new Uint8Array(HEADER_BYTES + 8);
    payload.set(watermark(salt, inside, 12));
    const image = secondSegment(first).events(10, [{ text: '', payload }]);
    return zeroed(image.bytes, eleventh, endOffset);
  };
  const last = { bytes: second.bytes, header: second.header };
  const [, , , , , , , , , , eleven = { text: '' }, twelve = { text: '' }] = EVENTS;
  const largeEvent = { text: `${'\0'.repeat(MIB)}eleven` };
  /** The last block is longer than 1 MiB. */
  const withLargeBlock = (incompatibleFlags: number): Uint8Array => {
    const header = { ...second.header, segmentBytes: 2 * MIB, incompatibleFlags };
    const image = new SegmentImage(header).events(8, EVENTS.slice(8, 10)).watermark(10);
    return image.events(10, [largeEvent, twelve]).bytes;
  };

  return [
    crashed('frame-spare-byte', ['torn-tail', 10, 10], {
      [SECOND]: rewritten(last, eleventh, (view) => {
        // "eleven" has six bytes; the two behind them are spare.
        view.setUint8(HEADER_BYTES + FRAME_BYTES + 6, 1);
      }),
    }),
    crashed('frame-of-kind-3', ['torn-tail', 10, 10], {
      [SECOND]: rewritten(last, eleventh, (view) => {
        view.setUint16(HEADER_BYTES + FrameLayout.offset.kind, 3, true);
      }),
    }),
    crashed('frame-of-another-id', ['torn-tail', 10, 10], {
      [SECOND]: rewritten(last, eleventh, (view) => {
        view.setBigUint64(HEADER_BYTES + FrameLayout.offset.eventId, 12n, true);
      }),
    }),
    crashed('batch-without-end', ['torn-tail', 10, 10], {
      [SECOND]: endingWith(eleven, { ...twelve, continued: true }),
    }),
    crashed('block-index-skipped', ['torn-tail', 10, 10], {
      [SECOND]: rewritten(last, eleventh, (view) => view.setUint32(block.blockIndex, 7, true)),
    }),
    crashed('block-skips-an-id', ['torn-tail', 10, 10], {
      [SECOND]: secondUpTo(first).skipId().events(10, [eleven, twelve]).bytes,
    }),
    crashed('block-calls-itself-durable', ['corrupt', 10], {
      [SECOND]: rewritten(last, eleventh, (view) => {
        view.setBigUint64(block.durableEventId, 11n, true);
      }),
    }),
    crashed('claim-after-the-end', ['corrupt', 12], {
      [SECOND]: claim(second.bytes, endOffset, 13),
    }),
    crashed('claim-of-an-impossible-block', ['corrupt', 12], {
      [SECOND]: claim(second.bytes, endOffset + 8, 13, 9),
    }),
    crashed('claim-behind-segment-bytes', ['corrupt', 12], {
      [SECOND]: claim(second.bytes, segmentBytes, 13),
    }),
    crashed('claim-inside-of-a-payload', ['torn-tail', 10, 10], { [SECOND]: forged() }),
    crashed('claim-inside-of-a-torn-payload', ['corrupt', 10], {
      [SECOND]: flipped(forged(), endOffset + 2 * HEADER_BYTES + FRAME_BYTES),
    }),
    crashed('seal-spare-byte', ['torn-tail', 12, 10], {
      [SECOND]: rewritten(secondSegment(first).seal(10), endOffset, (view) => {
        view.setUint8(HEADER_BYTES + SealTotalsLayout.offset.spare, 1);
      }),
    }),
    crashed('last-seal-index-wrong', ['torn-tail', 12, 10], {
      [SECOND]: rewritten(secondSegment(first).seal(10), endOffset, (view) => {
        const secondEntry = HEADER_BYTES + SealTotalsLayout.size + SealEntryLayout.size;
        const field = secondEntry + SealEntryLayout.offset.offset;
        view.setUint32(field, view.getUint32(field, true) + 8, true);
      }),
    }),
    crashed('last-segment-cut', ['clean', 10, 10], { [SECOND]: second.bytes.slice(0, eleventh) }),
    {
      ...crashed('large-block', ['clean', 12, 10], { [SECOND]: withLargeBlock(LARGE_BLOCKS_FLAG) }),
      events: [...EVENTS.slice(0, 10), largeEvent, twelve],
    },
    crashed('large-block-not-told', ['torn-tail', 10, 10], { [SECOND]: withLargeBlock(0) }),
  ];
}

/** The second segment without its last block. */
const secondUpTo = (first: SegmentImage): SegmentImage =>
  new SegmentImage(headerFields(0x2222_2222_2222_2222n, first))
    .events(8, EVENTS.slice(8, 10))
    .watermark(10);

/** The header of a watermark that holds at `at` of its file. */
function watermark(salt: bigint, at: number, durableEventId: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const fields = {
    kind: BlockKind.watermark,
    flags: 0,
    payloadBytes: 0,
    firstEventId: durableEventId + 1,
    eventCount: 0,
    blockIndex: 3,
    durableEventId,
    payloadChecksum: xxh64(new Uint8Array(0), salt),
    previousBlockChecksum: 0n,
    writtenTsNs: START_NS,
  };
  encodeBlockHeader(bytes, fields, salt, at);
  return bytes;
}
