// Shared regions that no log would take events from any more: their owner is dead, and the LOCK of
// the log does not name them. Only these may be removed, and only one by one.
import { WalError } from '../errors.js';
import { leftRing } from '../judgement/left-rings.js';
import { readLogId } from '../judgement/log-identity.js';
import { isMissing, readFailure, reading } from '../reading/read-failure.js';
import { type FolderIdentity, judgeFolder } from '../region/folder-identity.js';
import { listRegions, openRegionFile, type RegionFile } from '../region/region-file.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { readLockRecord } from '../storage/lock-file.js';
import { nodeStorage } from '../storage/node-storage.js';

export interface OrphanRegion {
  readonly path: string;
  readonly bytes: number;
  readonly logId: bigint | undefined;
  readonly pid: number | undefined;
  /** Unix epoch. */
  readonly startedTsNs: bigint | undefined;
  readonly removable: boolean;
  /** Why it is kept, where it is not removable. */
  readonly reason: string | undefined;
}

/**
 * Every region in `sharedMemoryDirectory` that carries the id of the log in `dir`.
 * @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG, _ACCESS, _IO, and what keeps the log's id unknown
 */
export function listOrphanRegions(sharedMemoryDirectory: string, dir: string): OrphanRegion[] {
  const logId = readLogId(nodeStorage, dir);
  if (logId === undefined) return [];
  const lock = readLockRecord(nodeStorage, dir);
  const folder = identifyFolder(nodeStorage, dir);
  const regions: OrphanRegion[] = [];
  for (const path of regionPaths(sharedMemoryDirectory)) {
    const file = openRegionFile(path);
    if (file.status !== 'match') continue;
    try {
      if (file.header.logId === logId) regions.push(describe(file, lock, folder));
    } catch (error) {
      // Its owner has just removed it.
      if (!isMissing(error)) throw readFailure(error, path);
    } finally {
      file.close();
    }
  }
  return regions;
}

function regionPaths(sharedMemoryDirectory: string): readonly string[] {
  try {
    return listRegions(sharedMemoryDirectory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw readFailure(error, sharedMemoryDirectory);
  }
}

function describe(
  file: RegionFile,
  lock: ReturnType<typeof readLockRecord>,
  folder: FolderIdentity | undefined,
): OrphanRegion {
  const { path, header } = file;
  const { logId, pid, startTsNs } = header;
  const reason = keptBecause(file, lock, folder);
  const bytes = nodeStorage.statusAt(path)?.bytes ?? 0;
  return {
    path,
    bytes,
    logId,
    pid,
    startedTsNs: startTsNs,
    removable: reason === undefined,
    reason,
  };
}

function keptBecause(
  file: RegionFile,
  lock: ReturnType<typeof readLockRecord>,
  folder: FolderIdentity | undefined,
): string | undefined {
  const { path, header } = file;
  if (file.ownerIsAlive()) return `process ${header.pid} uses it`;
  const match = folder === undefined ? 'unknown' : judgeFolder(header.folder, folder);
  if (match !== 'same' && match !== 'remounted') {
    return 'it is that of another folder with this log, a copy or the original';
  }
  if (lock.damaged) return 'LOCK, which would name the region in use, is damaged';
  // Named or not: an opening looks for regions by the log's id, too.
  const isWanted = lock.regions.includes(path) || leftRing(path, file).unread !== undefined;
  return isWanted ? 'the next opening of the log reads it' : undefined;
}

/**
 * Removes a region that `listOrphanRegions` called removable.
 * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY where it is no longer what was listed
 */
export function removeOrphanRegion(path: string): void {
  const file = openRegionFile(path);
  if (file.status !== 'match') throw notRemoved(path, file.reason);
  try {
    if (file.ownerIsAlive()) throw notRemoved(path, 'a process uses it.');
    if (reading(path, () => file.unlink()) !== 'removed') {
      throw notRemoved(path, 'another file has its name by now.');
    }
  } catch (error) {
    throw readFailure(error, path);
  } finally {
    file.close();
  }
}

const notRemoved = (path: string, reason: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', `${path} was not removed: ${reason}`, { path });
