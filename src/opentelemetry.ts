// Metrics of logs for metric readers of OpenTelemetry's SDK.
export type { ExportedLogOptions, LogExporter } from './telemetry/exporters/exported-logs.js';
export type { MetricData, ProducedMetrics } from './telemetry/exporters/metric-data.js';
export {
  WalMetricProducer,
  type WalMetricProducerOptions,
} from './telemetry/exporters/metric-producer.js';
