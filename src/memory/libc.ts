// The few calls of libc that Node does not offer, bound through koffi (symbols of the running
// process, so glibc and musl alike). Synchronous only: koffi's `.async` would use libuv's pool.
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import type * as Koffi from 'koffi';
import { codeOf, isError, WalError } from '../errors.js';
import { guardExit } from './koffi-exit.js';
import { nativePath, requireNative } from './native-module.js';

export interface Libc {
  /** Maps `bytes` of `fd` shared and writable; returns the address. */
  mapShared(fd: number, bytes: number): number;
  /** Maps the pages of a mapping now, where the kernel can (5.14): a first touch would fault. */
  populate(address: number, bytes: number): void;
  /** Ends a mapping: whatever still points there faults when it is touched. */
  unmap(address: number, bytes: number): void;
  /** The memory at `address` as a buffer; never freed by the collector. */
  view(address: number, bytes: number): ArrayBuffer;
  /** True when the exclusive lock was had, false when another holds one. */
  tryLock(fd: number): boolean;
  /** True when a shared lock was had, false when another holds the exclusive one. */
  tryLockShared(fd: number): boolean;
  unlock(fd: number): void;
  /** renameat2 with RENAME_NOREPLACE; fails with EEXIST where `target` exists. */
  renameNoReplace(source: string, target: string): void;
  /** Allocates blocks; leaves the file's size at `bytes`. */
  allocate(fd: number, bytes: number): void;
  /** statx of an open file into `status`, its times of change not asked for; false: it failed. */
  statusOf(fd: number, status: Uint8Array): boolean;
  /** The same of a name, no link followed. */
  statusAt(path: string, status: Uint8Array): boolean;
  /** Tells the kernel to begin writing these bytes of a file to the disk; waits for nothing. */
  startWriteback(fd: number, offset: number, bytes: number): void;
  /** Whether somebody else has the file open or mapped; also true where the kernel says nothing. */
  isOpenElsewhere(fd: number): boolean;
}

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MADV_POPULATE_WRITE = 23;
const MAP_FAILED = 2n ** 64n - 1n;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const RENAME_NOREPLACE = 1;
/** Numbers of system calls, on the machines that koffi has binaries for. */
type CallNumbers = Partial<Record<NodeJS.Architecture, number>>;
const RENAMEAT2: CallNumbers = { x64: 316, arm64: 276, riscv64: 276, loong64: 276, ia32: 353 };
const STATX: CallNumbers = { x64: 332, arm64: 291, riscv64: 291, loong64: 291, ia32: 383 };
const LOCK_SH_NB = 1 | 4;
const LOCK_EX_NB = 2 | 4;
const LOCK_UN = 8;
const SYNC_FILE_RANGE_WRITE = 2;
const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** By default a process ignores it. */
const SIGURG = 23;
/** Type, links, owner, inode, size and birth. */
const STATX_WITHOUT_TIMES = 0x001 | 0x004 | 0x008 | 0x100 | 0x200 | 0x800;

type Call = (...args: readonly (number | string | Uint8Array)[]) => number | bigint;

/** libc as `koffi` finds it. */
export function bindLibc(koffi: typeof Koffi): Libc {
  const lib = koffi.load(null);
  const bound = (prototype: string): Call => lib.func(prototype) as unknown as Call;
  // musl, and with it Alpine, has no renameat2, and before 1.2.5 no statx: the kernel has both.
  // Each parameter is a whole register, as a system call takes it; an int is its lower half.
  const boundOrCalled = (name: string, parameters: string, numbers: CallNumbers): Call => {
    try {
      return bound(`int ${name}(${parameters})`);
    } catch {
      const number = numbers[process.arch];
      if (number === undefined) return notHad;
      // `syscall` reads six, whatever the call takes: what koffi is not given is beyond its stack.
      const syscall = bound(`long syscall(long number, ${parameters}, long sixth)`);
      return (...args) => syscall(number, ...args, 0);
    }
  };
  const notHad = (): number => {
    koffi.errno(koffi.os.errno['ENOSYS'] ?? 0);
    return -1;
  };
  const mmap = bound(
    'uintptr_t mmap(uintptr_t address, size_t bytes, int protection, int flags, int fd, int64_t ' +
      'offset)',
  );
  const munmap = bound('int munmap(uintptr_t address, size_t bytes)');
  const madvise = bound('int madvise(uintptr_t address, size_t bytes, int advice)');
  const flock = bound('int flock(int fd, int operation)');
  const renameat2 = boundOrCalled(
    'renameat2',
    'long from, const char *source, long to, const char *target, unsigned long flags',
    RENAMEAT2,
  );
  const fallocate = bound('int fallocate(int fd, int mode, int64_t offset, int64_t bytes)');
  const statx = boundOrCalled(
    'statx',
    'long from, const char *path, long flags, unsigned long mask, void *status',
    STATX,
  );
  const syncFileRange = bound(
    'int sync_file_range(int fd, int64_t offset, int64_t bytes, unsigned int flags)',
  );

  const fcntl = bound('int fcntl(int fd, int command, int64_t argument)');

  const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  const fail = (syscall: string): never => {
    const errno = koffi.errno();
    const code = names.get(errno) ?? `ERRNO_${errno}`;
    throw Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -errno, syscall });
  };
  const interrupted = (): boolean => koffi.errno() === koffi.os.errno['EINTR'];
  const lock = (fd: number, operation: number): boolean => {
    while (flock(fd, operation) !== 0) {
      if (koffi.errno() === koffi.os.errno['EAGAIN']) return false;
      if (!interrupted()) fail('flock');
    }
    return true;
  };

  return {
    mapShared(fd, bytes) {
      const address = mmap(0, bytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
      if (BigInt(address) === MAP_FAILED) fail('mmap');
      return Number(address);
    },
    populate(address, bytes) {
      // Where it fails, the first touch does it.
      madvise(address, bytes, MADV_POPULATE_WRITE);
    },
    unmap(address, bytes) {
      if (munmap(address, bytes) !== 0) fail('munmap');
    },
    view: (address, bytes) => koffi.view(address, bytes),
    tryLock: (fd) => lock(fd, LOCK_EX_NB),
    tryLockShared: (fd) => lock(fd, LOCK_SH_NB),
    unlock(fd) {
      lock(fd, LOCK_UN);
    },
    renameNoReplace(source, target) {
      if (renameat2(AT_FDCWD, source, AT_FDCWD, target, RENAME_NOREPLACE) !== 0) fail('renameat2');
    },
    allocate(fd, bytes) {
      while (fallocate(fd, 0, 0, bytes) !== 0) if (!interrupted()) fail('fallocate');
    },
    statusOf: (fd, status) => statx(fd, '', AT_EMPTY_PATH, STATX_WITHOUT_TIMES, status) === 0,
    statusAt: (path, status) =>
      statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_WITHOUT_TIMES, status) === 0,
    startWriteback(fd, offset, bytes) {
      // Where it fails, the next sync has more to do, and tells what is the matter.
      syncFileRange(fd, offset, bytes, SYNC_FILE_RANGE_WRITE);
    },
    isOpenElsewhere(fd) {
      // The kernel gives a write lease to who alone has the file open. Who opens it before the
      // lease is given back waits for that, and has a signal sent here: without the first call that
      // would be SIGIO, which ends the process.
      if (fcntl(fd, F_SETSIG, SIGURG) !== 0) return true;
      if (fcntl(fd, F_SETLEASE, F_WRLCK) !== 0) return true;
      fcntl(fd, F_SETLEASE, F_UNLCK);
      return false;
    },
  };
}

