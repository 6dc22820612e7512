// What ends a log when somebody else has taken away what it relies on, and it cannot be made again.
import { WalError } from '../../errors.js';

/** @param harm what was done to the file, as a participle */
export function fileLost(path: string, harm: string): WalError {
  const message =
    `${path} was ${harm} while the log was open. The log has stopped: nothing was called durable ` +
    'since. Find out by whom, put the file back where there is one, then open the log again.';
  return new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path });
}

export function regionLost(directory: string, durableEventId: number): WalError {
  const message =
    `${directory}: the file of the log's shared region was moved, removed or replaced while the ` +
    'log was open; a kill would have lost what waits in memory. All up to event ' +
    `${durableEventId} was synced, then the log has stopped. Keep clean-ups off the ` +
    'shared-memory folder, then open again.';
  return new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path: directory });
}
