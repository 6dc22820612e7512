import { aggregateOf } from '../aggregate.js';
import { Manager } from './manager.js';
import { SegmentReader } from './segment-reader.js';
import { SegmentPreloader } from './worker/segment-preloader.js';

/** All metrics of reading and recovering a log; exported under `system="wal_recovery"`. */
export class Telemetry extends aggregateOf('wal_recovery', {
  segmentReader: SegmentReader,
  segmentPreloader: SegmentPreloader,
  manager: Manager,
}) {}
