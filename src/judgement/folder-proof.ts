// What the disk proves of a log's folder beyond the numbers that were recorded: where these leave
// open whether it is the recorded one, that one may still stand where it stood.
import { isOperational, WalError } from '../errors.js';
import { type FolderIdentity, judgeFolder } from '../region/folder-identity.js';
import { identifyFolder } from '../storage/identify-folder.js';
import type { Storage } from '../storage/storage.js';

/**
 * Whether `own` is another folder than the one that was recorded: born at another time, or of
 * another inode while the recorded one stands where it stood. The latter across devices only where
 * no births are told: a folder that is seen through a second mount has numbers of its own, but its
 * birth.
 */
export function isProvenCopy(
  storage: Storage,
  recorded: FolderIdentity,
  own: FolderIdentity,
): boolean {
  if (judgeFolder(recorded, own) === 'copy') return true;
  if (recorded.inode === own.inode) return false;
  const areBornKnown = recorded.birthNs !== undefined && own.birthNs !== undefined;
  if (recorded.device !== own.device && areBornKnown) return false;
  return standsElsewhere(storage, recorded, own);
}

/** Whether the folder that was recorded stands where it stood, and is not this one. */
export function standsElsewhere(
  storage: Storage,
  recorded: FolderIdentity,
  own: FolderIdentity,
): boolean {
  const there = recorded.path === undefined ? undefined : lookAt(storage, recorded.path);
  if (there === undefined) return false;
  if (there.device === own.device && there.inode === own.inode) return false;
  const match = judgeFolder(recorded, there);
  return match === 'same' || match === 'remounted';
}

/** Undefined also where this user may not look: nothing is proven then. */
function lookAt(storage: Storage, path: string): FolderIdentity | undefined {
  try {
    return identifyFolder(storage, path);
  } catch (error) {
    if (!isOperational(error) || error instanceof WalError) throw error;
    return undefined;
  }
}
