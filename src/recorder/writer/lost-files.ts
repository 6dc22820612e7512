// What ends a log when somebody else has taken away a file that it relies on and cannot recreate.
import { join } from 'node:path';
import { WalError } from '../../errors.js';
import { LOCK_FILE } from '../../segment/file-names.js';

/** @param harm what was done to the file, as a participle */
export function fileLost(path: string, harm: string): WalError {
  const message =
    `${path} was ${harm} while the log was open. The log has failed; nothing was reported ` +
    'durable since. Find out what did it, put the file back if it still exists, then open the ' +
    'log again.';
  return new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path });
}

export function regionLost(directory: string, durableEventId: number): WalError {
  const message =
    `${directory}: the file of the log's shared region was moved, removed or replaced while the ` +
    'log was open, so that a kill would have lost the events in memory. The log synced all ' +
    `events up to ${durableEventId}, and then failed. Exclude the shared-memory folder from ` +
    'clean-up jobs, then open the log again.';
  return new WalError('ERR_FLASHSTRIKE_FILE_LOST', message, { path: directory });
}

export function lockLost(directory: string): WalError {
  const path = join(directory, LOCK_FILE);
  const message =
    `${path} was removed or replaced while the log was open: another process could now open ` +
    'it too, so the log has failed. Make sure that there is only one writer, then open it ' +
    'again.';
  return new WalError('ERR_FLASHSTRIKE_LOCKED', message, { path });
}
