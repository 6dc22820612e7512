// A look, now and then, whether the region's name still is our file: when someone has removed it,
// what waits in the ring would not be found after a crash.
import type { Clock } from '../clock/clock.js';
import type { RegionHandle } from '../memory/shared-region.js';
import type { Storage } from '../storage/storage.js';
import type { Signals } from './signals.js';

const INTERVAL_NS = 1e9;

export class RegionWatch {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #signals: Signals;
  readonly #path: string | undefined;
  readonly #inode: bigint | undefined;
  #nextNs = 0;

  constructor(storage: Storage, clock: Clock, signals: Signals, handle: RegionHandle) {
    this.#storage = storage;
    this.#clock = clock;
    this.#signals = signals;
    if (handle.adapter === 'mapped') {
      this.#path = handle.path;
      this.#inode = storage.statusOf(handle.fd).inode;
    }
  }

  look(): void {
    if (this.#path === undefined || this.#clock.nowNs() < this.#nextNs) return;
    this.#nextNs = this.#clock.nowNs() + INTERVAL_NS;
    const isOurs = this.#storage.statusAt(this.#path)?.inode === this.#inode;
    this.#signals.set('regionNameLost', isOurs ? 0 : 1);
  }
}
