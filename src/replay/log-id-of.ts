// What a reader remembers together with a position.
import { knownLogId } from '../judgement/log-identity.js';
import { checkDirectory } from '../reading/event-range.js';
import { nodeStorage } from '../storage/node-storage.js';

/**
 * The id of the log in `dir`, which tells it from every other, also from one that was made anew in
 * its folder: the same as `wal.logId`, for who reads the log. Remember it together with a position,
 * and give both to `follow` or `replay`.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _INVALID_ARGUMENT, _ACCESS, _IO
 * @example
 * import { logIdOf, replay } from 'flashstrike';
 *
 * const logId = logIdOf('./orders');
 * for (const event of replay('./orders', { from: 1000, logId })) console.log(event.eventId);
 */
export const logIdOf = (dir: string | URL): bigint => knownLogId(nodeStorage, checkDirectory(dir));
