// A region in a file on a tmpfs, mapped: it survives the process, and the next open finds it.
//
// The file never changes its size, and what of it is used has been written with write(2) or
// allocated with fallocate(2) before: on a full tmpfs a store into a hole would kill the process
// with SIGBUS, these calls say ENOSPC. The ring's end is a hole until the ring grows, and nobody
// touches it. Where nothing can be allocated later (ramfs, a sandbox), all is written at once.
// Elsewhere that is not enough: a file system that copies on write (btrfs, XFS with reflinks,
// overlay) needs a new block for a store into an old page, and others may for a snapshot. So it
// must be a tmpfs. Releasing unmaps it, in the one thread that still runs: a view that was kept
// would fault. So no view leaves the package (metrics move to memory of their own before), and the
// log drops its own first.
//
// koffi's view is a plain ArrayBuffer. The language defines no order between threads on it; we rely
// on V8 emitting the same instructions for Atomics as on shared buffers. The litmus test holds
// that.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { assert, systemCode, WalError } from '../errors.js';
import { type Libc, libc } from '../memory/libc.js';
import { MIB } from '../units.js';
import { FILE_MODE, WRITE_SAFE } from './open-flags.js';
import {
  bootId,
  firstBytesOf,
  isKnownBoot,
  planSections,
  type RegionRequest,
  regionBytes,
  type Section,
  type SectionName,
  type Sections,
  writeRegionHeader,
} from './region-layout.js';
import type { MappedHandle, ReleaseOutcome, SharedRegion } from './shared-region.js';

const ZEROS = new Uint8Array(MIB);
const NO_BYTES = new Uint8Array(0);

function requireLibc(): Libc {
  const native = libc();
  if (native === undefined) {
    const message =
      'memory cannot be mapped here (koffi is missing or not built for this platform, or native ' +
      'addons are disabled)';
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message);
  }
  return native;
}

/** Those whose pages, once written, are memory for good: f_type of tmpfs and of ramfs. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);

/**
 * Why a store into a file that is mapped there could end the process, or undefined.
 * @throws the system's error where the folder cannot be looked at
 */
export function whyNotMappable(folder: string): string | undefined {
  // Signed on some machines.
  const type = statfsSync(folder).type >>> 0;
  if (MEMORY_FILE_SYSTEMS.has(type)) return undefined;
  return (
    `it is not a tmpfs (file system type 0x${type.toString(16)}): there, a full disk would end ` +
    'the process'
  );
}

/**
 * Who holds a region's file open, and with it the lock that says that the owner lives: one thread
 * opens that descriptor, and it alone closes it. Node closes what a thread has opened when that
 * thread ends, so the lock is free at once, and no number is closed that may be another file's by
 * then. The mapping is made by another descriptor: it keeps what it was made from open, and a lock
 * with it.
 */
export interface RegionKeeper {
  /**
   * Opens the region's file, which nobody has locked yet, and locks it.
   * @throws WalError ERR_FLASHSTRIKE_SHARED_MEMORY, or the system's error
   */
  hold(path: string): number;
  /** Closes what `hold` gave, and with it goes the lock. */
  letGo(fd: number): void;
}

/** For the thread that calls it. */
export const ownKeeper: RegionKeeper = Object.freeze({ hold: holdRegionFile, letGo: closeSync });

/** What the creation of a region leaves to others. */
export interface RegionHost {
  readonly keeper: RegionKeeper;
  /** Runs a native call during which the thread must not be terminated. */
  readonly undisturbed: <Result>(body: () => Result) => Result;
  /** See createPortableRegion. */
  readonly spare?: SharedArrayBuffer | undefined;
}

const OWN_HOST: RegionHost = Object.freeze({
  keeper: ownKeeper,
  undisturbed: <Result>(body: () => Result) => body(),
});

