// The Storage port over node:fs, synchronous calls only.
import {
  type BigIntStats,
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  opendirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { systemCode, WalError } from '../errors.js';
import { libc, loadedLibc } from '../memory/libc.js';
import { FILE_MODE, READ_SAFE, SAFE } from '../region/open-flags.js';
import { KIB } from '../units.js';
import { KIND_NAMES } from './left-over.js';
import { makeDirectory } from './make-directory.js';
import { nativeStatusAt, nativeStatusOf } from './native-status.js';
import {
  type DirectoryEntry,
  type EntryKind,
  type FileStatus,
  LISTING_LIMIT,
  type OpenMode,
  type Storage,
} from './storage.js';

const FOLDER_MODE = 0o700;
const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: READ_SAFE,
  write: constants.O_RDWR | SAFE,
  rewrite: constants.O_RDWR | SAFE,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | SAFE,
  'open-or-create': constants.O_RDWR | constants.O_CREAT | SAFE,
};

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function kindOf(entry: Kinds): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

let knownBirthsAreTold: boolean | undefined;

/**
 * Whether a birth time that equals the change time can be true. Where statx is refused (seccomp, an
 * old kernel), libuv falls back on fstat and passes the change time off as the birth; it does so
 * for all files, also for those of /proc, which have no birth.
 */
function birthsAreTold(): boolean {
  knownBirthsAreTold ??= !isChangeTime(statSync('/proc', { bigint: true, throwIfNoEntry: false }));
  return knownBirthsAreTold;
}

const isChangeTime = (stats: BigIntStats | undefined): boolean =>
  stats !== undefined && stats.birthtimeNs === stats.ctimeNs;

/** Undefined where the system does not tell: it says 0 then, or something else. */
function birthOf(stats: BigIntStats): bigint | undefined {
  if (stats.birthtimeNs <= 0n) return undefined;
  return isChangeTime(stats) && !birthsAreTold() ? undefined : stats.birthtimeNs;
}

/** Node has them signed: an inode from 2^63 on, as some network file systems have, is negative. */
const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);

const toStatus = (stats: BigIntStats): FileStatus => ({
  kind: kindOf(stats),
  bytes: Number(stats.size),
  device: unsigned(stats.dev),
  inode: unsigned(stats.ino),
  links: Number(stats.nlink),
  owner: Number(stats.uid),
  birthNs: birthOf(stats),
});

const statusOf = (fd: number): FileStatus =>
  nativeStatusOf(fd) ?? toStatus(fstatSync(fd, { bigint: true }));

function unsafe(path: string, what: string): WalError {
  const message = `${path} is ${what}; only a regular file with one name is used. Move it away.`;
  return new WalError('ERR_FLASHSTRIKE_UNSAFE_FILE', message, { path });
}

/** Between two attempts to open a file that somebody has a lease on, and how many there are. */
const LEASE_LOOK_MS = 1;
const LEASE_LOOKS = 1000;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * With O_NONBLOCK the system does not wait for who has a lease on the file, as `isOpenElsewhere`
 * for a moment, or a file server until it is told to give it back: that is waited for here.
 */
function openSoon(path: string, flags: number): number {
  for (let looks = 1; ; looks++) {
    try {
      return openSync(path, flags, FILE_MODE);
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN' || looks === LEASE_LOOKS) throw error;
      Atomics.wait(never, 0, 0, LEASE_LOOK_MS);
    }
  }
}

function openFile(path: string, mode: OpenMode): number {
  let fd: number;
  try {
    fd = openSoon(path, FLAGS[mode]);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ELOOP') throw unsafe(path, KIND_NAMES.symlink);
    if (code === 'EISDIR') throw unsafe(path, KIND_NAMES.directory);
    if (code === 'ENXIO') throw unsafe(path, KIND_NAMES.other);
    throw error;
  }
  const status = statusOf(fd);
  const mayBeLinked = mode === 'read' || mode === 'rewrite';
  if (status.kind !== 'file' || (status.links > 1 && !mayBeLinked)) {
    closeSync(fd);
    throw unsafe(
      path,
      status.kind === 'file'
        ? 'one of several names of a file (a hard link)'
        : KIND_NAMES[status.kind],
    );
  }
  return fd;
}

/** What is left of `parts` after `written` bytes of them. */
function rest(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = written;
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length;
    else {
      left.push(skip === 0 ? part : part.subarray(skip));
      skip = 0;
    }
  }
  return left;
}

/** Up to here copying parts together and one plain write cost less than a vectored one. */
const SMALL_WRITE_BYTES = 4096;
const small = new Uint8Array(SMALL_WRITE_BYTES);

function writeAll(fd: number, parts: readonly Uint8Array[], offset: number): void {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  if (bytes > SMALL_WRITE_BYTES) {
    writeVector(fd, parts, offset);
    return;
  }
  let at = 0;
  for (const part of parts) {
    small.set(part, at);
    at += part.length;
  }
  const written = writeSync(fd, small, 0, bytes, offset);
  if (written < bytes) writeVector(fd, [small.slice(written, bytes)], offset + written);
}

