// The text of all structs: read back by the format's rules, and looked at by Prometheus' linter.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CollectedLine, FakeCollector } from '../../src/metrics/fake-collector.js';
import { buildInfo, collectBuildInfo } from '../../src/telemetry/build-info.js';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import { PrometheusCollector } from '../../src/telemetry/exporters/prometheus.js';
import { cannotLint, lint } from '../support/promtool.js';
import { type ExposedFamily, parseExposition, type Sample, sampleValue } from './exposition.js';
import { fill } from './filled-struct.js';
import { NANOSECOND_NAMES } from './reference-names.js';

const SEED = 1000;
/** What a log's label tells apart. */
const LOGS = ['orders', 'trades'] as const;

/** All structs of two logs, filled, as the text and as a collector that only notes. */
function collectAll(referenceNames: boolean): { text: string; noted: readonly CollectedLine[] } {
  const collector = new PrometheusCollector({ referenceNames });
  const noting = new FakeCollector({ referenceNames });
  for (const [index, log] of LOGS.entries()) {
    for (const { Struct, prefix } of ALL_STRUCTS) {
      const struct = new Struct();
      fill(struct, SEED * (index + 1));
      // A copy: its ages stand still.
      const copy = new Struct();
      struct.copyTo(copy);
      for (const target of [collector, noting]) {
        target.pushLabel('log', log);
        copy.collect(prefix, target);
        target.popLabel();
      }
    }
  }
  return { text: collector.toString(), noted: noting.lines };
}

/** The value that a collector was given, from the samples that it became. */
function collectedValue({ name, type }: ExposedFamily, series: readonly Sample[]): unknown {
  const one = (suffix: string): number => sampleValue(`${name}${suffix}`, series);
  if (type === 'counter' || type === 'gauge') return one('');
  const totals = { sum: one('_sum'), count: one('_count') };
  if (type === 'summary') return totals;
  const buckets = series
    .filter(({ labels }) => labels['le'] !== undefined && labels['le'] !== '+Inf')
    .map(({ labels, value }) => ({ le: Number(labels['le']), count: value }));
  return { ...totals, buckets };
}

/** What promtool complains of: the unit in the names that only the option brings. */
const COMPLAINTS = NANOSECOND_NAMES.map(
  (name) => `${name} metric names should not contain abbreviated units`,
).sort();

for (const [asked, referenceNames] of [
  ['', false],
  [', with the reference’s names', true],
] as const) {
  describe(`the Prometheus text of all structs${asked}`, () => {
    const { text, noted } = collectAll(referenceNames);
    const families = parseExposition(text);

    it('says of every metric what was collected, with its labels', () => {
      assert.equal(noted.length, families.length * LOGS.length);
      for (const { kind, name, help, labels, value } of noted) {
        const family = families.find((each) => each.name === name);
        assert.ok(family !== undefined, name);
        assert.deepEqual([family.type, family.help], [kind, help]);
        const expected = Object.fromEntries(labels.split(',').map((label) => label.split('=')));
        // The two managers have no subsystem, as in the reference.
        const isLabelled = referenceNames && !/_(manager|opening)_/.test(name);
        assert.deepEqual(Object.keys(expected), isLabelled ? ['log', 'subsystem'] : ['log']);
        const series = family.samples.filter((sample) => sample.labels['log'] === expected['log']);
        assert.deepEqual(collectedValue(family, series), value, name);
        for (const { labels: all } of series) {
          const { le: _, ...own } = all;
          assert.deepEqual(own, expected);
        }
      }
    });

    it('has the families in the order in which they were collected', () => {
      const order = [...new Set(noted.map(({ name }) => name))];
      assert.deepEqual(
        families.map(({ name }) => name),
        order,
      );
    });

    it('shows a value in every metric of a filled struct', () => {
      const zero = families.filter(({ samples }) => samples.every(({ value }) => value === 0));
      assert.deepEqual(
        zero.map(({ name }) => name),
        [],
      );
    });

    it(`promtool complains of ${referenceNames ? 'the unit in those names' : 'nothing'}`, {
      skip: cannotLint,
    }, () => {
      assert.deepEqual(lint(text).sort(), referenceNames ? COMPLAINTS : []);
    });
  });
}

describe('promtool', () => {
  it('has nothing against the versions that a log adds', { skip: cannotLint }, () => {
    const collector = new PrometheusCollector();
    collectBuildInfo('flashstrike_wal_recorder', buildInfo, collector);
    const [family, ...more] = parseExposition(collector.toString());
    assert.deepEqual(more, []);
    assert.equal(family?.name, 'flashstrike_wal_recorder_build_info');
    const [sample] = family.samples;
    assert.deepEqual([sample?.labels, sample?.value], [{ ...buildInfo }, 1]);
    assert.deepEqual(lint(collector.toString()), []);
  });

  it('reads what is none, or badly named, and says so', { skip: cannotLint }, () => {
    assert.throws(() => lint('a{ 1\n'), /promtool ended with 1/);
    const complaints = lint('# HELP aB x\n# TYPE aB counter\naB 1\n');
    assert.match(complaints.join('\n'), /_total/);
    assert.deepEqual(lint('# HELP a_total x\n# TYPE a_total counter\na_total 1\n'), []);
  });
});
