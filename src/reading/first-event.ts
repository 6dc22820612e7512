// The first event that a log still has: retention may take the oldest segments at any time.
import { WalError } from '../errors.js';
import type { Storage } from '../storage/storage.js';
import { listLog } from './log-directory.js';
import { readSegmentHeader } from './segment-file.js';

/**
 * The first id of the oldest segment whose header can be read; undefined where there is none.
 * @param logId of the log; undefined accepts any
 */
export function firstEventIn(
  storage: Storage,
  dir: string,
  logId: bigint | undefined,
): number | undefined {
  try {
    for (const { index, path } of listLog(storage, dir).segments) {
      const firstEventId = firstEventOf(storage, path, { index, logId });
      if (firstEventId !== undefined) return firstEventId;
    }
  } catch (error) {
    // The folder cannot be listed any more.
    if (!(error instanceof WalError)) throw error;
  }
  return undefined;
}

/** Undefined for a segment that is gone, or tells nothing. */
export function firstEventOf(
  storage: Storage,
  path: string,
  expected: { readonly index: number; readonly logId?: bigint | undefined },
): number | undefined {
  try {
    return readSegmentHeader(storage, path, expected)?.header.firstEventId;
  } catch (error) {
    if (error instanceof WalError) return undefined;
    throw error;
  }
}
