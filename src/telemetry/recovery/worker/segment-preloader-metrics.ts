// A thread that opens and verifies the following segments ahead of the reader, as the reference has
// one. This version has none: the struct is for those who record it themselves.
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
    isFed: false,
    writer: 'preloader',
    help: 'Time to prepare a segment ahead of its reader',
    covers: 'opening, reading and verifying one segment, until it is ready',
  }),
  finishSegment: operation({
    reference: 'finish_segment',
    isFed: false,
    writer: 'preloader',
    help: 'Time to close a segment that was read',
    covers: 'closing one segment that its reader returned',
  }),
});

/** Metrics of the WAL segment preloader. */
export class SegmentPreloader extends structOf(SEGMENT_PRELOADER) {
  static readonly layout = SegmentPreloaderLayout;
}

/** Records preloading; for the one thread that preloads. */
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
