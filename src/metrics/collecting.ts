// How each kind of metric is exported, by one rule: `<prefix>_<field in snake case>_<unit>`, and
// `_total` after a counter's, which has none in front. A time is in seconds, Prometheus' base unit,
// and exported once: as its histogram where it has one, else as a summary.
//
// The reference's own way is an addition that a collector asks for (`referenceNames`): summaries in
// nanoseconds with shortest, mean, jitter and rate beside them, under constant labels.

import { NS_PER_SECOND } from '../units.js';
import {
  type Descriptions,
  type MetricDescription,
  type MetricWriter,
  type StructDefinition,
  snakeCase,
} from './catalogue.js';
import type { CollectedBucket, CollectedMetric, Collector } from './collector.js';
import { DurationReading } from './duration64.js';
import { underLabels } from './labels.js';
import { HistogramReading, RANGE_BITS } from './latency-histogram.js';
import { LifeCycleReading } from './life-cycle.js';
import { OperationReading } from './operation64.js';
import type { MetricReading, ReadMetric } from './readings.js';

const PS_PER_SECOND = 1e12;
/** The first bucket's bound is 2^6 - 1 = 63 ns; less is beyond what the clock tells. */
const FIRST_BUCKET_BITS = 6;
/** Counts and bytes begin at 1. */
const FIRST_COUNT_BITS = 1;

const CLOCK_STEPS_HELP =
  'Samples that began in the future because the clock was stepped; they count as 0';
const DROPPED_HELP = 'Calls whose start was not a valid time; they are not among the samples';

type Naming = (suffix: string, help?: string) => CollectedMetric;

/** Samples of which a clock or a caller was wrong. */
interface FaultyTimes {
  /** Began in the future. */
  readonly clockSteps: number;
  /** Began at no time at all. */
  readonly dropped: number;
}

/** Hands on how many samples were faulty, of all that was collected under `prefix`. */
export function collectFaultyTimes(
  prefix: string,
  { clockSteps, dropped }: FaultyTimes,
  collector: Collector,
): void {
  collector.counter({ name: `${prefix}_clock_steps_total`, help: CLOCK_STEPS_HELP }, clockSteps);
  collector.counter({ name: `${prefix}_dropped_samples_total`, help: DROPPED_HELP }, dropped);
}

/** Collects under a label that the reference gives to its metrics, where a collector wants it. */
export function underReferenceLabel(
  collector: Collector,
  name: string,
  value: string | undefined,
  collect: () => void,
): void {
  const isLabelled = value !== undefined && collector.referenceNames === true;
  underLabels(collector, isLabelled ? [[name, value]] : [], collect);
}

/**
 * Hands metrics of a struct to `collector`.
 * @param metrics those of its fields that are shown
 * @returns how many samples of these were faulty; the readings tell which
 */
export function collectStruct(
  prefix: string,
  { subsystem, fields }: Pick<StructDefinition, 'subsystem' | 'fields'>,
  metrics: Iterable<ReadMetric>,
  collector: Collector,
): FaultyTimes {
  let clockSteps = 0;
  let dropped = 0;
  underReferenceLabel(collector, 'subsystem', subsystem, () => {
    for (const [field, , reading] of metrics) {
      collectMetric(prefix, field, fields, reading, collector);
      if (!(reading instanceof DurationReading)) continue;
      clockSteps += reading.clockSteps;
      dropped += reading.dropped;
    }
  });
  return { clockSteps, dropped };
}

/**
 * Hands one metric of a struct to `collector`.
 * @param fields all metrics of the struct, of which `field` is one
 */
export function collectMetric(
  prefix: string,
  field: string,
  fields: Descriptions,
  reading: MetricReading,
  collector: Collector,
): void {
  const description = fields[field] as MetricDescription;
  const { kind, unit, help } = description;
  // Of the reference's `total_…_failures`: said once, at the end.
  const base = kind === 'counter64' ? snakeCase(field).replace(/^total_/, '') : snakeCase(field);
  const name = `${prefix}_${base}`;
  const named: Naming = (suffix, what = help) => ({ name: `${name}${suffix}`, help: what });
  if (reading instanceof DurationReading) {
    const isInHistogram = fields[`${field}Histogram`]?.kind === 'latency_histogram';
    collectDuration(description, isInHistogram, named, reading, collector);
  } else if (reading instanceof HistogramReading) {
    const metric = { name: histogramName(name, unit), help };
    collectHistogram(metric, unit === 'ns', reading, collector);
  } else if (reading instanceof LifeCycleReading) {
    collectLifeCycle(description, named, reading, collector);
  } else if (kind === 'counter64') {
    if (unit === 'ns') collector.counter(named('_seconds_total'), reading / NS_PER_SECOND);
    else collector.counter(named('_total'), reading);
  } else {
    const per = unit === 'ns' ? NS_PER_SECOND : unit === 'ps' ? PS_PER_SECOND : undefined;
    const seen = `${help} (${lookOf(description)})`;
    if (per === undefined) collector.gauge(named('', seen), reading);
    else collector.gauge(named('_seconds', seen), reading / per);
  }
}

