// Logs that tell where a segment ends: at its seal, at the pin of its successor, or, where that
// successor is of no use, where its own blocks say so.
import { BlockHeaderLayout } from '../../src/segment/block-header.js';
import { SealEntryLayout, SealTotalsLayout } from '../../src/segment/seal.js';
import {
  EVENTS,
  events,
  FIRST,
  firstSegment,
  type GoldenLog,
  newerVersion,
  rewritten,
  SECOND,
  secondSegment,
  soundLog,
  zeroed,
} from './golden-parts.js';
import { headerFields, SegmentImage } from './segment-image.js';

const SECOND_SALT = 0x2222_2222_2222_2222n;

export function endLogs(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { crashed } = soundLog(first, second);
  const pinned = headerFields(SECOND_SALT, first);
  const short = new SegmentImage({ ...pinned, previousEndOffset: pinned.previousEndOffset - 8 });
  const sealed = new SegmentImage(pinned).events(8, events(9, 10)).watermark(10).seal(10);
  return [
    ...unpinned(first, second),
    crashed('block-over-the-pin', ['corrupt', 6], {
      [SECOND]: short.events(8, events(9, 12)).bytes,
    }),
    crashed('block-after-a-seal', ['torn-tail', 10, 10], {
      [SECOND]: sealed.events(10, events(11, 12)).bytes,
    }),
    withinTheReserve(first, second),
  ];
}

/** Segment 2 is of a newer version: nothing that can be read pins the end of segment 1. */
function unpinned(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { variant } = soundLog(first, second);
  const [, , , seventh = 0, seal = 0] = first.offsets;
  const newer = { [SECOND]: newerVersion(second.bytes) };
  const oddEntry = rewritten(first, seal, (view) => {
    const firstEntry = BlockHeaderLayout.size + SealTotalsLayout.size;
    const field = firstEntry + SealEntryLayout.offset.offset;
    view.setUint32(field, view.getUint32(field, true) + 4, true);
  });
  return [
    variant('unpinned-seal-tells', ['corrupt', 6], {
      [FIRST]: zeroed(first.bytes, seventh, seal),
      ...newer,
    }),
    variant('unpinned-seal-not-whole', ['unsupported', 6], {
      [FIRST]: zeroed(oddEntry, seventh, seal),
      ...newer,
    }),
    // The seal ends the segment: what stands behind it tells of no lost event.
    variant('unpinned-sealed', ['unsupported', 8], {
      [FIRST]: firstSegment().skipId().watermark(9).bytes,
      ...newer,
    }),
  ];
}

/** Where a writer would keep room for the seal, which a reader does not check. */
function withinTheReserve(first: SegmentImage, second: SegmentImage): GoldenLog {
  const zeros = { text: '\0'.repeat(30_000) };
  const { bytes } = secondSegment(first).events(10, [zeros]);
  const log = soundLog(first, second).crashed('block-in-the-room-of-the-seal', ['clean', 13, 10], {
    [SECOND]: bytes,
  });
  return { ...log, events: [...EVENTS, zeros] };
}
