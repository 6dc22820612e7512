// Arguments that name events or a folder, checked before anything is opened.
import { fileURLToPath } from 'node:url';
import { isDate } from 'node:util/types';
import { invalidArgument, invalidOption, messageOf } from '../errors.js';
import { NS_PER_MS } from '../units.js';

/** A folder's path: as it was given, or that of a `file:` URL. */
export function checkDirectory(dir: unknown): string {
  const path = dir instanceof URL ? pathOf(dir) : dir;
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path;
  throw invalidArgument(`The folder of the log must be a path, got ${shown(path)}.`);
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    const why = messageOf(error);
    throw invalidArgument(`The folder of the log must be a path or a file: URL: ${why}.`);
  }
}

export function checkOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw invalidArgument(`Options must be an object, got ${shown(options)}.`);
}

/** An event id, or undefined; whether the log holds it is another question. */
export function checkEventId(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw invalidArgument(`${name} must be an event id, a whole number, got ${shown(value)}.`);
}

/** A point in time as nanoseconds since the Unix epoch, or undefined. */
export function checkTime(name: string, value: unknown): bigint | undefined {
  if (value === undefined || typeof value === 'bigint') return value;
  // A Date of any realm; one that is not valid has no milliseconds.
  const ms = isDate(value) ? Date.prototype.getTime.call(value) : Number.NaN;
  if (!Number.isNaN(ms)) return BigInt(ms) * BigInt(NS_PER_MS);
  const what = 'a bigint of nanoseconds since 1970, or a valid Date';
  throw invalidArgument(`${name} must be ${what}, got ${shown(value)}.`);
}

const LOG_ID_END = 2n ** 64n;

/** What tells a log from every other, or undefined. */
export function checkLogId(value: unknown): bigint | undefined {
  if (value === undefined || (typeof value === 'bigint' && value >= 0n && value < LOG_ID_END)) {
    return value;
  }
  throw invalidArgument(`logId must be a bigint of 64 bits, as wal.logId is, got ${shown(value)}.`);
}

/** An option that is on or off; default: off. */
export const checkFlag = (name: string, value: unknown): boolean =>
  checkChoice(name, value) ?? false;

/** The same, where undefined has a meaning of its own. */
export function checkChoice(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalidArgument(`${name} must be true or false, got ${shown(value)}.`);
}

/**
 * Options that are all known.
 * @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION
 */
export function checkOptionNames(options: unknown, names: readonly string[]): void {
  checkOptions(options);
  const strange = Object.keys(options as object).find((name) => !names.includes(name));
  if (strange === undefined) return;
  const known = names.join(', ');
  throw invalidOption(`There is no option ${strange.slice(0, 100)}. The options are: ${known}.`);
}

/** How a folder is locked. @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function checkLockMode(lock: unknown = 'flock'): 'flock' | 'none' {
  if (lock === 'flock' || lock === 'none') return lock;
  throw invalidOption('The option lock must be one of flock, none.');
}

/** The one option of calls that only lock. @throws WalError ERR_FLASHSTRIKE_INVALID_OPTION */
export function checkLock(options: { readonly lock?: unknown }): 'flock' | 'none' {
  checkOptionNames(options, ['lock']);
  return checkLockMode(options.lock);
}

export function checkSignal(value: unknown): void {
  if (value === undefined || isAbortSignal(value)) return;
  throw invalidArgument('signal must be an AbortSignal.');
}

/** A function to call back, or undefined. */
export function checkCallback(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw invalidArgument(`${name} must be a function, got ${shown(value)}.`);
}

/** A value for a message: its type where its text could be long or hostile. */
function shown(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  return value === '' ? 'an empty string' : typeof value;
}

/** Of any realm: a test runner brings an AbortSignal of its own. */
function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  const isTarget =
    typeof addEventListener === 'function' && typeof removeEventListener === 'function';
  return typeof aborted === 'boolean' && isTarget;
}
