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
function collectAll(): { text: string; noted: readonly CollectedLine[] } {
  const collector = new PrometheusCollector();
  const noting = new FakeCollector();
  for (const [index, log] of LOGS.entries()) {
    for (const { Struct, system, prefix } of ALL_STRUCTS) {
      const struct = new Struct();
      fill(struct, SEED * (index + 1));
      // A copy: its ages stand still.
      const copy = new Struct();
      struct.copyTo(copy);
      for (const target of [collector, noting]) {
        target.pushLabel('log', log);
        target.pushLabel('system', system);
        copy.collect(prefix, target);
        target.popLabel();
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

describe('the Prometheus text of all structs', () => {
  const { text, noted } = collectAll();
  const families = parseExposition(text);

  it('says of every metric what was collected, with its labels', () => {
    assert.equal(noted.length, families.length * LOGS.length);
    for (const { kind, name, help, labels, value } of noted) {
      const family = families.find((each) => each.name === name);
      assert.ok(family !== undefined, name);
      assert.deepEqual([family.type, family.help], [kind, help]);
      const expected = Object.fromEntries(labels.split(',').map((label) => label.split('=')));
      // The two managers have no subsystem, as in the reference.
      const names = /_manager_/.test(name) ? ['log', 'system'] : ['log', 'system', 'subsystem'];
      assert.deepEqual(Object.keys(expected), names);
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
    const zero = families
      .filter(({ samples }) => samples.every(({ value }) => value === 0))
      .map(({ name }) => name)
      // Nothing that is filled in has a wrong start.
      .filter((name) => !/_(clock_steps|dropped_samples)_total$/.test(name));
    assert.deepEqual(zero, []);
  });

  it('promtool complains of the unit in the reference’s names, and of nothing else', {
    skip: cannotLint,
  }, () => {
    const expected = NANOSECOND_NAMES.map(
      (name) => `${name} metric names should not contain abbreviated units`,
    );
    assert.deepEqual(lint(text).sort(), expected.sort());
  });

  it('promtool has nothing against the versions that a log adds', { skip: cannotLint }, () => {
    const collector = new PrometheusCollector();
    collectBuildInfo('flashstrike_wal_recorder', buildInfo, collector);
    const [family, ...more] = parseExposition(collector.toString());
    assert.deepEqual(more, []);
    assert.equal(family?.name, 'flashstrike_wal_recorder_build_info');
    const [sample] = family.samples;
    assert.deepEqual([sample?.labels, sample?.value], [{ ...buildInfo }, 1]);
    assert.deepEqual(lint(collector.toString()), []);
  });

  it('promtool reads what is none, or badly named, and says so', { skip: cannotLint }, () => {
    assert.throws(() => lint('a{ 1\n'), /promtool ended with 1/);
    const complaints = lint('# HELP aB x\n# TYPE aB counter\naB 1\n');
    assert.match(complaints.join('\n'), /_total/);
    assert.deepEqual(lint('# HELP a_total x\n# TYPE a_total counter\na_total 1\n'), []);
  });
});
