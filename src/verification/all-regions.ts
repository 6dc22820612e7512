// All shared regions of this user in a folder, whatever log they are of: also those whose log is
// gone, which no log would ever look for again.

import { leftRing } from '../judgement/left-rings.js';
import { isMissing, readFailure, reading } from '../reading/read-failure.js';
import { judgeFolder } from '../region/folder-identity.js';
import type { RegionFile } from '../region/region-file.js';
import { machineRegions } from '../region/regions.js';
import { identifyFolder } from '../storage/identify-folder.js';
import { nodeStorage } from '../storage/node-storage.js';

export interface SharedRegionInspection {
  readonly path: string;
  readonly bytes: number;
  readonly logId: bigint | undefined;
  readonly pid: number | undefined;
  /** Unix epoch. */
  readonly startedTsNs: bigint | undefined;
  /** Where the log's folder was. */
  readonly folder: string | undefined;
  /** Whether it still is there; undefined where that is not known. */
  readonly folderExists: boolean | undefined;
  /** `waiting`: its owner is dead. Others are not read. */
  readonly status: 'in-use' | 'waiting' | 'foreign' | 'other-boot' | 'damaged' | 'unsupported';
  /** Events in it that may be in no file; undefined where that cannot be told. */
  readonly unreadEvents: number | undefined;
  readonly reason: string | undefined;
}

/**
 * Every region in `sharedMemoryDirectory` that this user may look at.
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO
 */
export function listSharedRegions(sharedMemoryDirectory: string): SharedRegionInspection[] {
  const found: SharedRegionInspection[] = [];
  for (const path of reading(sharedMemoryDirectory, () =>
    machineRegions.list(sharedMemoryDirectory),
  )) {
    const file = reading(path, () => machineRegions.open(path));
    if (file.status === 'missing') continue;
    const bytes = nodeStorage.statusAt(path)?.bytes ?? 0;
    if (file.status !== 'match') {
      found.push({ ...UNREAD, path, bytes, status: file.status, reason: file.reason });
      continue;
    }
    try {
      found.push(inspectFile(file, bytes));
    } catch (error) {
      // Its owner has just removed it.
      if (!isMissing(error)) throw readFailure(error, path);
    } finally {
      file.close();
    }
  }
  return found;
}

/**
 * The folders of the logs that have a region in `sharedMemoryDirectory`, by their ids, as far as
 * they are known. Touches none of these folders: their disk may hang.
 * @throws WalError ERR_FLASHSTRIKE_ACCESS, _IO
 */
export function logFolders(sharedMemoryDirectory: string): ReadonlyMap<bigint, string> {
  const folders = new Map<bigint, string>();
  for (const path of reading(sharedMemoryDirectory, () =>
    machineRegions.list(sharedMemoryDirectory),
  )) {
    const file = reading(path, () => machineRegions.open(path));
    if (file.status !== 'match') continue;
    const { logId, folder } = file.header;
    if (folder.path !== undefined) folders.set(logId, folder.path);
    file.close();
  }
  return folders;
}

const UNREAD = {
  logId: undefined,
  pid: undefined,
  startedTsNs: undefined,
  folder: undefined,
  folderExists: undefined,
  unreadEvents: undefined,
  reason: undefined,
} as const;

function inspectFile(file: RegionFile, bytes: number): SharedRegionInspection {
  const { path, header } = file;
  const { logId, pid, startTsNs: startedTsNs, folder } = header;
  const base = { path, bytes, logId, pid, startedTsNs, folder: folder.path, reason: undefined };
  const there = folder.path === undefined ? undefined : identify(folder.path);
  const match = there === undefined ? undefined : judgeFolder(folder, there);
  const folderExists =
    folder.path === undefined ? undefined : match === 'same' || match === 'remounted';
  if (file.ownerIsAlive()) {
    return { ...base, folderExists, status: 'in-use', unreadEvents: undefined };
  }
  const { unread } = leftRing(path, file);
  if (unread !== undefined && 'defect' in unread) {
    const reason = unread.defect;
    return { ...base, folderExists, status: 'damaged', unreadEvents: undefined, reason };
  }
  return { ...base, folderExists, status: 'waiting', unreadEvents: unread?.eventCount ?? 0 };
}

const identify = (path: string) => reading(path, () => identifyFolder(nodeStorage, path));

/** Whether nothing is lost when it goes: its owner is dead, and every event of it is in a file. */
export const isSpent = ({ status, unreadEvents }: SharedRegionInspection): boolean =>
  status === 'waiting' && unreadEvents === 0;
