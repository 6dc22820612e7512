// LOCK in the log's folder: whoever holds its flock is the log's one writer. It is never deleted,
// because a second process could then lock another file of the same name. Its text names the
// shared regions of the log, and tells which folder it was written in, and in which boot.
import { basename, isAbsolute, join, resolve } from 'node:path';
import { assert, isError, WalError } from '../errors.js';
import type { FolderIdentity } from '../region/folder-identity.js';
import { isRegionName } from '../region/region-names.js';
import { PAGE_BYTES } from '../units.js';
import { tryFileLock } from './file-lock.js';
import { LOCK_FILE } from './lock-name.js';
import type { FileStatus, Storage } from './storage.js';

interface LockRecord {
  /** Full paths of regions that may hold events of this log; at most 4. */
  readonly regions: readonly string[];
  /** The log's folder when it was opened; undefined in texts of before 0.2, and where not known. */
  readonly folder?: FolderIdentity | undefined;
  /** Full paths of regions that an opening was told to continue without; at most 4. */
  readonly left?: readonly string[] | undefined;
  /** The boot of the machine then, 32 hexadecimal digits; undefined as above. */
  readonly boot?: string | undefined;
}

export interface ReadLockRecord extends LockRecord {
  readonly left: readonly string[];
  /** True when there was a text that this package does not write. */
  readonly damaged: boolean;
  /** True when there was a text that this package writes: an opening of the log has come so far. */
  readonly isWritten: boolean;
}

const RECORD_BYTES = PAGE_BYTES;
export const REGIONS_MAX = 4;
const ATTEMPTS = 10;
const NO_RECORD: ReadLockRecord = {
  regions: [],
  left: [],
  folder: undefined,
  boot: undefined,
  damaged: false,
  isWritten: false,
};

export class LogLock {
  readonly fd: number;
  /** By which the folder is reached that is locked. */
  readonly storage: Storage;
  readonly #path: string;
  readonly #directory: string;
  readonly #isFolderLocked: boolean;
  readonly #close: (fd: number) => void;
  #status: FileStatus | undefined;
  #released = false;

  /**
   * @param isFolderLocked whether the folder is, too: nobody can open the log whatever becomes of
   * LOCK
   * @param close of the thread that has opened the descriptor
   */
  constructor(
    storage: Storage,
    directory: string,
    fd: number,
    isFolderLocked: boolean,
    close: (fd: number) => void = (given) => storage.close(given),
  ) {
    this.fd = fd;
    this.storage = storage;
    this.#directory = directory;
    this.#path = join(directory, LOCK_FILE);
    this.#isFolderLocked = isFolderLocked;
    this.#close = close;
  }

  get device(): bigint {
    return this.#file.device;
  }

  get inode(): bigint {
    return this.#file.inode;
  }

