// What goes wrong with a machine, as errors that say what to do.
import { messageOf, WalError } from '../errors.js';

export const applyFailed = (dir: string, eventId: number, cause: unknown): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_APPLY_FAILED',
    `${dir}: apply threw at event ${eventId}: ${messageOf(cause)} The event is recorded, and the ` +
      'machine has stopped there: each opening comes to it again. Mend apply so that it has an ' +
      'answer to this event, then open the machine again.',
    { path: dir, cause },
  );

export const applyIsAsync = (dir: string, eventId: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_APPLY_FAILED',
    `${dir}: apply returned a promise at event ${eventId}: the state would change later, and ` +
      'otherwise each time. The event is recorded, and the machine has stopped there. Do what ' +
      'waits before submit or behind it, then open the machine again.',
    { path: dir },
  );

export const appendedElsewhere = (dir: string, eventId: number, expected: number): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_APPLY_FAILED',
    `${dir}: event ${eventId} was recorded where ${expected} was to come: something else has ` +
      'appended to the log of this machine. Nothing is lost: open the machine again, and submit ' +
      'all events through it.',
    { path: dir },
  );

export const snapshotFailed = (path: string, what: string, cause?: unknown): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_SNAPSHOT_FAILED',
    `No snapshot was written to ${path}: ${what} The machine goes on, and older snapshots stay.`,
    { path, cause },
  );

export const restoreFailed = (path: string, version: number, cause: unknown): WalError =>
  new WalError(
    'ERR_FLASHSTRIKE_RESTORE_FAILED',
    `restore threw for ${path}, which is sound and of version ${version}: ${messageOf(cause)} ` +
      'Mend restore. Or, if what snapshot writes has changed, give the option version a new ' +
      'number: then snapshots of the old one are passed over.',
    { path, cause },
  );

export const noSnapshot = (
  dir: string,
  firstEventId: number,
  passedOver: readonly { readonly message: string }[],
): WalError => {
  const why = passedOver.map(({ message }) => ` ${message}`).join('');
  return new WalError(
    'ERR_FLASHSTRIKE_NO_SNAPSHOT',
    `${dir}: the log begins with event ${firstEventId}, and there is no snapshot that has the ` +
      `events before it.${why} Put a snapshot file back, or the segments, from a backup.`,
    { path: dir, firstEventId },
  );
};
