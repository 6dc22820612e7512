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
import { collectFaultyTimes, collectMetric, collectStruct } from './collecting.js';
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
  collector = new FakeCollector(),
): (readonly [CollectedLine['kind'], string, unknown])[] {
  collectMetric('p', field, { [field]: description, ...others }, reading, collector);
  return collector.lines.map(({ kind, name, value }) => [kind, name, value]);
}

describe('collecting', () => {
  it('a duration64 is a summary in seconds, and the longest', () => {
    assert.deepEqual(collect('prepareZero', duration(TEXT), durationOf(1500, 500)), [
      ['summary', 'p_prepare_zero_seconds', { sum: 0.000002, count: 2 }],
      ['gauge', 'p_prepare_zero_max_seconds', 0.0000015],
    ]);
  });

  it('a duration64 with a histogram beside it leaves sum and count to that', () => {
    const beside = { syncHistogram: histogram(TEXT) };
    assert.deepEqual(collect('sync', duration(TEXT), durationOf(1500), beside), [
      ['gauge', 'p_sync_max_seconds', 0.0000015],
    ]);
  });

  it('an operation64 is the same, and counts failures that anyone can see', () => {
    const words = wordsFor(Operation64);
    recordOutcome(words, 0, 100, true);
    recordOutcome(words, 0, 200, false);
    const reading = new OperationReading(words, 0);
    const times = [
      ['summary', 'p_open_segment_seconds', { sum: 3e-7, count: 2 }],
      ['gauge', 'p_open_segment_max_seconds', 2e-7],
    ];
    const failures = ['counter', 'p_open_segment_failures_total', 1];
    assert.deepEqual(collect('openSegment', operation(TEXT), reading), [...times, failures]);
    const unseen = operation({ ...TEXT, failures: 'unseen' });
    assert.deepEqual(collect('openSegment', unseen, reading), times);
  });

  it('the reference’s nanoseconds, and what follows from them, come only when asked for', () => {
    const asked = () => new FakeCollector({ referenceNames: true });
    const theirs = duration({ ...TEXT, reference: 'get_next_segment_ns' });
    const own = duration(TEXT);
    const reading = durationOf(1500, 500);
    const added = [
      ['summary', 'p_get_next_segment_ns', { sum: 2000, count: 2 }],
      ['gauge', 'p_get_next_segment_min_seconds', 0.0000005],
      ['gauge', 'p_get_next_segment_avg_seconds', 0.000001],
      ['gauge', 'p_get_next_segment_jitter_seconds', 0.000001],
      ['gauge', 'p_get_next_segment_rate_per_second', 1e6],
    ];
    const plain = collect('getNextSegment', own, reading);
    assert.deepEqual(collect('getNextSegment', theirs, reading), plain);
    assert.deepEqual(collect('getNextSegment', own, reading, {}, asked()), plain);
    const all = collect('getNextSegment', theirs, reading, {}, asked());
    assert.deepEqual(all, [...plain, ...added]);
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

  it('a latency_histogram whose count contradicts its cells, as damaged memory may, counts those', () => {
    const words = wordsFor(LatencyHistogram);
    for (const value of [5, 6, 7]) addValue(words, 0, value);
    words[LatencyHistogram.offset.count / Uint32Array.BYTES_PER_ELEMENT] = 1;
    const reading = new HistogramReading(words, 0);
    const [[, , value] = []] = collect('syncHistogram', histogram(TEXT), reading);
    assert.equal((value as { readonly count: number }).count, 3);
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

  it('every help text is the description’s, and says what is shown of it', () => {
    const helpOf = (description: MetricDescription, reading: MetricReading): string[] => {
      const collector = new FakeCollector({ referenceNames: true });
      collectMetric('p', 'open', { open: description }, reading, collector);
      return collector.lines.map(({ help }) => help);
    };
    const reading = new OperationReading(wordsFor(Operation64), 0);
    assert.deepEqual(helpOf(operation({ ...TEXT, reference: 'open' }), reading), [
      'Help',
      'Longest so far, kept by the thread that reads or opens the log: Help',
      'Failures: Help',
      'Help',
      'Shortest: Help',
      'Mean: Help',
      'Longest minus shortest: Help',
      'Samples per second of measured time: Help',
    ]);
    assert.deepEqual(helpOf(counter(TEXT), 1), ['Help']);
  });

  it('the help of a gauge says whose look it is, and how old it may be', () => {
    const seen = { help: 'Help', writer: 'writer', covers: 'as of the last sync' } as const;
    const helpOf = (description: MetricDescription): string | undefined => {
      const collector = new FakeCollector();
      collectMetric('p', 'value', { value: description }, 1, collector);
      return collector.lines[0]?.help;
    };
    assert.equal(helpOf(gauge(seen)), 'Help (last seen by the writer thread: as of the last sync)');
    const opened = { ...seen, covers: 'set when the log opens' };
    assert.equal(helpOf(constant(opened)), 'Help (set by the writer thread: when the log opens)');
    assert.equal(
      helpOf(age(seen)),
      'Help (as of now, since a moment set by the writer thread: as of the last sync)',
    );
  });

  it('a struct tells of how many samples a clock or a caller was wrong', () => {
    const collector = new FakeCollector();
    const fields = { a: duration(TEXT), b: duration(TEXT), c: counter(TEXT) };
    const metrics = [
      ['a', fields.a, durationOf(CLOCK_STEP, DROPPED, DROPPED, DROPPED)],
      ['b', fields.b, durationOf(CLOCK_STEP, 5)],
      ['c', fields.c, 1],
    ] as const;
    const faulty = collectStruct('p', { subsystem: undefined, fields }, metrics, collector);
    assert.deepEqual(faulty, { clockSteps: 2, dropped: 3 });
    const { length } = collector.lines;
    collectFaultyTimes('p', faulty, collector);
    assert.deepEqual(
      collector.lines.slice(length).map(({ kind, name, value }) => [kind, name, value]),
      [
        ['counter', 'p_clock_steps_total', 2],
        ['counter', 'p_dropped_samples_total', 3],
      ],
    );
  });
});

interface Histogram {
  readonly sum: number;
  readonly count: number;
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
}
