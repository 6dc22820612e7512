// The results in docs/BENCHMARKS.md, the comparison in README, and the plots are made from
// docs/benchmarks/*.json; the argument `--write` does that, and so does `npm run bench -- --save`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { README, withComparison } from '../../bench/document/comparison.js';
import {
  DOCUMENT,
  plotsOf,
  RESULTS,
  readResults,
  withResults,
} from '../../bench/document/document.js';
import { drawPlot } from '../../bench/document/plot.js';
import { writeDocument } from '../../bench/document/save.js';
import type { Plot } from '../../bench/harness/result.js';

if (process.argv.includes('--write')) writeDocument();

test('docs/BENCHMARKS.md says what the results say', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  assert.equal(document, withResults(document, readResults()));
});

test('README compares with what the results say', () => {
  const readme = readFileSync(README, 'utf8');
  assert.equal(readme, withComparison(readme, readResults()));
});

test('each plot is drawn from its result, and there is no other', () => {
  const plots = new Map(readResults().flatMap((result) => [...plotsOf(result)]));
  const names = readdirSync(RESULTS).filter((name) => name.endsWith('.svg'));
  assert.deepEqual(names.sort(), [...plots.keys()].sort());
  for (const [name, svg] of plots) {
    assert.equal(readFileSync(new URL(name, RESULTS), 'utf8'), svg, name);
  }
});

test('no result is of a small run', () => {
  for (const { benchmark, scale } of readResults()) assert.ok(scale >= 1, benchmark);
});

describe('a plot', () => {
  const plot = (points: [number, number][]): Plot => ({
    title: 'a < b & c',
    x: { label: 'x', isLogarithmic: true },
    y: { label: 'y', isLogarithmic: false },
    lines: [{ name: 'line', points }],
  });
  const places = (svg: string): string[] =>
    /<polyline points="([^"]*)"/.exec(svg)?.[1]?.split(' ') ?? [];

  test('puts the powers of ten at equal distances, and what is larger further up', () => {
    const across = places(
      drawPlot(
        plot([
          [1, 0],
          [10, 50],
          [100, 100],
        ]),
      ),
    ).map((place) => place.split(',').map(Number));
    const [first = [], second = [], third = []] = across;
    assert.equal((second[0] ?? 0) - (first[0] ?? 0), (third[0] ?? 0) - (second[0] ?? 0));
    assert.ok((first[1] ?? 0) > (second[1] ?? 0) && (second[1] ?? 0) > (third[1] ?? 0));
  });

  test('leaves out what no axis has: not a number, and 0 on a logarithmic one', () => {
    const points = places(
      drawPlot(
        plot([
          [0, 1],
          [1, 1],
          [10, Number.NaN],
          [100, 2],
        ]),
      ),
    );
    assert.equal(points.length, 2);
  });

  test('escapes names', () => {
    assert.ok(drawPlot(plot([[1, 1]])).includes('a &lt; b &amp; c'));
  });

  test('without a point is refused', () => {
    assert.throws(() => drawPlot(plot([])), /nothing to draw/);
  });
});
