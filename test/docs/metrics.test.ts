// The tables of docs/METRICS.md are generated from the catalogue; the argument `--write` does that
// and leaves the text around them alone. The names in that text are checked against the code.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { MetricKind } from '../../src/metrics/catalogue.js';
import { ALL_STRUCTS } from '../../src/telemetry/catalogue.js';
import { projectRoot } from '../project-root.js';
import { REFERENCE_STRUCTS, SUFFIXES } from '../telemetry/reference-names.js';
import { metricsTables } from './metrics-tables.js';

const PATH = join(projectRoot(), 'docs', 'METRICS.md');
const BEGIN =
  '<!-- generated from the catalogue by `npm run docs`; changes here are overwritten -->\n';
const END = '<!-- end of the generated part -->\n';

/** The document with the tables of now. */
function updated(document: string): string {
  const [before, rest, ...more] = document.split(BEGIN);
  const [, after, ...behind] = rest?.split(END) ?? [];
  assert.ok(before !== undefined && after !== undefined, 'both marks are there');
  assert.equal(more.length + behind.length, 0, 'each mark is there once');
  return `${before}${BEGIN}\n${metricsTables()}\n${END}${after}`;
}

if (process.argv.includes('--write')) writeFileSync(PATH, updated(readFileSync(PATH, 'utf8')));

const document = readFileSync(PATH, 'utf8');

test('docs/METRICS.md lists every metric as the catalogue has it', () => {
  assert.equal(document, updated(document));
});

test('docs/METRICS.md has every name of the reference in one table', () => {
  const [, section = ''] = document.split("### The reference's names\n");
  const table = section.split('\n### ')[0] ?? '';
  for (const { subsystem, fields } of Object.values(REFERENCE_STRUCTS)) {
    if (subsystem !== undefined) assert.ok(table.includes(`subsystem="${subsystem}"`), subsystem);
    for (const [, kind, reference, exported] of fields) {
      const [suffix = ''] = SUFFIXES[kind] ?? [];
      const row = table.split('\n').find((line) => line.includes(`| \`${reference}\` |`)) ?? '';
      assert.ok(row.includes(`\`${exported}${suffix}\``) || row.includes('in no log yet'), row);
    }
  }
});

test('docs/METRICS.md explains every kind and every thread that a metric has', () => {
  const descriptions = ALL_STRUCTS.flatMap(({ definition }) => Object.values(definition.fields));
  const [text = ''] = document.split(BEGIN);
  const names: Partial<Record<MetricKind, string>> = {
    constant64: 'constant gauge',
    age64: 'age',
    recent_max64: 'recent maximum',
  };
  for (const { kind, writer } of descriptions) {
    if (kind !== 'journal') assert.match(text, new RegExp(`^\\| ${names[kind] ?? kind} \\|`, 'm'));
    assert.match(text, new RegExp(`^\\| ${writer} \\|`, 'm'));
  }
});

describe('reading a stall', () => {
  const [, section = ''] = document.split('\n## Reading a stall\n');
  const rows = (section.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| symptom'))
    .map((line) => line.slice(2, -2).split(' | '));

  test('every row has a symptom, a metric, a cause, a remedy, and a test that exists', () => {
    assert.ok(rows.length >= 9, `${rows.length} rows`);
    for (const cells of rows) {
      assert.equal(cells.length, 5, cells[0]);
      const shown = [...(cells[4] ?? '').matchAll(/`([^`]+\.test\.ts)` “([^”]+)”/g)];
      assert.ok(shown.length > 0, `a test shows: ${cells[0]}`);
      for (const [, path = '', title = ''] of shown) {
        const titles = titlesIn(readFileSync(join(projectRoot(), path), 'utf8'));
        assert.ok(titles.includes(title), `${path} has a test “${title}”`);
      }
    }
  });

  test('every row names a metric of the catalogue, or the status and heartbeats of a thread', () => {
    const known = new Set(ALL_STRUCTS.flatMap(({ definition }) => Object.keys(definition.fields)));
    for (const [symptom, metrics = ''] of rows) {
      const names = [...metrics.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
      assert.ok(
        /heartbeat/.test(metrics) || names.some((name) => known.has(name) || name === 'status'),
        symptom,
      );
    }
  });
});

/** Titles of tests, as they stand in a source; those made from a table with its texts put in. */
function titlesIn(source: string): string[] {
  const [titles, texts] = [
    /(?:\b(?:test|it)|onBothAdapters)\(\s*['`]([^'`]+)['`]/g,
    /^ +\['([^']+)',/gm,
  ].map((pattern) => [...source.matchAll(pattern)].map(([, text = '']) => text));
  return (titles ?? []).flatMap((title) => {
    if (!title.includes('${')) return [title];
    return (texts ?? []).map((text) => title.replace(/\$\{\w+\}/, text));
  });
}
