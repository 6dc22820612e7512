// A Storage in front of another one that sees every call before it is made. What stands in between
// (faults, kills, other threads) is for the classes that extend it.
import { assert } from '../../src/errors.js';
import type { DirectoryEntry, FileStatus, OpenMode, Storage } from '../../src/storage/storage.js';

export type CallKind = keyof Storage;

export interface StorageCall {
  readonly kind: CallKind;
  /** Full path of the file or folder; of the source for a rename. */
  readonly path: string;
  /** Of a rename. */
  readonly target?: string;
  /** Of every call on a descriptor. */
  readonly fd?: number;
  /** Of a read or write. */
  readonly offset?: number;
  readonly bytes?: number;
}

/** Writes only so many bytes of a write: its beginning. */
export type WritePart = (byteCount: number) => void;

/**
 * As the system tells it. Without a stack: readers meet ENOENT all the time, and stacks are slow.
 */
export function systemError(code: string, what: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${what}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

export abstract class InterposedStorage implements Storage {
  /** Descriptors that were opened here and not closed here, with their paths. */
  readonly openFiles = new Map<number, string>();
  readonly #inner: Storage;

  constructor(inner: Storage) {
    this.#inner = inner;
  }

  /** @param writePart of a write only */
  protected abstract call<Result>(
    call: StorageCall,
    operation: () => Result,
    writePart?: WritePart,
  ): Result;

  #pathOf(fd: number): string {
    const path = this.openFiles.get(fd);
    assert(path !== undefined, `descriptor ${fd} is used and is not open`);
    return path;
  }

  #on(fd: number, kind: CallKind, details: Partial<StorageCall> = {}): StorageCall {
    return { kind, path: this.#pathOf(fd), fd, ...details };
  }

  /** A descriptor that was opened elsewhere is used here from now on. */
  adopt(fd: number, path: string): void {
    this.openFiles.set(fd, path);
  }

  open(path: string, mode: OpenMode): number {
    return this.call({ kind: 'open', path }, () => {
      const fd = this.#inner.open(path, mode);
      this.openFiles.set(fd, path);
      return fd;
    });
  }

  close(fd: number): void {
    this.call(this.#on(fd, 'close'), () => {
      this.openFiles.delete(fd);
      this.#inner.close(fd);
    });
  }

  statusOf(fd: number): FileStatus {
    return this.call(this.#on(fd, 'statusOf'), () => this.#inner.statusOf(fd));
  }

  statusAt(path: string): FileStatus | undefined {
    return this.call({ kind: 'statusAt', path }, () => this.#inner.statusAt(path));
  }

  freeBytes(path: string): number {
    return this.call({ kind: 'freeBytes', path }, () => this.#inner.freeBytes(path));
  }

  realPath(path: string): string | undefined {
    return this.call({ kind: 'realPath', path }, () => this.#inner.realPath(path));
  }

  read(fd: number, target: Uint8Array, offset: number): number {
    return this.call(this.#on(fd, 'read', { offset }), () => this.#inner.read(fd, target, offset));
  }

  write(fd: number, parts: readonly Uint8Array[], offset: number): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.call(
      this.#on(fd, 'write', { offset, bytes }),
      () => this.#inner.write(fd, parts, offset),
      (byteCount) => this.#inner.write(fd, [Buffer.concat(parts).subarray(0, byteCount)], offset),
    );
  }

  /** As one write. */
  writeZeros(fd: number, offset: number, bytes: number): void {
    this.write(fd, [new Uint8Array(bytes)], offset);
  }

  allocate(fd: number, bytes: number): void {
    this.call(this.#on(fd, 'allocate', { bytes }), () => this.#inner.allocate(fd, bytes));
  }

  truncate(fd: number, bytes: number): void {
    this.call(this.#on(fd, 'truncate', { bytes }), () => this.#inner.truncate(fd, bytes));
  }

  startWriteback(fd: number, offset: number, bytes: number): void {
    // No call of the list: it cannot fail, and nothing can be seen of it.
    this.#pathOf(fd);
    this.#inner.startWriteback(fd, offset, bytes);
  }

  isOpenElsewhere(fd: number): boolean {
    // As above.
    this.#pathOf(fd);
    return this.#inner.isOpenElsewhere(fd);
  }

  sync(fd: number): void {
    this.call(this.#on(fd, 'sync'), () => this.#inner.sync(fd));
  }

  syncDirectory(path: string): void {
    this.call({ kind: 'syncDirectory', path }, () => this.#inner.syncDirectory(path));
  }

  rename(source: string, target: string): void {
    const call: StorageCall = { kind: 'rename', path: source, target };
    this.call(call, () => this.#inner.rename(source, target));
  }

  renameNoReplace(source: string, target: string): void {
    const call: StorageCall = { kind: 'renameNoReplace', path: source, target };
    this.call(call, () => this.#inner.renameNoReplace(source, target));
  }

  unlink(path: string): void {
    this.call({ kind: 'unlink', path }, () => this.#inner.unlink(path));
  }

  list(path: string): readonly DirectoryEntry[] {
    return this.call({ kind: 'list', path }, () => this.#inner.list(path));
  }

  folderChange(path: string): bigint | undefined {
    return this.call({ kind: 'folderChange', path }, () => this.#inner.folderChange(path));
  }

  makeDirectory(path: string): string | undefined {
    return this.call({ kind: 'makeDirectory', path }, () => this.#inner.makeDirectory(path));
  }
}
