// A Storage in front of another one: it records every call, knows which descriptors are open, and
// fails the calls that a test names. A failed call does not reach the storage behind, unless the
// fault says what it does before it fails (a write torn in the middle, pages lost by a sync).
import { basename } from 'node:path';
import { assert } from '../../src/errors.js';
import type { DirectoryEntry, FileStatus, OpenMode, Storage } from '../../src/storage/storage.js';

export type CallKind = keyof Storage;

export interface StorageCall {
  readonly kind: CallKind;
  /** Full path of the file or folder; of the source for a rename. */
  readonly path: string;
  /** Of a rename. */
  readonly target?: string;
  /** Of a write. */
  readonly offset?: number;
  readonly bytes?: number;
}

export interface Fault {
  /** The system code that the call fails with. */
  readonly code: string;
  /** Which calls it hits; by default all that count (see {@link FaultyStorage.counted}). */
  readonly when?: (call: StorageCall) => boolean;
  /** Hits begin with the n-th call that `when` accepts, counted from 1. Default 1. */
  readonly from?: number;
  /** How many calls it hits. Default: all from then on. */
  readonly times?: number;
  /** Done before the call fails. */
  readonly before?: (call: StorageCall) => void;
  /** A write that fails has put its first half on the disk. */
  readonly torn?: boolean;
}

interface ArmedFault {
  readonly fault: Fault;
  matches: number;
  hits: number;
}

export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

const half = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = Buffer.concat(parts);
  return whole.subarray(0, Math.floor(whole.length / 2));
};

export class FaultyStorage implements Storage {
  readonly calls: StorageCall[] = [];
  /** Descriptors that were opened here and not closed here, with their paths. */
  readonly openFiles = new Map<number, string>();
  /** Calls so far that can fail: all but `close`, after which a descriptor is gone in any case. */
  counted = 0;
  /** Called before each call, for instance to move a clock. */
  onCall: (call: StorageCall) => void = () => {};
  readonly #inner: Storage;
  readonly #faults: ArmedFault[] = [];

  constructor(inner: Storage) {
    this.#inner = inner;
  }

  /** Arms a fault; returns how often it has hit, so that a test can tell that it did. */
  fail(fault: Fault): { readonly hits: number } {
    const armed = { fault, matches: 0, hits: 0 };
    this.#faults.push(armed);
    return armed;
  }

  /** All faults are gone. */
  heal(): void {
    this.#faults.length = 0;
  }

  /** The calls of some kinds as `kind name`, a write as `write name@offset`. */
  story(...kinds: readonly CallKind[]): string[] {
    return this.calls
      .filter(({ kind }) => kinds.length === 0 || kinds.includes(kind))
      .map(({ kind, path, target, offset }) => {
        const to = target === undefined ? '' : ` ${basename(target)}`;
        return `${kind} ${basename(path)}${offset === undefined ? '' : `@${offset}`}${to}`;
      });
  }

  #call<Result>(call: StorageCall, operation: () => Result, torn: () => void = () => {}): Result {
    this.onCall(call);
    this.calls.push(call);
    if (call.kind !== 'close') this.counted++;
    for (const armed of this.#faults) {
      const { code, when, from = 1, times = Number.POSITIVE_INFINITY, before } = armed.fault;
      if (call.kind === 'close' || when?.(call) === false) continue;
      armed.matches++;
      if (armed.matches < from || armed.hits >= times) continue;
      armed.hits++;
      before?.(call);
      if (armed.fault.torn === true) torn();
      throw systemError(code, `${call.kind} ${call.path}`);
    }
    return operation();
  }

  #pathOf(fd: number): string {
    const path = this.openFiles.get(fd);
    assert(path !== undefined, `descriptor ${fd} is used and is not open`);
    return path;
  }

  /** A descriptor that was opened elsewhere is used here from now on. */
  adopt(fd: number, path: string): void {
    this.openFiles.set(fd, path);
  }

  open(path: string, mode: OpenMode): number {
    return this.#call({ kind: 'open', path }, () => {
      const fd = this.#inner.open(path, mode);
      this.openFiles.set(fd, path);
      return fd;
    });
  }

  close(fd: number): void {
    this.#call({ kind: 'close', path: this.#pathOf(fd) }, () => {
      this.openFiles.delete(fd);
      this.#inner.close(fd);
    });
  }

  statusOf(fd: number): FileStatus {
    return this.#call({ kind: 'statusOf', path: this.#pathOf(fd) }, () => this.#inner.statusOf(fd));
  }

  statusAt(path: string): FileStatus | undefined {
    return this.#call({ kind: 'statusAt', path }, () => this.#inner.statusAt(path));
  }

  read(fd: number, target: Uint8Array, offset: number): number {
    const call: StorageCall = { kind: 'read', path: this.#pathOf(fd), offset };
    return this.#call(call, () => this.#inner.read(fd, target, offset));
  }

  write(fd: number, parts: readonly Uint8Array[], offset: number): void {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const call: StorageCall = { kind: 'write', path: this.#pathOf(fd), offset, bytes };
    this.#call(
      call,
      () => this.#inner.write(fd, parts, offset),
      () => this.#inner.write(fd, [half(parts)], offset),
    );
  }

  allocate(fd: number, bytes: number): void {
    const call: StorageCall = { kind: 'allocate', path: this.#pathOf(fd), bytes };
    this.#call(call, () => this.#inner.allocate(fd, bytes));
  }

  truncate(fd: number, bytes: number): void {
    const call: StorageCall = { kind: 'truncate', path: this.#pathOf(fd), bytes };
    this.#call(call, () => this.#inner.truncate(fd, bytes));
  }

  sync(fd: number): void {
    this.#call({ kind: 'sync', path: this.#pathOf(fd) }, () => this.#inner.sync(fd));
  }

  syncDirectory(path: string): void {
    this.#call({ kind: 'syncDirectory', path }, () => this.#inner.syncDirectory(path));
  }

  rename(source: string, target: string): void {
    const call: StorageCall = { kind: 'rename', path: source, target };
    this.#call(call, () => this.#inner.rename(source, target));
  }

  renameNoReplace(source: string, target: string): void {
    const call: StorageCall = { kind: 'renameNoReplace', path: source, target };
    this.#call(call, () => this.#inner.renameNoReplace(source, target));
  }

  unlink(path: string): void {
    this.#call({ kind: 'unlink', path }, () => this.#inner.unlink(path));
  }

  list(path: string): readonly DirectoryEntry[] {
    return this.#call({ kind: 'list', path }, () => this.#inner.list(path));
  }

  makeDirectory(path: string): string | undefined {
    return this.#call({ kind: 'makeDirectory', path }, () => this.#inner.makeDirectory(path));
  }
}
