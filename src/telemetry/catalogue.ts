// Every metric struct that there is, and what its exported names begin with: documents, exporters
// and tests go through this list, so that no struct is left out by one of them.
import type { StructDefinition } from '../metrics/catalogue.js';
import type { MetricsStruct } from '../metrics/metrics-struct.js';
import { MANAGER, Manager } from './recorder/manager-metrics.js';
import { META_STORE, MetaStore } from './recorder/meta-store-metrics.js';
import { SEGMENT_WRITER, SegmentWriter } from './recorder/segment-writer-metrics.js';
import {
  SEGMENT_MAINTAINER,
  SegmentMaintainer,
} from './recorder/worker/segment-maintainer-metrics.js';
import { SEGMENT_PREPARER, SegmentPreparer } from './recorder/worker/segment-preparer-metrics.js';
import { RECOVERY_MANAGER, Manager as RecoveryManager } from './recovery/manager-metrics.js';
import { SEGMENT_READER, SegmentReader } from './recovery/segment-reader-metrics.js';
import {
  SEGMENT_PRELOADER,
  SegmentPreloader,
} from './recovery/worker/segment-preloader-metrics.js';

/** One side of a log; also the label `system` of its metrics. */
export type MetricSystem = 'wal_recorder' | 'wal_recovery';

export interface CataloguedStruct {
  readonly system: MetricSystem;
  /** `flashstrike_wal_recorder_segment_preparer`: what its exported names begin with. */
  readonly prefix: string;
  readonly definition: StructDefinition;
  readonly Struct: new () => MetricsStruct;
}

const struct = (
  system: MetricSystem,
  definition: StructDefinition,
  Struct: new () => MetricsStruct,
): CataloguedStruct =>
  Object.freeze({
    system,
    prefix: `flashstrike_${system}_${definition.exportedName}`,
    definition,
    Struct,
  });

/** In the order of the aggregates `recorder.Telemetry` and `recovery.Telemetry`. */
export const ALL_STRUCTS: readonly CataloguedStruct[] = Object.freeze([
  struct('wal_recorder', META_STORE, MetaStore),
  struct('wal_recorder', SEGMENT_WRITER, SegmentWriter),
  struct('wal_recorder', SEGMENT_PREPARER, SegmentPreparer),
  struct('wal_recorder', SEGMENT_MAINTAINER, SegmentMaintainer),
  struct('wal_recorder', MANAGER, Manager),
  struct('wal_recovery', SEGMENT_READER, SegmentReader),
  struct('wal_recovery', SEGMENT_PRELOADER, SegmentPreloader),
  struct('wal_recovery', RECOVERY_MANAGER, RecoveryManager),
]);
