// Values of typed events as text: JSON and CSV, which have no numbers of 64 bits and no bytes.
import type { AnyDefinition } from '../../index.js';

/** A typed event as the log says it is. */
export interface ReadTyped {
  readonly definition: AnyDefinition;
  readonly value: unknown;
  /** Of a JSON event: its text. */
  readonly payload: Uint8Array;
}

const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** 64 bits and what JSON has no number for as text, bytes as hex. */
function jsonOf(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return `"${value}"`;
    case 'number':
      return Number.isFinite(value) ? numberText(value) : `"${value}"`;
    case 'object':
      return value instanceof Uint8Array ? `"${hexOf(value)}"` : JSON.stringify(value);
    default:
      return JSON.stringify(value);
  }
}

/** Line breaks stand between the parts of a JSON text only: in a string they are spelt. */
const inOneLine = (payload: Uint8Array): string =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    .toString('utf8')
    .replaceAll(/[\r\n]/g, ' ');

/** The fields as an object of JSON, in order; of a JSON event what was appended. */
export function valueJson({ definition, value, payload }: ReadTyped): string {
  if (definition.fields === undefined) return inOneLine(payload);
  const members = Object.entries(value as object).map(
    ([name, field]) => `"${name}":${jsonOf(field)}`,
  );
  return `{${members.join(',')}}`;
}

/** Names of the columns that an event has: its fields, or its JSON as one. */
export function columnsOf({ fields }: AnyDefinition): string[] {
  if (fields === undefined) return ['value'];
  return Object.entries(fields).flatMap(([name, field]) =>
    typeof field === 'object' && 'spare' in field ? [] : [name],
  );
}

/** RFC 4180: quotes around what holds a separator, quotes in it twice. */
const csvField = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

function csvText(value: unknown): string {
  if (value instanceof Uint8Array) return hexOf(value);
  if (typeof value === 'number') return numberText(value);
  return String(value);
}

/** One text for each of {@link columnsOf}. */
export function csvFields({ definition, value, payload }: ReadTyped): string[] {
  const values =
    definition.fields === undefined
      ? [inOneLine(payload)]
      : Object.values(value as object).map(csvText);
  return values.map(csvField);
}
