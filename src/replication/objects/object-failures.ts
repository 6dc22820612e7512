// What ends archiving, and reading objects back, as errors that name the store, the object and what
// to do.
import { WalError } from '../../errors.js';
import { hexOf64 } from '../../units.js';
import { eventsNamed } from '../stream-failures.js';

/** What is wrong with an object; nothing of it was used. */
export const damagedObject = (store: string, key: string, what: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_CORRUPT',
    `Objects ${store}: ${key}: ${what}. Nothing of it was used. Put it back from another copy, ` +
      'or archive the log to a new place while it has the events.',
    { path: key },
  );

export const otherLogThere = (store: string, dir: string, found: bigint, logId: bigint): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_WRONG_LOG',
    `Objects ${store} are of log ${hexOf64(found)}, and ${dir} holds log ${hexOf64(logId)}. Give ` +
      'each log a place of its own.',
    { path: dir },
  );

/** Two copies of one log went on differently, and one of them was archived before. */
export const otherHistory = (store: string, dir: string, key: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_DIVERGED',
    `${dir}: ${key} of objects ${store} was written from another copy of this log, which went on ` +
      'differently. Nothing was put. Archive this one to a place of its own.',
    { path: dir },
  );

/** The log can not go on where the objects end. */
export const notJoined = (store: string, dir: string, what: string, first: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_REPLICA_GAP',
    `${dir}: objects ${store} ${what}, and the first event in the log is ${first}. Archive it to ` +
      'a new place.',
    { path: dir, firstEventId: first },
  );

/** Neither objects nor stream have them. */
export function missingEvents(names: string, firstEventId: number, lastEventId: number): WalError {
  const named = eventsNamed(firstEventId, lastEventId - firstEventId + 1);
  return new WalError(
    'ERR_FLASHSTRIKE_REPLICA_GAP',
    `${names} lack ${named}. A backup or another copy may have them; without objects the stream ` +
      `alone gives a log that begins with event ${lastEventId + 1}.`,
    { firstEventId: lastEventId + 1 },
  );
}

/** Objects and stream have different events, or may have. */
export const differentEvents = (names: string, what: string): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_DIVERGED',
    `${names}: ${what}. Restore from the objects of the log that the stream belongs to now, or ` +
      'from one of the two alone.',
  );
