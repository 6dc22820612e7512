// A thread that opens, reads and verifies segments ahead of a reader. It measures, and tells the
// reader with what it hands over; that records it.
import { type Clock, monotonicClock } from '../../../clock/clock.js';
import { layout, wordOf } from '../../../memory/layout.js';
import { defineMetrics, operation } from '../../../metrics/catalogue.js';
import { structOf } from '../../../metrics/metrics-struct.js';
import { Operation64 } from '../../../metrics/operation64.js';
import { Updater } from '../../updater.js';

const SegmentPreloaderLayout = layout('SegmentPreloader')
  .field(0, 'preloadSegment', Operation64)
  .field(64, 'finishSegment', Operation64)
  .end(128, 64);

const at = SegmentPreloaderLayout.offset;

const SEGMENT_PRELOADER = defineMetrics(SegmentPreloaderLayout, 'wal_recovery_worker', {
  preloadSegment: operation({
    reference: 'preload_segment',
    isShownOnceSet: true,
    writer: 'any',
    help: 'Time to prepare a segment ahead of its reader',
    covers:
      'opening, reading and verifying one segment on the preloader thread, recorded once the ' +
      'reader has it; failed: the thread did not get on, and the reader reads by itself',
  }),
  finishSegment: operation({
    reference: 'finish_segment',
    isShownOnceSet: true,
    failures: 'unseen',
    writer: 'any',
    help: 'Time to close a segment that was read ahead',
    covers: 'closing one segment on the preloader thread, once all of it is prepared',
  }),
});

/** Metrics of the WAL segment preloader. */
export class SegmentPreloader extends structOf(SEGMENT_PRELOADER) {
  static readonly layout = SegmentPreloaderLayout;
}

/** Records preloading; for the thread that reads what was preloaded. */
export class SegmentPreloaderUpdater extends Updater {
  constructor(metrics: SegmentPreloader, clock: Clock = monotonicClock) {
    super(SEGMENT_PRELOADER, metrics, clock);
    Object.freeze(this);
  }

  onPreloadSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.preloadSegment), startNs, ok);
  }

  onFinishSegment(startNs: number, ok: boolean): void {
    this.operation(wordOf(at.finishSegment), startNs, ok);
  }
}
