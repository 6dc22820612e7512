// Objects as files of a folder: a disk of another machine that is mounted here, for one. A file is
// written under a name of its own, synced, and gets its name last, so that nobody reads a part of
// it, whatever is killed or cut off when.
import { dirname, join, resolve } from 'node:path';
import { invalidArgument, isOperational, WalError } from '../../errors.js';
import { random64 } from '../../random.js';
import { checkDirectory } from '../../reading/event-range.js';
import { readFailure } from '../../reading/read-failure.js';
import { makeDurableFolder } from '../../storage/new-folder.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { outputFailure } from '../../storage/output-folder.js';
import type { Storage } from '../../storage/storage.js';
import { hexOf64, MIB } from '../../units.js';
import { isObjectKey } from './object-keys.js';
import { type ObjectBody, ObjectFailure, type ObjectStore } from './object-store.js';

/**
 * Objects in a folder, which is made when the first one is put. Names that end in `.tmp` are of
 * objects that were being put when something was killed; they may be removed.
 * @example
 * import { archive, folderObjects } from 'flashstrike/replication';
 *
 * const { lastEventId } = await archive('./orders', folderObjects('/mnt/archive/orders'));
 * console.log(`kept up to event ${lastEventId}`);
 */
export const folderObjects = (dir: string | URL): ObjectStore =>
  new FolderObjects(nodeStorage, resolve(checkDirectory(dir)));

export class FolderObjects implements ObjectStore {
  readonly name: string;
  readonly #storage: Storage;

  constructor(storage: Storage, dir: string) {
    this.name = dir;
    this.#storage = storage;
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    const path = this.#pathOf(key);
    const storage = this.#storage;
    // A name that nobody else has: several may put the same object at once.
    const temporary = `${path}.${hexOf64(random64())}.tmp`;
    const fd = this.#writing(() => {
      makeDurableFolder(storage, dirname(path));
      return storage.open(temporary, 'create');
    });
    let isKept = false;
    try {
      try {
        await this.#fill(fd, key, body);
      } finally {
        storage.close(fd);
      }
      this.#writing(() => storage.rename(temporary, path));
      isKept = true;
      this.#writing(() => storage.syncDirectory(dirname(path)));
    } finally {
      if (!isKept) this.#discard(temporary);
    }
  }

  async get(key: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.#pathOf(key);
    const status = this.#reading(path, () => this.#storage.statusAt(path));
    return status && this.#pieces(path);
  }

  async #fill(fd: number, key: string, body: ObjectBody): Promise<void> {
    let offset = 0;
    for await (const piece of body.read()) {
      const from = offset;
      this.#writing(() => this.#storage.write(fd, [piece], from));
      this.#storage.startWriteback(fd, from, piece.length);
      offset += piece.length;
    }
    if (offset !== body.bytes) {
      throw invalidArgument(`Object ${key} has ${offset} bytes instead of ${body.bytes}.`);
    }
    this.#writing(() => this.#storage.sync(fd));
  }

  async *#pieces(path: string): AsyncGenerator<Uint8Array, void> {
    const storage = this.#storage;
    const fd = this.#reading(path, () => storage.open(path, 'read'));
    try {
      for (let offset = 0; ; ) {
        const piece = new Uint8Array(MIB);
        const from = offset;
        const count = this.#reading(path, () => storage.read(fd, piece, from));
        if (count === 0) return;
        offset += count;
        yield piece.subarray(0, count);
      }
    } finally {
      storage.close(fd);
    }
  }

  #discard(path: string): void {
    try {
      this.#storage.unlink(path);
    } catch (error) {
      // What kept it from being put is what is told.
      if (!isOperational(error)) throw error;
    }
  }

  #pathOf(key: string): string {
    if (isObjectKey(key)) return join(this.name, ...key.split('/'));
    throw invalidArgument('The key of an object has letters, digits and signs of "._-/".');
  }

  #writing<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw passing(outputFailure(error, this.name, 'It is tried again.'));
    }
  }

  #reading<Result>(path: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw passing(readFailure(error, path));
    }
  }
}

/** A disk that is full, and one that fails, may do better later; what is forbidden stays so. */
function passing(error: unknown): unknown {
  if (!(error instanceof WalError)) return error;
  const { code, message } = error;
  if (code === 'ERR_FLASHSTRIKE_NO_SPACE') return new ObjectFailure('full', message, error);
  return code === 'ERR_FLASHSTRIKE_IO' ? new ObjectFailure('unavailable', message, error) : error;
}
