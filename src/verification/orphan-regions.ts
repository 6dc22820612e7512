// Shared regions that no log would take events from any more: their owner is dead, and the LOCK of
// the log does not name them. Only these may be removed, and only one by one.
import { dirname, resolve } from 'node:path';
import { WalError } from '../errors.js';
import { leftRing } from '../judgement/left-rings.js';
import { readLogId } from '../judgement/log-identity.js';
import { type FoundRegion, readMarks, walkRegions } from '../judgement/region-walk.js';
import { isMissing, readFailure, reading } from '../reading/read-failure.js';
import { openRegionFile, type RegionFile } from '../region/region-file.js';
import { machineRegions } from '../region/regions.js';
import type { ReadLockRecord } from '../storage/lock-file.js';
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
  const marks = readMarks(nodeStorage, dir);
  if (logId === undefined || marks === undefined) return [];
  // Full, as LOCK names regions.
  const shared = resolve(sharedMemoryDirectory);
  const given = { storage: nodeStorage, regions: machineRegions, folders: [shared] };
  const walked = reading(shared, () => walkRegions({ ...marks, ...given, logId }));
  try {
    const [unlisted] = walked.unlisted;
    if (unlisted !== undefined) throw readFailure(unlisted.error, unlisted.path);
    return walked.found
      .filter(({ path }) => dirname(path) === shared)
      .flatMap((found) => describe(found, logId, marks.record) ?? []);
  } finally {
    walked.close();
  }
}

/** Undefined for what is no region of this log that this user may remove. */
function describe(
  found: FoundRegion<RegionFile>,
  logId: bigint,
  lock: ReadLockRecord,
): OrphanRegion | undefined {
  const { path, file } = found;
  if (file.status !== 'match' || !file.isOwn || file.header.logId !== logId) return undefined;
  const { pid, startTsNs: startedTsNs } = file.header;
  try {
    const reason = keptBecause(found, file, lock);
    const bytes = nodeStorage.statusAt(path)?.bytes ?? 0;
    return { path, bytes, logId, pid, startedTsNs, removable: reason === undefined, reason };
  } catch (error) {
    // Its owner has just removed it.
    if (isMissing(error)) return undefined;
    throw readFailure(error, path);
  }
}

function keptBecause(
  { path, isNamed, wasLeft, whose }: FoundRegion,
  file: RegionFile,
  lock: ReadLockRecord,
): string | undefined {
  if (file.ownerIsAlive()) return `process ${file.header.pid} is using it`;
  if (wasLeft) return 'an earlier open was told to continue without it, and to leave it';
  if (whose !== 'ours') return 'it belongs to another folder with this log, a copy or the original';
  if (lock.damaged) return 'LOCK, which would name the region in use, is damaged';
  // Named or not: an opening looks for regions by the log's id, too.
  const isWanted = isNamed || leftRing(path, file).unread !== undefined;
  return isWanted ? 'the next open of the log reads it' : undefined;
}

/**
 * Removes a region that `listOrphanRegions` called removable.
 * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY where it is no longer what was listed
 */
export function removeOrphanRegion(path: string): void {
  const file = openRegionFile(path);
  if (file.status !== 'match') throw notRemoved(path, file.reason);
  try {
    if (file.ownerIsAlive()) throw notRemoved(path, 'a process is using it.');
    if (reading(path, () => file.unlink()) !== 'removed') {
      throw notRemoved(path, 'another file now has its name.');
    }
  } catch (error) {
    throw readFailure(error, path);
  } finally {
    file.close();
  }
}

const notRemoved = (path: string, reason: string): WalError =>
  new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', `${path} was not removed: ${reason}`, { path });
