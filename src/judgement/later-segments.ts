// Segments that stand behind one that is missing or cannot be read: the first header among them
// that can be read tells how much is lost.
import { firstEventOf } from '../reading/first-event.js';
import { type ListedSegment, listLog } from '../reading/log-directory.js';
import type { Storage } from '../storage/storage.js';

export interface LaterSegment {
  /** Of the first later segment that is there. */
  readonly firstIndex: number;
  /** First id behind what is lost; undefined where no later header of this log can be read. */
  readonly firstEventId: number | undefined;
}

/**
 * What stands behind `segmentIndex`, its direct successor left out; undefined for nothing.
 * @param listed the segments, where they cannot have changed since; by default they are listed
 */
export function laterThanNext(
  storage: Storage,
  dir: string,
  segmentIndex: number,
  logId: bigint,
  listed?: readonly ListedSegment[] | undefined,
): LaterSegment | undefined {
  const segments = listed ?? listLog(storage, dir).segments;
  const later = segments.filter(({ index }) => index > segmentIndex + 1);
  const firstIndex = later[0]?.index;
  if (firstIndex === undefined) return undefined;
  for (const { path, index } of later) {
    const firstEventId = firstEventOf(storage, path, { index, logId });
    if (firstEventId !== undefined) return { firstIndex, firstEventId };
  }
  return { firstIndex, firstEventId: undefined };
}
