// How many segments wait to be taken.
import type { recorder } from '../../telemetry.js';

export const preparedAhead = ({
  preparedSegments,
  getNextSegmentReady,
  getNextSegmentWaited,
}: recorder.SegmentPreparer): number =>
  Math.max(0, preparedSegments - getNextSegmentReady - getNextSegmentWaited);
