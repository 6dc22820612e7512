// The port for all file work. Every call is synchronous and made by one thread of our own; errors
// are the system's (`code`: ENOSPC, EIO …), the callers know what they mean. A simulated disk
// implements the same port, so nothing outside this folder touches node:fs for the log's files.
//
// What is said here holds for every adapter: `storage.conformance.ts` asks each of them. Paths are
// absolute and normalised, but for a `/.` at the end. A path with a missing folder in it is ENOENT,
// one with a file in the place of a folder ENOTDIR. A call on a descriptor that is not open is
// EBADF (the storages of the tests take it for an error of the code, and assert). Offsets and
// lengths are whole numbers from 0.
//
// The simulated disk differs in this: it has no symbolic links and no FIFOs, its folders may hold
// more than `LISTING_LIMIT`, and it gives no descriptor and no inode number a second time, as a
// kernel does once the first is closed, or the file is gone.

export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';

export interface FileStatus {
  readonly kind: EntryKind;
  /** Length of a file; what a file system says of anything else means nothing. */
  readonly bytes: number;
  /** Device and inode are no other file's as long as this one has a name or is open. */
  readonly device: bigint;
  readonly inode: bigint;
  /** Names of a file: 0 when it is only open. Of a folder file systems count what they like. */
  readonly links: number;
  /** User id. */
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
   * written to it would show under names of somebody else. Several descriptors of one file are
   * apart from each other.
   * @throws WalError ERR_FLASHSTRIKE_UNSAFE_FILE when the name is no plain file, or has several
   * links; EEXIST when `create` meets any name; ENOENT when a mode that creates nothing meets none
   */
  open(path: string, mode: OpenMode): number;
  close(fd: number): void;
  statusOf(fd: number): FileStatus;
  /**
   * Status of the name itself (lstat), or undefined where nothing has that name, nor one of the
   * folders above.
   */
  statusAt(path: string): FileStatus | undefined;
  /** Bytes that this user may still write to the file system that holds `path`. */
  freeBytes(path: string): number;
  /** The path without links and points in it, or undefined where it leads nowhere. */
  realPath(path: string): string | undefined;
  /**
   * Reads until `target` is full or the file ends; returns the bytes read: 0 at the end and beyond.
   * What is not read into stays as it is.
   */
  read(fd: number, target: Uint8Array, offset: number): number;
  /**
   * Writes all of `parts` one after the other at `offset`, in one call where the system can. What
   * lies between the end and `offset` becomes zeros; where `parts` hold nothing, nothing changes.
   * @throws EBADF when the file was opened with `read`
   */
  write(fd: number, parts: readonly Uint8Array[], offset: number): void;
  /**
   * Writes `bytes` zeros at `offset`, where small writes are to follow: for those, the system keeps
   * no large piece of the file as a whole.
   * @throws EBADF when the file was opened with `read`
   */
  writeZeros(fd: number, offset: number, bytes: number): void;
  /**
   * Makes the file at least `bytes` (1 or more) long with its blocks allocated, as far as the
   * platform can; what is added is zeros, and nothing is cut.
   * @throws EBADF or EINVAL when the file was opened with `read`; ENOSPC, after which a part of it
   * may be allocated
   */
  allocate(fd: number, bytes: number): void;
  /**
   * Makes the file `bytes` long. What is added is zeros, also where it was cut before.
   * @throws EINVAL when the file was opened with `read`
   */
  truncate(fd: number, bytes: number): void;
  /**
   * Asks the system to begin writing what was written there to the disk, so that the next sync
   * finds less to do. Waits for nothing, promises nothing, never fails.
   */
  startWriteback(fd: number, offset: number, bytes: number): void;
  /**
   * Whether anybody else has the file open or mapped, in this process or another: then what is
   * written to it changes under them. True also where the system does not tell. Never fails.
   */
  isOpenElsewhere(fd: number): boolean;
  /** fdatasync. */
  sync(fd: number): void;
  /**
   * fsync of a folder: makes creation, rename and removal of its names durable.
   * @throws ENOTDIR when it is none
   */
  syncDirectory(path: string): void;
  /**
   * A file replaces a file, a folder an empty folder. From one name of a file to another name of
   * it, nothing happens.
   * @throws EISDIR, ENOTDIR, ENOTEMPTY for other targets; EINVAL for one below `source`
   */
  rename(source: string, target: string): void;
  /** Fails with EEXIST where anything has the name `target`, `source` itself included. */
  renameNoReplace(source: string, target: string): void;
  /**
   * Removes one name of a file, or a link, never what it leads to.
   * @throws EISDIR (macOS: EPERM) for a folder
   */
  unlink(path: string): void;
  /**
   * All entries, sorted by the UTF-16 units of their names.
   * @throws ENOTDIR when it is no folder; WalError ERR_FLASHSTRIKE_NOT_A_LOG when it holds more
   * than `LISTING_LIMIT`
   */
  list(path: string): readonly DirectoryEntry[];
  /**
   * A number that is another one once names have come into a folder, or gone; where that happens
   * within moments, as coarse as the file system's clock, the number may miss it. Undefined where
   * the file system does not tell. Cheaper than a list.
   * @throws ENOENT where nothing has that name
   */
  folderChange(path: string): bigint | undefined;
  /**
   * Creates a folder (0700) and its missing parents; returns the topmost one created, if any.
   * @throws EEXIST when a file has that name
   */
  makeDirectory(path: string): string | undefined;
}

/** More entries than this in a log folder are refused rather than held in memory. */
export const LISTING_LIMIT = 1_000_000;
