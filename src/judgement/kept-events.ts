// What is missing at the beginning of a log. Segments that were removed on purpose are no loss:
// wal.meta says durably from which event on the log has all, before the first of them goes.
// (Without a wal.meta, and in a log from which nothing was ever removed on purpose, that the first
// segment is not there is only noted: who removed it may have meant it.)
// In a copy it is no loss either: the original goes on removing while a tool copies it, and what
// goes between the copies of wal.meta and of the first segment is in neither.
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { acceptCopyAdvice, lostSentence, putBackAdvice } from '../reading/advice.js';
import type { MetaReading } from '../reading/log-directory.js';
import { segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';
import type { Storage } from '../storage/storage.js';
import { isCopyByLock } from './live-copy.js';

/** Events that are missing before the first segment; both ends included. */
interface MissingBeginning {
  /** Undefined in a copy. */
  readonly error: WalError | undefined;
  /** What is noted in a copy. */
  readonly note: string;
  readonly firstEventId: number;
  readonly lastEventId: number;
}

/** From which event on the log has all, by a wal.meta of this log; 0 where that is not told. */
export const firstKeptIn = (reading: MetaReading, logId: bigint | undefined): number =>
  reading.status === 'present' && (logId === undefined || reading.meta.logId === logId)
    ? reading.meta.firstKeptEventId
    : 0;

/**
 * What is missing at the beginning; `error` where that is a loss.
 * @param reading of wal.meta, read after the first segment was opened: whatever was removed before
 * that stands in it
 * @param first header of the first segment that is there
 * @param acceptCopy the folder is taken for a copy, though nothing proves it
 */
export function missingBeginning(
  storage: Storage,
  dir: string,
  reading: MetaReading,
  { firstEventId, segmentIndex, logId }: SegmentHeader,
  acceptCopy = false,
): MissingBeginning | undefined {
  const firstKept = firstKeptIn(reading, logId);
  if (firstKept === 0 || firstEventId <= firstKept) return undefined;
  const lastEventId = firstEventId - 1;
  const range = { firstEventId: firstKept, lastEventId };
  const note =
    `The log begins with event ${firstEventId}, and wal.meta tells of all from ${firstKept} on: ` +
    'the original removed what is missing while it was copied, or still has it.';
  if (acceptCopy || isCopyByLock(storage, dir)) return { ...range, note, error: undefined };
  const path = join(dir, segmentFileName(segmentIndex - 1));
  const message =
    `${path} is missing: the log begins with event ${firstEventId}, but only those before ` +
    `${firstKept} were removed on purpose.${lostSentence(firstKept, lastEventId)} ` +
    `${putBackAdvice(dir)} ${acceptCopyAdvice(dir)}`;
  const error = new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
  return { ...range, note, error };
}
