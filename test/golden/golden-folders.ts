// Logs whose folder is not what it was: files are gone, renamed, exchanged, of another log or of a
// newer version. Where a rule of docs/FORMAT.md tells of it, nothing else does.
import { xxh64 } from '../../src/segment/checksum.js';
import { segmentFileName } from '../../src/segment/file-names.js';
import { SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { encodeMeta, type WalMeta, WalMetaLayout } from '../../src/segment/wal-meta.js';
import {
  altered,
  EVENTS,
  FIRST,
  firstSegment,
  flipped,
  type GoldenLog,
  META,
  reheaded,
  SECOND,
  secondSegment,
  soundLog,
} from './golden-parts.js';
import { headerFields, SegmentImage } from './segment-image.js';

const OTHER_LOG_ID = 0x9999_9999_9999_9999n;
const SECOND_SALT = 0x2222_2222_2222_2222n;

export function folderLogs(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  return [
    ...exchanged(first, second),
    ...withOtherMeta(first, second),
    ...withoutFiles(first, second),
    ...trimmed(first, second),
  ];
}

function exchanged(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { closedMeta, variant } = soundLog(first, second);
  const inSecond = (segment: SegmentImage): SegmentImage => segment.events(8, EVENTS.slice(8, 12));
  const foreign = firstSegment({ logId: OTHER_LOG_ID });
  const successor = new SegmentImage(headerFields(SECOND_SALT, foreign));
  const foreignSecond = { ...headerFields(SECOND_SALT, first), logId: OTHER_LOG_ID };
  const oldMeta = { [META]: encodeMeta({ ...closedMeta, ...inFirstSegment(6) }) };
  const pinned = headerFields(SECOND_SALT, first);
  const { previousEndOffset, firstEventId } = pinned;
  const farther = { ...pinned, previousEndOffset: previousEndOffset + 8 };
  const later = { ...pinned, firstEventId: firstEventId + 1, previousLastEventId: firstEventId };
  const { spare2 } = SegmentHeaderLayout.offset;
  return [
    variant('header-page-spare', ['corrupt', 8], { [SECOND]: flipped(second.bytes, 2000) }),
    variant('header-spare-field', ['corrupt', 8], {
      [SECOND]: reheaded(new SegmentImage(pinned).bytes, (view) => view.setUint8(spare2, 1)),
      ...oldMeta,
    }),
    variant('pin-beyond-the-end', ['corrupt', 8], {
      [SECOND]: inSecond(new SegmentImage(farther)).bytes,
    }),
    variant('pin-skips-an-id', ['corrupt', 8], {
      [SECOND]: new SegmentImage(later).events(9, EVENTS.slice(9, 12)).bytes,
    }),
    variant('segments-swapped', ['corrupt', 0], { [FIRST]: second.bytes, [SECOND]: first.bytes }),
    variant('segment-renamed', ['corrupt', 0], {
      ...{ [FIRST]: undefined, [SECOND]: undefined },
      [segmentFileName(5)]: second.bytes,
    }),
    variant('segment-of-another-log', ['corrupt', 8], {
      [SECOND]: inSecond(new SegmentImage(foreignSecond)).bytes,
    }),
    variant('first-segment-of-another-log', ['corrupt', 0], {
      [FIRST]: foreign.bytes,
      [SECOND]: inSecond(successor).bytes,
    }),
    ...votes(first, second),
    variant('segment-missing-between', ['corrupt', 8], {
      [SECOND]: undefined,
      [segmentFileName(3)]: new SegmentImage(headerFields(3n, second)).bytes,
      ...oldMeta,
    }),
  ];
}

/** Segment 1 is alone with its log, and not refused if one rule of the vote is left out. */
function votes(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { closedMeta, variant } = soundLog(first, second);
  const ofOther = (fields: Parameters<typeof headerFields>): SegmentImage =>
    new SegmentImage({ ...headerFields(...fields), logId: OTHER_LOG_ID });
  const foreign = ofOther([SECOND_SALT, first]).events(8, EVENTS.slice(8, 12));
  return [
    variant('vote-of-more-segments', ['corrupt', 0], {
      [SECOND]: foreign.bytes,
      [segmentFileName(3)]: ofOther([3n, foreign]).bytes,
    }),
    variant('vote-of-a-renamed-segment', ['corrupt', 0], {
      [SECOND]: ofOther([3n, foreign]).bytes,
      [META]: encodeMeta({ ...closedMeta, logId: OTHER_LOG_ID }),
    }),
  ];
}

function withOtherMeta(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { closedMeta, variant } = soundLog(first, second);
  const meta = (fields: Partial<WalMeta>) => ({
    [META]: encodeMeta({ ...closedMeta, ...fields }),
  });
  const empty = secondSegment(first).bytes.slice().fill(0, 4096);
  return [
    variant('meta-old', ['clean', 12, 10], meta(inFirstSegment(6))),
    variant('meta-old-last-segment-empty', ['clean', 8, 8], {
      [SECOND]: empty,
      ...meta(inFirstSegment(6)),
    }),
    variant('meta-of-another-log', ['corrupt', 12], meta({ logId: OTHER_LOG_ID })),
    variant('meta-newer-version', ['unsupported', 12], {
      [META]: remade(encodeMeta(closedMeta), (view) => {
        view.setUint16(WalMetaLayout.offset.version, 3, true);
      }),
    }),
    variant('meta-version-2-of-a-whole-log', ['clean', 12, 10], {
      [META]: remade(encodeMeta(closedMeta), (view) => {
        view.setUint16(WalMetaLayout.offset.version, 2, true);
      }),
    }),
    variant('meta-impossible', ['clean', 12, 10], {
      [META]: remade(encodeMeta(closedMeta), (view) => {
        view.setUint32(WalMetaLayout.offset.offset, 4088, true);
      }),
    }),
  ];
}

function withoutFiles(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { closedMeta, variant } = soundLog(first, second);
  const [ninth = 0, watermark = 0, eleventh = 0] = second.offsets;
  const [, , , , seal = 0] = first.offsets;
  const unreadable = [ninth, watermark, eleventh].reduce(flipped, second.bytes);
  const none = { [FIRST]: undefined, [SECOND]: undefined };
  const before = { segmentIndex: 0, offset: 0, lastEventId: 0, durableEventId: 0 };
  const atSecond = { segmentIndex: 2, offset: 4096, lastEventId: 8, durableEventId: 8 };
  return [
    variant('last-segment-missing', ['corrupt', 8], {
      [SECOND]: undefined,
      [META]: encodeMeta({ ...closedMeta, ...atSecond }),
    }),
    {
      ...variant('first-segment-deleted', ['clean', 0, 8], {
        [FIRST]: undefined,
        [SECOND]: secondSegment(first).bytes.slice().fill(0, 4096),
        [META]: encodeMeta({ ...closedMeta, ...atSecond }),
      }),
      lastEventId: 8,
    },
    variant('no-meta', ['clean', 12, 10], { [META]: undefined }),
    variant('no-meta-sealed', ['undecidable', 8], { [META]: undefined, [SECOND]: undefined }),
    variant('no-meta-seal-torn', ['undecidable', 8], {
      ...{ [META]: undefined, [SECOND]: undefined },
      [FIRST]: first.bytes.slice().fill(0, seal + 100),
    }),
    variant('no-meta-seal-erased', ['clean', 8, 6], {
      ...{ [META]: undefined, [SECOND]: undefined },
      [FIRST]: first.bytes.slice().fill(0, seal),
    }),
    variant('no-meta-empty', ['undecidable', 8], {
      [META]: undefined,
      [SECOND]: second.bytes.slice().fill(0, 4096),
    }),
    variant('no-meta-unreadable', ['undecidable', 8], { [META]: undefined, [SECOND]: unreadable }),
    variant('no-segments', ['corrupt', 0], none),
    variant('no-segments-meta-flipped', ['undecidable', 0], {
      ...none,
      [META]: flipped(encodeMeta(closedMeta), 40),
    }),
    variant('no-segments-yet', ['clean', 0, 0], {
      ...none,
      [META]: encodeMeta({ ...closedMeta, ...before }),
    }),
    variant('lock-alone', ['undecidable', 0], {
      ...none,
      [META]: undefined,
      LOCK: Buffer.from('{"regions":[]}\n'),
    }),
    variant('lock-alone-empty', ['clean', 0, 0], {
      ...none,
      [META]: undefined,
      LOCK: Buffer.alloc(0),
    }),
    variant('nothing', ['no-log', 0], { ...none, [META]: undefined }),
  ];
}

/** Logs whose oldest segments were removed, or were to be, as wal.meta says. */
function trimmed(first: SegmentImage, second: SegmentImage): readonly GoldenLog[] {
  const { closedMeta, variant } = soundLog(first, second);
  const meta = (fields: Partial<WalMeta>) => ({
    [META]: encodeMeta({ ...closedMeta, firstKeptEventId: 9, ...fields }),
  });
  const atThird = { segmentIndex: 3, offset: 4096 };
  const third = { [segmentFileName(3)]: new SegmentImage(headerFields(3n, second)).bytes };
  const later = { readableEvents: 4, firstEventId: 9, lastEventId: 12 };
  const withoutFirst = { [FIRST]: undefined };
  return [
    { ...variant('trimmed', ['clean', 12, 12], { ...withoutFirst, ...meta({}) }), ...later },
    variant('trimmed-before-the-first-is-removed', ['clean', 12, 12], meta({})),
    {
      ...variant('trimmed-up-to-the-last-segment', ['clean', 0, 12], {
        ...{ ...withoutFirst, [SECOND]: undefined, ...third },
        ...meta({ ...atThird, firstKeptEventId: 13 }),
      }),
      ...{ firstEventId: 13, lastEventId: 12 },
    },
    {
      ...variant('trimmed-and-one-more-lost', ['corrupt', 0], {
        ...{ ...withoutFirst, [SECOND]: undefined, ...third },
        ...meta(atThird),
      }),
      ...{ firstEventId: 9, lastEventId: 12 },
    },
    {
      ...variant('trimmed-meta-flipped', ['clean', 12, 10], {
        ...withoutFirst,
        [META]: flipped(encodeMeta({ ...closedMeta, firstKeptEventId: 9 }), 48),
      }),
      ...later,
    },
    variant('trimmed-first-header-zero', ['corrupt', 0], {
      [FIRST]: first.bytes.slice().fill(0, 0, 4096),
      ...meta({}),
    }),
  ];
}

/** The durable point of a wal.meta that was last written in the first segment. */
const inFirstSegment = (durableEventId: number): Partial<WalMeta> => ({
  cleanlyClosed: false,
  segmentIndex: 1,
  offset: 4096,
  lastEventId: 0,
  durableEventId,
});

/** A wal.meta with a field changed and its checksum made to hold again. */
const remade = (bytes: Uint8Array, change: (view: DataView) => void): Uint8Array =>
  altered(bytes, (copy) => {
    const view = new DataView(copy.buffer);
    change(view);
    const { checksum } = WalMetaLayout.offset;
    view.setBigUint64(checksum, xxh64(copy.subarray(0, checksum), 0n), true);
  });
