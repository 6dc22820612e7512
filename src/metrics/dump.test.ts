// Dumps as they must come out, character by character.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addValue, recordOutcome, recordTime } from '../../test/support/records.js';
import { layout } from '../memory/layout.js';
import {
  age,
  constant,
  counter,
  defineMetrics,
  duration,
  gauge,
  histogram,
  lifeCycle,
  operation,
} from './catalogue.js';
import { addCounter, Counter64, Gauge64, setValue } from './counter64.js';
import { Duration64 } from './duration64.js';
import { LatencyHistogram } from './latency-histogram.js';
import { LifeCycle, recordCycle } from './life-cycle.js';
import { structAccess, structOf } from './metrics-struct.js';
import { Operation64 } from './operation64.js';

const TestStructLayout = layout('OneOfEach')
  .field(0, 'getNextSegment', Duration64)
  .field(64, 'openSegment', Operation64)
  .field(128, 'loop', LifeCycle)
  .field(192, 'calls', Counter64)
  .field(256, 'readBytes', Gauge64)
  .field(320, 'waitTime', Counter64)
  .field(384, 'clockCost', Gauge64)
  .field(448, 'mostSegments', Gauge64)
  .field(512, 'heartbeat', Gauge64)
  .field(576, 'waitHistogram', LatencyHistogram)
  .field(4864, 'batchHistogram', LatencyHistogram)
  .end(9152, 64);

const TEXT = { help: 'Help', writer: 'any', covers: 'all' } as const;

const ONE_OF_EACH = defineMetrics(TestStructLayout, 'test', {
  getNextSegment: duration({ ...TEXT, reference: 'get_next_segment_ns' }),
  openSegment: operation(TEXT),
  loop: lifeCycle(TEXT),
  calls: counter(TEXT),
  readBytes: gauge({ ...TEXT, unit: 'bytes' }),
  waitTime: counter({ ...TEXT, unit: 'ns' }),
  clockCost: gauge({ ...TEXT, unit: 'ps' }),
  mostSegments: constant(TEXT),
  heartbeat: age(TEXT),
  waitHistogram: histogram(TEXT),
  batchHistogram: histogram({ ...TEXT, unit: 'events' }),
});

class OneOfEach extends structOf(ONE_OF_EACH) {}

function dumped(struct: OneOfEach, label?: string): string {
  let text = '';
  struct.dump(label, { write: (part: string) => (text += part) });
  return text;
}

/** The row of one metric, after `record` was called with its words. */
function row(
  field: keyof typeof TestStructLayout.offset,
  record: (words: Uint32Array, at: number) => void,
): string | undefined {
  const struct = new OneOfEach();
  const { words, start } = structAccess(struct).memory;
  const index = Object.keys(ONE_OF_EACH.fields).indexOf(field);
  record(words, start + TestStructLayout.offset[field] / Uint32Array.BYTES_PER_ELEMENT);
  return dumped(struct).split('\n')[2 + index];
}

