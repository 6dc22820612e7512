// A folder that is there after a power cut, too.
import { dirname } from 'node:path';
import type { Storage } from './storage.js';

/** Makes `directory` and what is missing above it, and the names of all of them durable. */
export function makeDurableFolder(storage: Storage, directory: string): void {
  const topmost = storage.makeDirectory(directory);
  if (topmost === undefined) return;
  for (let path = directory; ; path = dirname(path)) {
    storage.syncDirectory(path);
    storage.syncDirectory(dirname(path));
    if (path === topmost || path === dirname(path)) return;
  }
}
