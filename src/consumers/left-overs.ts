// Files of consumers that a registration left half-written: whoever wrote them has ended. One that
// is being written is locked by its writer, in this process or another one, and stays.
import { join } from 'node:path';
import { codeOf } from '../errors.js';
import { consumerTemporaryName } from '../segment/file-names.js';
import type { Storage } from '../storage/storage.js';
import { holdNamed } from './named-file.js';

/**
 * Removes those of `names` that nobody writes. Not where there are no locks: there nothing tells.
 * @param names of consumers that have such a file
 * @throws WalError ERR_FLASHSTRIKE_LOCK_UNAVAILABLE; the system's errors
 */
export function removeUnfinished(
  storage: Storage,
  dir: string,
  names: readonly string[],
  lock: 'flock' | 'none',
): void {
  if (lock === 'none') return;
  for (const name of names) removeOne(storage, join(dir, consumerTemporaryName(name)), name);
}

function removeOne(storage: Storage, path: string, name: string): void {
  // A link, a folder or a FIFO is somebody else's, and does no harm.
  if (storage.statusAt(path)?.kind !== 'file') return;
  let held: ReturnType<typeof holdNamed>;
  try {
    held = holdNamed({ ports: { storage }, lock: 'flock' }, name, path, 'rewrite');
  } catch (error) {
    if (codeOf(error) === 'ERR_FLASHSTRIKE_LOCKED') return;
    throw error;
  }
  if (held === undefined) return;
  try {
    storage.unlink(path);
  } finally {
    storage.close(held.fd);
  }
}
