// All metric structs of the recorder.
import { aggregateOf } from '../aggregate.js';
import { Manager } from './manager.js';
import { MetaStore } from './meta-store.js';
import { SegmentWriter } from './segment-writer.js';
import { SegmentMaintainer } from './worker/segment-maintainer.js';
import { SegmentPreparer } from './worker/segment-preparer.js';

const NAMES = { system: 'wal_recorder', title: 'WAL Recorder Metrics' } as const;

/** The recorder's metrics; of an open log, `wal.telemetry` is the live one. */
export class Telemetry extends aggregateOf(NAMES, {
  metaStore: MetaStore,
  segmentWriter: SegmentWriter,
  segmentPreparer: SegmentPreparer,
  segmentMaintainer: SegmentMaintainer,
  manager: Manager,
}) {}
