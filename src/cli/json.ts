// JSON for programs: ids and sizes are numbers (below 2^53), 64-bit values are decimal strings.

const stringify = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (_key, field) => (typeof field === 'bigint' ? String(field) : field),
    indent,
  );

export const formatJson = (value: unknown): string => `${stringify(value, 2)}\n`;

/** The same in one line, for a stream of documents. */
export const formatJsonLine = (value: unknown): string => `${stringify(value)}\n`;
