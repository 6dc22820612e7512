// Metrics of a log: structs to read, updaters to record with, and how they leave the process.
export { type Clock, monotonicClock } from './clock/clock.js';
export type {
  CollectedBucket,
  CollectedHistogram,
  CollectedMetric,
  Collector,
} from './metrics/collector.js';
export type { TextSink } from './metrics/dump.js';
export type { DurationReading } from './metrics/duration64.js';
export type { HistogramCell, HistogramReading } from './metrics/latency-histogram.js';
export type { LifeCycleReading } from './metrics/life-cycle.js';
export type { OperationReading } from './metrics/operation64.js';
export {
  type AttachedTelemetry,
  attachTelemetry,
  collectDown,
  type RefreshOptions,
  type TelemetryStatus,
} from './observation/attached-telemetry.js';
export { type ReadStallsOptions, readStalls } from './observation/read-stalls.js';
export type { Aggregate } from './telemetry/aggregate.js';
export { type BuildInfo, buildInfo } from './telemetry/build-info.js';
export { ALL_STRUCTS, type CataloguedStruct, type MetricSystem } from './telemetry/catalogue.js';
export type { ExportedLog } from './telemetry/collected-log.js';
export type { ThreadReading, ThreadReadings } from './telemetry/heartbeats.js';
export type { ObservedState } from './telemetry/log-standing.js';
export type { WalTelemetry } from './telemetry/log-telemetry.js';
export * as recorder from './telemetry/recorder/index.js';
export * as recovery from './telemetry/recovery/index.js';
export {
  type Snapshot,
  type SnapshotSource,
  Snapshotter,
  type SnapshotterOptions,
} from './telemetry/snapshotter.js';
export {
  STALL_CAUSES,
  type StallCause,
  type StallWaits,
  type WaitKind,
} from './telemetry/stalls/causes.js';
export type { Interval, IntervalField } from './telemetry/stalls/interval.js';
export type { Stall } from './telemetry/stalls/stall.js';
