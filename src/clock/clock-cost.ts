// What one look at the clock costs: the error of every time that is measured with it.
import { type Clock, monotonicClock } from './clock.js';

const LOOKS = 1000;
const ROUNDS = 5;
const PS_PER_NS = 1e3;

/** The mean of a thousand looks, the best of several rounds, in picoseconds. */
function measureClockCostPs(clock: Clock): number {
  let bestNs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startNs = clock.nowNs();
    for (let look = 0; look < LOOKS; look++) clock.nowNs();
    bestNs = Math.min(bestNs, clock.nowNs() - startNs);
  }
  return Math.round((Math.max(0, bestNs) * PS_PER_NS) / LOOKS);
}

let measured: number | undefined;

/** That of the monotonic clock; measured once in a thread. */
export function monotonicClockCostPs(): number {
  measured ??= measureClockCostPs(monotonicClock);
  return measured;
}
