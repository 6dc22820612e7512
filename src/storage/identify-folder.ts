// The identity of a log's folder, as LOCK and the header of its shared region record it.
import type { FolderIdentity } from '../region/folder-identity.js';
import type { Storage } from './storage.js';

/** Undefined where there is no folder. */
export function identifyFolder(storage: Storage, directory: string): FolderIdentity | undefined {
  const path = storage.realPath(directory);
  const status = path === undefined ? undefined : storage.statusAt(path);
  if (status?.kind !== 'directory') return undefined;
  const { device, inode, birthNs } = status;
  return { device, inode, birthNs, path };
}
