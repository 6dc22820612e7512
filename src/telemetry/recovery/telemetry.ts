import { aggregateOf } from '../aggregate.js';
import { Manager } from './manager-metrics.js';
import { SegmentReader } from './segment-reader-metrics.js';
import { SegmentPreloader } from './worker/segment-preloader-metrics.js';

const NAMES = { system: 'wal_recovery', title: 'WAL Recovery Telemetry' } as const;

/**
 * The metrics of reading and recovering a log. Readers record into one that they are given.
 *
 * @example
 * import { replay } from 'flashstrike';
 * import { recovery } from 'flashstrike/telemetry';
 *
 * const telemetry = new recovery.Telemetry();
 * for (const event of replay('./orders', { telemetry })) console.log(event.eventId);
 * telemetry.dump();
 */
export class Telemetry extends aggregateOf(NAMES, {
  segmentReader: SegmentReader,
  segmentPreloader: SegmentPreloader,
  manager: Manager,
}) {}
