// JSON for programs: ids and sizes are numbers (below 2^53), 64-bit values are decimal strings. It
// may be looked at on a terminal: what JSON leaves as it is and a terminal obeys is spelt as well.

/** DEL, C1, marks that turn or hide text; half a pair is spelt by JSON itself. */
const UNSAFE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

const spelt = (char: string): string =>
  Array.from(
    { length: char.length },
    (_, index) => `\\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');

const stringify = (value: unknown, indent?: number): string =>
  JSON.stringify(
    value,
    (_key, field) => (typeof field === 'bigint' ? String(field) : field),
    indent,
  ).replace(UNSAFE, spelt);

export const formatJson = (value: unknown): string => `${stringify(value, 2)}\n`;

/** The same in one line, for a stream of documents. */
export const formatJsonLine = (value: unknown): string => `${stringify(value)}\n`;
