// What a metric reader of OpenTelemetry's SDK takes, by its shape: the SDK's own types fit, and
// whoever does not use it needs none of its packages.

/** Seconds and nanoseconds since 1970. */
export type HrTime = [seconds: number, nanoseconds: number];

/** The SDK's DataPointType. */
export const HISTOGRAM = 0;
export const EXPONENTIAL_HISTOGRAM = 1;
export const GAUGE = 2;
export const SUM = 3;
/** The SDK's ValueType. */
export const INT = 0;
export const DOUBLE = 1;
/** The SDK's AggregationTemporality. */
export const CUMULATIVE = 1;

/** A metric's value for one log, and for one set of labels. */
export interface MetricPoint<Value> {
  /** When counting began: when the log was opened. */
  readonly startTime: HrTime;
  /** When it was looked at. */
  readonly endTime: HrTime;
  /** The labels. */
  readonly attributes: Record<string, string>;
  /** As of `endTime`. */
  readonly value: Value;
}

interface MetricBase {
  readonly descriptor: {
    readonly name: string;
    readonly description: string;
    /** Of UCUM. */
    readonly unit: string;
    readonly valueType: typeof INT | typeof DOUBLE;
  };
  readonly aggregationTemporality: typeof CUMULATIVE;
}

export interface SumData extends MetricBase {
  readonly dataPointType: typeof SUM;
  readonly isMonotonic: true;
  readonly dataPoints: MetricPoint<number>[];
}

export interface GaugeData extends MetricBase {
  readonly dataPointType: typeof GAUGE;
  readonly dataPoints: MetricPoint<number>[];
}

interface ExplicitHistogram {
  readonly sum: number;
  readonly count: number;
  /** One count more than boundaries, which are inclusive upper ones. */
  readonly buckets: { readonly boundaries: number[]; readonly counts: number[] };
}

export interface HistogramData extends MetricBase {
  readonly dataPointType: typeof HISTOGRAM;
  readonly dataPoints: MetricPoint<ExplicitHistogram>[];
}

/** Buckets of equal ratio, from the first that is not empty to the last. */
export interface ExponentialBuckets {
  /** Of the first; bucket `i` has the values above base^i, up to base^(i+1). */
  readonly offset: number;
  readonly bucketCounts: number[];
}

interface ExponentialHistogram {
  readonly sum: number;
  readonly count: number;
  /** The base is 2^(2^-scale). */
  readonly scale: number;
  readonly zeroCount: number;
  readonly positive: ExponentialBuckets;
  readonly negative: ExponentialBuckets;
}

export interface ExponentialHistogramData extends MetricBase {
  readonly dataPointType: typeof EXPONENTIAL_HISTOGRAM;
  readonly dataPoints: MetricPoint<ExponentialHistogram>[];
}

/** A metric of one or more logs. */
export type MetricData = SumData | GaugeData | HistogramData | ExponentialHistogramData;

/** A resource without attributes: a reader puts its own in its place. */
interface EmptyResource {
  readonly attributes: Record<string, never>;
  merge(other: EmptyResource | null): EmptyResource;
  getRawAttributes(): never[];
}

export const EMPTY_RESOURCE: EmptyResource = Object.freeze({
  attributes: Object.freeze({}),
  merge: (other: EmptyResource | null) => other ?? EMPTY_RESOURCE,
  getRawAttributes: () => [],
});

/** The SDK's CollectionResult. */
export interface ProducedMetrics {
  /** All metrics, in the scope `flashstrike`. */
  readonly resourceMetrics: {
    resource: EmptyResource;
    scopeMetrics: {
      scope: { readonly name: string; readonly version: string };
      metrics: MetricData[];
    }[];
  };
  /** What kept a log from being shown whole. */
  readonly errors: Error[];
}
