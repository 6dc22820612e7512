// A folder that a tool writes a log into: where it may be, and what its failures mean.
import { basename, dirname, isAbsolute, relative } from 'node:path';
import { invalidArgument, isNoSpace, systemCode, WalError } from '../errors.js';
import { identifyFolder } from './identify-folder.js';
import { makeDurableFolder } from './new-folder.js';
import type { Storage } from './storage.js';

/**
 * Makes the folder that a new log is written into.
 * @param source the log that is read; undefined where none is
 * @param doing what is done with `source`, as a participle
 * @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT where it holds anything, or is the source or
 * inside of it; system errors
 */
export function makeOutputFolder(
  storage: Storage,
  output: string,
  source: string | undefined,
  doing: string,
): void {
  if (source !== undefined && isInside(storage, output, source)) {
    throw invalidArgument(
      `${output} is inside the log that is being ${doing}. Choose a folder elsewhere.`,
    );
  }
  makeDurableFolder(storage, output);
  const [entry] = storage.list(output);
  if (entry === undefined) return;
  const message = `${output} is not empty (it has ${basename(entry.name)}). Choose a new folder.`;
  throw invalidArgument(message);
}

/** Also where a link, or a mount of the same folder at another place, leads there. */
export function isInside(storage: Storage, path: string, folder: string): boolean {
  const within = relative(folder, path);
  if (!(within.startsWith('..') || isAbsolute(within))) return true;
  const outer = identifyFolder(storage, folder);
  // What is not made yet will stand where the first folder above it is.
  let place: string | undefined;
  for (let above = path; place === undefined; above = dirname(above)) {
    place = storage.realPath(above);
    if (place === undefined && above === dirname(above)) return false;
  }
  for (;;) {
    const status = storage.statusAt(place);
    if (status?.device === outer?.device && status?.inode === outer?.inode) return true;
    if (place === dirname(place)) return false;
    place = dirname(place);
  }
}

const OF_SEGMENT = new Set(['ERR_FLASHSTRIKE_FAILED', 'ERR_FLASHSTRIKE_NO_SPACE']);

/**
 * A failure to write into `output`, as a WalError; what is none of the system's passes through.
 * @param advice what to do with what is there
 */
export function outputFailure(error: unknown, output: string, advice: string): unknown {
  // What a segment says of itself speaks of a log that is open; here it is about the copy.
  const isOfSegment = error instanceof WalError && OF_SEGMENT.has(error.code);
  const cause = isOfSegment ? error.cause : error;
  const code = systemCode(cause);
  if (cause instanceof WalError || code === undefined) return error;
  const details = { path: output, cause: error };
  if (isNoSpace(cause)) {
    const message = `${output}: the disk or quota is full (${code}). Free some space. ${advice}`;
    return new WalError('ERR_FLASHSTRIKE_NO_SPACE', message, details);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new WalError(
      'ERR_FLASHSTRIKE_ACCESS',
      `${output} cannot be written (${code}). Choose a folder that this user can write.`,
      details,
    );
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return invalidArgument(`${output} is not a folder. Choose a folder that is new or empty.`);
  }
  return new WalError(
    'ERR_FLASHSTRIKE_IO',
    `${output}: writing failed (${code}). ${advice}`,
    details,
  );
}
