// A report for people: the same as the document, one line a value; lists of records one line each.
import type { Report } from './collect.js';

const HEAD = [
  'A report on a log of flashstrike, made by `flashstrike report`. It has no event in it, and no',
  'value of an environment variable. Names of users, hosts, folders and consumers were replaced;',
  'read it before you send it.',
];

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A record in a record stands in brackets. */
function inline(value: unknown, isInner = false): string {
  if (Array.isArray(value)) return value.map((each) => inline(each, true)).join(',') || 'none';
  if (!isRecord(value)) return String(value);
  const fields = Object.entries(value).flatMap(([key, each]) =>
    each === undefined ? [] : [`${key}=${inline(each, true)}`],
  );
  const text = fields.join(' ') || 'none';
  return isInner ? `(${text})` : text;
}

function* lines(key: string, value: unknown, indent: string): Generator<string> {
  if (value === undefined) return;
  if (Array.isArray(value) && value.some(isRecord)) {
    yield `${indent}${key}:`;
    for (const each of value) yield `${indent}  - ${inline(each)}`;
  } else if (isRecord(value)) {
    const entries = Object.entries(value);
    if (entries.every(([, each]) => !isRecord(each) && !Array.isArray(each))) {
      yield `${indent}${key}: ${inline(value)}`;
      return;
    }
    yield `${indent}${key}:`;
    for (const [name, each] of entries) yield* lines(name, each, `${indent}  `);
  } else {
    yield `${indent}${key}: ${inline(value)}`;
  }
}

export function renderReport({ format, createdAt, ...parts }: Report): string {
  const text = [...HEAD, '', `${format}, ${createdAt}`];
  for (const [name, part] of Object.entries(parts)) {
    if (part === undefined) continue;
    text.push('', `== ${name}`);
    for (const [key, value] of Object.entries(part)) text.push(...lines(key, value, ''));
  }
  return `${text.join('\n')}\n`;
}
