// A look, now and then, whether two names still are our files. When someone has removed the region's,
// what waits in the ring would not be found after a crash: told in the capabilities. When someone has
// replaced LOCK, another process can lock the new one and write beside us: that ends the log.
import type { Clock } from '../clock/clock.js';
import { isOperational } from '../errors.js';
import type { RegionHandle } from '../memory/shared-region.js';
import type { LogLock } from '../storage/lock-file.js';
import type { Storage } from '../storage/storage.js';
import type { Signals } from './signals.js';

const INTERVAL_NS = 1e9;

export class NameWatch {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #lock: LogLock;
  readonly #regionPath: string | undefined;
  readonly #regionInode: bigint | undefined;
  #nextNs = 0;

  constructor(
    storage: Storage,
    clock: Clock,
    signals: Signals,
    lock: LogLock,
    region: RegionHandle,
  ) {
    this.#storage = storage;
    this.#clock = clock;
    this.#signals = signals;
    this.#lock = lock;
    if (region.adapter === 'mapped') {
      this.#regionPath = region.path;
      this.#regionInode = storage.statusOf(region.fd).inode;
    }
  }

  /** Looks once in a second, however often it is called. A look that fails tells nothing. */
  look(): void {
    if (this.#clock.nowNs() < this.#nextNs) return;
    this.#nextNs = this.#clock.nowNs() + INTERVAL_NS;
    try {
      this.#lookAtLock();
      this.#lookAtRegion();
    } catch (error) {
      // The next look may be luckier, and the thread has more to do.
      if (!isOperational(error)) throw error;
    }
  }

  #lookAtLock(): void {
    if (this.#lock.isNamed()) return;
    this.#signals.set('lockNameLost', 1);
    this.#signals.wake('writer');
  }

  #lookAtRegion(): void {
    if (this.#regionPath === undefined) return;
    const isOurs = this.#storage.statusAt(this.#regionPath)?.inode === this.#regionInode;
    this.#signals.set('regionNameLost', isOurs ? 0 : 1);
  }
}
