// Golden logs with a compressed segment: sound, damaged, and forged so that the checksums hold.
import { type FrameForgery, frameOf } from '../support/lz4-frames.js';
import {
  altered,
  FIRST,
  flipped,
  type GoldenLog,
  SECOND,
  soundLog,
  type Verdict,
} from './golden-parts.js';
import type { SegmentImage } from './segment-image.js';

const PACKED = `${FIRST}.lz4`;
/** Where the first block ends, which has the header page, and what it takes in the frame. */
const PAGE_BYTES = 4096;
const HEADER_BYTES = 15;

/** Where its size stands. */
const secondBlockOf = (frame: Uint8Array): number =>
  HEADER_BYTES + 4 + Buffer.from(frame).readUInt32LE(HEADER_BYTES) + 4;

export function compressedLogs(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { variant } = soundLog(first, second);
  const content = first.bytes.subarray(0, first.endOffset);
  const frame = frameOf(content);
  const packed = (name: string, verdict: Verdict, bytes: Uint8Array): GoldenLog =>
    variant(name, verdict, { [FIRST]: undefined, [PACKED]: bytes });
  const forged = (name: string, verdict: Verdict, forgery: FrameForgery): GoldenLog =>
    packed(name, verdict, frameOf(content, forgery));
  const secondBlock = secondBlockOf(frame);
  const zeros = frameOf(new Uint8Array(PAGE_BYTES + 2 ** 18));
  const bomb = zeros.subarray(secondBlockOf(zeros) + 4, -12);
  return [
    packed('compressed', ['corrupt', 0], Buffer.from('reserved')),
    packed('compressed-segment', ['clean', 12, 12], frame),
    forged('compressed-stored', ['clean', 12, 12], { stored: true }),
    variant('compressed-beside-original', ['clean', 12, 12], { [PACKED]: Buffer.from('reserved') }),
    variant('compressed-last', ['clean', 12, 12], {
      [SECOND]: undefined,
      [`${SECOND}.lz4`]: frameOf(second.bytes.subarray(0, second.endOffset)),
    }),
    variant('compressed-with-room', ['clean', 12, 12], {
      [FIRST]: undefined,
      [PACKED]: frameOf(first.bytes),
    }),
    packed('compressed-block-flipped', ['corrupt', 0], flipped(frame, secondBlock + 40)),
    packed('compressed-size-flipped', ['corrupt', 0], flipped(frame, secondBlock + 1)),
    packed('compressed-header-flipped', ['corrupt', 0], flipped(frame, 7)),
    packed('compressed-cut', ['corrupt', 0], frame.subarray(0, -20)),
    packed('compressed-end-cut', ['corrupt', 8], frame.subarray(0, -1)),
    packed('compressed-trailing-byte', ['corrupt', 8], Buffer.concat([frame, Buffer.alloc(1)])),
    packed('compressed-doubled', ['corrupt', 8], Buffer.concat([frame, frame])),
    packed(
      'compressed-end-mark-missing',
      ['corrupt', 8],
      altered(frame, (copy) => copy.set([1], copy.length - 8)),
    ),
    packed(
      'compressed-skippable-in-front',
      ['corrupt', 0],
      Buffer.concat([Buffer.from('502a4d1804000000aabbccdd', 'hex'), frame]),
    ),
    packed(
      'compressed-skippable-behind',
      ['corrupt', 8],
      Buffer.concat([frame, Buffer.from('502a4d1804000000aabbccdd', 'hex')]),
    ),
    forged('compressed-content-checksum-wrong', ['clean', 12, 12], { contentChecksum: 1 }),
    forged('compressed-longer-than-told', ['corrupt', 0], {
      contentBytes: BigInt(content.length - 8),
    }),
    forged('compressed-shorter-than-told', ['corrupt', 0], {
      contentBytes: BigInt(content.length + 8),
    }),
    forged('compressed-block-missing', ['corrupt', 0], { blockEnds: [PAGE_BYTES] }),
    forged('compressed-blocks-elsewhere', ['corrupt', 0], {
      blockEnds: [PAGE_BYTES + 8, content.length],
    }),
    forged('compressed-block-too-long', ['corrupt', 0], { packed: { 1: bomb } }),
    forged('compressed-longer-than-segment', ['corrupt', 0], { contentBytes: 65_544n }),
    forged('compressed-content-of-2-to-the-63', ['corrupt', 0], { contentBytes: 2n ** 63n }),
    forged('compressed-content-of-a-page-less-one', ['corrupt', 0], { contentBytes: 4095n }),
    forged('compressed-frame-version', ['unsupported', 0], { flg: 0xbc }),
    forged('compressed-reserved-flag', ['unsupported', 0], { flg: 0x7e }),
    forged('compressed-dictionary', ['unsupported', 0], { flg: 0x7d, dictionaryId: 5 }),
    forged('compressed-linked-blocks', ['unsupported', 0], { flg: 0x5c }),
    forged('compressed-without-content-size', ['unsupported', 0], { flg: 0x74 }),
    forged('compressed-without-block-checksums', ['unsupported', 0], { flg: 0x6c }),
    forged('compressed-blocks-of-64-kib', ['unsupported', 0], { bd: 0x40 }),
  ];
}
