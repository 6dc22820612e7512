// Metrics of logs for OpenTelemetry: a MetricProducer, which metric readers of its SDK take beside
// the SDK's own. Known by its shape, so that the SDK is no dependency.
import { invalidArgument } from '../../errors.js';
import { NS_PER_MS } from '../../units.js';
import { buildInfo } from '../build-info.js';
import { LogExporter } from './exported-logs.js';
import { EMPTY_RESOURCE, type HrTime, type ProducedMetrics } from './metric-data.js';
import { GatheredMetrics, PointCollector } from './point-collector.js';

/** Options of {@link WalMetricProducer}. */
export interface WalMetricProducerOptions {
  /**
   * How distributions are told. `explicit`, the default: buckets with bounds, exact, one for each
   * power of two; every exporter takes them. `exponential`: eight buckets for each power of two,
   * which OTLP carries and a backend may keep as native histograms; a bucket's upper end is at most
   * 15.9 % above a value in it. The SDK's exporter for Prometheus leaves these out.
   */
  readonly histograms?: 'explicit' | 'exponential';
}

/**
 * Shows logs to metric readers of OpenTelemetry's SDK (their option `metricProducers`): as
 * `flashstrike.wal.recorder.segment_writer.sync` and so on. All is cumulative since the log was
 * opened, whatever temporality the exporter prefers.
 *
 * @example
 * import { Wal } from 'flashstrike';
 * import { WalMetricProducer } from 'flashstrike/opentelemetry';
 *
 * await using wal = await Wal.open('./orders');
 * const producer = new WalMetricProducer().add(wal.telemetry);
 * // new PeriodicExportingMetricReader({ exporter, metricProducers: [producer] })
 * const { resourceMetrics } = await producer.collect();
 * console.log(resourceMetrics.scopeMetrics[0]?.metrics.length);
 */
export class WalMetricProducer extends LogExporter {
  readonly #isExponential: boolean;

  /** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
  constructor({ histograms = 'explicit' }: WalMetricProducerOptions = {}) {
    super();
    if (histograms !== 'explicit' && histograms !== 'exponential') {
      throw invalidArgument("The option histograms must be 'explicit' or 'exponential'.");
    }
    this.#isExponential = histograms === 'exponential';
  }

  /**
   * Looks at all logs: what readers call. `errors` has what kept a log from being shown whole, and
   * the others are there nevertheless.
   */
  async collect(): Promise<ProducedMetrics> {
    const gathered = new GatheredMetrics();
    const endTime = hrTime(BigInt(Date.now()) * BigInt(NS_PER_MS));
    const isExponential = this.#isExponential;
    const failures = this.collectLogs(({ startedAtNs }) => {
      const startTime = hrTime(startedAtNs);
      return new PointCollector(gathered, { startTime, endTime, isExponential });
    });
    const metrics = gathered.all;
    const scope = { name: 'flashstrike', version: buildInfo.version };
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope, metrics }];
    const errors = failures.map(({ error }) => error);
    return { resourceMetrics: { resource: EMPTY_RESOURCE, scopeMetrics }, errors };
  }
}

const NS_PER_SECOND = 1_000_000_000n;

/** Of nanoseconds since 1970. */
const hrTime = (unixNs: bigint): HrTime => [
  Number(unixNs / NS_PER_SECOND),
  Number(unixNs % NS_PER_SECOND),
];
