// A system error of maintenance, as what whoever waits for it is told.
import { isNoSpace, systemCode, WalError } from '../../errors.js';

const NOT_ALLOWED = new Set(['EACCES', 'EPERM', 'EROFS']);

/** A WalError passes through. */
export function notDone(directory: string, error: Error): WalError {
  if (error instanceof WalError) return error;
  const code = systemCode(error) ?? error.message;
  const [kind, remedy] = isNoSpace(error)
    ? (['ERR_FLASHSTRIKE_NO_SPACE', 'Make space.'] as const)
    : NOT_ALLOWED.has(code)
      ? (['ERR_FLASHSTRIKE_ACCESS', 'Give this user write access to the folder.'] as const)
      : (['ERR_FLASHSTRIKE_IO', 'Check the disk.'] as const);
  const message = `${directory}: the oldest segment cannot be removed for now (${code}). ${remedy}`;
  return new WalError(kind, message, { path: directory, cause: error });
}
