// How a thread of ours is started, and why it cannot be.
import { Worker } from 'node:worker_threads';
import { codeOf, limitError, messageOf, neededPermission, WalError } from '../../errors.js';

const BUNDLED =
  'The threads of a log are loaded from their own modules: if the application is bundled, keep ' +
  'flashstrike out of the bundle (external).';

/**
 * Starts the thread `name`.
 * @param moduleOf its module: asked for only now, as a bundle of CommonJS has no `import.meta.url`
 * @throws WalError ERR_FLASHSTRIKE_PLATFORM
 */
export function startThread(name: string, moduleOf: () => URL, workerData: unknown): Worker {
  try {
    return new Worker(moduleOf(), { workerData, execArgv: [] });
  } catch (error) {
    const permission = neededPermission(error);
    // In a bundle of CommonJS a module does not know where it is.
    if (permission === undefined && typeof import.meta.url === 'string') throw error;
    const remedy = permission === undefined ? BUNDLED : `Start node with ${permission}.`;
    const message = `The ${name} thread cannot be started (${messageOf(error)}). ${remedy}`;
    throw new WalError('ERR_FLASHSTRIKE_PLATFORM', message, { cause: error });
  }
}

/**
 * The error for a thread that has ended by itself.
 * @param advice what to do then
 */
export function threadDeath(
  name: string,
  directory: string,
  error: Error | undefined,
  how: string,
  advice: string,
): WalError {
  const limit = limitError(directory, error);
  if (limit !== undefined) return limit;
  const why = error?.message ?? how;
  if (codeOf(error)?.endsWith('MODULE_NOT_FOUND') === true) {
    const message = `The ${name} thread cannot be started (${why}). ${BUNDLED}`;
    return new WalError('ERR_FLASHSTRIKE_PLATFORM', message, { cause: error });
  }
  const message = `${directory}: the ${name} thread ended unexpectedly (${why}). ${advice}`;
  return new WalError('ERR_FLASHSTRIKE_WORKER_DIED', message, { path: directory, cause: error });
}
