// The recorder's metric structs and their updaters, under the names of the reference.
export type { IntegrityFailure } from '../integrity-failure.js';
export { Consumers, ConsumersUpdater } from './consumers-metrics.js';
export { DiskUpdater, Manager, ManagerUpdater } from './manager-metrics.js';
export { MetaStore, MetaStoreUpdater } from './meta-store-metrics.js';
export { Opening, OpeningUpdater } from './opening-metrics.js';
export { Replication, ReplicationUpdater } from './replication-metrics.js';
export { SegmentWriter, SegmentWriterUpdater } from './segment-writer-metrics.js';
export { Telemetry } from './telemetry.js';
export {
  SegmentMaintainer,
  SegmentMaintainerUpdater,
} from './worker/segment-maintainer-metrics.js';
export {
  type GetNextSegmentOutcome,
  SegmentPreparationUpdater,
  SegmentPreparer,
  SegmentPreparerUpdater,
} from './worker/segment-preparer-metrics.js';
