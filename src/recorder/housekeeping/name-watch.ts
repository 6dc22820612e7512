// A look, now and then, whether names still refer to the log's files. When someone has removed the
// region's, what waits in the ring would not be found after a crash: that ends the log. A lost
// wal.meta is written again, and so is LOCK. Where the folder cannot be locked as well, another
// process can lock a LOCK that was replaced, and write beside this one: there that ends the log,
// too. (The writer checks the active segment itself: before it calls anything durable.)
import type { Clock } from '../../clock/clock.js';
import type { RegionHandle } from '../../region/shared-region.js';
import type { LogLock } from '../../storage/lock-file.js';
import type { Storage } from '../../storage/storage.js';
import type { Signals } from '../threads/signals.js';
import { LookTimes, tryToLook } from './look-times.js';

/** With the time that an end takes, what is lost is acted upon within a second. */
const INTERVAL_NS = 500e6;
/** Where nothing is appended, nothing can be lost: every fourth look will do. */
const LOOKS_AT_REST = 4;

/** wal.meta, as the watch sees it. */
interface WatchedMeta {
  isNamed(): boolean;
  /** It is to be written again. */
  renew(): void;
}

export class NameWatch {
  readonly #storage: Storage;
  readonly #signals: Signals;
  readonly #lock: LogLock;
  readonly #meta: WatchedMeta;
  readonly #regionPath: string | undefined;
  readonly #regionInode: bigint | undefined;
  readonly #appended: () => number;
  readonly #times: LookTimes;
  #seen: number | undefined;
  #looksLeftOut = 0;

  /** @param appended how far the application has come, in the ring */
  constructor(
    storage: Storage,
    clock: Clock,
    signals: Signals,
    lock: LogLock,
    meta: WatchedMeta,
    region: RegionHandle,
    appended: () => number,
  ) {
    this.#storage = storage;
    this.#times = new LookTimes(clock, INTERVAL_NS);
    this.#signals = signals;
    this.#lock = lock;
    this.#meta = meta;
    this.#appended = appended;
    if (region.adapter === 'mapped') {
      this.#regionPath = region.path;
      this.#regionInode = storage.statusOf(region.fd).inode;
    }
  }

  /**
   * Looks twice in a second, however often it is called, and once in two seconds at a log that
   * nobody appends to; returns how many ms may pass. A look that fails tells nothing.
   */
  look(): number {
    return this.#times.look(() => {
      if (!this.#isLeftOut()) this.#lookAtNames();
    });
  }

  #isLeftOut(): boolean {
    const appended = this.#appended();
    const isAtRest = appended === this.#seen;
    this.#seen = appended;
    this.#looksLeftOut = isAtRest ? (this.#looksLeftOut + 1) % LOOKS_AT_REST : 0;
    return this.#looksLeftOut > 0;
  }

  #lookAtNames(): void {
    for (const name of [this.#lookAtLock, this.#lookAtRegion, this.#lookAtMeta]) {
      tryToLook(() => name.call(this));
    }
  }

  #lookAtLock(): void {
    if (this.#lock.isNamed() || this.#lock.restore()) return;
    this.#signals.set('lockNameLost', 1);
    this.#signals.wake('writer');
  }

  #lookAtRegion(): void {
    if (this.#regionPath === undefined) return;
    if (this.#storage.statusAt(this.#regionPath)?.inode === this.#regionInode) return;
    this.#signals.set('regionNameLost', 1);
    this.#signals.wake('writer');
  }

  #lookAtMeta(): void {
    if (!this.#meta.isNamed()) this.#meta.renew();
  }
}
