// What each kind of metric is collected as: types, names, units and values.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addValue,
  CLOCK_STEP,
  DROPPED,
  recordOutcome,
  recordTime,
} from '../../test/support/records.js';
import {
  age,
  constant,
  counter,
  type Descriptions,
  duration,
  gauge,
  histogram,
  lifeCycle,
  type MetricDescription,
  operation,
} from './catalogue.js';
import { collectMetric, collectStruct } from './collecting.js';
import { Duration64, DurationReading } from './duration64.js';
import { type CollectedLine, FakeCollector } from './fake-collector.js';
import { HistogramReading, LatencyHistogram } from './latency-histogram.js';
import { LifeCycle, LifeCycleReading, recordCycle } from './life-cycle.js';
import { Operation64, OperationReading } from './operation64.js';
import type { MetricReading } from './readings.js';

const TEXT = { help: 'Help', writer: 'any', covers: 'all' } as const;
const wordsFor = ({ size }: { readonly size: number }): Uint32Array =>
  new Uint32Array(size / Uint32Array.BYTES_PER_ELEMENT);

function durationOf(...elapsed: readonly number[]): DurationReading {
  const words = wordsFor(Duration64);
  for (const ns of elapsed) recordTime(words, 0, ns);
  return new DurationReading(words, 0);
}

function histogramOf(...values: readonly number[]): HistogramReading {
  const words = wordsFor(LatencyHistogram);
  for (const value of values) addValue(words, 0, value);
  return new HistogramReading(words, 0);
}

/** Type, name and value of what one metric is collected as. */
function collect(
  field: string,
  description: MetricDescription,
  reading: MetricReading,
  others: Descriptions = {},
): (readonly [CollectedLine['kind'], string, unknown])[] {
  const collector = new FakeCollector();
  collectMetric('p', field, { [field]: description, ...others }, reading, collector);
  return collector.lines.map(({ kind, name, value }) => [kind, name, value]);
}