describe('a dump', () => {
  it('of an empty struct', () => {
    assert.equal(
      dumped(new OneOfEach()),
      [
        '[One Of Each Metrics] Snapshot:',
        '-----------------------------------------------------------------',
        ' Get next segment: samples=0',
        ' Open segment: samples=0',
        ' Loop: cycles=0',
        ' Calls: 0',
        ' Read bytes: 0',
        ' Wait time: 0ns',
        ' Clock cost: 0ns',
        ' Most segments: 0',
        ' Heartbeat: 0ns',
        ' Wait histogram: count=0',
        ' Batch histogram: count=0',
        '-----------------------------------------------------------------',
        '',
      ].join('\n'),
    );
  });

  it('that is not extended has the metrics of the reference alone, in its form', () => {
    let text = '';
    new OneOfEach().dump('Orders', { write: (part) => (text += part) }, { extended: false });
    assert.equal(
      text,
      [
        '[Orders Metrics] Snapshot:',
        '-----------------------------------------------------------------',
        ' Get next segment: samples=0',
        '-----------------------------------------------------------------',
        '',
      ].join('\n'),
    );
  });

  it('has a rule of 65 dashes, and the label that it is given', () => {
    const lines = dumped(new OneOfEach(), 'Orders').split('\n');
    assert.equal(lines[0], '[Orders Metrics] Snapshot:');
    assert.equal(lines[1]?.length, 65);
  });

  it('of a duration64: count, sum, extremes, mean and rate in scaled units', () => {
    const text = row('getNextSegment', (words, at) => {
      for (const ns of [999, 1000, 999_950, 1_000_000]) recordTime(words, at, ns);
    });
    assert.equal(
      text,
      ' Get next segment: samples=4 total=2.002ms min=999ns max=1ms avg=500.5µs rate=1.998k/s',
    );
    const slow = row('getNextSegment', (words, at) => recordTime(words, at, 59_900_000_000));
    assert.equal(
      slow,
      ' Get next segment: samples=1 total=59.9s min=59.9s max=59.9s avg=59.9s rate=0.01669/s',
    );
    const none = row('getNextSegment', (words, at) => recordTime(words, at, 0));
    assert.equal(none, ' Get next segment: samples=1 total=0ns min=0ns max=0ns avg=0ns rate=0/s');
  });

  it('of an operation64: the same, and how many succeeded', () => {
    const text = row('openSegment', (words, at) => {
      recordOutcome(words, at, 1500, true);
      recordOutcome(words, at, 500, false);
      recordOutcome(words, at, 1000, false);
    });
    assert.equal(
      text,
      ' Open segment: samples=3 total=3µs min=500ns max=1.5µs avg=1µs rate=1M/s successes=1 ' +
        'failures=2',
    );
  });

  it('of a life_cycle', () => {
    const text = row('loop', (words, at) => {
      recordCycle(words, at, true, 2_000_000, 500_000);
      recordCycle(words, at, false, 1000, 999_000);
    });
    assert.equal(text, ' Loop: cycles=2 active=1 total=3.5ms activeTime=2ms lastSleep=999µs');
  });

  it('of single values, each in its unit', () => {
    assert.equal(
      row('calls', (words, at) => addCounter(words, at, 12_345)),
      ' Calls: 12345',
    );
    assert.equal(
      row('readBytes', (words, at) => setValue(words, at, 2 ** 40)),
      ` Read bytes: ${2 ** 40}`,
    );
    assert.equal(
      row('waitTime', (words, at) => addCounter(words, at, 1500)),
      ' Wait time: 1.5µs',
    );
    assert.equal(
      row('clockCost', (words, at) => setValue(words, at, 24_500)),
      ' Clock cost: 24.5ns',
    );
    assert.equal(
      row('mostSegments', (words, at) => setValue(words, at, 7)),
      ' Most segments: 7',
    );
  });

  it('of an age: the time that has passed until the copy was taken', () => {
    const live = new OneOfEach();
    const { words, start } = structAccess(live).memory;
    const at = start + TestStructLayout.offset.heartbeat / Uint32Array.BYTES_PER_ELEMENT;
    // The monotonic clock began to count earlier than this.
    setValue(words, at, 1);
    const copy = new OneOfEach();
    live.copyTo(copy);
    const text = dumped(copy);
    assert.match(text, /^ Heartbeat: [\d.]+(µs|ms|s)$/m);
    assert.equal(dumped(copy), text);
  });

  it('of a histogram: percentiles, in time or plain, and what was out of range', () => {
    const wait = row('waitHistogram', (words, at) => {
      for (const ns of [1, 2, 3, 1000]) addValue(words, at, ns);
    });
    assert.equal(
      wait,
      ' Wait histogram: count=4 p50=2ns p90=1.023µs p99=1.023µs p99.9=1.023µs ' +
        'p99.99=1.023µs p99.999=1.023µs p99.9999=1.023µs',
    );
    const batch = row('batchHistogram', (words, at) => {
      for (const events of [1, 2, 2 ** 36]) addValue(words, at, events);
    });
    assert.equal(
      batch,
      ' Batch histogram: count=3 p50=2 p90=68719476736 p99=68719476736 p99.9=68719476736 ' +
        'p99.99=68719476736 p99.999=68719476736 p99.9999=68719476736 outOfRange=1',
    );
  });
});
