// A thread that has waited tells it here, once the wait is over: what was shorter than the
// threshold costs a comparison. What still waits is told by the ages of the metrics.
import type { Clock } from '../../clock/clock.js';
import { NS_PER_MS, NS_PER_US } from '../../units.js';
import type { WaitKind } from './causes.js';
import type { StallMemory } from './stall-memory.js';

export class WaitRecorder {
  readonly #clock: Clock;
  readonly #thresholdNs: number;
  #memory: StallMemory | undefined;

  /** @param thresholdMs 0: nothing is recorded */
  constructor(clock: Clock, thresholdMs: number, memory?: StallMemory) {
    this.#clock = clock;
    this.#thresholdNs = thresholdMs === 0 ? Number.POSITIVE_INFINITY : thresholdMs * NS_PER_MS;
    this.#memory = memory;
  }

  /** The log's region is there, or it is gone. */
  attach(memory: StallMemory | undefined): void {
    this.#memory = memory;
  }

  /** A wait that began at `startNs` is over. One thread for each kind. */
  ended(kind: WaitKind, startNs: number): void {
    const memory = this.#memory;
    const nowNs = this.#clock.nowNs();
    if (memory === undefined || !(nowNs - startNs >= this.#thresholdNs)) return;
    const committedNs = kind === 'durable' ? memory.doubles[memory.control.committedNs] : undefined;
    const isLate = committedNs !== undefined && committedNs > startNs;
    const lateUs = isLate ? (nowNs - committedNs) / NS_PER_US : 0;
    memory.area.waits.put(kind, memory.unixMs(startNs), memory.unixMs(nowNs), lateUs);
  }
}
