// From two looks at a log to lines of text: the screen of `top`, which fits 80 columns and 24 rows,
// and shows more where there is more room; and a panel of less, to stand among other lines. What
// does not fit is said. Pure: no clock, no terminal.

import { diagnose } from '../diagnosis/diagnosis.js';
import { figuresOf, type Since } from '../diagnosis/figures.js';
import type { Look } from '../diagnosis/look.js';
import { consumersTable } from './consumers-table.js';
import { moreRows } from './more-rows.js';
import { head, history, summary } from './summary.js';
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

/** A lower screen is too low for what the keys do, and for what is left out. */
const LOWEST_ROWS = 4;

/** At most `rows` lines, none wider than `columns`. */
export function renderScreen(
  before: Look | undefined,
  now: Look,
  { columns, rows, painters = NO_PAINT, since = 'interval', reason, footer }: ScreenOptions,
): string[] {
  const figures = figuresOf(before, now, since);
  const parts: ScreenParts = {
    now: [
      ...head(now, figures, diagnose(now, figures, reason), columns),
      ...summary(now, figures, columns),
    ],
    history: history(now, columns),
    latencies: [[], ...latencyTable(figures, now, columns, since)],
    work: [...consumersTable(now.consumers, columns), ...workTable(now, columns)],
  };
  const hasFooter = footer !== undefined && rows >= LOWEST_ROWS;
  const room = hasFooter ? rows - 1 : rows;
  const lines = fitted(parts, room);
  if (hasFooter) {
    while (lines.length < room) lines.push([]);
    lines.push([piece(footer, 'dim')]);
  }
  return lines.map((line) => paintLine(line, columns, painters));
}

interface ScreenParts {
  readonly now: readonly TextLine[];
  readonly history: readonly TextLine[];
  readonly latencies: readonly TextLine[];
  readonly work: readonly TextLine[];
}

/** What fits into `room` rows, and a row that says what does not. */
function fitted({ now, history, latencies, work }: ScreenParts, room: number): TextLine[] {
  const body = [...now, ...history, ...latencies];
  if (body.length + work.length <= room) return [...body, ...work];
  if (room < LOWEST_ROWS - 1) return body.slice(0, room);
  const withWords = (lines: readonly TextLine[]): TextLine[] =>
    lines.filter((line) => line.length > 0);
  // What is least about now goes first. Half a table of work would leave out what nobody knows of:
  // then rather none.
  const lines = body.length < room ? body : withWords([...now, ...latencies, ...history]);
  const shown = lines.slice(0, room - 1);
  const left = lines.length - shown.length + withWords(work).length;
  while (shown.length < room - 1) shown.push([]);
  return [...shown, [piece(moreRows(left), 'dim')]];
}

export type PanelOptions = Pick<ScreenOptions, 'columns' | 'painters'>;

/** The screen without its details. */
export function renderPanel(
  before: Look | undefined,
  now: Look,
  { columns, painters = NO_PAINT }: PanelOptions,
): string[] {
  const figures = figuresOf(before, now);
  const lines = [
    ...head(now, figures, diagnose(now, figures), columns),
    ...summary(now, figures, columns),
    [],
    ...latencyTable(figures, now, columns, 'interval'),
  ];
  return lines.map((line) => paintLine(line, columns, painters));
}
