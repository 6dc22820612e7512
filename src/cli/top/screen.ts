// From two looks at a log to lines of text: the screen of `top`, which fits 80 columns and 24 rows,
// and shows more where there is more room; and a panel of less, to stand among other lines. Pure:
// no clock, no terminal.

import { diagnose } from './diagnosis.js';
import { figuresOf, type Since } from './figures.js';
import type { Look } from './look.js';
import { head, shortSummary, summary, troubleLine } from './summary.js';
import { latencyTable, workTable } from './tables.js';
import { NO_PAINT, type Painters, paintLine, piece, type TextLine } from './text-line.js';

interface ScreenOptions {
  readonly columns: number;
  /** Infinity: everything there is. */
  readonly rows: number;
  readonly painters?: Painters;
  readonly since?: Since;
  /** Why there is no new opening to look at, while the last one is gone. */
  readonly reason?: string | undefined;
  /** What the keys do; the last row. */
  readonly footer?: string;
}

/** At most `rows` lines, none wider than `columns`. */
export function renderScreen(
  before: Look | undefined,
  now: Look,
  { columns, rows, painters = NO_PAINT, since = 'interval', reason, footer }: ScreenOptions,
): string[] {
  const figures = figuresOf(before, now, since);
  const troubles = diagnose(now, figures, reason);
  const [worst, ...others] = troubles;
  const body: TextLine[] = [
    ...head(now, figures, worst, columns),
    ...summary(now, figures),
    [],
    ...latencyTable(figures, now, columns, since),
  ];
  const footerRows = footer === undefined ? 0 : 2;
  const lines = [...body, ...others.map(troubleLine)];
  const work = workTable(now);
  // Half a table would leave out what nobody knows of: then rather none.
  if (lines.length + work.length + footerRows <= rows) lines.push(...work);
  const painted = lines.slice(0, rows).map((line) => paintLine(line, columns, painters));
  if (footer === undefined || !(rows > body.length)) return painted;
  const shown = painted.slice(0, rows - 1);
  while (shown.length < rows - 1) shown.push('');
  return [...shown, paintLine([piece(footer, 'dim')], columns, painters)];
}

export type PanelOptions = Pick<ScreenOptions, 'columns' | 'painters'>;

/** The screen without its details, and without what was never timed. */
export function renderPanel(
  before: Look | undefined,
  now: Look,
  { columns, painters = NO_PAINT }: PanelOptions,
): string[] {
  const figures = figuresOf(before, now);
  const latencies = figures.latencies.filter(({ histogram }) => histogram.count > 0);
  const [worst, ...others] = diagnose(now, figures);
  const lines = [
    ...head(now, figures, worst, columns),
    ...shortSummary(now, figures),
    [],
    ...latencyTable({ ...figures, latencies }, now, columns, 'interval'),
    ...others.map(troubleLine),
  ];
  return lines.map((line) => paintLine(line, columns, painters));
}