describe('collecting', () => {
  it('a duration64 is a summary in nanoseconds, as in the reference, and what follows from it', () => {
    assert.deepEqual(collect('getNextSegment', duration(TEXT), durationOf(1500, 500)), [
      ['summary', 'p_get_next_segment_ns', { sum: 2000, count: 2 }],
      ['gauge', 'p_get_next_segment_min_seconds', 0.0000005],
      ['gauge', 'p_get_next_segment_max_seconds', 0.0000015],
      ['gauge', 'p_get_next_segment_avg_seconds', 0.000001],
      ['gauge', 'p_get_next_segment_jitter_seconds', 0.000001],
      ['gauge', 'p_get_next_segment_rate_per_second', 1e6],
    ]);
  });

  it('a duration64 of our own is a summary in seconds', () => {
    const own = duration({ ...TEXT, exportedIn: 'seconds' });
    assert.deepEqual(collect('prepareZero', own, durationOf(1500, 500)), [
      ['summary', 'p_prepare_zero_seconds', { sum: 0.000002, count: 2 }],
      ['gauge', 'p_prepare_zero_min_seconds', 0.0000005],
      ['gauge', 'p_prepare_zero_max_seconds', 0.0000015],
      ['gauge', 'p_prepare_zero_avg_seconds', 0.000001],
      ['gauge', 'p_prepare_zero_jitter_seconds', 0.000001],
      ['gauge', 'p_prepare_zero_rate_per_second', 1e6],
    ]);
  });

  it('a duration64 of our own with a histogram beside it leaves sum and count to that', () => {
    const own = duration({ ...TEXT, exportedIn: 'seconds' });
    const beside = (kind: MetricDescription): Descriptions => ({ syncHistogram: kind });
    assert.deepEqual(
      collect('sync', own, durationOf(1500), beside(histogram(TEXT))).map(([, name]) => name),
      ['min_seconds', 'max_seconds', 'avg_seconds', 'jitter_seconds', 'rate_per_second'].map(
        (name) => `p_sync_${name}`,
      ),
    );
    const reference = collect('sync', duration(TEXT), durationOf(1500), beside(histogram(TEXT)));
    assert.equal(reference[0]?.[1], 'p_sync_ns');
  });

  it('an operation64 is the same, and counts failures', () => {
    const words = wordsFor(Operation64);
    recordOutcome(words, 0, 100, true);
    recordOutcome(words, 0, 200, false);
    const reading = new OperationReading(words, 0);
    assert.deepEqual(collect('openSegment', operation(TEXT), reading), [
      ['summary', 'p_open_segment_ns', { sum: 300, count: 2 }],
      ['gauge', 'p_open_segment_min_seconds', 1e-7],
      ['gauge', 'p_open_segment_max_seconds', 2e-7],
      ['gauge', 'p_open_segment_avg_seconds', 1.5e-7],
      ['gauge', 'p_open_segment_jitter_seconds', 1e-7],
      ['gauge', 'p_open_segment_rate_per_second', 2 / (300 / 1e9)],
      ['counter', 'p_open_segment_failures_total', 1],
    ]);
  });

  it('a life_cycle is turns and seconds, all and those that did work, and the last sleep', () => {
    const words = wordsFor(LifeCycle);
    recordCycle(words, 0, true, 2e9, 1e9);
    recordCycle(words, 0, false, 1e9, 5e8);
    assert.deepEqual(collect('loop', lifeCycle(TEXT), new LifeCycleReading(words, 0)), [
      ['counter', 'p_loop_cycles_total', 2],
      ['counter', 'p_loop_active_cycles_total', 1],
      ['counter', 'p_loop_seconds_total', 4.5],
      ['counter', 'p_loop_active_seconds_total', 2],
      ['gauge', 'p_loop_last_sleep_seconds', 0.5],
    ]);
  });

  it('a latency_histogram of times is in seconds, with exact and shortest bounds', () => {
    const reading = histogramOf(63, 64, 127, 128, 2 ** 36 - 1, 2 ** 36);
    const [[type, name, value] = []] = collect('appendEventHistogram', histogram(TEXT), reading);
    assert.deepEqual([type, name], ['histogram', 'p_append_event_seconds']);
    const { sum, count, buckets } = value as Histogram;
    assert.equal(sum, (63 + 64 + 127 + 128 + 2 ** 37 - 1) / 1e9);
    assert.equal(count, 6);
    assert.equal(buckets.length, 31);
    assert.deepEqual(buckets.slice(0, 3), [
      { le: 6.3e-8, count: 1 },
      { le: 1.27e-7, count: 3 },
      { le: 2.55e-7, count: 4 },
    ]);
    // The value out of range is in no bucket with a bound.
    assert.deepEqual(buckets.at(-1), { le: 68.719476735, count: 5 });
    for (const [index, { le }] of buckets.entries()) {
      // The decimal number of so many whole nanoseconds, digit by digit.
      const bound = String(2 ** (index + 6) - 1).padStart(10, '0');
      const decimal = `${bound.slice(0, -9)}.${bound.slice(-9)}`.replace(/^0+(?=\d)/, '');
      assert.equal(Number(decimal), le);
      assert.ok(String(le).replace(/e.*/, '').replace(/\D/g, '').length <= 11, String(le));
    }
  });

  it('a latency_histogram of counts has whole bounds from 1 on, and its unit behind its name', () => {
    const reading = histogramOf(0, 1, 2, 3, 4, 2 ** 40);
    const events = histogram({ ...TEXT, unit: 'events' });
    const [[type, name, value] = []] = collect('groupCommitHistogram', events, reading);
    assert.deepEqual([type, name], ['histogram', 'p_group_commit_events']);
    const { sum, count, buckets } = value as Histogram;
    assert.deepEqual({ sum, count }, { sum: 10 + 2 ** 40, count: 6 });
    assert.equal(buckets.length, 36);
    assert.deepEqual(buckets.slice(0, 3), [
      { le: 1, count: 2 },
      { le: 3, count: 4 },
      { le: 7, count: 5 },
    ]);
    assert.equal(buckets.at(-1)?.le, 2 ** 36 - 1);
    const named = collect('blockBytesHistogram', histogram({ ...TEXT, unit: 'bytes' }), reading);
    assert.equal(named[0]?.[1], 'p_block_bytes');
  });

  it('single values, each by kind and unit', () => {
    const rows: readonly (readonly [
      MetricDescription,
      number,
      CollectedLine['kind'],
      string,
      number,
    ])[] = [
      [counter(TEXT), 7, 'counter', 'p_value_total', 7],
      [counter({ ...TEXT, unit: 'bytes' }), 7, 'counter', 'p_value_total', 7],
      [counter({ ...TEXT, unit: 'ns' }), 7, 'counter', 'p_value_seconds_total', 7e-9],
      [gauge({ ...TEXT, unit: 'segments' }), 7, 'gauge', 'p_value', 7],
      [gauge({ ...TEXT, unit: 'ns' }), 7, 'gauge', 'p_value_seconds', 7e-9],
      [gauge({ ...TEXT, unit: 'ps' }), 24_500, 'gauge', 'p_value_seconds', 2.45e-8],
      [constant(TEXT), 7, 'gauge', 'p_value', 7],
      [age(TEXT), 1.5e9, 'gauge', 'p_value_seconds', 1.5],
    ];
    for (const [description, reading, ...expected] of rows) {
      assert.deepEqual(collect('value', description, reading), [expected]);
    }
  });

  it('a counter says total once', () => {
    const names = collect('totalBlockFailures', counter(TEXT), 7).map(([, name]) => name);
    assert.deepEqual(names, ['p_block_failures_total']);
  });

  it('every help text is the description’s, with what is shown of it in front', () => {
    const collector = new FakeCollector();
    const words = wordsFor(Operation64);
    const fields = { open: operation(TEXT) };
    collectMetric('p', 'open', fields, new OperationReading(words, 0), collector);
    assert.deepEqual(
      collector.lines.map(({ help }) => help),
      [
        'Help',
        'Shortest: Help',
        'Longest: Help',
        'Mean: Help',
        'Longest minus shortest: Help',
        'Samples per second of measured time: Help',
        'Failures: Help',
      ],
    );
  });

  it('a struct counts clock steps and dropped calls of all its durations', () => {
    const collector = new FakeCollector();
    const fields = { a: duration(TEXT), b: duration(TEXT), c: counter(TEXT) };
    const metrics = [
      ['a', fields.a, durationOf(CLOCK_STEP, DROPPED, DROPPED, DROPPED)],
      ['b', fields.b, durationOf(CLOCK_STEP, 5)],
      ['c', fields.c, 1],
    ] as const;
    collectStruct('p', fields, metrics, collector);
    const ending = collector.lines.slice(-2);
    assert.deepEqual(
      ending.map(({ kind, name, value }) => [kind, name, value]),
      [
        ['counter', 'p_clock_steps_total', 2],
        ['counter', 'p_dropped_samples_total', 3],
      ],
    );
  });

  it('a struct without durations has no such counters', () => {
    const collector = new FakeCollector();
    const fields = { c: counter(TEXT) };
    collectStruct('p', fields, [['c', fields.c, 1]], collector);
    assert.deepEqual(collector.names, ['p_c_total']);
  });
});

interface Histogram {
  readonly sum: number;
  readonly count: number;
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
}
