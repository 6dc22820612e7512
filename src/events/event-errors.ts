// What can be wrong with an event, a value of it, or with the schema that a log has of it.
import { invalidArgument, printable, WalError } from '../errors.js';

const SHOWN_MAX = 60;

/** A value as far as it can be shown in one line, without running any code of it. */
export function shownValue(value: unknown): string {
  if (typeof value === 'string') {
    const cut = value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value;
    return `'${printable(cut)}'`;
  }
  if (typeof value === 'bigint') return `${value}n`.slice(0, SHOWN_MAX);
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' || typeof value === 'symbol'
    ? `a ${typeof value}`
    : String(value);
}

/** A value that its field cannot hold: nothing was appended. */
export const badValue = (field: string, expected: string, value: unknown): WalError =>
  invalidArgument(`The field ${field} takes ${expected}; it was given ${shownValue(value)}.`);

/** A log and a definition that do not fit each other. */
export const schemaError = (message: string, path?: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_SCHEMA', message, { path });
