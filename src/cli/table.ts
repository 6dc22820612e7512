// A table in plain text: columns as wide as their widest cell, two spaces between them.

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Lines without trailing blanks; every row has one cell a column. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const formatRow = (cells: readonly string[]): string =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? '';
        const width = widths[index] ?? 0;
        return column.align === 'left' ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd();
  return [columns.map((column) => column.title), ...rows].map(formatRow);
}
