// Metrics as Prometheus reads them: as text, or in a registry that has the application's own.
export type { ExportedLogOptions, LogExporter } from './telemetry/exporters/exported-logs.js';
export {
  type Family,
  PrometheusCollector,
  type PrometheusOptions,
  type Sample,
} from './telemetry/exporters/prometheus.js';
export { type MetricRegistry, RegistryExporter } from './telemetry/exporters/registry.js';
