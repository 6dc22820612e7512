// Metrics as Prometheus reads them.
export { PrometheusCollector, type PrometheusOptions } from './telemetry/exporters/prometheus.js';
