import { aggregateOf } from '../aggregate.js';
import { Manager } from './manager-metrics.js';
import { SegmentReader } from './segment-reader-metrics.js';
import { SegmentPreloader } from './worker/segment-preloader-metrics.js';

const NAMES = { system: 'wal_recovery', title: 'WAL Recovery Telemetry' } as const;

/** All metrics of reading and recovering a log; exported under `system="wal_recovery"`. */
export class Telemetry extends aggregateOf(NAMES, {
  segmentReader: SegmentReader,
  segmentPreloader: SegmentPreloader,
  manager: Manager,
}) {}
