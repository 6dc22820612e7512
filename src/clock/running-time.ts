// How long something has been waited for, without the time in which the waiting thread did not run
// itself: stopped (SIGSTOP, a debugger, a frozen container), suspended with the machine, or without
// a processor. Whoever it waits for did not run then either, and must not be called late for it.
// All waits for another thread of the log are bounded so. (`metrics/patience.ts` bounds something
// else: how often one reading may try again, whatever time that takes.)

import { NS_PER_MS } from '../units.js';
import type { Clock } from './clock.js';

/** A look comes at most this much after the one before, or the thread did not run in between. */
export const LONGEST_STEP_MS = 100;

export class RunningTime {
  readonly #clock: Clock;
  #lastNs: number;
  #totalNs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastNs = clock.nowNs();
  }

  /** Milliseconds so far; to be looked at at least each `LONGEST_STEP_MS`. */
  lookMs(): number {
    const nowNs = this.#clock.nowNs();
    this.#totalNs += Math.min(nowNs - this.#lastNs, LONGEST_STEP_MS * NS_PER_MS);
    this.#lastNs = nowNs;
    return this.#totalNs / NS_PER_MS;
  }
}
