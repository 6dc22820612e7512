// What an open of the log spent its time on. The phases follow each other without a gap: they sum
// up to the whole. Two writers; their lines stand 128 bytes apart.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import { layout, wordOf } from '../../memory/layout.js';
import { defineMetrics, duration } from '../../metrics/catalogue.js';
import { Duration64 } from '../../metrics/duration64.js';
import { structOf } from '../../metrics/metrics-struct.js';
import { Updater } from '../updater.js';

const OpeningLayout = layout('Opening')
  .field(0, 'open', Duration64)
  .field(64, 'openHelpers', Duration64)
  .field(128, 'openThreads', Duration64)
  .field(192, 'openFolder', Duration64)
  .field(256, 'openRecovery', Duration64)
  .field(320, 'openRings', Duration64)
  .field(384, 'openRegion', Duration64)
  .field(448, 'openSegment', Duration64)
  .field(512, 'openMeta', Duration64)
  .end(576, 64);

const at = OpeningLayout.offset;

const APPLICATION = { writer: 'application' } as const;
const WRITER = { writer: 'writer' } as const;

const OPENING = defineMetrics(OpeningLayout, undefined, {
  open: duration({
    ...APPLICATION,
    help: 'Time of Wal.open',
    covers: 'from the call until the log accepts events: all phases below',
  }),
  openHelpers: duration({
    ...APPLICATION,
    help: 'Open, last phase: time until all threads of the log were running',
    covers:
      'from the end of openMeta: handing over, the start of the preparer and housekeeping threads',
  }),
  openThreads: duration({
    ...WRITER,
    help: 'Open, phase 1: time until the writer thread ran',
    covers: 'starting the threads and loading their modules',
  }),
  openFolder: duration({
    ...WRITER,
    help: 'Open, phase 2: time to make the folder ready and to lock it',
    covers: 'creating the folder or syncing it, and the lock',
  }),
  openRecovery: duration({
    ...WRITER,
    help: 'Open, phase 3: time to find the end of the log',
    covers:
      'reading LOCK, regions and segments, judging the end, rewriting what was not durable, ' +
      'removing what is left over',
  }),
  openRings: duration({
    ...WRITER,
    help: 'Open, phase 4: time to write what crashed processes left in their rings',
    covers: 'blocks and syncs of those events; next to nothing without them',
  }),
  openRegion: duration({
    ...WRITER,
    help: 'Open, phase 5: time to make the shared region',
    covers: 'naming it in LOCK, writing it with zeros, mapping it',
  }),
  openSegment: duration({
    ...WRITER,
    help: 'Open, phase 6: time until there was a segment to write to',
    covers: 'preparing and publishing the first segment; next to nothing if one is continued',
  }),
  openMeta: duration({
    ...WRITER,
    help: 'Open, phase 7: time to make durable what the log is now',
    covers: 'measuring the clock, wal.meta, removing old regions, LOCK',
  }),
});

/** Metrics of the opening of a log: one sample each. */
export class Opening extends structOf(OPENING) {
  static readonly layout = OpeningLayout;
}

/** What the writer thread does of an open, in this order. */
type OpeningPhase =
  | 'openThreads'
  | 'openFolder'
  | 'openRecovery'
  | 'openRings'
  | 'openRegion'
  | 'openSegment'
  | 'openMeta';

/** Records the phases of an open. Times are whole nanoseconds. */
export class OpeningUpdater extends Updater {
  constructor(metrics: Opening, clock: Clock = monotonicClock) {
    super(OPENING, metrics, clock);
    Object.freeze(this);
  }

  /** A phase that began at `startNs` is over; returns when the next one begins. */
  onPhase(phase: OpeningPhase, startNs: number): number {
    return this.lap(wordOf(at[phase]), startNs);
  }

  /**
   * The log is open.
   * @param startNs when Wal.open was called
   * @param handedNs when the last phase of the writer thread ended
   */
  onOpen(startNs: number, handedNs: number): void {
    const endNs = this.lap(wordOf(at.openHelpers), handedNs);
    this.span(wordOf(at.open), startNs, endNs);
  }
}
