// The one walk over the shared regions that may belong to a log: those that LOCK names, and those
// whose names carry the log's id. So a LOCK that is gone, empty or older hides none of them. Region
// files of a log are opened here, and here alone it is judged whose each of them is.
import { basename } from 'node:path';
import { systemCode } from '../errors.js';
import { reading } from '../reading/read-failure.js';
import { type FolderIdentity, judgeFolder } from '../region/folder-identity.js';
import type { UnusableRegion } from '../region/region-file.js';
import { isRegionNameOf } from '../region/region-names.js';
import type { LeftRegion, Regions } from '../region/regions.js';
import { identifyFolder } from '../storage/identify-folder.js';
import type { ReadLockRecord } from '../storage/lock-file.js';
import type { Storage } from '../storage/storage.js';
import { standsElsewhere } from './folder-proof.js';
import { lockRecordIn } from './lock-record.js';
import type { Whose } from './region-verdict.js';

export interface FoundRegion<Region extends LeftRegion = LeftRegion> {
  readonly path: string;
  /** LOCK names it; else it was found by the log's id in its name. */
  readonly isNamed: boolean;
  /** An opening was told to go on without it: it is never taken any more. */
  readonly wasLeft: boolean;
  readonly file: Region | UnusableRegion;
  readonly whose: Whose;
}

/** What the regions of a log are recognised by. */
export interface LogMarks {
  readonly record: ReadLockRecord;
  readonly folder: FolderIdentity;
}

export interface RegionWalk<Region extends LeftRegion = LeftRegion> extends LogMarks {
  readonly storage: Storage;
  readonly regions: Pick<Regions<Region>, 'open' | 'list'>;
  /** Undefined where the files do not tell it: then only LOCK leads to regions. */
  readonly logId: bigint | undefined;
  /** Where names with the log's id are looked for; what LOCK names is opened in any case. */
  readonly folders: Iterable<string>;
}

interface WalkedRegions<Region extends LeftRegion> {
  /** Those that are there, in the order in which LOCK names them, the others behind. */
  readonly found: readonly FoundRegion<Region>[];
  /** Folders that this user may not list. */
  readonly unlisted: readonly { readonly path: string; readonly error: unknown }[];
  /** Closes all files but one that somebody keeps. */
  close(kept?: Region): void;
}

/** LOCK's text and the folder, read without the lock; undefined where there is no folder. */
export function readMarks(storage: Storage, directory: string): LogMarks | undefined {
  const record = lockRecordIn(storage, directory);
  const folder = reading(directory, () => identifyFolder(storage, directory));
  return folder && { record, folder };
}

/** Opens all of them; the caller closes what was found. */
export function walkRegions<Region extends LeftRegion>(
  walk: RegionWalk<Region>,
): WalkedRegions<Region> {
  const { regions, record } = walk;
  const found: FoundRegion<Region>[] = [];
  const unlisted: { path: string; error: unknown }[] = [];
  const close = (kept?: Region): void => {
    for (const { file } of found) if (file.status === 'match' && file !== kept) file.close();
  };
  const scanned = [...walk.folders].flatMap((path) => regionsIn(walk, path, unlisted));
  try {
    for (const path of new Set([...record.regions, ...scanned])) {
      const isNamed = record.regions.includes(path);
      const file = reading(path, () => regions.open(path));
      if (file.status === 'missing') continue;
      const wasLeft = record.left.includes(path);
      const whose = wasLeft ? 'another' : whoseIs(walk, path, file);
      found.push({ path, isNamed, wasLeft, file, whose });
    }
    return { found, unlisted, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Full paths of what carries the log's id in its name; nothing where this user may not look. */
function regionsIn(
  { regions, logId }: RegionWalk,
  folder: string,
  unlisted: { path: string; error: unknown }[],
): readonly string[] {
  if (logId === undefined) return [];
  try {
    return regions.list(folder).filter((path) => isRegionNameOf(logId, basename(path)));
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOTDIR') throw error;
    unlisted.push({ path: folder, error });
    return [];
  }
}

function whoseIs(walk: RegionWalk, path: string, file: LeftRegion | UnusableRegion): Whose {
  const { storage, folder, logId } = walk;
  // LOCK can name any file: its name must tell that it was made for this log.
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
