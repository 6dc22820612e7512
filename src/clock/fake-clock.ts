import type { Clock } from './clock.js';

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowNs: number;

  constructor(nowNs = 1_000_000_000) {
    this.#nowNs = nowNs;
  }

  nowNs(): number {
    return this.#nowNs;
  }

  advanceNs(ns: number): void {
    this.#nowNs += ns;
  }
}