const WRITERS: Readonly<Record<MetricWriter, string>> = {
  application: 'the application thread',
  writer: 'the writer thread',
  preparer: 'the preparer thread',
  housekeeping: 'the housekeeping thread',
  maintainer: 'the maintainer thread',
  reader: 'whoever looks',
  any: 'the thread that reads or opens the log',
};

/** A gauge is what some thread saw: which, and when it looks. */
function lookOf({ kind, writer, covers }: MetricDescription): string {
  if (writer === 'reader') return `computed at this look: ${covers}`;
  if (kind === 'age64') return `as of now, since a moment set by ${WRITERS[writer]}: ${covers}`;
  if (kind !== 'constant64') return `last seen by ${WRITERS[writer]}: ${covers}`;
  return `set by ${WRITERS[writer]}: ${covers.replace(/^set /, '')}`;
}

function collectDuration(
  description: MetricDescription,
  isInHistogram: boolean,
  named: Naming,
  reading: DurationReading,
  collector: Collector,
): void {
  const { help, writer, reference, failures } = description;
  const { totalNs, samples: count, maxNs } = reading;
  // Sum and count of a group's duration are those of its histogram.
  if (!isInHistogram) {
    collector.summary(named('_seconds'), { sum: totalNs / NS_PER_SECOND, count });
  }
  const max = named('_max_seconds', `Longest so far, kept by ${WRITERS[writer]}: ${help}`);
  collector.gauge(max, maxNs / NS_PER_SECOND);
  if (reading instanceof OperationReading && failures === 'seen') {
    collector.counter(named('_failures_total', `Failures: ${help}`), reading.failures);
  }
  if (collector.referenceNames === true && reference !== undefined) {
    collectAsReference(help, named, reading, collector);
  }
}

/** What the reference shows of a duration, and the base unit of Prometheus says better. */
function collectAsReference(
  help: string,
  named: Naming,
  { totalNs, samples: count, minNs, avgNs, jitterNs, ratePerSecond }: DurationReading,
  collector: Collector,
): void {
  const gauge = (suffix: string, words: string, ns: number): void =>
    collector.gauge(named(`_${suffix}_seconds`, `${words}: ${help}`), ns / NS_PER_SECOND);
  collector.summary(named('_ns'), { sum: totalNs, count });
  gauge('min', 'Shortest', minNs);
  gauge('avg', 'Mean', avgNs);
  gauge('jitter', 'Longest minus shortest', jitterNs);
  const rate = named('_rate_per_second', `Samples per second of measured time: ${help}`);
  collector.gauge(rate, ratePerSecond);
}

function collectLifeCycle(
  { help, writer }: MetricDescription,
  named: Naming,
  { cycles, activeCycles, totalNs, activeNs, lastSleepNs }: LifeCycleReading,
  collector: Collector,
): void {
  collector.counter(named('_cycles_total', `Turns: ${help}`), cycles);
  collector.counter(named('_active_cycles_total', `Turns that did work: ${help}`), activeCycles);
  collector.counter(named('_seconds_total', `Time: ${help}`), totalNs / NS_PER_SECOND);
  const active = `Time of turns that did work: ${help}`;
  collector.counter(named('_active_seconds_total', active), activeNs / NS_PER_SECOND);
  const sleep = named('_last_sleep_seconds', `Last sleep of ${WRITERS[writer]}: ${help}`);
  collector.gauge(sleep, lastSleepNs / NS_PER_SECOND);
}

/** `append_event_histogram` of nanoseconds → `append_event_seconds`; of events → `…_events`. */
function histogramName(name: string, unit: string): string {
  const base = name.replace(/_histogram$/, '');
  const suffix = unit === 'ns' ? 'seconds' : unit;
  return base.endsWith(`_${suffix}`) ? base : `${base}_${suffix}`;
}

/** Bounds are 2^k - 1: values are whole, so these count exactly what is below a power of two. */
function collectHistogram(
  metric: CollectedMetric,
  isTime: boolean,
  reading: HistogramReading,
  collector: Collector,
): void {
  const buckets: CollectedBucket[] = [];
  for (let bits = isTime ? FIRST_BUCKET_BITS : FIRST_COUNT_BITS; bits <= RANGE_BITS; bits++) {
    const bound = 2 ** bits - 1;
    const le = isTime ? bound / NS_PER_SECOND : bound;
    buckets.push({ le, count: reading.countBelowPowerOfTwo(bits) });
  }
  const sum = isTime ? reading.total / NS_PER_SECOND : reading.total;
  // Where memory is damaged or forged, its count may contradict its cells.
  const count = Math.max(reading.count, buckets.at(-1)?.count ?? 0);
  collector.histogram(metric, { sum, count, buckets, reading });
}
