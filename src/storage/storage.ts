// The port for all file work. Every call is synchronous and made by one thread of our own; errors
// are the system's (`code`: ENOSPC, EIO …), the callers know what they mean. A simulated disk
// implements the same port, so nothing outside this folder touches node:fs for the log's files.

export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';

export interface FileStatus {
  readonly kind: EntryKind;
  readonly bytes: number;
  readonly device: bigint;
  readonly inode: bigint;
  readonly links: number;
  readonly owner: number;
  /** When the file was made, Unix ns; undefined where the file system does not tell. */
  readonly birthNs: bigint | undefined;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: EntryKind;
}

/**
 * `read`: existing, read-only. `write`: existing, read and write. `rewrite`: the same, for who
 * writes nothing but what stands there. `create`: must not exist. `open-or-create`: either. None
 * follows a symbolic link; none waits on a FIFO; new files are 0600.
 */
export type OpenMode = 'read' | 'write' | 'rewrite' | 'create' | 'open-or-create';

export interface Storage {
  /**
   * A file with several links is opened where nothing in it changes (`read`, `rewrite`): what is
   * written to it would show under names of somebody else.
   * @throws WalError ERR_FLASHSTRIKE_UNSAFE_FILE when the name is no plain file, or has several
   * links
   */
  open(path: string, mode: OpenMode): number;
  close(fd: number): void;
  statusOf(fd: number): FileStatus;
  /** Status of the name itself (lstat), or undefined where nothing has that name. */
  statusAt(path: string): FileStatus | undefined;
  /** The path without links in it, or undefined where it leads nowhere. */
  realPath(path: string): string | undefined;
  /** Reads until `target` is full or the file ends; returns the bytes read. */
  read(fd: number, target: Uint8Array, offset: number): number;
  /** Writes all of `parts` one behind the other at `offset`, in one call where the system can. */
  write(fd: number, parts: readonly Uint8Array[], offset: number): void;
  /** Makes the file `bytes` long with its blocks allocated, as far as the platform can. */
  allocate(fd: number, bytes: number): void;
  truncate(fd: number, bytes: number): void;
  /** fdatasync. */
  sync(fd: number): void;
  /** fsync of a folder: makes creation, rename and removal of its names durable. */
  syncDirectory(path: string): void;
  rename(source: string, target: string): void;
  /** Fails with EEXIST where `target` exists. */
  renameNoReplace(source: string, target: string): void;
  unlink(path: string): void;
  /** All entries, sorted by name; at most `LISTING_LIMIT`. */
  list(path: string): readonly DirectoryEntry[];
  /** Creates a folder (0700) and its missing parents; returns the topmost one created, if any. */
  makeDirectory(path: string): string | undefined;
}

/** More entries than this in a log folder are refused rather than held in memory. */
export const LISTING_LIMIT = 1_000_000;
