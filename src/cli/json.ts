// JSON for programs: ids and sizes are numbers (below 2^53), 64-bit values are decimal strings.

export const formatJson = (value: unknown): string =>
  `${JSON.stringify(value, (_key, field) => (typeof field === 'bigint' ? String(field) : field), 2)}\n`;