let koffi: typeof Koffi | null | undefined;
/** koffi's shared library, as it was loaded. */
let library: string | undefined;

/** koffi's shared library, where the application had loaded it already. */
const loadedBefore = (): string | undefined =>
  Object.keys(createRequire(import.meta.url).cache).find((path) => path.endsWith('koffi.node'));

function loadKoffi(): typeof Koffi | undefined {
  if (koffi === undefined) {
    koffi = null;
    try {
      koffi = requireNative('koffi') as typeof Koffi;
      library = nativePath('koffi') ?? loadedBefore();
      // In a worker not yet: that takes calls which must not be made while it may be terminated.
      if (library !== undefined && isMainThread) guardExit(koffi, library);
    } catch (error) {
      // No prebuilt binary for this machine, no addons, or a bundle that does not know where it is:
      // the caller falls back to what Node offers, and `wal.capabilities` tells.
      const isUnplaced = codeOf(error) === 'ERR_INVALID_ARG_VALUE';
      if (!isError(error) || (error.name === 'TypeError' && !isUnplaced)) throw error;
    }
  }
  return koffi ?? undefined;
}

let bound: Libc | undefined;

/** libc, or undefined where the platform or its koffi binary is missing (only Linux is bound). */
export function libc(): Libc | undefined {
  if (bound === undefined && process.platform === 'linux') {
    const loaded = loadKoffi();
    if (loaded !== undefined) {
      bound = bindLibc(loaded);
      if (library !== undefined && !isMainThread) guardExit(loaded, library);
    }
  }
  return bound;
}

/** The same where this thread has it already: who needs no more than that loads nothing. */
export const loadedLibc = (): Libc | undefined => bound;

/** Where `bytes` stands in memory; undefined where koffi has no binary for this machine. */
export const addressOf = (bytes: Uint8Array): bigint | undefined => loadKoffi()?.address(bytes);

/**
 * How far into `buffer` the next multiple of `alignBytes` begins. V8 takes buffers from malloc:
 * they begin at any multiple of 16 (large ones 16 bytes after a page, measured on glibc), so lines
 * would straddle two cache lines: slower, yet still right. That, and 0, is what is left where
 * koffi, the only way to learn the address, has no binary.
 */
export function alignedOffset(buffer: ArrayBufferLike, alignBytes: number): number {
  const address = addressOf(new Uint8Array(buffer));
  if (address === undefined) return 0;
  const align = BigInt(alignBytes);
  return Number((align - (address % align)) % align);
}

/** The format and the ring are little-endian, and so must be the machine. */
export function assertLittleEndian(): void {
  if (endianness() !== 'LE') {
    throw new WalError('ERR_FLASHSTRIKE_PLATFORM', 'Flashstrike needs a little-endian machine.');
  }
}

/**
 * A log is recorded by Node alone: its threads share descriptors by number, which Deno does not do.
 * Reading works wherever `node:fs` does.
 */
export function assertRuntime(versions: NodeJS.ProcessVersions = process.versions): void {
  if (versions['deno'] === undefined) return;
  const message =
    'A log cannot be opened in Deno, whose threads share no file descriptors: open it with node. ' +
    'Reading it works.';
  throw new WalError('ERR_FLASHSTRIKE_PLATFORM', message);
}
