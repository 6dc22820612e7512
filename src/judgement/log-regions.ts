// The one walk over the shared regions that may belong to a log: those that LOCK names, and those
// whose names carry the log's id. So a LOCK that is gone, empty or older hides none of them.
import { basename, dirname } from 'node:path';
import { systemCode } from '../errors.js';
import { readMeta } from '../reading/log-directory.js';
import { reading } from '../reading/read-failure.js';
import { type FolderIdentity, judgeFolder } from '../region/folder-identity.js';
import type { UnusableRegion } from '../region/region-file.js';
import { DEFAULT_REGION_FOLDER, isRegionNameOf } from '../region/region-names.js';
import type { LeftRegion, Regions } from '../region/regions.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { type ReadLockRecord, readLockRecord } from '../storage/lock-file.js';
import type { Storage } from '../storage/storage.js';
import { isProvenCopy, standsElsewhere } from './folder-proof.js';
import type { Whose } from './region-verdict.js';

export interface FoundRegion {
  readonly path: string;
  /** LOCK names it; else it was found by the log's id in its name. */
  readonly isNamed: boolean;
  /** An opening was told to go on without it: it is never taken any more. */
  readonly wasLeft: boolean;
  readonly file: LeftRegion | UnusableRegion;
  readonly whose: Whose;
}

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

export interface RegionSearch {
  readonly storage: Storage;
  readonly regions: Regions;
  readonly directory: string;
  readonly folder: FolderIdentity;
  readonly record: ReadLockRecord;
  /** Undefined where the files do not tell it: then only LOCK leads to regions. */
  readonly logId: bigint | undefined;
  /** Where an opening makes its own. */
  readonly sharedMemoryDirectory?: string | undefined;
}

/** Looks for all of them; the caller closes what was found. */
export function findRegions(search: RegionSearch): LogRegions {
  const { storage, regions, directory, record, logId } = search;
  const folders = new Set([
    ...record.regions.map((path) => dirname(path)),
    search.sharedMemoryDirectory ?? DEFAULT_REGION_FOLDER,
    DEFAULT_REGION_FOLDER,
  ]);
  const named = new Set(record.regions);
  const scanned = [...folders].flatMap((path) => regionsIn(regions, path, logId));
  const found: FoundRegion[] = [];
  const missing: string[] = [];
  const unfinished: string[] = [];
  const close = (): void => {
    for (const { file } of found) if (file.status === 'match') file.close();
  };
  try {
    for (const path of new Set([...record.regions, ...scanned])) {
      const isNamed = named.has(path);
      const file = reading(path, () => regions.open(path));
      if (file.status === 'missing') {
        if (isNamed) missing.push(path);
        continue;
      }
      // LOCK can name any file: its name must tell that it was made for this log.
      const isOfLog = logId !== undefined && isRegionNameOf(logId, basename(path));
      if (isOfLog && file.status === 'damaged' && regions.isUnfinished(path)) {
        unfinished.push(path);
        if (isNamed) missing.push(path);
        continue;
      }
      // Of a boot that is over: what LOCK names is told, the rest concerns nobody.
      if (file.status === 'other-boot' && !isNamed) continue;
      const wasLeft = record.left.includes(path);
      const whose = wasLeft ? 'another' : whoseIs(search, path, file);
      found.push({ path, isNamed, wasLeft, file, whose });
    }
    const meta = readMeta(storage, directory);
    const isClosedCleanly = meta.status === 'present' && meta.meta.cleanlyClosed;
    return {
      record,
      isCopy: record.folder !== undefined && isProvenCopy(storage, record.folder, search.folder),
      isClosedCleanly,
      found,
      missing,
      unfinished,
      folders: [...folders],
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The same without the lock; undefined where there is no folder. */
export function lookForRegions(
  storage: Storage,
  regions: Regions,
  directory: string,
  logId: bigint | undefined,
): LogRegions | undefined {
  const record = readLockRecord(storage, directory);
  const folder = reading(directory, () => identifyFolder(storage, directory));
  if (folder === undefined) return undefined;
  return findRegions({ storage, regions, directory, folder, record, logId });
}

/** Full paths of what carries the log's id in its name; nothing where this user may not look. */
function regionsIn(regions: Regions, folder: string, logId: bigint | undefined): readonly string[] {
  if (logId === undefined) return [];
  try {
    return regions.list(folder).filter((path) => isRegionNameOf(logId, basename(path)));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function whoseIs(search: RegionSearch, path: string, file: LeftRegion | UnusableRegion): Whose {
  const { storage, folder, logId } = search;
  if (logId !== undefined && !isRegionNameOf(logId, basename(path))) return 'another';
  if (file.status !== 'match') return file.status === 'other-boot' ? 'another' : 'uncertain';
  const { header, isOwn } = file;
  // Its name says otherwise: one of the two is damaged, or forged.
  if (logId !== undefined && header.logId !== logId) return 'uncertain';
  const match = judgeFolder(header.folder, folder);
  if (match === 'same') return isOwn ? 'ours' : 'uncertain';
  if (standsElsewhere(storage, header.folder, folder)) return 'another';
  return match === 'remounted' && isOwn ? 'ours' : 'uncertain';
}
