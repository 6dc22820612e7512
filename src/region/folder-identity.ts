// Whose a shared region is: the folder of its log, told apart from its copies and found again after
// a remount. Device and inode alone cannot do that: device numbers change when a file system is
// mounted again (loop, overlay, btrfs, NFS, FUSE), and inodes are used again for other folders. The
// time of birth is no copy's, and goes where the folder goes; docs/ARCHITECTURE.md has what was
// measured.

export interface FolderIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  /** When the folder was made, Unix ns; undefined where the file system does not tell. */
  readonly birthNs: bigint | undefined;
  /** Its real path, where it could be written down: it tells where to look, and proves nothing. */
  readonly path: string | undefined;
}

/**
 * - `same`: device, inode and birth are those that were recorded
 * - `remounted`: inode and birth are, on another device. A block-level clone and a btrfs snapshot
 *   look like that, too: whether the original is still there must be asked for itself
 * - `copy`: born at another time than the one that was recorded, so it is another folder
 * - `unknown`: neither can be proven
 */
type FolderMatch = 'same' | 'remounted' | 'copy' | 'unknown';

/** What `actual` is to the folder that was recorded. */
export function judgeFolder(recorded: FolderIdentity, actual: FolderIdentity): FolderMatch {
  const areBornKnown = recorded.birthNs !== undefined && actual.birthNs !== undefined;
  if (areBornKnown && recorded.birthNs !== actual.birthNs) return 'copy';
  if (recorded.inode !== actual.inode) return 'unknown';
  if (recorded.device === actual.device) return 'same';
  return areBornKnown ? 'remounted' : 'unknown';
}
