// The exclusive lock of a file that is open. It goes with the descriptor, however the process ends.
import { systemCode, WalError } from '../errors.js';
import { libc } from '../memory/libc.js';

/**
 * False where another descriptor holds it, of this process or of another one.
 * @throws WalError ERR_FLASHSTRIKE_LOCK_UNAVAILABLE
 */
export function tryFileLock(fd: number, path: string): boolean {
  const native = libc();
  if (native === undefined) {
    const why = 'koffi is missing or not built for this platform, or native addons are disabled';
    throw unavailable(path, why);
  }
  try {
    return native.tryLock(fd);
  } catch (error) {
    throw unavailable(path, systemCode(error) ?? 'unknown error', error);
  }
}

const unavailable = (path: string, why: string, cause?: unknown): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_LOCK_UNAVAILABLE',
    `${path} cannot be locked (${why}). Open with lock: 'none' (trim and consumers: --lock none) ` +
      'if you can make sure that there is only one writer.',
    { path, cause },
  );
