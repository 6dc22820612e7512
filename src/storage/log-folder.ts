// The folder of a log that is open: a descriptor of it, locked where the file system allows that.
// With the folder locked, a LOCK that somebody removes or replaces lets no second owner in.
import { closeSync, constants, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isOperational, systemCode, WalError } from '../errors.js';
import { type Libc, libc } from '../memory/libc.js';
import { LOCK_FILE } from './lock-name.js';

export interface LogFolder {
  readonly fd: number;
  /**
   * Where the folder is reached by the descriptor; undefined where the platform has no such path.
   */
  readonly root: string | undefined;
  /**
   * Whether it is locked: not with lock: 'none', and not where the file system locks no folders.
   */
  readonly isLocked: boolean;
}

/** A test's, or libc. */
type Locking = Pick<Libc, 'tryLock'> | undefined;

/**
 * Undefined where a folder cannot be opened: not Linux.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED where another opening holds it, or the system's error
 */
export function openLogFolder(
  directory: string,
  mode: 'flock' | 'none',
  native: Locking = libc(),
): LogFolder | undefined {
  if (process.platform !== 'linux') return undefined;
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const isLocked = mode === 'flock' && lockFolder(native, fd, directory);
    return { fd, root: rootOf(fd), isLocked };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Of the thread that opened it. */
export const closeLogFolder = ({ fd }: LogFolder): void => closeSync(fd);

/** False where folders cannot be locked here: LOCK is locked as well. */
function lockFolder(native: Locking, fd: number, directory: string): boolean {
  if (native === undefined) return false;
  try {
    if (native.tryLock(fd)) return true;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
  const path = join(directory, LOCK_FILE);
  const message =
    `${path} is locked: the log is open in another process, or a second time in this one. ` +
    'Close it there first; reading needs no lock.';
  throw new WalError('ERR_FLASHSTRIKE_LOCKED', message, { path });
}

/** The permission model of Node goes by names, and knows the folder by its own only. */
const mayGoBy = (root: string): boolean =>
  process.permission === undefined ||
  (process.permission.has('fs.read', root) && process.permission.has('fs.write', root));

function rootOf(fd: number): string | undefined {
  const root = `/proc/self/fd/${fd}`;
  if (!mayGoBy(root)) return undefined;
  try {
    return statSync(`${root}/.`, { throwIfNoEntry: false }) === undefined ? undefined : root;
  } catch (error) {
    if (!isOperational(error)) throw error;
    return undefined;
  }
}
