// A region's file whose changes are told: by inotify, through the event loop, without a thread or a
// timer. Only a write(2) counts, and what happens to its name; what is stored into mapped memory is
// not noticed.
import { type FSWatcher, watch } from 'node:fs';
import { openRegionFile, type RegionFile } from './region-file.js';

export class WatchedRegion {
  readonly file: RegionFile;
  readonly #watcher: FSWatcher;
  #isWatched = true;

  /**
   * Watches the file that is open as `found`, opened once more for writing. Undefined where this
   * process may not write to it, and where its name leads to another file by now.
   * @param onChange called from the event loop; also when it can be watched no longer
   * @throws the system's error: no more can be watched (EMFILE, ENOSPC), or written to (EROFS)
   */
  static of(found: RegionFile, onChange: () => void): WatchedRegion | undefined {
    const file = openRegionFile(found.path, 'write');
    if (file.status !== 'match') return undefined;
    let watched: WatchedRegion | undefined;
    try {
      if (!file.isSameFile(found)) return undefined;
      // Whoever waits holds the process by himself.
      const watcher = watch(file.path, { persistent: false });
      watched = new WatchedRegion(file, watcher, onChange);
      // A watch goes by name: what was put there in between is another file.
      if (file.isNamed()) return watched;
      watched.close();
      return undefined;
    } finally {
      if (watched === undefined) file.close();
    }
  }

  private constructor(file: RegionFile, watcher: FSWatcher, onChange: () => void) {
    this.file = file;
    this.#watcher = watcher;
    const tell = (): void => {
      // Whoever does not listen just now must not keep the memory of a region that is gone.
      if (!this.isLive) this.close();
      onChange();
    };
    watcher.on('change', tell);
    watcher.on('error', () => {
      this.close();
      onChange();
    });
  }

  /** Whether it is watched, and its file is still there. */
  get isLive(): boolean {
    return this.#isWatched && this.file.isLinked();
  }

  /** Idempotent. */
  close(): void {
    this.#isWatched = false;
    this.#watcher.close();
    this.file.close();
  }
}
