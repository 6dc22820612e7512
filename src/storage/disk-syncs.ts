// The syncs that the application's thread asks for. It must not stand still while a disk works, so
// they are made by libuv's threads; all else of the Storage port comes back at once.
import { closeSync, constants, fdatasync, fsync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { notHad } from './node-storage.js';
import { physicalPath } from './rooted-storage.js';

export interface DiskSyncs {
  /** fdatasync. The descriptor must stay open until it is done. */
  sync(fd: number): Promise<void>;
  /** fsync of a folder. */
  syncDirectory(path: string): Promise<void>;
}

const dataSync = promisify(fdatasync);
const wholeSync = promisify(fsync);

async function syncDirectory(path: string): Promise<void> {
  // As in the Storage port: no fsync of a folder there.
  if (process.platform === 'win32') return;
  const fd = openSync(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    await wholeSync(fd);
  } catch (error) {
    notHad('syncDirectory', error);
  } finally {
    closeSync(fd);
  }
}

export const nodeSyncs: DiskSyncs = Object.freeze({ sync: dataSync, syncDirectory });

/** Those of a log's folder that is reached by a descriptor; see rootedStorage. */
export const rootedSyncs = (
  inner: DiskSyncs,
  directory: string,
  root: () => string | undefined,
): DiskSyncs =>
  Object.freeze({
    sync: (fd: number) => inner.sync(fd),
    syncDirectory: (path: string) => inner.syncDirectory(physicalPath(path, directory, root())),
  });
