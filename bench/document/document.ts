// The part of docs/BENCHMARKS.md that is made from the results in docs/benchmarks/: goals beside
// what was measured, then each result with its tables and plots. Nothing in it is typed by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { BENCHMARKS, isBenchmark } from '../benchmarks.js';
import { CONDITIONS } from '../harness/options.js';
import { formatQuantity } from '../harness/quantities.js';
import { cellsOf } from '../harness/report.js';
import { type GoalResult, isMet, type Plot, type Result } from '../harness/result.js';
import { percentilePlot } from './percentiles.js';
import { drawPlot } from './plot.js';

/** From dist/bench/document/. */
const DOCS = new URL('../../../docs/', import.meta.url);
export const RESULTS = new URL('benchmarks/', DOCS);
export const DOCUMENT = new URL('BENCHMARKS.md', DOCS);

const BEGIN = '<!-- results: written by `npm run bench -- --save` -->';
const END = '<!-- end of results -->';

export const nameOf = ({ benchmark, condition }: Result): string => `${benchmark}-${condition}`;

/** In the order of the table of benchmarks, quiet first. */
export function readResults(): Result[] {
  const order = [...Object.keys(BENCHMARKS)];
  const conditions = Object.keys(CONDITIONS);
  const rank = ({ benchmark, condition }: Result): number =>
    order.indexOf(benchmark) * conditions.length + conditions.indexOf(condition);
  return readdirSync(RESULTS)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, RESULTS), 'utf8')) as Result)
    .filter(({ benchmark }) => isBenchmark(benchmark))
    .sort((one, other) => rank(one) - rank(other));
}

/** By file name. */
export function plotsOf(result: Result): Map<string, string> {
  const plots: Plot[] = [
    ...result.plots,
    ...result.tables.flatMap((table) => percentilePlot(table) ?? []),
  ];
  return new Map(plots.map((plot, at) => [`${nameOf(result)}-${at + 1}.svg`, drawPlot(plot)]));
}

/** The document with its results replaced. */
export function withResults(document: string, results: readonly Result[]): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) {
    throw new Error(`${DOCUMENT.pathname} needs the lines '${BEGIN}' and '${END}'`);
  }
  const sections = results.map(sectionOf).join('\n');
  return `${before}${BEGIN}\n\n${goalsOf(results)}\n${sections}${END}${after}`;
}

const verdictOf = (goal: GoalResult): string => {
  const verdict = isMet(goal);
  return verdict === undefined ? '' : verdict ? 'met' : '**missed**';
};

const limitOf = ({ atMost, atLeast, unit }: GoalResult): string =>
  atMost === undefined
    ? `≥ ${formatQuantity(atLeast ?? Number.NaN, unit)}`
    : `≤ ${formatQuantity(atMost, unit)}`;

function goalsOf(results: readonly Result[]): string {
  const rows = results.flatMap((result) =>
    result.goals
      .filter(({ measured, missing }) => measured !== undefined || missing !== 'not asked for')
      .map((goal) => [
        `[${result.benchmark}](#${nameOf(result)})`,
        result.condition,
        /load [\d.]+/.exec(result.machine)?.[0] ?? '',
        goal.text,
        limitOf(goal),
        goal.measured === undefined
          ? `– (${goal.missing})`
          : formatQuantity(goal.measured, goal.unit),
        verdictOf(goal),
      ]),
  );
  const head = ['benchmark', 'condition', 'machine', 'what', 'goal', 'measured', ''];
  return `## Goals\n\n${markdownTable([head, ...rows])}`;
}

function sectionOf(result: Result): string {
  const { benchmark, condition, machine, date, rounds, tables, notes } = result;
  const { title, nonGoal } = isBenchmark(benchmark)
    ? BENCHMARKS[benchmark]
    : { title: '', nonGoal: '' };
  const images = [...plotsOf(result).keys()].map((name) => `![${name}](benchmarks/${name})\n`);
  return [
    `<a id="${nameOf(result)}"></a>\n`,
    `## ${benchmark}, ${condition}: ${title}\n`,
    `${date}, ${machine}; ${rounds} rounds; ${CONDITIONS[condition]}. Not a goal: ${nonGoal}.\n`,
    ...tables.map((table) => markdownTable(cellsOf(table))),
    ...notes.map((note) => `- ${note}\n`),
    ...images,
  ].join('\n');
}

function markdownTable(cells: readonly (readonly string[])[]): string {
  const [head = [], ...body] = cells;
  const line = (row: readonly string[]): string =>
    `| ${head.map((_, at) => (row[at] ?? '').replaceAll('|', '\\|')).join(' | ')} |\n`;
  return `${line(head)}|${'---|'.repeat(head.length)}\n${body.map(line).join('')}`;
}
