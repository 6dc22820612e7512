// A region's file as seen from outside: read with pread after fstat, never mapped, so that a short
// or forged file cannot kill the reader. What is not provably this log's is neither read further
// nor removed, only reported.
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode, WalError } from '../errors.js';
import { PAGE_BYTES } from '../units.js';
import { libc } from './libc.js';
import { unlinkIfOurs } from './mapped-region.js';
import {
  bootId,
  decodeRegionHeader,
  type RegionHeader,
  type SectionName,
} from './region-layout.js';
import { isRegionName, type ReleaseOutcome } from './shared-region.js';

/** What a region must be of; an undefined log id accepts any. */
export interface ExpectedIdentity {
  readonly logId: bigint | undefined;
  readonly lockDevice: bigint;
  readonly lockInode: bigint;
}

export interface UnusableRegion {
  readonly status: 'missing' | 'foreign' | 'other-boot' | 'damaged' | 'unsupported';
  /** One sentence. */
  readonly reason: string;
}

const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const GROUP_AND_OTHERS_WRITE = 0o022;

export class RegionFile {
  readonly status = 'match';
  readonly path: string;
  readonly header: RegionHeader;
  readonly #fd: number;
  #closed = false;

  constructor(path: string, fd: number, header: RegionHeader) {
    this.path = path;
    this.#fd = fd;
    this.header = header;
  }

  /** Whether a process holds the region's lock: its owner, alive. */
  ownerIsAlive(): boolean {
    const native = libc();
    if (native === undefined) return false;
    // A descriptor of its own: closing it lets go of a lock that was had for a moment.
    const fd = openSync(this.path, FLAGS);
    try {
      return !native.tryLock(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A copy of a section, or of `byteLength` bytes of it from `byteOffset`. */
  readSection(name: SectionName, byteOffset = 0, byteLength?: number): Uint8Array {
    const section = this.header.sections[name];
    const bytes = new Uint8Array(byteLength ?? section.byteLength - byteOffset);
    readExactly(this.#fd, bytes, section.byteOffset + byteOffset, this.path);
    return bytes;
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

function readExactly(fd: number, bytes: Uint8Array, offset: number, path: string): void {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(fd, bytes, done, bytes.length - done, offset + done);
    if (count === 0) {
      const message = `${path} ended at offset ${offset + done} while it was read.`;
      throw new WalError('ERR_FLASHSTRIKE_SHARED_MEMORY', message, { path, offset: offset + done });
    }
    done += count;
  }
}

/** Opens a region's file if it is this log's and of this boot; undefined `expected` takes any log's. */
export function openRegionFile(
  path: string,
  expected?: ExpectedIdentity,
): RegionFile | UnusableRegion {
  let fd: number;
  try {
    fd = openSync(path, FLAGS);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { status: 'missing', reason: 'it is gone.' };
    // A symbolic link, a socket, a file of someone else: not ours, whatever it is.
    return { status: 'foreign', reason: `it cannot be opened (${code}).` };
  }
  const found = examine(path, fd, expected);
  if (found.status !== 'match') closeSync(fd);
  return found;
}

function examine(
  path: string,
  fd: number,
  expected: ExpectedIdentity | undefined,
): RegionFile | UnusableRegion {
  const foreign = (reason: string): UnusableRegion => ({ status: 'foreign', reason });
  const stats = fstatSync(fd);
  if (!stats.isFile()) return foreign('it is no plain file.');
  if (process.geteuid !== undefined && stats.uid !== process.geteuid()) {
    return foreign(`it belongs to user ${stats.uid}.`);
  }
  if ((stats.mode & GROUP_AND_OTHERS_WRITE) !== 0) return foreign('others may write to it.');
  if (stats.nlink > 1) return foreign('it has a second name.');
  const page = new Uint8Array(PAGE_BYTES);
  const count = readSync(fd, page, 0, PAGE_BYTES, 0);
  const header = decodeRegionHeader(page.subarray(0, count), stats.size);
  if (!('sections' in header)) return header;
  if (expected !== undefined) {
    const { logId, lockDevice, lockInode } = expected;
    if (logId !== undefined && header.logId !== logId) return foreign('it is another log’s.');
    if (header.lockDevice !== lockDevice || header.lockInode !== lockInode) {
      return foreign('it is that of the folder that this one was copied from.');
    }
  }
  if (Buffer.compare(header.bootId, bootId()) !== 0) {
    return { status: 'other-boot', reason: 'the machine has been restarted since.' };
  }
  return new RegionFile(path, fd, header);
}

/** Full paths of the files in `directory` that have a region's name. */
export function listRegions(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter(isRegionName)
    .sort()
    .map((name) => join(directory, name));
}
