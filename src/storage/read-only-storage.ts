// The storage that salvage works with. It writes nothing, whatever is asked of it; and where the
// disk cannot read a page (EIO), it reads all around it. What stands in for such a page never
// validates, and is no zeros either, which could be taken for a place where nothing was ever
// written.
import { assert, systemCode } from '../errors.js';
import { PAGE_BYTES } from '../units.js';
import type { DirectoryEntry, FileStatus, OpenMode, Storage } from './storage.js';

const UNREADABLE = 0xee;
const pageOf = (offset: number): number => Math.floor(offset / PAGE_BYTES);

function refuse(): never {
  assert(false, 'salvage changes nothing');
}

export class ReadOnlyStorage implements Storage {
  readonly #inner: Storage;
  /** Pages that the disk cannot read, of each open file: asking again may take seconds. */
  readonly #badPages = new Map<number, Set<number>>();

  readonly write = refuse;
  readonly writeZeros = refuse;
  readonly allocate = refuse;
  readonly truncate = refuse;
  readonly startWriteback = refuse;
  readonly isOpenElsewhere = refuse;
  readonly sync = refuse;
  readonly syncDirectory = refuse;
  readonly rename = refuse;
  readonly renameNoReplace = refuse;
  readonly unlink = refuse;
  readonly makeDirectory = refuse;

  constructor(inner: Storage) {
    this.#inner = inner;
  }

  /** Whether the disk failed to read any of these bytes of an open file. */
  hasUnreadable(fd: number, offset: number, bytes: number): boolean {
    const badPages = this.#badPages.get(fd);
    if (badPages === undefined) return false;
    const last = pageOf(offset + bytes - 1);
    for (let page = pageOf(offset); page <= last; page++) if (badPages.has(page)) return true;
    return false;
  }

  open(path: string, mode: OpenMode): number {
    assert(mode === 'read', 'salvage changes nothing');
    return this.#inner.open(path, mode);
  }

  close(fd: number): void {
    this.#badPages.delete(fd);
    this.#inner.close(fd);
  }

  statusOf(fd: number): FileStatus {
    return this.#inner.statusOf(fd);
  }

  statusAt(path: string): FileStatus | undefined {
    return this.#inner.statusAt(path);
  }

  freeBytes(path: string): number {
    return this.#inner.freeBytes(path);
  }

  realPath(path: string): string | undefined {
    return this.#inner.realPath(path);
  }

  list(path: string): readonly DirectoryEntry[] {
    return this.#inner.list(path);
  }

  folderChange(path: string): bigint | undefined {
    return this.#inner.folderChange(path);
  }

  read(fd: number, target: Uint8Array, offset: number): number {
    if (!this.hasUnreadable(fd, offset, target.length)) {
      const count = this.#attempt(fd, target, offset);
      if (count !== undefined) return count;
    }
    let done = 0;
    while (done < target.length) {
      const at = offset + done;
      const end = (pageOf(at) + 1) * PAGE_BYTES - offset;
      const part = target.subarray(done, Math.min(target.length, end));
      const count = this.#readPart(fd, part, at);
      done += count;
      if (count < part.length) break;
    }
    return done;
  }

  /** Bytes of one page, or what stands in for them. */
  #readPart(fd: number, part: Uint8Array, offset: number): number {
    const badPages = this.#badPages.get(fd) ?? new Set();
    this.#badPages.set(fd, badPages);
    if (!badPages.has(pageOf(offset))) {
      const count = this.#attempt(fd, part, offset);
      if (count !== undefined) return count;
    }
    badPages.add(pageOf(offset));
    part.fill(UNREADABLE);
    return part.length;
  }

  /** Undefined where the disk cannot read it. */
  #attempt(fd: number, target: Uint8Array, offset: number): number | undefined {
    try {
      return this.#inner.read(fd, target, offset);
    } catch (error) {
      if (systemCode(error) === 'EIO') return undefined;
      throw error;
    }
  }
}
