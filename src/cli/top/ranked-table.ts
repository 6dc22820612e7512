// A table whose least columns go first where a terminal is narrow.

import { piece, type TextLine } from './text-line.js';

export const NAME_WIDTH = 20;
const COLUMN_WIDTH = 10;

export interface RankedColumn<Row> {
  readonly title: string;
  /** The highest goes first. */
  readonly rank: number;
  /** At most nine characters. */
  readonly of: (row: Row) => string;
}

export function rankedTable<Row>(
  title: string,
  columns: readonly RankedColumn<Row>[],
  rows: readonly (readonly [name: string, row: Row])[],
  width: number,
): TextLine[] {
  const shown = columns.filter(
    ({ rank }) => rank < Math.floor((width - NAME_WIDTH) / COLUMN_WIDTH),
  );
  const line = (name: string, texts: readonly string[]): string =>
    name.padEnd(NAME_WIDTH) + texts.map((text) => text.padStart(COLUMN_WIDTH)).join('');
  return [
    [
      piece(
        line(
          title,
          shown.map((column) => column.title),
        ),
        'bold',
      ),
    ],
    ...rows.map(([name, row]): TextLine => {
      return [
        piece(
          line(
            name,
            shown.map(({ of }) => of(row)),
          ),
        ),
      ];
    }),
  ];
}
