// Where a reader of a log begins.
import { invalidArgument } from '../errors.js';
import { checkEventId, checkTime } from '../reading/event-range.js';
import type { StartOptions } from '../reading/events.js';

/** At an event, or at the first one of a time or later; with neither at the first of the log. */
export interface Start {
  readonly eventId?: number | undefined;
  /** Unix epoch. */
  readonly timeNs?: bigint | undefined;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function checkStart({ from, fromTime }: StartOptions): Start {
  const eventId = checkEventId('from', from);
  const timeNs = checkTime('fromTime', fromTime);
  if (eventId === undefined || timeNs === undefined) return { eventId, timeNs };
  throw invalidArgument('from and fromTime both say where to begin: leave one of them out.');
}

/** Whether reading begins with what is left, where what it would begin with was removed. */
export const isAnyBeginning = ({ eventId }: Start): boolean => eventId === undefined;
