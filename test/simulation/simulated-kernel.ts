// The system calls of one simulated process after the other, on one disk. Every call is a moment at
// which other threads may run, the process may be killed, the machine may stop, a fault may hit.
import type { Random } from '../../src/cli/demo/random.js';
import {
  InterposedStorage,
  type StorageCall,
  systemError,
  type WritePart,
} from '../support/interposed-storage.js';
import type { SimulatedDisk } from './simulated-disk.js';

/** The process is gone: nothing that it still does has an effect. */
export class Halted extends Error {
  override readonly name = 'Halted';
}

const CODES = ['EIO', 'ENOSPC', 'EDQUOT', 'ENOMEM', 'EROFS'];

/** What chance does to the calls of the running process; all in 1,000 calls. */
export interface Disturbance {
  readonly faults: number;
  /** Another thread runs before the call, and between the two halves of a write. */
  readonly switches: number;
}

export const UNDISTURBED: Disturbance = { faults: 0, switches: 0 };

export class SimulatedKernel extends InterposedStorage {
  readonly disk: SimulatedDisk;
  disturbance = UNDISTURBED;
  /** The process ends at so many calls from now; undefined: it does not. */
  callsToLive: number | undefined;
  /** Runs another thread; called where one may. */
  onSwitch: () => void = () => {};
  /** Called with each call, to move a clock. */
  onCall: (call: StorageCall) => void = () => {};
  /** Calls of all processes so far. */
  calls = 0;
  /** Of this process. */
  faults = 0;
  /** Of this process: syncs that failed and left pages clean. */
  failedSyncs = 0;
  totalFaults = 0;
  /** Of all calls: the same for the same seed. */
  digest = 0;
  readonly #random: Random;
  readonly #forgetful: string;
  #halted = false;

  /**
   * @param forgetful the folder whose names a failed sync loses, until there is a change behind it.
   * Of the folders above, which a log changes once, and does not see again, names stay to be synced
   */
  constructor(disk: SimulatedDisk, random: Random, forgetful: string) {
    super(disk);
    this.#forgetful = forgetful;
    this.disk = disk;
    this.#random = random;
  }

  get halted(): boolean {
    return this.#halted;
  }

  /** A new process: no descriptor, no fault. */
  begin(): void {
    this.openFiles.clear();
    this.#halted = false;
    this.forgetFaults();
  }

  /** The same process, and all that failed so far is behind it. */
  forgetFaults(): void {
    this.faults = 0;
    this.failedSyncs = 0;
    this.disturbance = UNDISTURBED;
    this.onSwitch = () => {};
  }

  /** Something other than a call on a file, at which the process may end as well. */
  moment(): void {
    if (this.#halted || this.#mustEnd()) throw this.#halt();
  }

  protected override call<Result>(
    call: StorageCall,
    operation: () => Result,
    writePart?: WritePart,
  ): Result {
    if (this.#halted) throw this.#halt();
    this.#note(call);
    this.onCall(call);
    this.#switch();
    if (this.#mustEnd()) {
      if (writePart !== undefined) writePart(this.#random.below((call.bytes ?? 0) + 1));
      else if (this.#random.below(2) === 0) operation();
      throw this.#halt();
    }
    if (call.kind !== 'close' && this.#chance(this.disturbance.faults)) {
      this.#fault(call, operation, writePart);
    }
    if (writePart !== undefined && this.#chance(this.disturbance.switches)) {
      writePart(this.#random.below((call.bytes ?? 0) + 1));
      this.#switch();
    }
    return operation();
  }

  #chance(perMille: number): boolean {
    return perMille > 0 && this.#random.below(1000) < perMille;
  }

  #mustEnd(): boolean {
    if (this.callsToLive === undefined) return false;
    this.callsToLive--;
    return this.callsToLive <= 0;
  }

  #halt(): Halted {
    this.#halted = true;
    return new Halted('the process has ended');
  }

  #switch(): void {
    if (!this.#chance(this.disturbance.switches)) return;
    this.onSwitch();
    // The other thread may have met the end of the process.
    if (this.#halted) throw this.#halt();
  }

  /** Fails the call: without effect, half done, or done and told as failed. */
  #fault(call: StorageCall, operation: () => unknown, writePart: WritePart | undefined): never {
    const random = this.#random;
    this.faults++;
    this.totalFaults++;
    if (call.kind === 'sync' && call.fd !== undefined) {
      this.failedSyncs++;
      this.disk.failSync(call.fd, random);
    } else if (call.kind === 'syncDirectory' && call.path === this.#forgetful) {
      this.disk.failSyncDirectory(call.path, random, true);
    } else if (writePart !== undefined) writePart(random.below((call.bytes ?? 0) + 1));
    else if (call.kind !== 'open' && random.below(4) === 0) operation();
    throw systemError(CODES[random.below(CODES.length)] ?? 'EIO', `${call.kind} ${call.path}`);
  }

  #note({ kind, path, offset = 0, bytes = 0 }: StorageCall): void {
    this.calls++;
    const word = kind.length * 31 + path.length + offset * 7 + bytes * 13;
    this.digest = (Math.imul(this.digest ^ word, 0x0100_0193) + 1) | 0;
  }
}
