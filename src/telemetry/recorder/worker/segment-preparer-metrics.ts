// How long the writer waited for its next segment, and what preparing one costs by stage.
// Two writers: the writer thread, which takes segments, and the preparer thread, which makes them;
// their lines stand 128 bytes apart.
import { type Clock, monotonicClock } from '../../../clock/clock.js';
import { layout, wordOf } from '../../../memory/layout.js';
import {
  age,
  counter,
  defineMetrics,
  duration,
  gauge,
  histogram,
  journal,
  operation,
  recentMax,
} from '../../../metrics/catalogue.js';
import { addToValue, Counter64, Gauge64, putValue, readValue } from '../../../metrics/counter64.js';
import { Duration64 } from '../../../metrics/duration64.js';
import { Journal } from '../../../metrics/journal.js';
import { LatencyHistogram } from '../../../metrics/latency-histogram.js';
import { structOf } from '../../../metrics/metrics-struct.js';
import { Operation64 } from '../../../metrics/operation64.js';
import { RecentMax64 } from '../../../metrics/recent-max.js';
import { addTimedNote } from '../../../metrics/timed-note.js';
import { readU64 } from '../../../metrics/u64.js';
import { Updater } from '../../updater.js';

const SegmentPreparerLayout = layout('SegmentPreparer')
  .field(0, 'getNextSegment', Duration64)
  .field(64, 'getNextSegmentReady', Counter64)
  .field(128, 'getNextSegmentWaited', Counter64)
  .field(192, 'getNextSegmentFailed', Counter64)
  .field(256, 'preparedSegmentsLow', Gauge64)
  .field(320, 'getNextSegmentHistogram', LatencyHistogram)
  .field(4608, 'getNextSegmentJournal', Journal)
  .field(12928, 'getNextSegmentAge', Gauge64)
  .field(12992, 'getNextSegmentRecentMax', RecentMax64)
  .field(13056, 'prepareSegment', Operation64)
  .field(13120, 'prepareCreate', Duration64)
  .field(13184, 'prepareAllocate', Duration64)
  .field(13248, 'prepareZero', Duration64)
  .field(13312, 'prepareSync', Duration64)
  .field(13376, 'zeroedBytes', Counter64)
  .field(13440, 'preparedSegments', Counter64)
  .field(13504, 'hurriedSegments', Counter64)
  .field(13568, 'preparedSegmentsLimit', Gauge64)
  .field(13632, 'recycledSegments', Counter64)
  .end(13696, 64);

const at = SegmentPreparerLayout.offset;
const GROUP = wordOf(at.getNextSegment);
const JOURNAL = wordOf(at.getNextSegmentJournal);
const READY = wordOf(at.getNextSegmentReady);
const WAITED = wordOf(at.getNextSegmentWaited);
const FAILED = wordOf(at.getNextSegmentFailed);
const LOW = wordOf(at.preparedSegmentsLow);
const HISTOGRAM = wordOf(at.getNextSegmentHistogram);
const SAMPLES = wordOf(at.getNextSegment + Duration64.offset.samples);

/** How a call of `getNextSegment` ended; each call has exactly one outcome. */
export type GetNextSegmentOutcome = 'ready' | 'waited' | 'failed';

/** A note's words: the outcome's counter, and how many segments were prepared at the call. */
function applyGetNextSegment(
  words: Uint32Array,
  group: number,
  kind: number,
  low: number,
  high: number,
  counterWord: number,
  queued: number,
): void {
  if (!addTimedNote(words, group + GROUP, group + HISTOGRAM, kind, low, high)) return;
  const isFirst = readU64(words, group + SAMPLES) === 1;
  if (isFirst || queued < readValue(words, group + LOW)) putValue(words, group + LOW, queued);
  addToValue(words, group + counterWord, 1);
}

const ASKED = 'from asking the preparer for a segment until it is handed over or preparation fails';

