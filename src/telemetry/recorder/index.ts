// The recorder's metric structs and their updaters, under the names of the reference.
export type { IntegrityFailure } from '../integrity-failure.js';
export { Manager, ManagerUpdater } from './manager.js';
export { MetaStore, MetaStoreUpdater } from './meta-store.js';
export { SegmentWriter, SegmentWriterUpdater } from './segment-writer.js';
export { Telemetry } from './telemetry.js';
export { SegmentMaintainer, SegmentMaintainerUpdater } from './worker/segment-maintainer.js';
export {
  type GetNextSegmentOutcome,
  SegmentPreparationUpdater,
  SegmentPreparer,
  SegmentPreparerUpdater,
} from './worker/segment-preparer.js';
