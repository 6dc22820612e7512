// The recorder's metric structs and their updaters, under the names of the reference.
export {
  type GetNextSegmentOutcome,
  SegmentPreparationUpdater,
  SegmentPreparer,
  SegmentPreparerUpdater,
} from './worker/segment-preparer.js';
