// All metric structs of the recorder.
import { aggregateOf } from '../aggregate.js';
import { Manager } from './manager-metrics.js';
import { MetaStore } from './meta-store-metrics.js';
import { SegmentWriter } from './segment-writer-metrics.js';
import { SegmentMaintainer } from './worker/segment-maintainer-metrics.js';
import { SegmentPreparer } from './worker/segment-preparer-metrics.js';

const NAMES = { system: 'wal_recorder', title: 'WAL Recorder Metrics' } as const;

/** The recorder's metrics; of an open log, `wal.telemetry` is the live one. */
export class Telemetry extends aggregateOf(NAMES, {
  metaStore: MetaStore,
  segmentWriter: SegmentWriter,
  segmentPreparer: SegmentPreparer,
  segmentMaintainer: SegmentMaintainer,
  manager: Manager,
}) {}
