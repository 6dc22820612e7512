// The first event that a log keeps.
import { listLog, readMeta } from '../reading/log-directory.js';
import { readSegmentHeader } from '../reading/segment-file.js';
import type { Storage } from '../storage/storage.js';

/**
 * The id of the first event that is there and stays, or that comes first. What wal.meta calls
 * removed may still be there for a moment.
 * @throws WalError where the first segment cannot be read: what it holds is not passed over
 */
export function firstEventIdKept(storage: Storage, dir: string, logId: bigint): number {
  const first = firstEventIdIn(storage, dir, logId);
  const reading = readMeta(storage, dir);
  const isOurs = reading.status === 'present' && reading.meta.logId === logId;
  return Math.max(first, isOurs ? reading.meta.firstKeptEventId : 0);
}

function firstEventIdIn(storage: Storage, dir: string, logId: bigint): number {
  for (const { index, path } of listLog(storage, dir).segments) {
    const found = readSegmentHeader(storage, path, { index, logId });
    // Removed since it was listed: the next one is the first.
    if (found !== undefined) return found.header.firstEventId;
  }
  return 1;
}
