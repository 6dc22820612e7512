// The comparison in README: figures of the results that docs/BENCHMARKS.md tells in full.

import type { Condition } from '../harness/options.js';
import { formatNumber } from '../harness/quantities.js';
import type { Result, Row } from '../harness/result.js';
import { median } from '../harness/statistics.js';

/** From dist/bench/document/. */
export const README = new URL('../../../README.md', import.meta.url);

const BEGIN = '<!-- made by `npm run docs`; changes here are overwritten -->\n';
const END = '<!-- end of what is made -->';

interface Measurement {
  readonly head: string;
  readonly benchmark: string;
  readonly table: string;
  readonly column: string;
}

const MEASUREMENTS: readonly Measurement[] = [
  {
    head: 'on disk, one at a time',
    benchmark: 'peers',
    table: 'survives a power cut',
    column: 'single',
  },
  {
    head: 'on disk, 100 at a time',
    benchmark: 'peers',
    table: 'survives a power cut',
    column: 'batched',
  },
  {
    head: 'HTTP answers once on disk, 64 connections',
    benchmark: 'http',
    table: '64 connections, wrk',
    column: 'rate',
  },
  {
    head: 'survives `kill -9`, one at a time',
    benchmark: 'peers',
    table: 'survives a kill -9',
    column: 'single',
  },
];

/** As README calls them, and as the benchmarks do: the first of the names that a table has. */
const WAYS: readonly (readonly [string, ...string[]])[] = [
  ['**Flashstrike**', 'Flashstrike append + durable()', 'Flashstrike append'],
  ['`fs.writeSync`, on disk: + `fdatasyncSync`', 'fs.writeSync + fdatasyncSync', 'fs.writeSync'],
  [
    '20 lines of group commit (`appendFile`, `datasync`)',
    '20 lines of group commit (appendFile + datasync)',
  ],
  ['better-sqlite3, `FULL`; kill: `OFF`', 'better-sqlite3 FULL', 'better-sqlite3 OFF'],
  ['LMDB, flushed', 'lmdb, flushed'],
  [
    'LevelDB (classic-level), kill: `sync: false`',
    'classic-level, sync: true',
    'classic-level, sync: false',
  ],
  ['sonic-boom, on disk: `fsync`', 'sonic-boom, sync, fsync', 'sonic-boom, sync'],
];
const CONDITION: Condition = 'quiet';

function resultOf(results: readonly Result[], name: string): Result {
  const found = results.find(
    ({ benchmark, condition }) => benchmark === name && condition === CONDITION,
  );
  if (found === undefined) throw new Error(`there is no result of ${name}, ${CONDITION}`);
  return found;
}

const finite = (values: readonly number[]): number[] => values.filter(Number.isFinite);

/** The median of the rounds, or undefined: it did not take part. */
function middleOf(row: Row | undefined, column: string): number | undefined {
  const values = finite(row?.values[column] ?? []);
  return values.length === 0 ? undefined : median(values);
}

function measured(results: readonly Result[], at: Measurement): (number | undefined)[] {
  const table = resultOf(results, at.benchmark).tables.find(({ title }) => title === at.table);
  if (table === undefined) throw new Error(`${at.benchmark} has no table “${at.table}”`);
  return WAYS.map(([, ...names]) => {
    const row = names
      .map((name) => table.rows.find(({ way }) => way === name))
      .find((candidate) => candidate !== undefined);
    return middleOf(row, at.column);
  });
}

function comparison(results: readonly Result[]): string {
  const columns = MEASUREMENTS.map((at) => measured(results, at));
  const head = ['events a second', ...MEASUREMENTS.map(({ head }) => head)];
  const rows = WAYS.map(([name], way) => [
    name,
    ...columns.map((values) => {
      const value = values[way];
      return value === undefined ? '–' : formatNumber(value);
    }),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const ranks = MEASUREMENTS.map((at, index) => {
    const [own = 0, ...others] = columns[index] ?? [];
    const known = others.filter((value) => value !== undefined);
    const faster = known.filter((value) => value > own).length;
    return `- ${at.head}: ${faster} of ${known.length} others are faster.`;
  });
  const [peers, http] = [resultOf(results, 'peers'), resultOf(results, 'http')];
  const sustained = resultOf(results, 'append-sustained').tables[0];
  const nsOf = (way: string): string => {
    const ns = middleOf(
      sustained?.rows.find((row) => row.way === way),
      'append',
    );
    return ns === undefined ? '–' : formatNumber(ns);
  };
  const coarse = nsOf('append, coarse time');
  const reference = nsOf('the C++ reference, its metrics on');
  return [
    `${line(head)}|${'---|'.repeat(head.length)}\n${rows.map(line).join('')}`,
    'Where Flashstrike stands among these:\n',
    ...ranks,
    `- Ten million appends without a pause: ${coarse} ns each (coarse time); the C++ reference, ` +
      `which syncs nothing, ${reference} ns.\n`,
    `Events of 40 bytes (HTTP: 120), medians of ${peers.rounds} and ${http.rounds} rounds on ` +
      `${peers.date}, on a **shared virtual machine with two cores** ` +
      `(${loadOf(peers)}, ${loadOf(http)}): take ratios, and only large ones.`,
    '[BENCHMARKS](docs/BENCHMARKS.md) has the ranges, the method, and all goals that were ' +
      'missed; `npm run bench -- peers http` measures on yours.\n\n',
  ].join('\n');
}

const loadOf = ({ machine }: Result): string => /load [\d.]+/.exec(machine)?.[0] ?? 'load unknown';

/** README with the figures of these results. */
export function withComparison(readme: string, results: readonly Result[]): string {
  const [before, rest, ...more] = readme.split(BEGIN);
  const at = rest?.indexOf(END) ?? -1;
  if (before === undefined || rest === undefined || at < 0 || more.length > 0) {
    throw new Error('README has not exactly one place for the comparison');
  }
  return `${before}${BEGIN}\n${comparison(results)}${rest.slice(at)}`;
}
