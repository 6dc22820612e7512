// One tiny log of two segments, sound, and what faults make of it. Each variant says what a reader
// has to find; the independent reader is held to it, and any other reader can be.
import { BlockHeaderLayout } from '../../src/segment/block-header.js';
import { SealTotalsLayout } from '../../src/segment/seal.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { encodeMeta } from '../../src/segment/wal-meta.js';
import { compressedLogs } from './golden-compressed.js';
import { endLogs } from './golden-ends.js';
import { folderLogs } from './golden-folders.js';
import {
  altered,
  events,
  FIRST,
  type Files,
  firstSegment,
  flipped,
  type GoldenLog,
  META,
  newerVersion,
  reheaded,
  rewritten,
  SECOND,
  secondSegment,
  soundLog,
  zeroed,
} from './golden-parts.js';
import { ruleLogs } from './golden-rules.js';
import { headerFields, SegmentImage } from './segment-image.js';

export function goldenLogs(): readonly GoldenLog[] {
  const first = firstSegment();
  const second = secondSegment(first);
  const [ninth = 0, watermark = 0, eleventh = 0] = second.offsets;
  const [, , fourth = 0, seventh = 0, seal = 0] = first.offsets;
  const sound = soundLog(first, second);
  const { closedMeta, variant, crashed } = sound;

  const flags = SegmentHeaderLayout.offset.incompatibleFlags;
  const holeAnd = (durableEventId: number): Uint8Array =>
    zeroed(
      secondSegment(first).events(durableEventId, [{ text: 'thirteen' }]).bytes,
      eleventh,
      second.endOffset,
    );

  /** A watermark too many: all checksums hold, and only the blocks tell. */
  const untrue = (image: SegmentImage, at: number): Uint8Array =>
    rewritten(image, at, (view) => {
      const field = BlockHeaderLayout.size + SealTotalsLayout.offset.watermarkBlocks;
      view.setUint32(field, view.getUint32(field, true) + 1, true);
    });
  const untrueAtTheEnd = untrue(secondSegment(first).seal(10), second.endOffset);

  return [
    variant('closed', ['clean', 12, 12], {}),
    crashed('crashed', ['clean', 12, 10], {}),
    variant('meta-flipped', ['clean', 12, 10], { [META]: flipped(encodeMeta(closedMeta), 40) }),
    variant('seal-missing', ['clean', 12, 12], { [FIRST]: zeroed(first.bytes, seal) }),
    variant('seal-torn', ['clean', 12, 12], { [FIRST]: zeroed(first.bytes, seal + 100) }),
    variant('seal-wrong', ['clean', 12, 12], { [FIRST]: untrue(first, seal) }),
    variant('finished-segment-cut-behind-seal', ['clean', 12, 12], {
      [FIRST]: first.bytes.slice(0, first.endOffset),
    }),
    variant('recycled-body', ['clean', 12, 12], recycled(first)),
    crashed('torn-tail', ['torn-tail', 10, 10], {
      [SECOND]: zeroed(second.bytes, second.endOffset - 8),
    }),
    crashed('hole-not-durable', ['torn-tail', 10, 10], { [SECOND]: holeAnd(10) }),
    crashed('block-copied-to-the-end', ['torn-tail', 12, 10], {
      [SECOND]: altered(second.bytes, (copy) => {
        copy.copyWithin(second.endOffset, ninth, watermark);
      }),
    }),
    crashed('last-seal-wrong', ['torn-tail', 12, 10], { [SECOND]: untrueAtTheEnd }),
    variant('last-seal-wrong-no-meta', ['undecidable', 12], {
      [SECOND]: untrueAtTheEnd,
      [META]: undefined,
    }),
    crashed('hole-called-durable', ['corrupt', 10], { [SECOND]: holeAnd(12) }),
    variant('durable-tail-zeroed', ['corrupt', 10], { [SECOND]: zeroed(second.bytes, eleventh) }),
    variant('flip-in-finished-segment', ['corrupt', 3], {
      [FIRST]: flipped(first.bytes, fourth + 64 + 30),
    }),
    variant('flip-in-block-header', ['corrupt', 10], {
      [SECOND]: flipped(second.bytes, eleventh + 9),
    }),
    variant('finished-segment-cut-at-a-block', ['corrupt', 6], {
      [FIRST]: zeroed(first.bytes, seventh),
    }),
    // All checksums hold: only the chain, and for the last block the pin, tell.
    variant('block-replaced', ['corrupt', 6], { [FIRST]: rewritten(first, fourth) }),
    variant('last-block-replaced', ['corrupt', 8], {
      [FIRST]: zeroed(rewritten(first, seventh), seal),
    }),
    variant('header-page-zero', ['corrupt', 8], { [SECOND]: zeroed(second.bytes, 0, 4096) }),
    variant('newer-version', ['unsupported', 8], {
      [SECOND]: newerVersion(second.bytes),
    }),
    variant('flip-before-newer-version', ['corrupt', 3], {
      [FIRST]: flipped(first.bytes, fourth + 64 + 30),
      [SECOND]: newerVersion(second.bytes),
    }),
    variant('unknown-feature', ['unsupported', 8], {
      [SECOND]: reheaded(second.bytes, (view) => view.setUint32(flags, 4, true)),
    }),
    ...ruleLogs(first, second),
    ...endLogs(first, second),
    ...folderLogs(first, second),
    ...compressedLogs(first, second),
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
