// How long something has been waited for, without the time in which the waiting thread did not run
// itself: stopped (SIGSTOP, a debugger, a frozen container), suspended with the machine, or without
// a processor. Whoever it waits for did not run then either, and must not be called late for it.

import { NS_PER_MS } from '../units.js';
import type { Clock } from './clock.js';

/** A look comes at most this much after the one before, or the thread did not run in between. */
const LONGEST_STEP_NS = 100e6;

export class RunningTime {
  readonly #clock: Clock;
  #lastNs: number;
  #totalNs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastNs = clock.nowNs();
  }

  /** Milliseconds so far; to be looked at at least each 100 ms. */
  lookMs(): number {
    const nowNs = this.#clock.nowNs();
    this.#totalNs += Math.min(nowNs - this.#lastNs, LONGEST_STEP_NS);
    this.#lastNs = nowNs;
    return this.#totalNs / NS_PER_MS;
  }
}
