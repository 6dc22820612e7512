// Storage that reaches a log's folder through the descriptor by which it was opened, never again by
// its path: a folder that is renamed, or whose link is switched, is still written where it is now,
// and a new log under the old path is another log. The rest of the code speaks of the path as
// it was.
import { sep } from 'node:path';
import { isError, WalError } from '../errors.js';
import type { OpenMode, Storage } from './storage.js';

/** @param root where the folder is reached; undefined: by its path, also once it is no more */
export function rootedStorage(
  inner: Storage,
  directory: string,
  root: () => string | undefined,
): Storage {
  const physical = (path: string): string => physicalPath(path, directory, root());
  const told = <Result>(operation: () => Result): Result => {
    try {
      return operation();
    } catch (error) {
      const at = root();
      throw at === undefined ? error : logical(error, at, directory);
    }
  };
  return Object.freeze({
    open: (path: string, mode: OpenMode) => told(() => inner.open(physical(path), mode)),
    close: (fd: number) => inner.close(fd),
    statusOf: (fd: number) => inner.statusOf(fd),
    statusAt: (path: string) => told(() => inner.statusAt(physical(path))),
    freeBytes: (path: string) => told(() => inner.freeBytes(physical(path))),
    realPath: (path: string) => told(() => inner.realPath(physical(path))),
    read: (fd: number, target: Uint8Array, offset: number) => inner.read(fd, target, offset),
    write: (fd: number, parts: readonly Uint8Array[], offset: number) =>
      inner.write(fd, parts, offset),
    writeZeros: (fd: number, offset: number, bytes: number) => inner.writeZeros(fd, offset, bytes),
    allocate: (fd: number, bytes: number) => inner.allocate(fd, bytes),
    truncate: (fd: number, bytes: number) => inner.truncate(fd, bytes),
    startWriteback: (fd: number, offset: number, bytes: number) =>
      inner.startWriteback(fd, offset, bytes),
    isOpenElsewhere: (fd: number) => inner.isOpenElsewhere(fd),
    sync: (fd: number) => inner.sync(fd),
    syncDirectory: (path: string) => told(() => inner.syncDirectory(physical(path))),
    rename: (source: string, target: string) =>
      told(() => inner.rename(physical(source), physical(target))),
    renameNoReplace: (source: string, target: string) =>
      told(() => inner.renameNoReplace(physical(source), physical(target))),
    unlink: (path: string) => told(() => inner.unlink(physical(path))),
    list: (path: string) => told(() => inner.list(physical(path))),
    folderChange: (path: string) => told(() => inner.folderChange(physical(path))),
    makeDirectory: (path: string) => {
      const topmost = told(() => inner.makeDirectory(physical(path)));
      const at = root();
      return at === undefined || topmost === undefined ? topmost : spoken(topmost, at, directory);
    },
  });
}

/** Where a path in the folder is reached through `at`. */
export function physicalPath(path: string, directory: string, at: string | undefined): string {
  if (at === undefined) return path;
  // The link in /proc itself is not the folder.
  if (path === directory) return `${at}/.`;
  const isBelow = path.startsWith(directory) && path[directory.length] === sep;
  return isBelow ? at + path.slice(directory.length) : path;
}

/** The text with the path that the caller gave: the other one means nothing to a reader. */
function spoken(text: string, at: string, directory: string): string {
  // Neither a longer number, nor a name that begins with a point.
  const physical = new RegExp(`${at}(?:/\\.)?(?![\\w.])`, 'g');
  return text.replace(physical, () => directory);
}

function logical(error: unknown, at: string, directory: string): unknown {
  if (!isError(error)) return error;
  if (error instanceof WalError) {
    const { code, message, offset, cause } = error;
    const path = error.path === undefined ? undefined : spoken(error.path, at, directory);
    const details = { path, offset, cause: logical(cause, at, directory) };
    return new WalError(code, spoken(message, at, directory), details);
  }
  for (const field of ['message', 'stack', 'path', 'dest'] as const) {
    const text: unknown = Reflect.get(error, field);
    if (typeof text === 'string') Reflect.set(error, field, spoken(text, at, directory));
  }
  return error;
}
