// The same work at growing sizes: a table with a row a size, and a plot for each unit of its
// columns. The sizes take turns, as ways do.
import type { Column, Line, Unit } from './result.js';
import type { Run } from './run.js';
import { median } from './statistics.js';
import type { Sample } from './turns.js';

export interface Sweep {
  readonly title: string;
  /** What grows. */
  readonly label: string;
  readonly sizes: readonly number[];
  readonly columns: readonly Column[];
  nameOf(size: number): string;
  /** Columns that the plots leave out. */
  readonly unplotted?: readonly string[];
  measure(size: number): Promise<Sample> | Sample;
}

const UNIT_LABELS: Partial<Readonly<Record<Unit, string>>> = { '/s': 'a second' };

/** The median of a column at a size. */
export type SweepReading = (size: number, column: string) => number;

export async function sweep(run: Run, sweep: Sweep): Promise<SweepReading> {
  const { title, label, sizes, columns, unplotted = [] } = sweep;
  const ways = sizes.map((size) => ({
    name: sweep.nameOf(size),
    run: () => sweep.measure(size),
  }));
  const rows = await run.compare(title, columns, ways);
  const reading: SweepReading = (size, column) =>
    median(rows.get(sweep.nameOf(size))?.values[column] ?? []);
  for (const unit of new Set(columns.map((column) => column.unit))) {
    const lines = columns
      .filter((column) => column.unit === unit && !unplotted.includes(column.name))
      .map(
        ({ name }): Line => ({
          name,
          points: sizes.map((size) => [size, reading(size, name)] as const),
        }),
      );
    if (lines.length === 0) continue;
    run.plot({
      title,
      x: { label, isLogarithmic: true },
      y: { label: UNIT_LABELS[unit] ?? unit, isLogarithmic: true },
      lines,
    });
  }
  return reading;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB'] as const;

/** 65536 is `64 KiB`. */
export function bytesText(bytes: number): string {
  const power = bytes === 0 ? 0 : Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${+(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}
