// A region's file as seen from outside: read with pread after fstat, never mapped, so that a short
// or forged file cannot kill the reader. Followers write a word of it, in the same way. What is no
// sound region of this boot is not read further, only reported. Which log a region is of is judged
// in `judgement/region-walk.ts`.
import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { assert, systemCode, WalError } from '../errors.js';
import { wordOf } from '../memory/layout.js';
import { libc } from '../memory/libc.js';
import { LatchLayout } from '../memory/sequence-latch.js';
import { MIB, PAGE_BYTES } from '../units.js';
import { isNameOf, unlinkIfOurs } from './mapped-region.js';
import { READ_SAFE, WRITE_SAFE } from './open-flags.js';
import {
  bootId,
  decodeRegionHeader,
  isKnownBoot,
  MAX_REGION_BYTES,
  type RegionHeader,
  RegionHeaderLayout,
  type SectionName,
} from './region-layout.js';
import { isRegionName } from './region-names.js';
import type { ReleaseOutcome } from './shared-region.js';

export interface UnusableRegion {
  readonly status: 'missing' | 'foreign' | 'other-boot' | 'damaged' | 'unsupported';
  /** One sentence. */
  readonly reason: string;
}

const GROUP_AND_OTHERS_WRITE = 0o022;
/** What opening a name says when there is no file of ours; all else is trouble of this process. */
const NOT_OURS = new Set(['EACCES', 'ELOOP', 'ENODEV', 'ENXIO', 'EPERM']);
const LATCH_ATTEMPTS = 1000;
const VERSION_END = RegionHeaderLayout.offset.layoutVersion + Int32Array.BYTES_PER_ELEMENT;

const COUNTER = wordOf(LatchLayout.offset.counter);

export class RegionFile {
  readonly status = 'match';
  readonly path: string;
  readonly header: RegionHeader;
  /** Id of the user whose it is. */
  readonly owner: number;
  readonly #fd: number;
  #closed = false;

  constructor(path: string, fd: number, header: RegionHeader, owner: number) {
    this.path = path;
    this.#fd = fd;
    this.header = header;
    this.owner = owner;
  }

  /** This user's: nobody else can have written to it, root aside. */
  get isOwn(): boolean {
    return isOwn(this.owner);
  }

