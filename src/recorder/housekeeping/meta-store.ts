// wal.meta on disk: written to a temporary name, synced, renamed, the folder synced. So the name
// always holds one whole state, however the machine stops.
import { join } from 'node:path';
import { META_FILE, META_TEMPORARY_FILE } from '../../segment/file-names.js';
import { encodeMeta, type WalMeta } from '../../segment/wal-meta.js';
import { isLeftOver } from '../../storage/left-over.js';
import type { FileStatus, Storage } from '../../storage/storage.js';

export class MetaStore {
  readonly #storage: Storage;
  readonly #directory: string;
  /** The file that wal.meta was when this store wrote it last. */
  #file: FileStatus | undefined;

  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  /** Returns once `meta` is durable. On an error the previous state still holds. */
  flush(meta: WalMeta): void {
    const temporary = join(this.#directory, META_TEMPORARY_FILE);
    // A left-over of a crash, or of a flush that failed: never open what may be someone's link.
    if (isLeftOver(this.#storage, temporary)) this.#storage.unlink(temporary);
    const fd = this.#storage.open(temporary, 'create');
    try {
      this.#storage.write(fd, [encodeMeta(meta)], 0);
      this.#storage.sync(fd);
      this.#file = this.#storage.statusOf(fd);
    } finally {
      this.#storage.close(fd);
    }
    this.#storage.rename(temporary, join(this.#directory, META_FILE));
    this.#storage.syncDirectory(this.#directory);
  }

  /**
   * Whether wal.meta is there, and is what was written last: somebody may have put another there.
   */
  isNamed(): boolean {
    const named = this.#storage.statusAt(join(this.#directory, META_FILE));
    if (named === undefined || this.#file === undefined) return named !== undefined;
    return named.inode === this.#file.inode && named.bytes === this.#file.bytes;
  }
}
