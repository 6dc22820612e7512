// What can go wrong with the file that is being written, as errors.
import { systemCode, WalError } from '../../errors.js';

/** The sticky failure of a segment operation, with file, offset and what to do. */
export function segmentFailure(
  what: string,
  path: string,
  offset: number,
  cause: unknown,
): WalError {
  const code = systemCode(cause);
  return new WalError(
    'ERR_FLASHSTRIKE_FAILED',
    `${path}: could not ${what} at offset ${offset}${code === undefined ? '' : ` (${code})`}. ` +
      'The log has failed for good; nothing was retried. Fix the cause, then open the log again.',
    { path, offset, cause },
  );
}

/** No failure of the log: what it is about can be tried again, in another place. */
export function noSpaceFor(what: string, path: string, offset: number, cause: unknown): WalError {
  return new WalError(
    'ERR_FLASHSTRIKE_NO_SPACE',
    `${path}: there is no space for ${what} at offset ${offset} (${systemCode(cause)}). ` +
      'Nothing that was acknowledged is lost; free some space.',
    { path, offset, cause },
  );
}

/** A write that found no space; a sync that did is a failure as any other. */
export const isOutOfSpace = (error: unknown): error is WalError =>
  error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_NO_SPACE';
