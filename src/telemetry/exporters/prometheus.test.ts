import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../test/support/properties.js';
import { parseExposition } from '../../../test/telemetry/exposition.js';
import { FakeClock } from '../../clock/fake-clock.js';
import type { CollectedBucket } from '../../metrics/collector.js';
import {
  SegmentPreparer,
  SegmentPreparerUpdater,
} from '../recorder/worker/segment-preparer-metrics.js';
import { PrometheusCollector } from './prometheus.js';

const named = (name: string, help = 'Help'): { name: string; help: string } => ({ name, help });
const refused = (message: string | RegExp): object => ({
  name: 'WalError',
  code: 'ERR_FLASHSTRIKE_INVALID_ARGUMENT',
  message,
});
const ONE_HISTOGRAM = { sum: 5, count: 3, buckets: [{ le: 1, count: 2 }] };

/** The lines of what `collect` puts into a collector, ends of lines left out. */
function linesOf(collect: (collector: PrometheusCollector) => void): string[] {
  const collector = new PrometheusCollector();
  collect(collector);
  return collector.toString().split('\n').slice(0, -1);
}

describe('PrometheusCollector', () => {
  it('is empty at first, and tells the type of its text', () => {
    const collector = new PrometheusCollector();
    assert.equal(collector.toString(), '');
    assert.equal(collector.contentType, 'text/plain; version=0.0.4; charset=utf-8');
  });

  it('writes every type, in the order of collection', () => {
    const lines = linesOf((collector) => {
      collector.summary(named('wait_ns', 'Time spent waiting'), { sum: 1500, count: 2 });
      collector.gauge(named('depth'), -2.5);
      collector.histogram(named('size_bytes'), {
        sum: 70,
        count: 4,
        buckets: [
          { le: 0.001023, count: 0 },
          { le: 63, count: 3 },
        ],
      });
      collector.counter(named('calls_total'), 2 ** 53 - 1);
    });
    assert.deepEqual(lines, [
      '# HELP wait_ns Time spent waiting',
      '# TYPE wait_ns summary',
      'wait_ns_sum 1500',
      'wait_ns_count 2',
      '# HELP depth Help',
      '# TYPE depth gauge',
      'depth -2.5',
      '# HELP size_bytes Help',
      '# TYPE size_bytes histogram',
      'size_bytes_bucket{le="0.001023"} 0',
      'size_bytes_bucket{le="63"} 3',
      'size_bytes_bucket{le="+Inf"} 4',
      'size_bytes_sum 70',
      'size_bytes_count 4',
      '# HELP calls_total Help',
      '# TYPE calls_total counter',
      'calls_total 9007199254740991',
    ]);
  });

  it('a family that is collected again with other labels keeps one head and one group', () => {
    const lines = linesOf((collector) => {
      for (const log of ['orders', 'trades']) {
        collector.pushLabel('log', log);
        collector.counter(named('a_total'), 1);
        collector.pushLabel('part', 'x');
        collector.histogram(named('b'), ONE_HISTOGRAM);
        collector.popLabel();
        collector.popLabel();
      }
      collector.counter(named('a_total'), 2);
    });
    assert.deepEqual(lines, [
      '# HELP a_total Help',
      '# TYPE a_total counter',
      'a_total{log="orders"} 1',
      'a_total{log="trades"} 1',
      'a_total 2',
      '# HELP b Help',
      '# TYPE b histogram',
      ...['orders', 'trades'].flatMap((log) => [
        `b_bucket{log="${log}",part="x",le="1"} 2`,
        `b_bucket{log="${log}",part="x",le="+Inf"} 3`,
        `b_sum{log="${log}",part="x"} 5`,
        `b_count{log="${log}",part="x"} 3`,
      ]),
    ]);
  });

  it('refuses options that are none', () => {
    for (const options of [null, 'referenceNames', { referenceNames: 1 }]) {
      // @ts-expect-error: a caller without types
      assert.throws(() => new PrometheusCollector(options), refused(/option/));
    }
    assert.equal(new PrometheusCollector().referenceNames, false);
    assert.equal(new PrometheusCollector({}).referenceNames, false);
    assert.equal(new PrometheusCollector({ referenceNames: true }).referenceNames, true);
  });

  it('tells which labels apply', () => {
    const collector = new PrometheusCollector();
    assert.equal(collector.hasLabel('log'), false);
    collector.pushLabel('log', '');
    assert.equal(collector.hasLabel('log'), true);
    assert.equal(collector.hasLabel('lo'), false);
    collector.popLabel();
    assert.equal(collector.hasLabel('log'), false);
  });

  it('two structs go into one collector, told apart by a label, and without one they do not', () => {
    const clock = new FakeClock();
    const collector = new PrometheusCollector();
    for (const [log, tookNs] of [
      ['left', 40],
      ['right', 2000],
    ] as const) {
      const metrics = new SegmentPreparer();
      const updater = new SegmentPreparerUpdater(metrics, clock);
      updater.onGetNextSegment(clock.nowNs() - tookNs);
      collector.pushLabel('log', log);
      metrics.collect('p', collector);
      collector.popLabel();
    }
    const text = collector.toString();
    const [family] = parseExposition(text);
    assert.equal(family?.name, 'p_get_next_segment_max_seconds');
    assert.deepEqual(
      family.samples.map(({ labels, value }) => [labels, value]),
      [
        [{ log: 'left' }, 4e-8],
        [{ log: 'right' }, 2e-6],
      ],
    );
    collector.pushLabel('log', 'left');
    assert.throws(
      () => new SegmentPreparer().collect('p', collector),
      refused(/p_get_next_segment_max_seconds\{.*\} is collected twice: push a label/),
    );
    assert.equal(collector.toString(), text);
  });

  it('refuses a series twice, whatever the order of its labels, and counts an empty one as none', () => {
    const collector = new PrometheusCollector();
    const withLabels = (...labels: readonly (readonly [string, string])[]): void => {
      for (const [name, value] of labels) collector.pushLabel(name, value);
      try {
        collector.gauge(named('g'), 1);
      } finally {
        for (const _ of labels) collector.popLabel();
      }
    };
    withLabels(['a', '1'], ['b', '2']);
    const message = 'g{b="2",a="1"} is collected twice: push a label that distinguishes the two.';
    assert.throws(() => withLabels(['b', '2'], ['a', '1']), refused(message));
    withLabels(['a', '1']);
    assert.throws(() => withLabels(['a', '1'], ['c', '']), refused(/is collected twice/));
    withLabels();
    assert.throws(() => withLabels(), refused(/^g is collected twice/));
    assert.equal(parseExposition(collector.toString())[0]?.samples.length, 3);
  });

  it('refuses a second type and a second help text of a name', () => {
    const collector = new PrometheusCollector();
    collector.gauge(named('x'), 1);
    collector.pushLabel('a', 'b');
    const typed = 'x is collected as a counter, but was collected as a gauge before.';
    assert.throws(() => collector.counter(named('x'), 1), refused(typed));
    const helped = 'x is collected with two different help texts.';
    assert.throws(() => collector.gauge(named('x', 'Other'), 1), refused(helped));
  });

  it('refuses names that the lines of another family have', () => {
    const collector = new PrometheusCollector();
    collector.summary(named('s'), { sum: 1, count: 1 });
    collector.counter(named('h_bucket'), 1);
    const counted = 's_count would belong to both s and s_count.';
    assert.throws(() => collector.gauge(named('s_count'), 1), refused(counted));
    const bucket = 'h_bucket would belong to both h_bucket and h.';
    assert.throws(() => collector.histogram(named('h'), ONE_HISTOGRAM), refused(bucket));
    // What was refused has left nothing behind.
    collector.gauge(named('h_sum'), 1);
  });

  it('refuses names that the format does not have', () => {
    const collector = new PrometheusCollector();
    for (const name of ['', '1a', 'a-b', 'a b', 'ä', 'a\n', 'a{']) {
      assert.throws(
        () => collector.gauge(named(name), 1),
        refused(/cannot be the name of a metric/),
      );
    }
    for (const label of ['', '1a', 'a:b', 'a-b', '__a', 'le', 'quantile', 'a\n']) {
      assert.throws(
        () => collector.pushLabel(label, 'x'),
        refused(/cannot be the name of a label/),
      );
    }
    assert.throws(
      () => collector.gauge(named('a\u001b[2J'), 1),
      refused('"a\\u{1b}[2J" cannot be the name of a metric.'),
    );
    collector.gauge(named('_a:B9'), 1);
    collector.pushLabel('_a9', 'x');
    assert.throws(() => collector.pushLabel('_a9', 'y'), refused(/Label _a9 is already set/));
    collector.popLabel();
    assert.throws(() => collector.popLabel(), refused('There is no label to pop.'));
    assert.equal(collector.toString(), '# HELP _a:B9 Help\n# TYPE _a:B9 gauge\n_a:B9 1\n');
  });

  it('refuses what is no string or no number, from callers without types', () => {
    const collector = new PrometheusCollector();
    const notText = refused('The value of label a is not a string.');
    // @ts-expect-error: no string
    assert.throws(() => collector.pushLabel('a', 1), notText);
    // @ts-expect-error: no string
    assert.throws(() => collector.pushLabel(undefined, 'a'), refused(/"undefined" cannot be/));
    const noHelp = refused(/help text of a is not a string/);
    // @ts-expect-error: no string
    assert.throws(() => collector.gauge({ name: 'a' }, 1), noHelp);
    // @ts-expect-error: no string
    assert.throws(() => collector.gauge({ name: 7, help: '' }, 1), refused(/"7" cannot be/));
    // @ts-expect-error: no number
    assert.throws(() => collector.gauge(named('a'), 1n), refused('a: 1 is not a number.'));
    // @ts-expect-error: no number
    assert.throws(() => collector.counter(named('a'), '1'), refused('a: 1 is not a number.'));
    assert.equal(collector.toString(), '');
  });

  it('refuses counts below zero', () => {
    const collector = new PrometheusCollector();
    for (const count of [-1, Number.NaN]) {
      const message = refused(`a: ${count} is not a count.`);
      assert.throws(() => collector.counter(named('a'), count), message);
      assert.throws(() => collector.summary(named('a'), { sum: 0, count }), message);
      const { buckets } = ONE_HISTOGRAM;
      assert.throws(() => collector.histogram(named('a'), { sum: 0, count, buckets }), message);
    }
  });

  it('refuses buckets that do not ascend or are not cumulative', () => {
    const wrong: readonly (readonly [readonly CollectedBucket[], RegExp])[] = [
      [
        [
          { le: 2, count: 0 },
          { le: 1, count: 0 },
        ],
        /bucket 1 comes after bucket 2/,
      ],
      [
        [
          { le: 1, count: 0 },
          { le: 1, count: 0 },
        ],
        /bucket 1 comes after bucket 1/,
      ],
      [[{ le: Number.NaN, count: 0 }], /bucket NaN comes after/],
      [[{ le: Number.POSITIVE_INFINITY, count: 0 }], /bucket Infinity comes after bucket Inf/],
      [
        [
          { le: 1, count: 2 },
          { le: 2, count: 1 },
        ],
        /bucket 2 counts 1, the one before 2/,
      ],
      [[{ le: 1, count: 4 }], /bucket Infinity counts 3, the one before 4/],
    ];
    const collector = new PrometheusCollector();
    for (const [buckets, message] of wrong) {
      const value = { sum: 1, count: 3, buckets };
      assert.throws(() => collector.histogram(named('h'), value), refused(message));
    }
    assert.equal(collector.toString(), '');
  });

  it('any text and any number come back out of the lines', () => {
    const text = fc.string({ unit: 'binary' });
    const numbers = fc.array(fc.double(), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(text, text, numbers, (help, label, values) => {
        const collector = new PrometheusCollector();
        for (const [index, value] of values.entries()) {
          collector.pushLabel('index', String(index));
          collector.pushLabel('label', label);
          collector.gauge(named('g', help), value);
          collector.popLabel();
          collector.popLabel();
        }
        const [family] = parseExposition(collector.toString());
        assert.equal(family?.help, help);
        assert.ok(family.samples.every(({ labels }) => labels['label'] === label));
        // Minus zero is written as 0.
        assert.deepEqual(
          family.samples.map(({ value }) => value + 0),
          values.map((value) => value + 0),
        );
      }),
    );
  });

  it('spells numbers as Prometheus does', () => {
    const spellings: readonly (readonly [number, string])[] = [
      [Number.POSITIVE_INFINITY, '+Inf'],
      [Number.NEGATIVE_INFINITY, '-Inf'],
      [Number.NaN, 'NaN'],
      [0, '0'],
      [2 ** 53, '9007199254740992'],
      [63 / 1e9, '6.3e-8'],
      [1.5, '1.5'],
    ];
    for (const [value, spelling] of spellings) {
      const lines = linesOf((collector) => collector.gauge(named('g'), value));
      assert.equal(lines.at(-1), `g ${spelling}`);
    }
  });

  it('escapes line breaks and backslashes, in labels quotes as well', () => {
    const lines = linesOf((collector) => {
      collector.pushLabel('path', 'C:\\x "y"\nz');
      collector.gauge(named('g', 'C:\\x "y"\nz'), 1);
    });
    assert.deepEqual(lines, [
      '# HELP g C:\\\\x "y"\\nz',
      '# TYPE g gauge',
      'g{path="C:\\\\x \\"y\\"\\nz"} 1',
    ]);
  });
});
