// One sample of each structure of version 1.
import { encodeConsumer } from '../../src/segment/consumer-record.js';
import { encodeSeal } from '../../src/segment/seal.js';
import { encodeSegmentHeader, SegmentHeaderLayout } from '../../src/segment/segment-header.js';
import { encodeMeta } from '../../src/segment/wal-meta.js';
import { encodeEvents, headerFields, LOG_ID, SegmentImage, START_NS } from './segment-image.js';

/** All ids and most numbers use both halves of their u64, so that a swapped half shows. */
export const SAMPLE_META = {
  cleanlyClosed: true,
  segmentIndex: 0x0102_0304,
  offset: 0x0506_0708 & -8,
  lastEventId: 2 ** 40 + 5,
  logId: LOG_ID,
  durableEventId: 2 ** 41 + 6,
  firstKeptEventId: 0,
};
/** Of a log whose oldest segments were removed. */
export const SAMPLE_TRIMMED = { ...SAMPLE_META, firstKeptEventId: 2 ** 40 + 4 };
export const SAMPLE_CONSUMER = {
  header: { name: 'billing', logId: LOG_ID, createdTsNs: START_NS },
  slot: {
    acknowledgedEventId: 2 ** 40 + 7,
    timestampNs: START_NS + 1n,
    maxLagBytes: 2 ** 42 + 8,
    maxLagMs: 2 ** 33 + 9,
    policy: 'drop',
  },
} as const;
export const SAMPLE_SEAL = {
  totals: {
    firstEventId: 2 ** 40,
    lastEventId: 2 ** 40 + 999,
    eventCount: 1000,
    eventBlocks: 20,
    watermarkBlocks: 3,
    payloadBytes: 64_000,
    firstTimestampNs: START_NS,
    highestTimestampNs: START_NS + 999n,
  },
  entries: [
    { eventId: 2 ** 40, highestTimestampNs: START_NS + 9n, offset: 4096, blockIndex: 0 },
    { eventId: 2 ** 40 + 500, highestTimestampNs: START_NS + 509n, offset: 40_000, blockIndex: 11 },
  ],
};
export const SAMPLE_SEGMENT_HEADER = {
  ...headerFields(0xfedc_ba98_7654_3210n),
  segmentIndex: 0x0102_0304,
  segmentBytes: 64 * 1024 * 1024,
  firstEventId: 2 ** 40 + 1,
  compatibleFlags: 1,
  previousLastEventId: 2 ** 40,
  previousEndOffset: 8192,
  previousBlockChecksum: 0x1122_3344_5566_7788n,
};

/** The samples by name; the block samples are a whole block each, at offset 4096 of a segment. */
export function goldenStructures(): ReadonlyMap<string, Uint8Array> {
  const image = (): SegmentImage => new SegmentImage(SAMPLE_SEGMENT_HEADER);
  const block = ({ bytes, endOffset }: SegmentImage): Uint8Array => bytes.slice(4096, endOffset);
  const batch = [{ text: 'one', type: 0x0102, continued: true }, { text: 'eight by' }];
  return new Map([
    ['frames', encodeEvents(2 ** 40 + 1, batch)],
    [
      'segment-header',
      encodeSegmentHeader(SAMPLE_SEGMENT_HEADER).slice(0, SegmentHeaderLayout.size),
    ],
    ['block-events', block(image().events(2 ** 40, batch))],
    ['block-watermark', block(image().watermark(2 ** 40))],
    ['block-seal', block(image().seal(2 ** 40))],
    ['seal', encodeSeal(SAMPLE_SEAL.totals, SAMPLE_SEAL.entries)],
    ['wal-meta', encodeMeta(SAMPLE_META)],
    ['wal-meta-trimmed', encodeMeta(SAMPLE_TRIMMED)],
    ['consumer', encodeConsumer(SAMPLE_CONSUMER.header, SAMPLE_CONSUMER.slot)],
  ]);
}
