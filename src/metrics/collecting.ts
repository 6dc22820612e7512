// How each kind of metric is exported, by one rule: `<prefix>_<field in snake case>` and behind it the
// unit. A duration64 is a summary in nanoseconds, as in the reference; everything of our own that is
// a time is in seconds, Prometheus' base unit.
import { type MetricDescription, snakeCase } from './catalogue.js';
import type { CollectedBucket, CollectedMetric, Collector } from './collector.js';
import { DurationReading } from './duration64.js';
import { HistogramReading, RANGE_BITS } from './latency-histogram.js';
import { LifeCycleReading } from './life-cycle.js';
import { OperationReading } from './operation64.js';
import type { MetricReading } from './readings.js';

const NS_PER_SECOND = 1e9;
const PS_PER_SECOND = 1e12;
/** The first bucket's bound is 2^6 - 1 = 63 ns; less is beyond what the clock tells. */
const FIRST_BUCKET_BITS = 6;
/** Counts and bytes begin at 1. */
const FIRST_COUNT_BITS = 1;

export function collectMetric(
  prefix: string,
  field: string,
  { kind, unit, help }: MetricDescription,
  reading: MetricReading,
  collector: Collector,
): void {
  const named = (name: string, what = help): CollectedMetric => ({
    name: `${prefix}_${name}`,
    help: what,
  });
  const name = snakeCase(field);
  if (reading instanceof DurationReading) {
    const { totalNs: sum, samples: count } = reading;
    collector.summary(named(`${name}_ns`), { sum, count });
    collector.gauge(
      named(`${name}_max_seconds`, `Longest: ${help}`),
      reading.maxNs / NS_PER_SECOND,
    );
    if (reading instanceof OperationReading) {
      collector.counter(named(`${name}_failures_total`, `Failures: ${help}`), reading.failures);
    }
  } else if (reading instanceof HistogramReading) {
    collectHistogram(named(histogramName(name, unit)), unit === 'ns', reading, collector);
  } else if (reading instanceof LifeCycleReading) {
    const { cycles, activeCycles, totalNs, activeNs, lastSleepNs } = reading;
    collector.counter(named(`${name}_cycles_total`, `Turns: ${help}`), cycles);
    const active = `Turns that did work: ${help}`;
    collector.counter(named(`${name}_active_cycles_total`, active), activeCycles);
    const total = named(`${name}_seconds_total`, `Time: ${help}`);
    collector.counter(total, totalNs / NS_PER_SECOND);
    const activeTime = named(
      `${name}_active_seconds_total`,
      `Time of turns that did work: ${help}`,
    );
    collector.counter(activeTime, activeNs / NS_PER_SECOND);
    const sleep = named(`${name}_last_sleep_seconds`, `Last sleep: ${help}`);
    collector.gauge(sleep, lastSleepNs / NS_PER_SECOND);
  } else if (kind === 'counter64') {
    if (unit === 'ns') collector.counter(named(`${name}_seconds_total`), reading / NS_PER_SECOND);
    else collector.counter(named(`${name}_total`), reading);
  } else if (unit === 'ns') {
    collector.gauge(named(`${name}_seconds`), reading / NS_PER_SECOND);
  } else if (unit === 'ps') {
    collector.gauge(named(`${name}_seconds`), reading / PS_PER_SECOND);
  } else {
    collector.gauge(named(name), reading);
  }
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
  collector.histogram(metric, { sum, count: reading.count, buckets });
}
