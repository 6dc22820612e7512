// What goes wrong with a consumer, as errors that say what to do.
import { isNoSpace, neededPermission, systemCode, WalError } from '../errors.js';
import type { ConsumerFile } from '../reading/consumer-files.js';

/** A system error of writing `path`; a WalError, or a bug of ours, passes through. */
export function writeFailure(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (error instanceof WalError || code === undefined) return error;
  const details = { path, cause: error };
  if (isNoSpace(error)) {
    const message = `${path} cannot be written: the disk or quota is full (${code}). Make space.`;
    return new WalError('ERR_FLASHSTRIKE_NO_SPACE', message, details);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const permission = neededPermission(error);
    const remedy =
      permission === undefined
        ? 'Give this user write access to the folder of the log.'
        : `Start node with ${permission}.`;
    const message = `${path} cannot be written (${code}). ${remedy}`;
    return new WalError('ERR_FLASHSTRIKE_ACCESS', message, details);
  }
  const message = `Writing ${path} failed (${code}). Check the disk, then try again.`;
  return new WalError('ERR_FLASHSTRIKE_IO', message, details);
}

/** Runs `write`; a system error comes out as a WalError about `path`. */
export async function writing<Result>(
  path: string,
  write: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    throw writeFailure(error, path);
  }
}

export const inUse = (path: string, name: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_LOCKED',
    `${path} is locked: consumer ${name} is in use, in this process or in another one. Close it ` +
      'there first.',
    { path },
  );

export const noConsumer = (path: string, name: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_NO_CONSUMER',
    `${path} does not exist: the log has no consumer ${name}. Register it, or check the name.`,
    { path },
  );

export const consumerLost = (path: string, name: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_FILE_LOST',
    `${path} was moved, removed or replaced while consumer ${name} was open: nothing is kept for ` +
      'it any more. Put the file back, or register the consumer again.',
    { path },
  );

export const damagedConsumer = (file: ConsumerFile & { readonly damaged: string }): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_CORRUPT',
    `${file.damaged} What consumer ${file.name} has acknowledged is not known, so all events are ` +
      `kept. Remove it (flashstrike consumers DIR --remove ${file.name}), then register it again.`,
    { path: file.path },
  );

export const consumerDropped = (
  path: string,
  name: string,
  from: number,
  first: number,
): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_EXPIRED',
    `Consumer ${name} lagged more than it may and was dropped: events from ${from} on are not ` +
      `kept for it any more; the first one there is ${first}. Remove it and register it again to ` +
      'begin there.',
    { path, firstEventId: first },
  );

/**
 * @param endEventId where the log was continued; undefined where it was not, and ends before
 * `knownEventId`
 */
export const consumerAhead = (
  path: string,
  name: string,
  knownEventId: number,
  endEventId?: number | undefined,
): WalError => {
  const what =
    endEventId === undefined
      ? 'which the log does not have: it may be a copy that lacks its end'
      : `but this log was continued behind event ${endEventId}: its events from ` +
        `${endEventId + 1} on are others under the same ids`;
  const from =
    endEventId === undefined
      ? 'from the event that it is to begin with'
      : `from ${endEventId + 1}, behind which all is kept until then`;
  return new WalError(
    'ERR_FLASHSTRIKE_OUT_OF_RANGE',
    `Consumer ${name} has acknowledged events up to ${knownEventId}, ${what}. Remove it ` +
      `(flashstrike consumers DIR --remove ${name}), then register it again ${from}.`,
    { path },
  );
};

export const tooLate = (path: string, name: string, from: number, first: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_EXPIRED',
    `Event ${from}, from which consumer ${name} was to begin, is not there any more: the first ` +
      `one is ${first}.`,
    { path, firstEventId: first },
  );
