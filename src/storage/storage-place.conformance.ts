// Where the conformance suite of the port runs: an adapter, an empty folder in it, and what the
// port itself cannot make there.
import type { TestContext } from 'node:test';
import type { Storage } from './storage.js';

export interface StoragePlace {
  readonly storage: Storage;
  /** Empty, and reached by `storage`. */
  readonly folder: string;
  /** Its path without links in it. Default: `folder`. */
  readonly realFolder?: string;
  /** Writes what is read through `storage`. Default: `storage` itself. */
  readonly writer?: Storage;
  /** What a call on a descriptor that is not open fails with. Default: EBADF. */
  readonly closedCode?: string;
  /** Gives the file `source` the second name `path`. */
  readonly link: (source: string, path: string) => void;
  /** Makes `path` a symbolic link; missing where the adapter knows of none. */
  readonly symlink?: (target: string, path: string) => void;
  /** Makes `path` a FIFO; missing where the adapter knows of none. */
  readonly fifo?: (path: string) => void;
}

export type MakePlace = (t: TestContext) => StoragePlace;

export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Creates a file that holds `text`. */
export function put(storage: Storage, path: string, text: string): void {
  const fd = storage.open(path, 'create');
  storage.write(fd, [bytesOf(text)], 0);
  storage.close(fd);
}

/** All that an open file holds. */
export function contentOf(storage: Storage, fd: number): string {
  const target = new Uint8Array(storage.statusOf(fd).bytes + 1);
  const count = storage.read(fd, target, 0);
  return Buffer.from(target.subarray(0, count)).toString('latin1');
}

/** All that the file of that name holds. */
export function textAt(storage: Storage, path: string): string {
  const fd = storage.open(path, 'read');
  try {
    return contentOf(storage, fd);
  } finally {
    storage.close(fd);
  }
}

export const namesIn = (storage: Storage, folder: string): string[] =>
  storage.list(folder).map(({ name }) => name);
