// Metrics as Prometheus reads them.
export { PrometheusCollector } from './telemetry/exporters/prometheus.js';
