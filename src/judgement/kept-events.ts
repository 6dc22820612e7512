// What is missing at the beginning of a log. Segments that were removed on purpose are no loss:
// wal.meta says durably from which event on the log has all, before the first of them goes.
// (Without a wal.meta, and in a log from which nothing was ever removed on purpose, that the first
// segment is not there is only noted: who removed it may have meant it.)
import { join } from 'node:path';
import { WalError } from '../errors.js';
import { lostSentence, putBackAdvice } from '../reading/advice.js';
import type { MetaReading } from '../reading/log-directory.js';
import { segmentFileName } from '../segment/file-names.js';
import type { SegmentHeader } from '../segment/segment-header.js';

/** Events that are missing before the first segment; both ends included. */
interface LostBeginning {
  readonly error: WalError;
  readonly firstEventId: number;
  readonly lastEventId: number;
}

/** From which event on the log has all, by a wal.meta of this log; 0 where that is not told. */
export const firstKeptIn = (reading: MetaReading, logId: bigint | undefined): number =>
  reading.status === 'present' && (logId === undefined || reading.meta.logId === logId)
    ? reading.meta.firstKeptEventId
    : 0;

/**
 * @param reading of wal.meta, read after the first segment was opened: whatever was removed before
 * that stands in it
 * @param first header of the first segment that is there
 */
export function lostBeginning(
  dir: string,
  reading: MetaReading,
  { firstEventId, segmentIndex, logId }: SegmentHeader,
): LostBeginning | undefined {
  const firstKept = firstKeptIn(reading, logId);
  if (firstKept === 0 || firstEventId <= firstKept) return undefined;
  const lastEventId = firstEventId - 1;
  const path = join(dir, segmentFileName(segmentIndex - 1));
  const message =
    `${path} is missing: the log begins with event ${firstEventId}, but only those before ` +
    `${firstKept} were removed on purpose.${lostSentence(firstKept, lastEventId)} ` +
    putBackAdvice(dir);
  const error = new WalError('ERR_FLASHSTRIKE_CORRUPT', message, { path });
  return { error, firstEventId: firstKept, lastEventId };
}
