// How a thread of ours is started, and why it cannot be.
import { Worker } from 'node:worker_threads';
import { codeOf, limitError, messageOf, neededPermission, WalError } from '../../errors.js';
import { bundledError } from '../../memory/bundle.js';

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
    if (permission === undefined) throw bundledError(error) ?? error;
    const message =
      `The ${name} thread cannot be started (${messageOf(error)}). ` +
      `Start node with ${permission}.`;
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
    const bundled = bundledError(error);
    if (bundled !== undefined) return bundled;
    const message =
      `The ${name} thread cannot be started (${why}). Install the package again; if the ` +
      'application is bundled, leave flashstrike out of the bundle (external).';
    return new WalError('ERR_FLASHSTRIKE_PLATFORM', message, { cause: error });
  }
  const message = `${directory}: the ${name} thread ended unexpectedly (${why}). ${advice}`;
  return new WalError('ERR_FLASHSTRIKE_WORKER_DIED', message, { path: directory, cause: error });
}