  /** Asked for only where it is needed: a lock must also be let go whose disk is gone. */
  get #file(): FileStatus {
    this.#status ??= this.storage.statusOf(this.fd);
    return this.#status;
  }

  read(): ReadLockRecord {
    return readRecord(this.storage, this.fd);
  }

  /**
   * Whether LOCK still names the locked file. When someone has replaced it, another process can
   * lock the new one and write beside this: to be looked at now and then.
   */
  isNamed(): boolean {
    return isNameOf(this.storage, this.#path, this);
  }

  /**
   * One write of one page: the old text or the new, whatever happens to this process. Not synced by
   * itself: a power cut takes the regions too.
   */
  write(record: LockRecord): void {
    assert(record.regions.length <= REGIONS_MAX, `LOCK names at most ${REGIONS_MAX} regions`);
    const { folder } = record;
    let text = textOf(record);
    // The folder's path only helps to find it: better without it than no room for the regions.
    if (Buffer.byteLength(text) >= RECORD_BYTES && folder !== undefined) {
      text = textOf({ ...record, folder: { ...folder, path: undefined } });
    }
    if (Buffer.byteLength(text) >= RECORD_BYTES) {
      const message =
        `${this.#path}: the path of the shared region is too long. Choose a shorter ` +
        'sharedMemoryDirectory.';
      throw new WalError('ERR_FLASHSTRIKE_INVALID_OPTION', message, { path: this.#path });
    }
    this.storage.write(this.fd, [pageOf(text)], 0);
  }

  /** The log is closed: the text names no region any more, and keeps whose it is. */
  forgetRegions(): void {
    const { left, folder, boot } = this.read();
    this.write({ regions: [], left, folder, boot });
    // A LOCK that was made again has a text of its own.
    if (!this.isNamed()) this.restore();
  }

  /**
   * Makes LOCK again, which somebody has removed or replaced: another file with the same text, so
   * that a later opening finds the log's regions. It is not locked itself. Only where the folder is
   * locked as well, false elsewhere: another process may hold what LOCK is now.
   */
  restore(): boolean {
    if (!this.#isFolderLocked) return false;
    this.#status = makeAnew(this.storage, this.#directory, readText(this.storage, this.fd));
    return true;
  }

  /**
   * Makes the text durable. A file system can stop and be mounted again while the machine, and with
   * it the region, lives: the next open must still learn the region's name.
   */
  sync(): void {
    this.storage.sync(this.fd);
  }

  /** Lets go of the lock. Idempotent. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#close(this.fd);
  }
}

function readText(storage: Storage, fd: number): string {
  const bytes = new Uint8Array(RECORD_BYTES);
  return Buffer.from(bytes.subarray(0, storage.read(fd, bytes, 0)))
    .toString()
    .replace(PADDING, '');
}

/** What pads a record. Anything else, other white space included, is a text that is damaged. */
const PADDING = /^[\t\n\v\f\r ]+|[\t\n\v\f\r ]+$/g;

/** A whole page: shorter than the one before, a text would keep its end. */
function pageOf(text: string): Uint8Array {
  const page = Buffer.alloc(RECORD_BYTES, ' ');
  page.write(text);
  page.write('\n', RECORD_BYTES - 1);
  return page;
}

function readRecord(storage: Storage, fd: number): ReadLockRecord {
  const text = readText(storage, fd);
  if (text === '') return NO_RECORD;
  const record = recordOf(text);
  if (record === undefined) return { ...NO_RECORD, damaged: true };
  return { ...record, damaged: false, isWritten: true };
}

function textOf({ regions, left = [], folder, boot }: LockRecord): string {
  return JSON.stringify({
    // Full paths: the next opening may have another working directory.
    regions: regions.map((path) => resolve(path)),
    left: left.length === 0 ? undefined : left.map((path) => resolve(path)),
    // Text, because they may be more than a number of JSON holds.
    folder: folder && {
      device: String(folder.device),
      inode: String(folder.inode),
      birthNs: folder.birthNs === undefined ? undefined : String(folder.birthNs),
      path: folder.path,
    },
    boot,
  });
}

const NAME_BYTES_MAX = 255;

/**
 * Whether a system can have such a path: what it would not even look up is no trouble of its own.
 */
const isNameable = (path: string): boolean =>
  !path.includes('\0') &&
  path.split('/').every((name) => Buffer.byteLength(name) <= NAME_BYTES_MAX);

/** A path as this package writes it: what else a forged record may name is not even opened. */
const isRegionPath = (path: unknown): path is string =>
  typeof path === 'string' && isAbsolute(path) && isNameable(path) && isRegionName(basename(path));

/** Undefined for anything that this package does not write. */
function recordOf(text: string): Omit<ReadLockRecord, 'damaged' | 'isWritten'> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    if (isError(error) && error.name === 'SyntaxError') return undefined;
    throw error;
  }
  if (!isFields(parsed)) return undefined;
  const { regions, left = [], folder, boot } = parsed;
  if (!areRegions(regions) || !areRegions(left) || !isBoot(boot)) return undefined;
  const identity = folder === undefined ? undefined : folderOf(folder);
  if (folder !== undefined && identity === undefined) return undefined;
  return { regions, left, folder: identity, boot };
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const areRegions = (paths: unknown): paths is readonly string[] =>
  Array.isArray(paths) && paths.length <= REGIONS_MAX && paths.every(isRegionPath);

const isBoot = (boot: unknown): boot is string | undefined =>
  boot === undefined || (typeof boot === 'string' && /^[0-9a-f]{32}$/.test(boot));

/** A number of 64 bits, as text. */
const isNumber64 = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{1,20}$/.test(value);

function folderOf(folder: unknown): FolderIdentity | undefined {
  if (!isFields(folder)) return undefined;
  const { device, inode, birthNs, path } = folder;
  if (!isNumber64(device) || !isNumber64(inode)) return undefined;
  if (birthNs !== undefined && !isNumber64(birthNs)) return undefined;
  if (path !== undefined && !(typeof path === 'string' && isAbsolute(path) && isNameable(path))) {
    return undefined;
  }
  return {
    device: BigInt(device),
    inode: BigInt(inode),
    birthNs: birthNs === undefined ? undefined : BigInt(birthNs),
    path,
  };
}

function isNameOf(
  storage: Storage,
  path: string,
  file: { readonly device: bigint; readonly inode: bigint },
): boolean {
  const named = storage.statusAt(path);
  return named !== undefined && named.inode === file.inode && named.device === file.device;
}

/**
 * Makes LOCK a file of this folder alone. In a snapshot by hard links it is the original's as well:
 * one of the two could not be locked while the other is, and each would write into both. Only for
 * who keeps other owners out meanwhile. A crash in between leaves no LOCK: regions are found by the
 * log's id then.
 */
export function separateLock(storage: Storage, directory: string): void {
  const path = join(directory, LOCK_FILE);
  const status = storage.statusAt(path);
  if (status?.kind !== 'file' || status.links < 2) return;
  const text = readTextOf(storage, path);
  // What this package did not write is somebody else's: only its name goes.
  makeAnew(storage, directory, recordOf(text) === undefined ? '' : text);
}

/** A new file in the place of LOCK. A crash in between leaves none, or one without a text. */
function makeAnew(storage: Storage, directory: string, text: string): FileStatus {
  const path = join(directory, LOCK_FILE);
  if (storage.statusAt(path) !== undefined) storage.unlink(path);
  const fd = storage.open(path, 'create');
  let status: FileStatus;
  try {
    if (text !== '') storage.write(fd, [pageOf(text)], 0);
    storage.sync(fd);
    status = storage.statusOf(fd);
  } finally {
    storage.close(fd);
  }
  storage.syncDirectory(directory);
  return status;
}

function readTextOf(storage: Storage, path: string): string {
  const fd = storage.open(path, 'read');
  try {
    return readText(storage, fd);
  } finally {
    storage.close(fd);
  }
}

/**
 * Locks the log in `directory`; fails at once when another opening holds it.
 * @throws WalError ERR_FLASHSTRIKE_LOCKED, _LOCK_UNAVAILABLE, _UNSAFE_FILE
 */
export function acquireLock(
  storage: Storage,
  directory: string,
  mode: 'flock' | 'none',
  isFolderLocked = false,
): LogLock {
  const path = join(directory, LOCK_FILE);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const fd = storage.open(path, 'open-or-create');
    let lock: LogLock | undefined;
    try {
      if (mode === 'flock') flock(fd, path);
      const candidate = new LogLock(storage, directory, fd, isFolderLocked);
      // Not so when someone replaced the file between the open and the lock: lock the new one.
      if (candidate.isNamed()) lock = candidate;
    } finally {
      if (lock === undefined) storage.close(fd);
    }
    if (lock !== undefined) return lock;
  }
  const message = `${path} keeps being replaced. Find out what replaces it, then open again.`;
  throw new WalError('ERR_FLASHSTRIKE_LOCK_UNAVAILABLE', message, { path });
}

function flock(fd: number, path: string): void {
  if (tryFileLock(fd, path)) return;
  const message =
    `${path} is locked: the log is open in another process, or a second time in this one. ` +
    'Close it there first; reading needs no lock.';
  throw new WalError('ERR_FLASHSTRIKE_LOCKED', message, { path });
}

/**
 * The lock that another thread of this process has acquired, by its descriptor.
 * @param close has it closed there; without it this thread closes it
 */
export const adoptLock = (
  storage: Storage,
  directory: string,
  held: { readonly lockFd: number; readonly isFolderLocked: boolean },
  close?: (fd: number) => void,
): LogLock => new LogLock(storage, directory, held.lockFd, held.isFolderLocked, close);

/** What LOCK names, read without the lock; nothing where there is no LOCK. */
export function readLockRecord(
  storage: Storage,
  directory: string,
): ReadLockRecord & { readonly device?: bigint; readonly inode?: bigint } {
  const path = join(directory, LOCK_FILE);
  if (storage.statusAt(path) === undefined) return NO_RECORD;
  const fd = storage.open(path, 'read');
  try {
    const { device, inode } = storage.statusOf(fd);
    return { ...readRecord(storage, fd), device, inode };
  } finally {
    storage.close(fd);
  }
}
