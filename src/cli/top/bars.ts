// Pictures of one character's height: how full something is, and how values are distributed.

import type { HistogramReading } from '../../telemetry.js';

const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** `████░░░░` */
export function fillBar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  // What is there is seen.
  const shown = share > 0 && filled === 0 ? 1 : filled;
  return '█'.repeat(shown) + '░'.repeat(width - shown);
}

/**
 * Columns of equal width on a logarithmic axis from 10 ns to 1 s; what lies beyond is at its ends.
 */
export class LogAxis {
  static readonly #FIRST_DECADE = 1;
  static readonly #DECADES = 8;
  static readonly #LABELS = ['10n', '1µ', '.1m', '10m'];
  readonly #columnsPerDecade: number;

  /** As wide as fits into `width`; none where there is not a column for each decade. */
  static within(width: number): LogAxis | undefined {
    return width < LogAxis.#DECADES ? undefined : new LogAxis(width);
  }

  /** At least a column a decade. */
  constructor(width: number) {
    this.#columnsPerDecade = Math.max(1, Math.floor(width / LogAxis.#DECADES));
  }

  get width(): number {
    return this.#columnsPerDecade * LogAxis.#DECADES;
  }

  /** Every second decade, above the column that begins with it. */
  get labels(): string {
    const labelWidth = 2 * this.#columnsPerDecade;
    return LogAxis.#LABELS.map((label) => label.slice(0, labelWidth).padEnd(labelWidth)).join('');
  }

  #columnOf(value: number): number {
    const decades = Math.log10(Math.max(1, value)) - LogAxis.#FIRST_DECADE;
    const column = Math.floor(decades * this.#columnsPerDecade);
    return Math.min(this.width - 1, Math.max(0, column));
  }

  /** A row of blocks, the fullest column full; a blank where nothing is. */
  row(histogram: HistogramReading): string {
    const columns = new Array<number>(this.width).fill(0);
    const add = (value: number, count: number): void => {
      const column = this.#columnOf(value);
      columns[column] = (columns[column] ?? 0) + count;
    };
    for (const { from, to, count } of histogram.cells) add(Math.sqrt(from * to), count);
    if (histogram.outOfRange > 0) add(Number.MAX_VALUE, histogram.outOfRange);
    const most = Math.max(...columns);
    const level = (count: number): string =>
      count === 0 ? ' ' : (LEVELS[Math.ceil((count / most) * LEVELS.length) - 1] ?? LEVELS[0]);
    return columns.map(level).join('');
  }
}
