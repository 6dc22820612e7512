// The pair assertion: what the compiler proved of layout and catalogue is looked at again when the
// module loads, and each way in which the two can disagree has its sentence.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { layout, pad, u64 } from '../memory/layout.js';
import {
  counter,
  type Descriptions,
  defineMetrics,
  duration,
  gauge,
  histogram,
  journal,
  type MetricDescription,
  operation,
  sentenceCase,
  snakeCase,
} from './catalogue.js';
import { Counter64 } from './counter64.js';
import { Duration64 } from './duration64.js';
import { type ApplyNote, Journal } from './journal.js';
import { LatencyHistogram } from './latency-histogram.js';

const TEXT = { help: 'Help', writer: 'any', covers: 'all' } as const;
const apply: ApplyNote = () => {};
const grouped = { ...TEXT, group: 'wait' };

/** Wrong catalogues do not compile: here they come without types. */
const defineUntyped = defineMetrics as unknown as (
  structLayout: unknown,
  subsystem: string,
  fields: Descriptions,
) => unknown;

const Pair = layout('Pair').field(0, 'wait', Duration64).field(64, 'calls', Counter64).end(128, 64);

describe('defineMetrics', () => {
  it('names the struct as people, exporters and dumps do', () => {
    const { name, label, exportedName, subsystem } = defineMetrics(
      layout('SegmentPreparer').field(0, 'wait', Duration64).end(64, 64),
      'wal_prepare_worker',
      { wait: duration(TEXT) },
    );
    assert.deepEqual(
      { name, label, exportedName, subsystem },
      {
        name: 'SegmentPreparer',
        label: 'Segment Preparer',
        exportedName: 'segment_preparer',
        subsystem: 'wal_prepare_worker',
      },
    );
    assert.equal(snakeCase('getNextSegment'), 'get_next_segment');
    assert.equal(sentenceCase('getNextSegment'), 'Get next segment');
  });

  it('gives what is not said: unit by kind, alone, failures are seen', () => {
    const { unit, group, failures, apply: applied } = duration(TEXT);
    assert.deepEqual([unit, group, failures, applied], ['ns', undefined, 'seen', undefined]);
    assert.equal(counter(TEXT).unit, 'calls');
    assert.ok(Object.isFrozen(duration(TEXT)));
  });

  it('joins the fields of a group, its journal last, and keeps the others alone', () => {
    const { groups } = defineMetrics(
      layout('Grouped')
        .field(0, 'alone', Counter64)
        .field(64, 'wait', Duration64)
        .field(128, 'waited', Counter64)
        .field(192, 'waitHistogram', LatencyHistogram)
        .field(4480, 'waitJournal', Journal)
        .field(12800, 'spare0', pad(64))
        .field(12864, 'last', Duration64)
        .end(12928, 64),
      'test',
      {
        alone: counter(TEXT),
        wait: duration(TEXT),
        waited: counter(grouped),
        waitHistogram: histogram(grouped),
        waitJournal: journal('wait', 'any', apply),
        last: duration(TEXT),
      },
    );
    const none = { journalAt: undefined, apply: undefined };
    assert.deepEqual(groups, [
      // One counter is the first word; the other is the last, of the journal's line where there is
      // one.
      { name: 'alone', at: 0, wordCount: 16, begunAt: 15, ...none },
      // Two lines, the histogram, and of the journal the line that says what is applied.
      {
        name: 'wait',
        at: 16,
        wordCount: (64 + 64 + 4288 + 64) / 4,
        begunAt: 1135,
        journalAt: 1120,
        apply,
      },
      { name: 'last', at: 3216, wordCount: 16, begunAt: 3231, ...none },
    ]);
  });

  const wrong: Readonly<Record<string, readonly [unknown, Descriptions, string]>> = {
    'an alignment that is not a cache line': [
      layout('Loose').field(0, 'value', u64).field(8, 'spare0', pad(56)).end(64, 8),
      { value: counter(TEXT) },
      'Loose: its alignment is 8, not 64',
    ],
    'a size that is not whole cache lines': [
      // No layout can be like that; the assertion does not rely on it.
      { ...layout('Odd').field(0, 'wait', Duration64).end(64, 64), size: 72 },
      { wait: duration(TEXT) },
      'Odd: its size 72 is not a multiple of 64',
    ],
    'a field that is not described': [
      Pair,
      { wait: duration(TEXT) },
      'Pair.calls is not described',
    ],
    'a description without field': [
      Pair,
      { wait: duration(TEXT), calls: counter(TEXT), more: counter(TEXT) },
      'Pair.more is described, but is not a field',
    ],
    'descriptions in another order': [
      Pair,
      { calls: counter(TEXT), wait: duration(TEXT) },
      "Pair.calls is not described in the layout's order",
    ],
    'a field of another kind, though of the same size': [
      Pair,
      { wait: operation(TEXT), calls: counter(TEXT) },
      'Pair.wait is not of the kind operation64',
    ],
    'a field of another size': [
      Pair,
      { wait: duration(TEXT), calls: histogram(TEXT) },
      'Pair.calls is not of the kind latency_histogram',
    ],
    'a field off the lines': [
      layout('Off')
        .field(0, 'spare0', pad(8))
        .field(8, 'value', { ...Counter64, align: 8 })
        .field(72, 'spare1', pad(56))
        .end(128, 64),
      { value: counter(TEXT) },
      'Off: offset 8 of value is not a multiple of 64',
    ],
    'a group whose first field is another': [
      Pair,
      { wait: duration(TEXT), calls: counter({ ...TEXT, group: 'other' }) },
      'Pair.calls does not follow in the group other',
    ],
    'a group that begins with a member': [
      Pair,
      { wait: duration({ ...TEXT, group: 'other' }), calls: counter(TEXT) },
      'Pair.wait does not follow in the group other',
    ],
    'a group with a hole': [
      layout('Hole')
        .field(0, 'wait', Duration64)
        .field(64, 'spare0', pad(64))
        .field(128, 'calls', Counter64)
        .end(192, 64),
      { wait: duration(TEXT), calls: counter(grouped) },
      'Hole.calls does not follow in the group wait',
    ],
    'a member behind the journal': [
      layout('Late')
        .field(0, 'wait', Duration64)
        .field(64, 'waitJournal', Journal)
        .field(8384, 'calls', Counter64)
        .end(8448, 64),
      {
        wait: duration(TEXT),
        waitJournal: journal('wait', 'any', apply),
        calls: counter(grouped),
      },
      'Late.calls does not follow in the group wait',
    ],
  };
  for (const [name, [structLayout, fields, message]] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => defineUntyped(structLayout, 'test', fields), {
        name: 'AssertionFailure',
        message,
      });
    });
  }

  it('does not compile where a field is missing, too many, or the alignment is another', () => {
    const described: MetricDescription<'duration64'> = duration(TEXT);
    const calls = gauge(TEXT);
    // @ts-expect-error: calls is missing
    assert.throws(() => defineMetrics(Pair, 'test', { wait: described }));
    assert.throws(() =>
      defineMetrics(Pair, 'test', {
        wait: described,
        calls,
        // @ts-expect-error: there is no such field
        more: counter(TEXT),
      }),
    );
    const loose = layout('Loose').field(0, 'value', u64).field(8, 'spare0', pad(56)).end(64, 8);
    // @ts-expect-error: the alignment of a metrics struct must be 64, not 8
    assert.throws(() => defineMetrics(loose, 'test', { value: calls }));
  });
});
