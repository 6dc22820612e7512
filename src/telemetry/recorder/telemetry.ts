// All metric structs of the recorder.
import { aggregateOf } from '../aggregate.js';
import { Consumers } from './consumers-metrics.js';
import { Manager } from './manager-metrics.js';
import { MetaStore } from './meta-store-metrics.js';
import { Opening } from './opening-metrics.js';
import { Replication } from './replication-metrics.js';
import { SegmentWriter } from './segment-writer-metrics.js';
import { SegmentMaintainer } from './worker/segment-maintainer-metrics.js';
import { SegmentPreparer } from './worker/segment-preparer-metrics.js';

const NAMES = { system: 'wal_recorder', title: 'WAL Recorder Metrics' } as const;

/**
 * The recorder's metrics; for an open log, `wal.telemetry` has the live ones.
 *
 * @example
 * import { Wal } from 'flashstrike';
 * import { recorder } from 'flashstrike/telemetry';
 *
 * await using wal = await Wal.open('./orders');
 * const before = new recorder.Telemetry();
 * wal.telemetry.copyTo(before);
 * console.log(wal.telemetry.manager.appendedEvents - before.manager.appendedEvents);
 */
export class Telemetry extends aggregateOf(NAMES, {
  metaStore: MetaStore,
  segmentWriter: SegmentWriter,
  segmentPreparer: SegmentPreparer,
  segmentMaintainer: SegmentMaintainer,
  manager: Manager,
  opening: Opening,
  consumers: Consumers,
  replication: Replication,
}) {}