function holdRegionFile(path: string): number {
  const fd = openSync(path, WRITE_SAFE);
  try {
    if (requireLibc().tryLock(fd)) return fd;
    const message = `${path}: another process has locked the region that was just created`;
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

class MappedRegion implements SharedRegion {
  readonly adapter = 'mapped';
  readonly path: string;
  buffer: ArrayBuffer;
  readonly byteOffset = 0;
  readonly byteLength: number;
  words: Int32Array;
  bytes: Uint8Array;
  #ring = NO_BYTES;
  readonly handle: MappedHandle;
  /** Undefined once released, and where another thread is the owner. */
  #keeper: RegionKeeper | undefined;
  #isMapped = true;
  readonly #undisturbed: RegionHost['undisturbed'];

  constructor(
    handle: MappedHandle,
    keeper: RegionKeeper | undefined,
    undisturbed: RegionHost['undisturbed'],
  ) {
    this.handle = handle;
    this.path = handle.path;
    this.byteLength = handle.byteLength;
    this.#undisturbed = undisturbed;
    this.buffer = this.#view(0, handle.sections.ring.byteOffset);
    this.words = new Int32Array(this.buffer);
    this.bytes = new Uint8Array(this.buffer);
    this.#keeper = keeper;
  }

  #view(byteOffset: number, bytes: number): ArrayBuffer {
    const native = requireLibc();
    const { address } = this.handle;
    return this.#undisturbed(() => native.view(address + byteOffset, bytes));
  }

  /** Two views at the most: what it begins with, and all of it. */
  ring(bytes: number): Uint8Array {
    if (bytes <= this.#ring.length) return this.#ring;
    const { sections, firstRingBytes } = this.handle;
    const { byteOffset, byteLength } = sections.ring;
    assert(this.#isMapped && bytes <= byteLength, 'a ring is looked at while it lives');
    const isFirst = bytes <= firstRingBytes;
    this.#ring = new Uint8Array(this.#view(byteOffset, isFirst ? firstRingBytes : byteLength));
    return this.#ring;
  }

  section(name: SectionName): Section {
    return this.handle.sections[name];
  }

  extendRing(bytes: number, populated = bytes): void {
    const { fd, address, sections } = this.handle;
    // Of a region that was released, descriptor and address may be someone else's by now.
    assert(
      this.#isMapped && bytes <= sections.ring.byteLength,
      'a ring is extended while it lives',
    );
    const start = sections.ring.byteOffset;
    const native = requireLibc();
    native.allocate(fd, start + bytes);
    if (populated < bytes) native.populate(address + start + populated, bytes - populated);
  }

  writeThrough(byteOffset: number, words: Int32Array): boolean {
    // Of a region that was released, the descriptor may be another file's by now.
    assert(this.#isMapped, 'a region is written to while it lives');
    writeSync(this.handle.fd, words, 0, words.byteLength, byteOffset);
    return true;
  }

  release({ remove }: { readonly remove: boolean }): ReleaseOutcome {
    const keeper = this.#keeper;
    if (keeper === undefined) return 'kept';
    this.#keeper = undefined;
    this.#isMapped = false;
    this.buffer = new ArrayBuffer(0);
    this.words = new Int32Array(this.buffer);
    this.bytes = new Uint8Array(this.buffer);
    this.#ring = NO_BYTES;
    const { address, byteLength, path, fd } = this.handle;
    try {
      return remove ? unlinkIfOurs(path, fd) : isNameOf(path, fd) ? 'kept' : 'name-lost';
    } finally {
      try {
        requireLibc().unmap(address, byteLength);
      } finally {
        // Last: a region that is mapped and not locked is one that a thread has left behind.
        keeper.letGo(fd);
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

function zeroWrite(fd: number, from: number, to: number): void {
  for (let at = from; at < to; ) {
    at += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, to - at), at);
  }
}

/** Fills the file as far as it is used at first; returns how much of the ring that is. */
function fillFirst(native: Libc, fd: number, sections: Sections): number {
  const byteLength = regionBytes(sections);
  const firstRingBytes = firstBytesOf(sections);
  const firstEnd = sections.ring.byteOffset + firstRingBytes;
  zeroWrite(fd, 0, firstEnd);
  if (firstEnd === byteLength) return firstRingBytes;
  try {
    // All of this is there: it only shows whether there is such a call, for when the ring grows.
    native.allocate(fd, firstEnd);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    zeroWrite(fd, firstEnd, byteLength);
    return sections.ring.byteLength;
  }
  ftruncateSync(fd, byteLength);
  return firstRingBytes;
}

/**
 * Creates the file (0600, it must not exist), has it locked, maps it, and fills its header. On an
 * error nothing is left of it.
 * @throws the system's errors (ENOSPC, EACCES …), and WalError ERR_FLASHSTRIKE_SHARED_MEMORY where
 * the platform cannot map or tells no boot
 */
export function createMappedRegion(
  path: string,
  request: RegionRequest,
  host: RegionHost = OWN_HOST,
): SharedRegion {
  const native = requireLibc();
  if (!isKnownBoot(bootId())) {
    const message =
      'the boot cannot be identified (no /proc), so no later process could trust the region';
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
  }
  const unmappable = whyNotMappable(dirname(path));
  if (unmappable !== undefined) {
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', unmappable, { path });
  }
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, FILE_MODE);
  try {
    return fillRegionFile(native, path, fd, request, host);
  } finally {
    closeSync(fd);
  }
}

function fillRegionFile(
  native: Libc,
  path: string,
  fd: number,
  request: RegionRequest,
  { keeper, undisturbed }: RegionHost,
): SharedRegion {
  const sections = planSections(request);
  const byteLength = regionBytes(sections);
  let heldFd: number | undefined;
  let address: number | undefined;
  try {
    // Before the header makes the file a region: nobody looks for its owner's lock till then.
    heldFd = keeper.hold(path);
    assertSameFile(path, fd, heldFd);
    const firstRingBytes = fillFirst(native, fd, sections);
    address = native.mapShared(fd, byteLength);
    // The first lap through the ring would otherwise fault at every page.
    native.populate(address, sections.ring.byteOffset + firstRingBytes);
    const handle: MappedHandle = {
      adapter: 'mapped',
      address,
      byteLength,
      sections,
      firstRingBytes,
      path,
      fd: heldFd,
    };
    const region = new MappedRegion(handle, keeper, undisturbed);
    writeRegionHeader(region.words, request, sections);
    return region;
  } catch (error) {
    unlinkIfOurs(path, fd);
    if (address !== undefined) native.unmap(address, byteLength);
    if (heldFd !== undefined) keeper.letGo(heldFd);
    throw error;
  }
}

function assertSameFile(path: string, fd: number, otherFd: number): void {
  const [one, other] = [fstatSync(fd, { bigint: true }), fstatSync(otherFd, { bigint: true })];
  if (one.ino === other.ino && one.dev === other.dev) return;
  const message = `${path} was replaced while the region was being created`;
  throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path });
}

/** @param undisturbed see RegionHost */
export const attachMapped = (
  handle: MappedHandle,
  undisturbed: RegionHost['undisturbed'] = OWN_HOST.undisturbed,
): SharedRegion => new MappedRegion(handle, undefined, undisturbed);

/** @param keeper the one that holds the region's descriptor; of this thread */
export const adoptMapped = (handle: MappedHandle, keeper: RegionKeeper): SharedRegion =>
  new MappedRegion(handle, keeper, OWN_HOST.undisturbed);
