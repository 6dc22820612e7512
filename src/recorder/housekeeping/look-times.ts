// What is looked at now and then, however often it is asked for: for all logs at the same moments,
// so that a thread that serves a hundred wakes twice a second and not two hundred times.
import type { Clock } from '../../clock/clock.js';
import { isOperational } from '../../errors.js';
import { NS_PER_MS } from '../../units.js';

export class LookTimes {
  readonly #clock: Clock;
  readonly #intervalNs: number;
  #nextNs = 0;

  constructor(clock: Clock, intervalNs: number) {
    this.#clock = clock;
    this.#intervalNs = intervalNs;
  }

  /** Looks once in each interval; returns how many ms may pass until the next time. */
  look(body: () => void): number {
    const nowNs = this.#clock.nowNs();
    if (nowNs >= this.#nextNs) {
      this.#nextNs = (Math.floor(nowNs / this.#intervalNs) + 1) * this.#intervalNs;
      body();
    }
    return (this.#nextNs - nowNs) / NS_PER_MS;
  }
}

/**
 * A look that the system refuses tells nothing: what was told last stays. The next one may be
 * luckier, and the thread has more to do.
 */
export function tryToLook(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!isOperational(error)) throw error;
  }
}
