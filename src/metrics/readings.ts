// What each kind of metric reads as.
import type { Descriptions, MetricDescription, MetricKind } from './catalogue.js';
import { readValue } from './counter64.js';
import { DurationReading } from './duration64.js';
import { HistogramReading } from './latency-histogram.js';
import { LifeCycleReading } from './life-cycle.js';
import { OperationReading } from './operation64.js';
import { readRecentMax } from './recent-max.js';

interface ReadingOfKind {
  counter64: number;
  gauge64: number;
  constant64: number;
  /** Nanoseconds since it began to be so; 0 when it is not so. */
  age64: number;
  /** Nanoseconds; 0 where nothing was recorded in the last seconds. */
  recent_max64: number;
  duration64: DurationReading;
  operation64: OperationReading;
  life_cycle: LifeCycleReading;
  latency_histogram: HistogramReading;
  journal: never;
}

export type MetricReading = ReadingOfKind[MetricKind];

/** One metric of a struct that was read: its field, what that means, and its value. */
export type ReadMetric = readonly [
  field: string,
  description: MetricDescription,
  reading: MetricReading,
];

/** The metrics of a struct by name: each access takes a coherent copy of the metric's group. */
export type Readings<Fields extends Descriptions> = {
  readonly [Name in keyof Fields as Fields[Name]['kind'] extends 'journal'
    ? never
    : Name]: ReadingOfKind[Fields[Name]['kind']];
};

/** Reads one metric from a copy that nobody changes. `nowNs`: the time that ages count to. */
export function readMetric(
  { kind }: MetricDescription,
  words: Uint32Array,
  at: number,
  nowNs: number,
): MetricReading {
  switch (kind) {
    case 'duration64':
      return new DurationReading(words, at);
    case 'operation64':
      return new OperationReading(words, at);
    case 'life_cycle':
      return new LifeCycleReading(words, at);
    case 'latency_histogram':
      return new HistogramReading(words, at);
    case 'recent_max64':
      return readRecentMax(words, at, nowNs);
    case 'age64': {
      const sinceNs = readValue(words, at);
      return sinceNs === 0 ? 0 : Math.max(0, nowNs - sinceNs);
    }
    default:
      return readValue(words, at);
  }
}
