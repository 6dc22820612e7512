// How much room the disk of the log has left, told once a second: who watches a log sees it fill
// before the log does.
import type { Clock } from '../../clock/clock.js';
import { isOperational } from '../../errors.js';
import type { Storage } from '../../storage/storage.js';
import type { DiskUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { NS_PER_MS, NS_PER_SECOND } from '../../units.js';
import { nextLookNs } from './look-times.js';

const INTERVAL_NS = NS_PER_SECOND;

export class DiskWatch {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #telemetry: DiskUpdater;
  #nextNs = 0;

  constructor(storage: Storage, clock: Clock, directory: string, telemetry: DiskUpdater) {
    this.#storage = storage;
    this.#clock = clock;
    this.#directory = directory;
    this.#telemetry = telemetry;
  }

  /** Looks once a second, however often it is called; returns how many ms may pass. */
  look(): number {
    const nowNs = this.#clock.nowNs();
    if (nowNs < this.#nextNs) return (this.#nextNs - nowNs) / NS_PER_MS;
    this.#nextNs = nextLookNs(nowNs, INTERVAL_NS);
    try {
      const free = this.#storage.freeBytes(this.#directory);
      // Network file systems without a limit tell 2^63 bytes.
      this.#telemetry.setDiskFree(Math.min(free, Number.MAX_SAFE_INTEGER));
    } catch (error) {
      // What was told last stays: a look that fails tells nothing of the disk.
      if (!isOperational(error)) throw error;
    }
    return (this.#nextNs - nowNs) / NS_PER_MS;
  }
}