  /**
   * Whether a process holds the region's lock: its owner, alive. Where no lock can be tried, the
   * answer is yes, because what is alive must not be touched.
   */
  ownerIsAlive(): boolean {
    const native = libc();
    if (native === undefined) return true;
    // Shared, so that two who look at the same time do not take each other for the owner.
    if (!native.tryLockShared(this.#fd)) return true;
    native.unlock(this.#fd);
    return false;
  }

  /** Whether the path still names the open file: not when the log was closed, or opened anew. */
  isNamed(): boolean {
    return isNameOf(this.path, this.#fd);
  }

  /** Whether the file still has a name: not when the log was closed, or opened anew. Cheaper. */
  isLinked(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  isSameFile(other: RegionFile): boolean {
    const [one, two] = [this, other].map((each) => fstatSync(each.#fd, { bigint: true }));
    return one?.ino === two?.ino && one?.dev === two?.dev;
  }

  /** Of one that was opened for it; those who watch the file are told. */
  writeSection(name: SectionName, byteOffset: number, words: Int32Array): void {
    const section = this.header.sections[name];
    assert(byteOffset + words.byteLength <= section.byteLength, `${byteOffset} is in ${name}`);
    writeSync(this.#fd, words, 0, words.byteLength, section.byteOffset + byteOffset);
  }

  /** A copy of a section, or of `byteLength` bytes of it from `byteOffset`. */
  readSection(name: SectionName, byteOffset = 0, byteLength?: number): Uint8Array {
    const section = this.header.sections[name];
    const wanted = byteLength ?? section.byteLength - byteOffset;
    assert(wanted >= 0, `section ${name} has ${section.byteLength} bytes, not ${byteOffset}`);
    const bytes = new Uint8Array(wanted);
    this.readSectionInto(name, byteOffset, bytes, wanted);
    return bytes;
  }

  /** The same into the beginning of `bytes`, which can be used again and again. */
  readSectionInto(
    name: SectionName,
    byteOffset: number,
    bytes: Uint8Array,
    byteLength: number,
  ): void {
    const section = this.header.sections[name];
    assert(
      byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= section.byteLength,
      `${byteLength} bytes at ${byteOffset} of section ${name} of ${section.byteLength}`,
    );
    readExactly(this.#fd, bytes, byteLength, section.byteOffset + byteOffset, this.path);
  }

  /**
   * A copy of the latch at `byteOffset` of a section, for `readNumber(copy, 0)` or `readWords`:
   * whole also while its writer lives. A plain copy of the section may be torn, because the writer
   * can publish twice while the kernel copies; here a second copy shows that it did not.
   */
  readLatch(name: SectionName, byteOffset: number): Int32Array {
    let latch = this.#latchWords(name, byteOffset);
    for (let attempt = 1; attempt < LATCH_ATTEMPTS; attempt++) {
      const next = this.#latchWords(name, byteOffset);
      if (next[COUNTER] === latch[COUNTER]) return latch;
      latch = next;
    }
    const message = `${this.path} changes faster than it can be read. Try again.`;
    throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path: this.path });
  }

  #latchWords(name: SectionName, byteOffset: number): Int32Array {
    const { buffer } = this.readSection(name, byteOffset, LatchLayout.size);
    return new Int32Array(buffer);
  }

  /** Removes the file, unless its name is another file's by now. */
  unlink(): ReleaseOutcome {
    return unlinkIfOurs(this.path, this.#fd);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

function readExactly(
  fd: number,
  bytes: Uint8Array,
  byteLength: number,
  offset: number,
  path: string,
): void {
  for (let done = 0; done < byteLength; ) {
    const count = readSync(fd, bytes, done, byteLength - done, offset + done);
    if (count === 0) {
      const message = `${path} ended at offset ${offset + done} while it was read.`;
      throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path, offset: offset + done });
    }
    done += count;
  }
}

/**
 * Opens a region's file if it is this user's and of this boot, whatever log it is of.
 * @throws the system's error when this process cannot look (EMFILE, EIO …): then nothing is known
 */
export const openRegionFile = (
  path: string,
  mode: 'read' | 'write' = 'read',
): RegionFile | UnusableRegion => openFile(path, false, mode === 'read' ? READ_SAFE : WRITE_SAFE);

/** The same for the region of any user, where this one may read it. */
export const openAnyRegionFile = (path: string): RegionFile | UnusableRegion =>
  openFile(path, true);

function openFile(
  path: string,
  ofAnyUser: boolean,
  flags = READ_SAFE,
): RegionFile | UnusableRegion {
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { status: 'missing', reason: 'it does not exist.' };
    // A symbolic link, a socket, a file of someone else: not ours, whatever it is.
    if (NOT_OURS.has(code)) return { status: 'foreign', reason: whyNotOpened(path, code) };
    throw error;
  }
  let found: RegionFile | UnusableRegion | undefined;
  try {
    found = examine(path, fd, ofAnyUser);
    return found;
  } finally {
    if (found?.status !== 'match') closeSync(fd);
  }
}

const isOwn = (userId: number): boolean =>
  process.geteuid === undefined || userId === process.geteuid();

function whyNotOpened(path: string, code: string): string {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  const isOthers = stats?.isFile() === true && !isOwn(stats.uid);
  return isOthers ? `it belongs to user ${stats.uid}.` : `it cannot be opened (${code}).`;
}

/** Why a file cannot be one that this user's processes made and only they may write. */
function whyNotOurs(stats: Stats, ofAnyUser: boolean): string | undefined {
  if (!stats.isFile()) return 'it is not a regular file.';
  if (!ofAnyUser && !isOwn(stats.uid)) return `it belongs to user ${stats.uid}.`;
  if ((stats.mode & GROUP_AND_OTHERS_WRITE) !== 0) return 'other users may write to it.';
  return stats.nlink > 1 ? 'it has a second name (a hard link).' : undefined;
}

function examine(path: string, fd: number, ofAnyUser: boolean): RegionFile | UnusableRegion {
  const stats = fstatSync(fd);
  const notOurs = whyNotOurs(stats, ofAnyUser);
  if (notOurs !== undefined) return { status: 'foreign', reason: notOurs };
  const page = new Uint8Array(Math.min(PAGE_BYTES, stats.size));
  readExactly(fd, page, page.length, 0, path);
  const header = identify(page, stats.size);
  return 'sections' in header ? new RegionFile(path, fd, header, stats.uid) : header;
}

/** The header in `page` of a region of `fileBytes`, if that is one of this boot. */
export function identify(page: Uint8Array, fileBytes: number): RegionHeader | UnusableRegion {
  const header = decodeRegionHeader(page, fileBytes);
  if (!('sections' in header)) return header;
  if (!isKnownBoot(header.bootId) || Buffer.compare(header.bootId, bootId()) !== 0) {
    return { status: 'other-boot', reason: 'the machine has been restarted since.' };
  }
  return header;
}

const UNUSED_CHUNK_BYTES = MIB;

/**
 * Whether nothing stands behind the header page. A version of zero alone proves nothing: in a
 * region that was in use, its header may be damaged, and events may wait behind it.
 */
function isUnused(fd: number, bytes: number, path: string): boolean {
  if (bytes > MAX_REGION_BYTES) return false;
  const chunk = new Uint8Array(UNUSED_CHUNK_BYTES);
  const zeros = new Uint8Array(UNUSED_CHUNK_BYTES);
  for (let offset = PAGE_BYTES; offset < bytes; offset += UNUSED_CHUNK_BYTES) {
    const length = Math.min(UNUSED_CHUNK_BYTES, bytes - offset);
    readExactly(fd, chunk, length, offset, path);
    if (Buffer.compare(chunk.subarray(0, length), zeros.subarray(0, length)) !== 0) return false;
  }
  return true;
}

/**
 * Removes a region whose creator died before the header was finished: nothing was ever put into it.
 * Only for a path that the log's own LOCK names. False where the file is anything else, or alive.
 */
export function removeUnfinishedRegion(path: string): boolean {
  const native = libc();
  if (native === undefined) return false;
  // Its creator locks it before anything else, and keeps it locked.
  return ifUnfinished(path, (fd) => native.tryLock(fd) && unlinkIfOurs(path, fd) === 'removed');
}

/** Whether nothing was ever put into a region: it is in the making, or its creator died before. */
export const isUnfinishedRegion = (path: string): boolean => ifUnfinished(path, () => true);

function ifUnfinished(path: string, then: (fd: number) => boolean): boolean {
  let fd: number;
  try {
    fd = openSync(path, READ_SAFE);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR' || NOT_OURS.has(code)) return false;
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (whyNotOurs(stats, false) !== undefined) return false;
    const version = new Int32Array(1);
    if (stats.size >= VERSION_END) {
      readExactly(
        fd,
        new Uint8Array(version.buffer),
        version.byteLength,
        RegionHeaderLayout.offset.layoutVersion,
        path,
      );
    }
    return version[0] === 0 && isUnused(fd, stats.size, path) && then(fd);
  } finally {
    closeSync(fd);
  }
}

/** Full paths of what in `directory` has a region's name; nothing where there is no folder. */
export function listRegions(directory: string): readonly string[] {
  return namesIn(directory)
    .filter(isRegionName)
    .sort()
    .map((name) => join(directory, name));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
