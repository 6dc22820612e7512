// A region in a file on a tmpfs, mapped: it survives the process, and the next open finds it.
//
// The file is zero-written with write(2) before it is mapped, and never changes its size: on a full
// tmpfs a sparse file would kill the process with SIGBUS at the first store, a write says ENOSPC.
// Views cannot be revoked, and users may hold some: releasing maps anonymous memory over the range.
//
// koffi's view is a plain ArrayBuffer. The language defines no order between threads on it; we rely
// on V8 emitting the same instructions for Atomics as on shared buffers. The litmus test holds that.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { systemCode, WalError } from '../errors.js';
import { MIB } from '../units.js';
import { type Libc, libc } from './libc.js';
import {
  bootId,
  isKnownBoot,
  planSections,
  type RegionRequest,
  regionBytes,
  type Section,
  type SectionName,
  writeRegionHeader,
} from './region-layout.js';
import type { MappedHandle, ReleaseOutcome, SharedRegion } from './shared-region.js';

const FILE_MODE = 0o600;
const ZEROS = new Uint8Array(MIB);

function requireLibc(): Libc {
  const native = libc();
  if (native === undefined) {
    const message = 'memory cannot be mapped on this platform (koffi has no binary for it)';
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message);
  }
  return native;
}

class MappedRegion implements SharedRegion {
  readonly adapter = 'mapped';
  readonly path: string;
  readonly buffer: ArrayBuffer;
  readonly byteOffset = 0;
  readonly byteLength: number;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly handle: MappedHandle;
  #owns: boolean;

  constructor(handle: MappedHandle, owns: boolean) {
    this.handle = handle;
    this.path = handle.path;
    this.byteLength = handle.byteLength;
    this.buffer = requireLibc().view(handle.address, handle.byteLength);
    this.words = new Int32Array(this.buffer);
    this.bytes = new Uint8Array(this.buffer);
    this.#owns = owns;
  }

  section(name: SectionName): Section {
    return this.handle.sections[name];
  }

  release({ remove }: { readonly remove: boolean }): ReleaseOutcome {
    if (!this.#owns) return 'kept';
    this.#owns = false;
    const { address, byteLength, path, fd } = this.handle;
    try {
      return remove ? unlinkIfOurs(path, fd) : isNameOf(path, fd) ? 'kept' : 'name-lost';
    } finally {
      try {
        requireLibc().mapAnonymousOver(address, byteLength);
      } finally {
        closeSync(fd); // and with it goes the lock
      }
    }
  }
}

/** Whether `path` still names the open file, which no one but its owner should have changed. */
export function isNameOf(path: string, fd: number): boolean {
  const ours = fstatSync(fd, { bigint: true });
  const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return named !== undefined && named.ino === ours.ino && named.dev === ours.dev;
}

/**
 * Removes the name only while it still is the open file's: it may be someone else's by now. There
 * is no call that does both at once; between the two only this user could put another file there.
 */
export function unlinkIfOurs(path: string, fd: number): ReleaseOutcome {
  try {
    if (!isNameOf(path, fd)) return 'name-lost';
    unlinkSync(path);
    return 'removed';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'name-lost';
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'kept';
    throw error;
  }
}

function zeroWrite(fd: number, byteLength: number): void {
  for (let at = 0; at < byteLength; ) {
    at += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, byteLength - at), at);
  }
}

/**
 * Creates the file (0600, it must not exist), locks it, maps it, and fills its header. On an error
 * nothing is left of it.
 * @throws the system's errors (ENOSPC, EACCES …), and WalError ERR_FLASHSTRIKE_SHARED_MEMORY where
 * the platform cannot map or tells no boot
 */
export function createMappedRegion(path: string, request: RegionRequest): SharedRegion {
  const native = requireLibc();
  const sections = planSections(request);
  const byteLength = regionBytes(sections);
  if (!isKnownBoot(bootId())) {
    const message =
      'the boot cannot be told (no /proc), so no later process could trust the region';
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
  }
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, FILE_MODE);
  let address: number | undefined;
  try {
    // Before the header makes the file a region: nobody looks for its owner's lock till then.
    if (!native.tryLock(fd)) {
      const message = `${path}: another process has locked the region that was just created`;
      throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
    }
    zeroWrite(fd, byteLength);
    address = native.mapShared(fd, byteLength);
    const handle: MappedHandle = { adapter: 'mapped', address, byteLength, sections, path, fd };
    const region = new MappedRegion(handle, true);
    writeRegionHeader(region.words, request, sections);
    return region;
  } catch (error) {
    unlinkIfOurs(path, fd);
    if (address !== undefined) native.mapAnonymousOver(address, byteLength);
    closeSync(fd);
    throw error;
  }
}

export const attachMapped = (handle: MappedHandle): SharedRegion => new MappedRegion(handle, false);

export const adoptMapped = (handle: MappedHandle): SharedRegion => new MappedRegion(handle, true);
