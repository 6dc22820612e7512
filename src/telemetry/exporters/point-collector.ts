// Gathers metrics as points of OpenTelemetry's: what several logs have is one metric.
import type { CollectedHistogram, CollectedMetric, Collector } from '../../metrics/collector.js';
import type { Label } from '../../metrics/labels.js';
import { NS_PER_SECOND } from '../../units.js';
import { exponentialOf } from './exponential.js';
import {
  CUMULATIVE,
  DOUBLE,
  EXPONENTIAL_HISTOGRAM,
  type ExponentialHistogramData,
  GAUGE,
  type GaugeData,
  HISTOGRAM,
  type HistogramData,
  type HrTime,
  INT,
  type MetricData,
  type MetricPoint,
  SUM,
  type SumData,
} from './metric-data.js';
import { semanticName } from './semantic-names.js';

type OfKind<Data> = Map<string, Data>;

/** Metrics by the names of Prometheus, for all logs of one look. */
export class GatheredMetrics {
  readonly sums: OfKind<SumData> = new Map();
  readonly gauges: OfKind<GaugeData> = new Map();
  readonly histograms: OfKind<HistogramData> = new Map();
  readonly exponential: OfKind<ExponentialHistogramData> = new Map();

  get all(): MetricData[] {
    const { sums, gauges, histograms, exponential } = this;
    return [sums, gauges, histograms, exponential].flatMap((each) => [...each.values()]);
  }
}

interface PointOptions {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly isExponential: boolean;
}

/** Adds the points of one log. */
export class PointCollector implements Collector {
  readonly #gathered: GatheredMetrics;
  readonly #options: PointOptions;
  readonly #labels: Label[] = [];

  constructor(gathered: GatheredMetrics, options: PointOptions) {
    this.#gathered = gathered;
    this.#options = options;
  }

  pushLabel(name: string, value: string): void {
    this.#labels.push([name, value]);
  }

  popLabel(): void {
    this.#labels.pop();
  }

  hasLabel(name: string): boolean {
    return this.#labels.some(([other]) => other === name);
  }

  counter(metric: CollectedMetric, value: number): void {
    const { sums } = this.#gathered;
    const { dataPoints } = entryOf(sums, metric, (base): SumData => {
      return { ...base, dataPointType: SUM, isMonotonic: true, dataPoints: [] };
    });
    dataPoints.push(this.#point(value));
  }

  gauge(metric: CollectedMetric, value: number): void {
    const { gauges } = this.#gathered;
    const { dataPoints } = entryOf(gauges, metric, (base): GaugeData => {
      return { ...base, dataPointType: GAUGE, dataPoints: [] };
    });
    dataPoints.push(this.#point(value));
  }

  /** The SDK has no summaries: one bucket, which has no bound. */
  summary(metric: CollectedMetric, { sum, count }: { sum: number; count: number }): void {
    this.#explicit(metric, { sum, count, buckets: [] });
  }

  histogram(metric: CollectedMetric, value: CollectedHistogram): void {
    const { reading, sum } = value;
    if (!this.#options.isExponential || reading === undefined) {
      this.#explicit(metric, value);
      return;
    }
    const { exponential } = this.#gathered;
    const { dataPoints } = entryOf(exponential, metric, (base): ExponentialHistogramData => {
      return { ...base, dataPointType: EXPONENTIAL_HISTOGRAM, dataPoints: [] };
    });
    const unit = metric.name.endsWith('_seconds') ? NS_PER_SECOND : 1;
    const negative = { offset: 0, bucketCounts: [] };
    dataPoints.push(this.#point({ sum, ...exponentialOf(reading, unit), negative }));
  }

  #explicit(metric: CollectedMetric, { sum, count, buckets }: CollectedHistogram): void {
    const boundaries = buckets.map(({ le }) => le);
    const upTo = [...buckets.map((each) => each.count), count];
    const counts = upTo.map((each, index) => each - (upTo[index - 1] ?? 0));
    const { histograms } = this.#gathered;
    const { dataPoints } = entryOf(histograms, metric, (base): HistogramData => {
      return { ...base, dataPointType: HISTOGRAM, dataPoints: [] };
    });
    dataPoints.push(this.#point({ sum, count, buckets: { boundaries, counts } }));
  }

  #point<Value>(value: Value): MetricPoint<Value> {
    const { startTime, endTime } = this.#options;
    return { startTime, endTime, attributes: Object.fromEntries(this.#labels), value };
  }
}

type Base = Pick<MetricData, 'descriptor' | 'aggregationTemporality'>;

function entryOf<Data>(
  kind: OfKind<Data>,
  { name, help }: CollectedMetric,
  make: (base: Base) => Data,
): Data {
  const known = kind.get(name);
  if (known !== undefined) return known;
  const semantic = semanticName(name);
  // Times in seconds have fractions; all else is counted.
  const valueType = semantic.unit === 's' ? DOUBLE : INT;
  const descriptor = { ...semantic, description: help, valueType } as const;
  const data = make({ descriptor, aggregationTemporality: CUMULATIVE });
  kind.set(name, data);
  return data;
}
