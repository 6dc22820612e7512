// What an opening takes from the machine. The product has one set of it; a simulation brings its
// own and repeats, from a seed, all that a log does.
import { type Clock, monotonicClock } from '../../clock/clock.js';
import type { WallClockMs } from '../../clock/wall-clock.js';
import { type Random64, random64 } from '../../random.js';
import { machineRegions, type Regions } from '../../region/regions.js';
import { acquireLock, type LogLock } from '../../storage/lock-file.js';
import { nodeStorage } from '../../storage/node-storage.js';
import type { Storage } from '../../storage/storage.js';
import { ownThreadId } from '../../storage/thread-times.js';

export interface OpeningPorts {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Read at the opening, and about ten times a second while the log is open. */
  readonly wallClockMs: WallClockMs;
  readonly regions: Regions;
  /** See acquireLock. */
  readonly lockLog: (storage: Storage, directory: string, mode: 'flock' | 'none') => LogLock;
  /** Ids of logs, salts of segments, names of regions. */
  readonly random64: Random64;
  /** The system's number of the thread that opens, or adopts; 0: not known. */
  readonly threadId: () => number;
}

export const machinePorts: OpeningPorts = Object.freeze({
  storage: nodeStorage,
  clock: monotonicClock,
  wallClockMs: Date.now,
  regions: machineRegions,
  lockLog: acquireLock,
  random64,
  threadId: ownThreadId,
});