function writeVector(fd: number, parts: readonly Uint8Array[], offset: number): void {
  let left: readonly Uint8Array[] = parts;
  let at = offset;
  while (left.length > 0) {
    const written = writevSync(fd, left, at);
    if (written === 0) throw Object.assign(new Error('EIO: nothing written'), { code: 'EIO' });
    at += written;
    left = rest(left, written);
  }
}

/**
 * Linux keeps in its cache, in one piece (a folio), what came with one write, up to some megabytes
 * (ext4 from 6.16 on, XFS before that), and each small write and sync goes through all pages of the
 * piece that it meets: behind writes of 2 MiB a commit takes twice the processor time. To write
 * zeros in smaller pieces takes longer (4 KiB: three times).
 */
const ZEROS = new Uint8Array(16 * KIB);

function writeZeros(fd: number, offset: number, bytes: number): void {
  for (let at = 0; at < bytes; at += ZEROS.length) {
    const left = Math.min(bytes - at, ZEROS.length);
    const written = writeSync(fd, ZEROS, 0, left, offset + at);
    if (written < left) writeVector(fd, [ZEROS.subarray(written, left)], offset + at + written);
  }
}

/** One read that no signal has cut off: libuv takes up again what EINTR ended, except reads. */
function readSome(fd: number, target: Uint8Array, offset: number): number {
  for (;;) {
    try {
      return readSync(fd, target, 0, target.length, offset);
    } catch (error) {
      if (systemCode(error) !== 'EINTR') throw error;
    }
  }
}

function readAll(fd: number, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const count = readSome(fd, target.subarray(done), offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function listDirectory(path: string): readonly DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  const directory = opendirSync(path);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (entries.length === LISTING_LIMIT) {
        const message = `${path} has more than ${LISTING_LIMIT} entries: it is not a log folder.`;
        throw new WalError('ERR_FLASHSTRIKE_NOT_A_LOG', message, { path });
      }
      entries.push({ name: entry.name, kind: kindOf(entry) });
    }
  } finally {
    directory.closeSync();
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * What the system calls that not every file system has, and that a filter of calls (seccomp) may
 * refuse, say then. Where it is the file's own refusal, the way around meets it again.
 */
const NOT_HAD = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM']);

type Dispensable = 'allocate' | 'renameNoReplace' | 'syncDirectory';

const doneWithout = new Set<Dispensable>();

/** Notes that a call is done without. @throws the error, where it says anything else */
export function notHad(call: Dispensable, error: unknown): void {
  if (!NOT_HAD.has(systemCode(error) ?? '')) throw error;
  doneWithout.add(call);
}

/** The calls that this thread was refused since it forgot them, and has done without. */
export const callsDoneWithout = (): readonly Dispensable[] => [...doneWithout];

/** Another log is opened on this thread: what its disk refuses is to be seen. */
export const forgetCallsDoneWithout = (): void => doneWithout.clear();

function syncDirectory(path: string): void {
  // Windows has no fsync of a folder; its rename is durable by itself.
  if (process.platform === 'win32') return;
  const fd = openSync(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems (FUSE) sync names by themselves, or not at all: `capabilities` tells.
    notHad('syncDirectory', error);
  } finally {
    closeSync(fd);
  }
}

function renameNoReplace(source: string, target: string): void {
  const native = libc();
  try {
    if (native !== undefined) {
      native.renameNoReplace(source, target);
      return;
    }
  } catch (error) {
    notHad('renameNoReplace', error);
  }
  // A file system without the flag: the log's lock keeps others off between the look and the
  // rename. A link and an unlink would leave both names to a crash between them.
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) {
    // A source that is missing is the first thing that the flag's call tells.
    lstatSync(source);
    throw Object.assign(
      new Error(`EEXIST: file already exists, rename '${source}' -> '${target}'`),
      {
        code: 'EEXIST',
      },
    );
  }
  renameSync(source, target);
}

export const nodeStorage: Storage = Object.freeze({
  open: openFile,
  close: closeSync,
  statusOf,
  statusAt(path: string) {
    const status = nativeStatusAt(path);
    if (status !== undefined) return status;
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? undefined : toStatus(stats);
  },
  freeBytes(path: string) {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
  realPath(path: string) {
    try {
      return realpathSync.native(path);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  },
  read: readAll,
  write: writeAll,
  writeZeros,
  allocate(fd: number, bytes: number) {
    const native = libc();
    try {
      if (native !== undefined) return native.allocate(fd, bytes);
    } catch (error) {
      notHad('allocate', error);
    }
    // To truncate may only lengthen here: what is allocated is never cut.
    if (fstatSync(fd).size < bytes) ftruncateSync(fd, bytes);
  },
  truncate: ftruncateSync,
  startWriteback(fd: number, offset: number, bytes: number) {
    loadedLibc()?.startWriteback(fd, offset, bytes);
  },
  isOpenElsewhere: (fd: number) => libc()?.isOpenElsewhere(fd) ?? true,
  sync: fdatasyncSync,
  syncDirectory,
  rename: renameSync,
  renameNoReplace,
  unlink: unlinkSync,
  list: listDirectory,
  folderChange(path: string) {
    // Not the time of modification, which anybody may set.
    const { ctimeNs } = statSync(path, { bigint: true });
    return ctimeNs > 0n ? ctimeNs : undefined;
  },
  makeDirectory: (path: string) => makeDirectory(path, FOLDER_MODE),
});
