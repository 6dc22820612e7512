// What an inspection says of a file that it cannot describe.
import { WalError } from '../errors.js';

/** A WalError about a file that is damaged; anything else is thrown on. */
export function describeDefect(error: unknown): string {
  const isDefect =
    error instanceof WalError &&
    error.code !== 'ERR_FLASHSTRIKE_ACCESS' &&
    error.code !== 'ERR_FLASHSTRIKE_IO';
  if (!isDefect) throw error;
  return error.message;
}
