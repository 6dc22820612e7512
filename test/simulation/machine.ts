// A machine that a log lives on, one process after the other: disk, regions, clocks, chance. All of
// it follows from one seed.
import type { Random } from '../../src/cli/demo/random.js';
import { regionPorts } from '../../src/judgement/region-ports.js';
import { readBuffer } from '../../src/reading/segment-reader.js';
import type { OpeningPorts } from '../../src/recorder/writer/opening-ports.js';
import type { ReplayPorts } from '../../src/replay/read-ahead.js';
import { acquireLock } from '../../src/storage/lock-file.js';
import type { Storage } from '../../src/storage/storage.js';
import { NS_PER_MS } from '../../src/units.js';
import { readingAhead } from '../support/readers.js';
import { TickingClock } from '../support/stepped-log.js';
import { SimulatedDisk } from './simulated-disk.js';
import { SimulatedKernel } from './simulated-kernel.js';
import { SimulatedRegions } from './simulated-regions.js';

export const DIRECTORY = '/data/log';
/** One for all: making a new one for each reader would take most of the time. */
const BUFFER = readBuffer();
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 86_400_000;
const SOME_DAY_MS = 1_700_000_000_000;

export class Machine {
  readonly random: Random;
  readonly disk: SimulatedDisk;
  readonly kernel: SimulatedKernel;
  /** What a log is given: the kernel, or something in front of it. */
  storage: Storage;
  readonly regions: SimulatedRegions;
  readonly clock = new TickingClock();

  constructor(random: Random, disk = new SimulatedDisk(), regions?: SimulatedRegions) {
    this.random = random;
    this.disk = disk;
    this.kernel = new SimulatedKernel(disk, random, DIRECTORY);
    this.storage = this.kernel;
    this.regions = regions?.copy(this.kernel) ?? new SimulatedRegions(this.kernel);
  }

  #readers = 0;

  /** What the wall clock is ahead of the other one; it may be stepped. */
  #wallMs = SOME_DAY_MS;

  /** Now and then by ten years, mostly by less than a day, in either direction. */
  stepWallClock(): void {
    const { random } = this;
    const isFar = random.below(8) === 0;
    this.#wallMs += (random.below(21) - 10) * (isFar ? YEAR_MS : HOUR_MS);
  }

  /** For one opening: the wall clock may have been stepped since the last. */
  ports(): Omit<OpeningPorts, 'clock'> & { readonly clock: TickingClock } {
    const { storage, clock, regions, random } = this;
    if (random.below(8) === 0) this.stepWallClock();
    const wallClockMs = (): number => this.#wallMs + clock.nowNs() / NS_PER_MS;
    const half = (): bigint => BigInt(random.next() >>> 0);
    const random64 = (): bigint => (half() << 32n) | half();
    const threadId = () => 0;
    return { storage, clock, regions, lockLog: acquireLock, random64, wallClockMs, threadId };
  }

  /** For readers, of which no two are in the middle of a block at a time. */
  get readingPorts(): ReplayPorts {
    const ports = { ...regionPorts(this.kernel, this.regions), readBuffer: () => BUFFER };
    this.#readers++;
    // In turn, so that chance, and with it every seed, stays what it was.
    return this.#readers % 2 === 0 ? readingAhead(ports) : ports;
  }

  /** The process is gone, whatever it was about; what the kernel has, and the regions, stay. */
  kill(): void {
    this.regions.leaveAll();
    this.disk.kill();
    this.kernel.begin();
  }

  /** The machine stops: of what was not synced, chance leaves what it likes. */
  cutPower(): void {
    this.regions.restart();
    this.disk.crash(this.random);
    this.kernel.begin();
  }

  /** The same disk and regions, for something that must leave no trace. No process may run. */
  copy(): Machine {
    return new Machine(this.random, this.disk.copy(), this.regions);
  }
}
