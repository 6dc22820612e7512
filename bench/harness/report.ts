// A result as text: what a terminal shows.
import { scale } from './folder.js';
import { PRINTED } from './latencies.js';
import { formatNs, formatNumber, formatQuantity } from './quantities.js';
import { type Column, type GoalResult, isMet, type Row, type Table } from './result.js';
import { median } from './statistics.js';
import { ratioOf } from './turns.js';

/** Head and body of a table, cells as text: for terminals and documents alike. */
export function cellsOf(table: Table): string[][] {
  const { columns, baseline, rows } = table;
  const [first] = columns;
  const base = rows.find(({ way }) => way === baseline);
  const hasLatency = rows.some(({ latency }) => latency !== undefined);
  const head = [
    table.title,
    ...columns.map(headOf),
    ...(base === undefined ? [] : [`${first?.name ?? ''}, ratio`]),
    ...(hasLatency ? [...PRINTED.map((percent) => `p${percent}`), 'max'] : []),
  ];
  const body = rows.map((row) => {
    if (row.skipped !== undefined) return [row.way, `skipped: ${row.skipped}`];
    const ratio = base === undefined ? [] : [formatNumber(ratioOf(row, base, first?.name ?? ''))];
    return [
      row.way,
      ...columns.map((column) => cellOf(row, column)),
      ...ratio,
      ...(hasLatency ? latencyCells(row) : []),
    ];
  });
  return [head, ...body];
}

const headOf = ({ name, unit }: Column): string => (unit === '' ? name : `${name}, ${unit}`);

/** The median of the rounds, and their range where it is wider than a tenth. */
function cellOf(row: Row, { name }: Column): string {
  const values = (row.values[name] ?? []).filter((value) => Number.isFinite(value));
  if (values.length === 0) return '–';
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const middle = formatNumber(median(values));
  if (highest - lowest <= Math.abs(median(values)) / 10) return middle;
  return `${middle} (${formatNumber(lowest)}–${formatNumber(highest)})`;
}

function latencyCells({ latency }: Row): string[] {
  const byPercent = new Map(latency?.percentilesNs);
  return [...PRINTED, 100].map((percent) => {
    const ns = byPercent.get(percent);
    // A percentile that fewer than one sample lies above says nothing that the maximum does not.
    const isKnown = percent === 100 || (latency?.samples ?? 0) * (1 - percent / 100) >= 1;
    return ns === undefined || !isKnown ? '–' : formatNs(ns);
  });
}

export function formatTable(table: Table): string {
  const cells = cellsOf(table);
  const shaped = cells.filter((row) => row.length === cells[0]?.length);
  const widths = (cells[0] ?? []).map((_, at) =>
    Math.max(...(at === 0 ? cells : shaped).map((row) => row[at]?.length ?? 0)),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widthAt(row, at))))
      .join('  '),
  );
  function widthAt(row: readonly string[], at: number): number {
    return row.length === cells[0]?.length ? (widths[at] ?? 0) : 0;
  }
  return `${lines.join('\n')}\n`;
}

/** `1.13 × (goal: at most 1.2 ×): met` */
export function verdictOf(goal: GoalResult): string {
  const limit =
    goal.atMost === undefined
      ? `at least ${formatQuantity(goal.atLeast ?? Number.NaN, goal.unit)}`
      : `at most ${formatQuantity(goal.atMost, goal.unit)}`;
  if (goal.measured === undefined) return `not measured: ${goal.missing} (goal: ${limit})`;
  const verdict = scale < 1 ? 'too small to tell' : isMet(goal) === true ? 'met' : 'MISSED';
  return `${formatQuantity(goal.measured, goal.unit)} (goal: ${limit}): ${verdict}`;
}
