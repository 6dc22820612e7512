// What the shared regions of a log say together, to who opens the log, or tells what an opening
// will do.
import { basename, dirname } from 'node:path';
import { readMeta } from '../reading/log-directory.js';
import { DEFAULT_REGION_FOLDER, isRegionNameOf } from '../region/region-names.js';
import type { Regions } from '../region/regions.js';
import type { ReadLockRecord } from '../storage/lock-file.js';
import type { Storage } from '../storage/storage.js';
import { isProvenCopy } from './folder-proof.js';
import { type FoundRegion, type RegionWalk, readMarks, walkRegions } from './region-walk.js';

export interface LogRegions {
  readonly record: ReadLockRecord;
  /** LOCK was provably written in another folder. */
  readonly isCopy: boolean;
  /** wal.meta says that all events are in the files. */
  readonly isClosedCleanly: boolean;
  /** Those that are there, in the order in which LOCK names them, the others behind. */
  readonly found: readonly FoundRegion[];
  /** What LOCK names and is not there, or is empty. */
  readonly missing: readonly string[];
  /** Regions of this log, by their names, that were never finished: nothing was ever in them. */
  readonly unfinished: readonly string[];
  /** Where regions were looked for. */
  readonly folders: readonly string[];
  close(): void;
}

export interface RegionSearch extends Omit<RegionWalk, 'folders'> {
  readonly regions: Regions;
  readonly directory: string;
  /** Where an opening makes its own. */
  readonly sharedMemoryDirectory?: string | undefined;
}

/** Looks for all of them; the caller closes what was found. */
export function findRegions(search: RegionSearch): LogRegions {
  const { storage, directory, record } = search;
  const folders = new Set([
    ...record.regions.map((path) => dirname(path)),
    search.sharedMemoryDirectory ?? DEFAULT_REGION_FOLDER,
    DEFAULT_REGION_FOLDER,
  ]);
  const walked = walkRegions({ ...search, folders });
  try {
    const [found, unfinished] = withoutUnfinished(search, walked.found);
    const meta = readMeta(storage, directory);
    return {
      record,
      isCopy: record.folder !== undefined && isProvenCopy(storage, record.folder, search.folder),
      isClosedCleanly: meta.status === 'present' && meta.meta.cleanlyClosed,
      found,
      missing: [...new Set(record.regions)].filter((path) => !found.some((at) => at.path === path)),
      unfinished,
      folders: [...folders],
      close: walked.close,
    };
  } catch (error) {
    walked.close();
    throw error;
  }
}

function withoutUnfinished(
  { regions, logId }: RegionSearch,
  walked: readonly FoundRegion[],
): readonly [found: readonly FoundRegion[], unfinished: readonly string[]] {
  const found: FoundRegion[] = [];
  const unfinished: string[] = [];
  for (const each of walked) {
    const { path, file, isNamed } = each;
    const isOfLog = logId !== undefined && isRegionNameOf(logId, basename(path));
    if (isOfLog && file.status === 'damaged' && regions.isUnfinished(path)) unfinished.push(path);
    // Of a boot that is over: what LOCK names is told, the rest concerns nobody.
    else if (file.status !== 'other-boot' || isNamed) found.push(each);
  }
  return [found, unfinished];
}

/** The same without the lock; undefined where there is no folder. */
export function lookForRegions(
  storage: Storage,
  regions: Regions,
  directory: string,
  logId: bigint | undefined,
): LogRegions | undefined {
  const marks = readMarks(storage, directory);
  return marks && findRegions({ ...marks, storage, regions, directory, logId });
}
