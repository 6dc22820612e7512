// wal.meta on disk: written to a temporary name, synced, renamed, the folder synced. So the name
// always holds one whole state, however the machine stops.
import { join } from 'node:path';
import { META_FILE, META_TEMPORARY_FILE } from '../../segment/file-names.js';
import { encodeMeta, META_BYTES, type WalMeta } from '../../segment/wal-meta.js';
import { isLeftOver } from '../../storage/left-over.js';
import type { FileStatus, Storage } from '../../storage/storage.js';

export class MetaStore {
  readonly #storage: Storage;
  readonly #directory: string;
  /** The file that wal.meta was when this store wrote it last. */
  #file: FileStatus | undefined;
  /** The file that is there for the next flush, and has its space. */
  #spare: FileStatus | undefined;

  constructor(storage: Storage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  /**
   * Takes the space of the next flush now: a disk that others fill does not keep that back. What is
   * taken already is not taken again. (Not on a file system that copies what is overwritten.)
   */
  reserve(): void {
    if (this.#spare !== undefined) return;
    const fd = this.#create();
    try {
      this.#storage.write(fd, [new Uint8Array(META_BYTES)], 0);
      this.#spare = this.#storage.statusOf(fd);
    } finally {
      this.#storage.close(fd);
    }
  }

  /** Returns once `meta` is durable. On an error the previous state still holds. */
  flush(meta: WalMeta): void {
    const temporary = this.#temporary;
    const fd = this.#openSpare() ?? this.#create();
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

  get #temporary(): string {
    return join(this.#directory, META_TEMPORARY_FILE);
  }

  /** A left-over of a crash, or of a flush that failed: never open what may be someone's link. */
  #create(): number {
    const temporary = this.#temporary;
    if (isLeftOver(this.#storage, temporary)) this.#storage.unlink(temporary);
    return this.#storage.open(temporary, 'create');
  }

  /** Undefined where there is none, or another file has its name by now. */
  #openSpare(): number | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    const named = spare && this.#storage.statusAt(this.#temporary);
    if (named?.inode !== spare?.inode || named?.links !== 1) return undefined;
    return this.#storage.open(this.#temporary, 'rewrite');
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
