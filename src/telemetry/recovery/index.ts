// The metric structs of reading and recovery, and their updaters, under the names of the reference.
export type { IntegrityFailure } from '../integrity-failure.js';
export { Manager, ManagerUpdater } from './manager-metrics.js';
export { SegmentReader, SegmentReaderUpdater } from './segment-reader-metrics.js';
export { Telemetry } from './telemetry.js';
export { SegmentPreloader, SegmentPreloaderUpdater } from './worker/segment-preloader-metrics.js';
