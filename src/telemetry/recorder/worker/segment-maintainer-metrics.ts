// What happens to finished segments: verification, retention, compression, deletion. Writer: the
// housekeeping thread. Of these, this version verifies; the others are the reference's, for those
// who record them themselves, until a log has a maintainer.
import { type Clock, monotonicClock } from '../../../clock/clock.js';
import { layout, wordOf } from '../../../memory/layout.js';
import { constant, defineMetrics, lifeCycle, operation } from '../../../metrics/catalogue.js';
import { Gauge64 } from '../../../metrics/counter64.js';
import { LifeCycle } from '../../../metrics/life-cycle.js';
import { structOf } from '../../../metrics/metrics-struct.js';
import { Operation64 } from '../../../metrics/operation64.js';
import { Updater } from '../../updater.js';

const SegmentMaintainerLayout = layout('SegmentMaintainer')
  .field(0, 'persistenceLifecycle', LifeCycle)
  .field(64, 'maintenanceRetention', Operation64)
  .field(128, 'maintenanceCompression', Operation64)
  .field(192, 'maintenanceDeletion', Operation64)
  .field(256, 'persistenceMaxHotSegments', Gauge64)
  .field(320, 'persistenceMaxColdSegments', Gauge64)
  .field(384, 'verification', Operation64)
  .field(448, 'verificationSegments', Gauge64)
  .end(512, 64);

const at = SegmentMaintainerLayout.offset;

/** What no thread does yet. */
const UNFED = { isFed: false } as const;

const SEGMENT_MAINTAINER = defineMetrics(SegmentMaintainerLayout, 'wal_persistence_worker', {
  persistenceLifecycle: lifeCycle({
    reference: 'persistence_lifecycle',
    ...UNFED,
    help: 'The loop that maintains finished segments',
    writer: 'housekeeping',
    covers: 'each turn of the loop, and the sleep after it',
  }),
  maintenanceRetention: operation({
    reference: 'maintenance_retention',
    ...UNFED,
    help: 'Time to take one hot segment out of the hot set',
    writer: 'housekeeping',
    covers: 'one segment, from choosing it until it is handed on',
  }),
  maintenanceCompression: operation({
    reference: 'maintenance_compression',
    ...UNFED,
    help: 'Time to compress one finished segment',
    writer: 'housekeeping',
    covers: 'compress, fdatasync, rename, sync of the folder, compare, removal of the original',
  }),
  maintenanceDeletion: operation({
    reference: 'maintenance_deletion',
    ...UNFED,
    help: 'Time to delete one cold segment',
    writer: 'housekeeping',
    covers: 'unlink and sync of the folder',
  }),
  persistenceMaxHotSegments: constant({
    reference: 'persistence_max_hot_segments',
    ...UNFED,
    help: 'Maximum number of segments kept uncompressed; 0: no limit',
    writer: 'housekeeping',
    covers: 'set when the log opens',
  }),
  persistenceMaxColdSegments: constant({
    reference: 'persistence_max_cold_segments',
    ...UNFED,
    help: 'Maximum number of segments kept compressed; 0: no limit',
    writer: 'housekeeping',
    covers: 'set when the log opens',
  }),
  verification: operation({
    help: "Time to verify one finished segment with verify: 'background'; failed: it is damaged",
    writer: 'housekeeping',
    covers:
      'from opening it to its end or its first damage, including the pauses between the steps',
  }),
  verificationSegments: constant({
    help: "Finished segments that verify: 'background' has to verify; 0 without it",
    writer: 'housekeeping',
    covers: 'set once, when the verification begins',
  }),
});

/** Metrics of the WAL segment maintainer. */
export class SegmentMaintainer extends structOf(SEGMENT_MAINTAINER) {
  static readonly layout = SegmentMaintainerLayout;
}

/** Records maintenance; for the one thread that maintains segments. */
export class SegmentMaintainerUpdater extends Updater {
  constructor(metrics: SegmentMaintainer, clock: Clock = monotonicClock) {
    super(SEGMENT_MAINTAINER, metrics, clock);
    Object.freeze(this);
  }

  /** @param sleepNs how long the loop sleeps after this turn */
  onPersistenceLoop(didWork: boolean, startNs: number, sleepNs: number): void {
    this.cycle(wordOf(at.persistenceLifecycle), didWork, startNs, sleepNs);
  }

  onHotSegmentRetention(ok: boolean, startNs: number): void {
    this.operation(wordOf(at.maintenanceRetention), startNs, ok);
  }

  onHotSegmentCompression(ok: boolean, startNs: number): void {
    this.operation(wordOf(at.maintenanceCompression), startNs, ok);
  }

  onColdSegmentDeletion(ok: boolean, startNs: number): void {
    this.operation(wordOf(at.maintenanceDeletion), startNs, ok);
  }

  /** @param ok false: the segment is damaged, or could not be read */
  onVerification(ok: boolean, startNs: number): void {
    this.operation(wordOf(at.verification), startNs, ok);
  }

  setVerificationSegments(segments: number): void {
    this.set(wordOf(at.verificationSegments), segments);
  }

  setMaxSegments(segments: number): void {
    this.set(wordOf(at.persistenceMaxHotSegments), segments);
  }

  setMaxCompressedSegments(segments: number): void {
    this.set(wordOf(at.persistenceMaxColdSegments), segments);
  }
}
