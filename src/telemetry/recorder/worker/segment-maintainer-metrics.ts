// What happens to finished segments: verification, retention, compression, deletion. Writer: the
// maintainer, which only logs have that ask for any of it.
import { type Clock, monotonicClock } from '../../../clock/clock.js';
import { layout, wordOf } from '../../../memory/layout.js';
import {
  constant,
  counter,
  defineMetrics,
  gauge,
  lifeCycle,
  operation,
} from '../../../metrics/catalogue.js';
import { Counter64, Gauge64 } from '../../../metrics/counter64.js';
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
  .field(512, 'freedBytes', Counter64)
  .field(576, 'maintenanceFailures', Counter64)
  .field(640, 'blockedSegments', Gauge64)
  .field(704, 'heldSegments', Gauge64)
  .field(768, 'compressedContentBytes', Counter64)
  .field(832, 'compressedFileBytes', Counter64)
  .field(896, 'heldEventId', Gauge64)
  .end(960, 64);

const at = SegmentMaintainerLayout.offset;

const SEGMENT_MAINTAINER = defineMetrics(SegmentMaintainerLayout, 'wal_persistence_worker', {
  persistenceLifecycle: lifeCycle({
    reference: 'persistence_lifecycle',
    help: 'The loop that maintains finished segments',
    writer: 'maintainer',
    covers: 'each turn of the loop, and the sleep after it',
  }),
  maintenanceRetention: operation({
    reference: 'maintenance_retention',
    help: 'Time to remove one finished segment that is not to be kept any more',
    writer: 'maintainer',
    covers: 'from asking wal.meta to say so, to the sync of the folder behind the unlink',
  }),
  maintenanceCompression: operation({
    reference: 'maintenance_compression',
    help: 'Time to compress one finished segment',
    writer: 'maintainer',
    covers:
      'verify, compress, fdatasync, compare, rename, sync of the folder, removal of the ' +
      'original; with the pauses in between',
  }),
  maintenanceDeletion: operation({
    reference: 'maintenance_deletion',
    help: 'Time to delete the file of one compressed segment',
    writer: 'maintainer',
    covers: 'unlink and sync of the folder; the last part of its maintenanceRetention',
  }),
  persistenceMaxHotSegments: constant({
    reference: 'persistence_max_hot_segments',
    help:
      'Maximum number of finished segments kept as they are: hotSegments where older ones are ' +
      'compressed, otherwise retention.segments; 0: no limit, or all are compressed',
    writer: 'maintainer',
    covers: 'set when the maintainer begins',
  }),
  persistenceMaxColdSegments: constant({
    reference: 'persistence_max_cold_segments',
    help:
      'Maximum number of segments kept compressed: what retention.segments leaves beside ' +
      'hotSegments; 0: no limit, or none is compressed',
    writer: 'maintainer',
    covers: 'set when the maintainer begins',
  }),
  verification: operation({
    help: "Time to verify one finished segment with verify: 'background'; failed: it is damaged",
    writer: 'maintainer',
    covers:
      'from opening it to its end or its first damage, including the pauses between the steps',
  }),
  verificationSegments: gauge({
    unit: 'segments',
    help: "Finished segments to verify so far: for retention, and all with verify: 'background'",
    writer: 'maintainer',
    covers: 'grows when a segment is to be verified',
  }),
  freedBytes: counter({
    unit: 'bytes',
    help: 'Bytes of segment files given back: of removed ones, and unused ends of finished ones',
    writer: 'maintainer',
    covers: 'by the length of the files; those that are used again give nothing back',
  }),
  maintenanceFailures: counter({
    help: 'Steps of the maintainer that failed, and are tried again',
    writer: 'maintainer',
    covers: 'any call to the disk, or the question what is needed',
  }),
  blockedSegments: gauge({
    unit: 'segments',
    help: '1 while the oldest segment is to be removed and stays because it is damaged',
    writer: 'maintainer',
    covers: 'the moment of the look',
  }),
  heldSegments: gauge({
    unit: 'segments',
    help: '1 while the oldest segment is to be removed and stays because somebody needs it',
    writer: 'maintainer',
    covers: 'the moment of the look',
  }),
  compressedContentBytes: counter({
    unit: 'bytes',
    help: 'Bytes of the segments that were compressed; by compressedFileBytes: the ratio',
    writer: 'maintainer',
    covers: 'from the header to the end of the seal',
  }),
  compressedFileBytes: counter({
    unit: 'bytes',
    help: 'Bytes of their compressed files',
    writer: 'maintainer',
    covers: 'whole files',
  }),
  heldEventId: gauge({
    unit: 'id',
    help: 'First event that is needed of a segment that heldSegments counts; 0: none is held',
    writer: 'maintainer',
    covers: 'the moment of the look; flashstrike consumers tells whose it is: the furthest behind',
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

  onFreed(bytes: number): void {
    this.count(wordOf(at.freedBytes), bytes);
  }

  onMaintenanceFailure(): void {
    this.count(wordOf(at.maintenanceFailures));
  }

  /** @param contentBytes of the segment, of which the file has `fileBytes` by now */
  onCompressed(contentBytes: number, fileBytes: number): void {
    this.count(wordOf(at.compressedContentBytes), contentBytes);
    this.count(wordOf(at.compressedFileBytes), fileBytes);
  }

  /** @param segments 1: the oldest one is damaged */
  setBlockedSegments(segments: number): void {
    this.set(wordOf(at.blockedSegments), segments);
  }

  /** @param eventId first event that somebody needs of the oldest segment; 0: nobody needs it */
  setHeld(eventId: number): void {
    // No call of an updater throws, whatever it is given.
    const isHeld = typeof eventId === 'number' && eventId > 0;
    this.set(wordOf(at.heldSegments), isHeld ? 1 : 0);
    this.set(wordOf(at.heldEventId), eventId);
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
