// How much room the disk of the log has left, told once a second: who watches a log sees it fill
// before the log does.
import type { Clock } from '../../clock/clock.js';
import type { Storage } from '../../storage/storage.js';
import type { DiskUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { NS_PER_SECOND } from '../../units.js';
import { LookTimes, tryToLook } from './look-times.js';

export class DiskWatch {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #telemetry: DiskUpdater;
  readonly #times: LookTimes;

  constructor(storage: Storage, clock: Clock, directory: string, telemetry: DiskUpdater) {
    this.#storage = storage;
    this.#directory = directory;
    this.#telemetry = telemetry;
    this.#times = new LookTimes(clock, NS_PER_SECOND);
  }

  /** Looks once a second, however often it is called; returns how many ms may pass. */
  look(): number {
    return this.#times.look(() => tryToLook(this.#tell));
  }

  readonly #tell = (): void => {
    const free = this.#storage.freeBytes(this.#directory);
    // Network file systems without a limit tell 2^63 bytes.
    this.#telemetry.setDiskFree(Math.min(free, Number.MAX_SAFE_INTEGER));
  };
}
