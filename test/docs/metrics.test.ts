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
import { STEPS_OF } from '../truth/call-steps.js';
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
      assert.ok(row.includes(`\`${exported}${suffix}\``), row);
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

/** The cells of the rows of the tables in a section, their heads left out. */
function rowsOf(heading: string, ...heads: readonly string[]): string[][] {
  const [, section = ''] = document.split(`\n## ${heading}\n`);
  return (section.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !heads.some((head) => line.startsWith(`| ${head}`)))
    .map((line) => line.slice(2, -2).split(' | '));
}

/** The last cell names tests, and each of them exists. */
function assertShown(cells: readonly string[]): void {
  const shown = [...(cells.at(-1) ?? '').matchAll(/`([^`]+\.test\.ts)` “([^”]+)”/g)];
  assert.ok(shown.length > 0, `a test shows: ${cells[0]}`);
  for (const [, path = '', title = ''] of shown) {
    const titles = titlesIn(readFileSync(join(projectRoot(), path), 'utf8'));
    assert.ok(titles.includes(title), `${path} has a test “${title}”`);
  }
}

describe('reading a stall', () => {
  const rows = rowsOf('Reading a stall', 'symptom');

  test('every row has a symptom, a metric, a cause, a remedy, and a test that exists', () => {
    assert.ok(rows.length >= 9, `${rows.length} rows`);
    for (const cells of rows) {
      assert.equal(cells.length, 5, cells[0]);
      assertShown(cells);
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

describe('truth', () => {
  const rows = rowsOf('Truth', 'metric', 'what happened');

  test('every row has what is told, the truth, what was reported, and a test that exists', () => {
    assert.ok(rows.length >= 20, `${rows.length} rows`);
    for (const cells of rows) {
      assert.equal(cells.length, 4, cells[0]);
      assertShown(cells);
    }
  });

  test('every metric that system calls are counted for has a row', () => {
    const told = rows.map(([metrics = '']) => metrics).join();
    for (const metric of Object.keys(STEPS_OF)) {
      const [, field = ''] = metric.split('.');
      assert.ok(told.includes(`\`${field}\``), `a row for ${field}`);
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