const SEGMENT_PREPARER = defineMetrics(SegmentPreparerLayout, 'wal_prepare_worker', {
  getNextSegment: duration({
    reference: 'get_next_segment_ns',
    help: 'Time spent waiting to obtain the next prepared WAL segment',
    writer: 'writer',
    covers: ASKED,
  }),
  getNextSegmentReady: counter({
    group: 'getNextSegment',
    help: 'Segments that were ready when they were requested',
    writer: 'writer',
    covers: 'a call of getNextSegment that found a prepared segment at once',
  }),
  getNextSegmentWaited: counter({
    group: 'getNextSegment',
    help: 'Segments that had to be waited for',
    writer: 'writer',
    covers: 'a call of getNextSegment that found none and got one later',
  }),
  getNextSegmentFailed: counter({
    group: 'getNextSegment',
    help: 'Calls that ended without a segment, because preparation failed or the log ended',
    writer: 'writer',
    covers: 'a call of getNextSegment that got an error instead of a segment',
  }),
  preparedSegmentsLow: gauge({
    group: 'getNextSegment',
    unit: 'segments',
    help: 'Fewest prepared segments found by a call, including the one that it took',
    writer: 'writer',
    covers: 'the length of the queue at each call of getNextSegment',
  }),
  getNextSegmentHistogram: histogram({
    group: 'getNextSegment',
    help: 'Time spent waiting to obtain the next prepared WAL segment',
    writer: 'writer',
    covers: ASKED,
  }),
  getNextSegmentJournal: journal('getNextSegment', 'writer', applyGetNextSegment),
  getNextSegmentAge: age({
    help: 'How long the current call of getNextSegment has been waiting; 0: there is none',
    writer: 'writer',
    covers:
      'from asking the preparer until now: getNextSegment records a wait only once it is over',
  }),
  getNextSegmentRecentMax: recentMax({
    help: 'Longest wait for a prepared segment of the last 10 to 20 s',
    writer: 'writer',
    covers: 'each call of getNextSegment, once it is over',
  }),
  prepareSegment: operation({
    help: 'Time to prepare one segment, from its creation until it is ready',
    writer: 'preparer',
    covers:
      'from creating the file until it is queued or fails, including the pauses between chunks',
  }),
  prepareCreate: duration({
    help: 'Time to create the file of a segment',
    writer: 'preparer',
    covers: 'the open call',
  }),
  prepareAllocate: duration({
    help: 'Time to allocate the blocks of a segment',
    writer: 'preparer',
    covers: 'the fallocate call; of a recycled file only where it was cut',
  }),
  prepareZero: duration({
    help: 'Time to write one chunk of zeros',
    writer: 'preparer',
    covers: 'the write call of one chunk of at most 2 MiB',
  }),
  prepareSync: duration({
    help: 'Time to sync one chunk of zeros',
    writer: 'preparer',
    covers: 'the fdatasync after one chunk',
  }),
  zeroedBytes: counter({
    unit: 'bytes',
    help: 'Bytes of zeros written ahead',
    writer: 'preparer',
    covers: 'each chunk, once it is synced',
  }),
  preparedSegments: counter({
    unit: 'segments',
    help: 'Segments that were queued for the writer',
    writer: 'preparer',
    covers: 'each segment, when it is queued',
  }),
  hurriedSegments: counter({
    unit: 'segments',
    help: 'Segments that were queued before they were zeroed completely',
    writer: 'preparer',
    covers: 'each segment, when it is queued',
  }),
  preparedSegmentsLimit: gauge({
    unit: 'segments',
    help: 'How many segments are kept ready at most',
    writer: 'preparer',
    covers: 'the option preparedSegments, and one more with each wait for a segment, up to 4',
  }),
  recycledSegments: counter({
    unit: 'segments',
    help: 'Segments that were queued in the file of a removed one',
    writer: 'preparer',
    covers: 'each segment, when it is queued, with preallocate recycle',
  }),
});

/** Metrics of the WAL segment preparer. */
export class SegmentPreparer extends structOf(SEGMENT_PREPARER) {
  static readonly layout = SegmentPreparerLayout;
}

/**
 * Records the calls of `getNextSegment`; for the one thread that takes segments.
 *
 * @example
 * import { monotonicClock, recorder } from 'flashstrike/telemetry';
 *
 * const metrics = new recorder.SegmentPreparer();
 * const updater = new recorder.SegmentPreparerUpdater(metrics);
 * updater.onGetNextSegment(monotonicClock.nowNs());
 * console.log(metrics.getNextSegment.samples);
 */
export class SegmentPreparerUpdater extends Updater {
  constructor(metrics: SegmentPreparer, clock: Clock = monotonicClock) {
    super(SEGMENT_PREPARER, metrics, clock);
    Object.freeze(this);
  }

  /**
   * Records one call of `getNextSegment`.
   * @param startNs `clock.nowNs()` when the segment was requested
   * @param queued how many segments were prepared then
   * @param endNs `clock.nowNs()` when it was handed over; by default now
   */
  onGetNextSegment(
    startNs: number,
    outcome: GetNextSegmentOutcome = 'ready',
    queued = 0,
    endNs?: number,
  ): void {
    // A caller without types gets what is least surprising, and no exception.
    const counterWord = outcome === 'waited' ? WAITED : outcome === 'failed' ? FAILED : READY;
    const segments = typeof queued === 'number' ? queued : 0;
    this.note(GROUP, JOURNAL, applyGetNextSegment, startNs, counterWord, segments, endNs);
    this.recent(wordOf(at.getNextSegmentRecentMax));
  }

  /** @param sinceNs when the segment that the call waits for was requested; 0: none waits */
  setWaitingSince(sinceNs: number): void {
    this.set(wordOf(at.getNextSegmentAge), sinceNs);
  }
}

/** Records what preparing costs; for the one thread that prepares. */
export class SegmentPreparationUpdater extends Updater {
  constructor(metrics: SegmentPreparer, clock: Clock = monotonicClock) {
    super(SEGMENT_PREPARER, metrics, clock);
    Object.freeze(this);
  }

  onPrepareSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.prepareSegment), startNs, ok);
  }

  onCreate(startNs: number): void {
    this.time(wordOf(at.prepareCreate), startNs);
  }

  onAllocate(startNs: number): void {
    this.time(wordOf(at.prepareAllocate), startNs);
  }

  onZero(startNs: number): void {
    this.time(wordOf(at.prepareZero), startNs);
  }

  /** @param bytes of the chunk, which is now on disk */
  onSync(startNs: number, bytes: number): void {
    this.time(wordOf(at.prepareSync), startNs);
    this.count(wordOf(at.zeroedBytes), bytes);
  }

  /** @param segments how many are kept ready at most from now on */
  setLimit(segments: number): void {
    this.set(wordOf(at.preparedSegmentsLimit), segments);
  }

  /**
   * @param hurried whether the segment was queued before it was zeroed completely
   * @param recycled whether its file is that of a removed one
   */
  onOffer(hurried: boolean, recycled = false): void {
    this.count(wordOf(at.preparedSegments));
    if (hurried) this.count(wordOf(at.hurriedSegments));
    if (recycled) this.count(wordOf(at.recycledSegments));
  }
}
