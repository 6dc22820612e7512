// Where a reader of a log begins, and in which log.
import { invalidArgument } from '../errors.js';
import { checkEventId, checkLogId, checkTime } from '../reading/event-range.js';
import type { StartOptions } from '../reading/events.js';

/** At an event, or at the first one of a time or later; with neither at the first of the log. */
export interface Start {
  readonly eventId?: number | undefined;
  /** Unix epoch. */
  readonly timeNs?: bigint | undefined;
  /** No other log will do; undefined: any. */
  readonly logId?: bigint | undefined;
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT */
export function checkStart({ from, fromTime, logId: expected }: StartOptions): Start {
  const logId = checkLogId(expected);
  const eventId = checkEventId('from', from);
  const timeNs = checkTime('fromTime', fromTime);
  if (eventId === undefined || timeNs === undefined) return { eventId, timeNs, logId };
  throw invalidArgument('from and fromTime both say where to begin: leave one of them out.');
}

/** Whether reading begins with what is left, where what it would begin with was removed. */
export const isAnyBeginning = ({ eventId }: Start): boolean => eventId === undefined;
