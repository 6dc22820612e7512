// System errors of reading, as WalErrors that name the file and the remedy.
import { type ErrorCode, neededPermission, systemCode, WalError } from '../errors.js';

export const isMissing = (error: unknown): boolean => systemCode(error) === 'ENOENT';

/** Failures to read, rather than to validate: what cannot be read is not judged. */
export const UNREADABLE: ReadonlySet<ErrorCode> = new Set([
  'ERR_FLASHSTRIKE_ACCESS',
  'ERR_FLASHSTRIKE_IO',
]);

/** A system error while reading `path`, as a WalError; a WalError passes through. */
export function readFailure(error: unknown, path: string, offset?: number): unknown {
  if (error instanceof WalError) return error;
  const code = systemCode(error);
  // No system error: our own bug, which no code may dress up.
  if (code === undefined) return error;
  const details = { path, offset, cause: error };
  if (code === 'EACCES' || code === 'EPERM') {
    const permission = neededPermission(error);
    const remedy =
      permission === undefined
        ? 'Give this user read access to it.'
        : `Start node with ${permission}.`;
    const message = `${path} cannot be read (${code}). ${remedy}`;
    return new WalError('ERR_FLASHSTRIKE_ACCESS', message, details);
  }
  const at = offset === undefined ? '' : ` at offset ${offset}`;
  const message = `Reading ${path}${at} failed (${code}). Check the disk, then read again.`;
  return new WalError('ERR_FLASHSTRIKE_IO', message, details);
}

/** Runs `read`; a system error comes out as a WalError about `path`. */
export function reading<T>(path: string, read: () => T, offset?: number): T {
  try {
    return read();
  } catch (error) {
    throw readFailure(error, path, offset);
  }
}
