// How long a reading waits for writers that are in the middle of a change: one bound for all of its
// groups together. Memory that is damaged or forged has hundreds of changes that nobody will
// finish. This bounds attempts, not a wait for a thread of the log, which `clock/running-time.ts`
// does: here the time that the reader does not run counts, but never without a minimum of looks.

import { sleepFor } from '../clock/sleep.js';

/** One reading may look so often at groups that are being changed; a sound one needs a few. */
const ATTEMPTS_MAX = 200_000;
/** And sleep so often in between, */
const LOOKS_MAX = 20_000;
/** or for so long, */
const WAIT_MS = 1_000;
/** but not less often than this: the reader itself may have had to wait for a processor. */
const LOOKS_MIN = 100;
/** The writer may be waiting for this very processor. */
const SLEEP_MS = 0.1;

/** What one reading has left of it. */
class Patience {
  #attempts = ATTEMPTS_MAX;
  #looks = 0;
  #startMs: number | undefined;

  /** True while the reading may look once more; counts the look. */
  takeAttempt(): boolean {
    if (this.#attempts === 0) return false;
    this.#attempts--;
    return true;
  }

  /** Sleeps for a moment; false when that was enough for the whole reading. */
  sleep(): boolean {
    const nowMs = performance.now();
    this.#startMs ??= nowMs;
    const isOver = nowMs - this.#startMs >= WAIT_MS && this.#looks >= LOOKS_MIN;
    if (isOver || this.#looks === LOOKS_MAX) {
      this.#attempts = 0;
      return false;
    }
    this.#looks++;
    sleepFor(SLEEP_MS);
    return true;
  }
}

let shared: Patience | undefined;

/** Runs `read`, all of whose copies wait with one patience. Synchronous, so it is nobody else's. */
export function inOneReading<Result>(read: () => Result): Result {
  if (shared !== undefined) return read();
  shared = new Patience();
  try {
    return read();
  } finally {
    shared = undefined;
  }
}

/** That of the reading that is under way; of its own where a copy is made alone. */
export const patienceOfReading = (): Patience => shared ?? new Patience();
