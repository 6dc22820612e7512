// What an opening takes from the machine. The product has one set of it; a simulation brings its own
// and repeats, from a seed, all that a log does.
import { type Clock, monotonicClock } from '../clock/clock.js';
import { wallClockMs } from '../clock/timestamp-source.js';
import { machineRegions, type Regions } from '../memory/regions.js';
import { type Random64, random64 } from '../random.js';
import { nodeStorage } from '../storage/node-storage.js';
import type { Storage } from '../storage/storage.js';

export interface OpeningPorts {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Milliseconds since 1970; read once in an opening. */
  readonly wallClockMs: () => number;
  readonly regions: Regions;
  /** Ids of logs, salts of segments, names of regions. */
  readonly random64: Random64;
}

export const machinePorts: OpeningPorts = Object.freeze({
  storage: nodeStorage,
  clock: monotonicClock,
  wallClockMs,
  regions: machineRegions,
  random64,
});
