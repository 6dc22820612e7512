import { aggregateOf } from '../aggregate.js';
import { Manager } from './manager.js';
import { SegmentReader } from './segment-reader.js';
import { SegmentPreloader } from './worker/segment-preloader.js';

const NAMES = { system: 'wal_recovery', title: 'WAL Recovery Telemetry' } as const;

/** All metrics of reading and recovering a log; exported under `system="wal_recovery"`. */
export class Telemetry extends aggregateOf(NAMES, {
  segmentReader: SegmentReader,
  segmentPreloader: SegmentPreloader,
  manager: Manager,
}) {}
