// How late it is, for the age of events. A clock that is set forward, or was wrong when the log was
// opened, must not make all events old at once: nobody could bring back what then is removed. So
// the time that is believed begins where the log's last event stands, and follows the wall clock at
// ten times its speed at most: after an hour with a clock that is wrong by years, events are
// removed that are ten hours younger than they should be, and not all. A log that was closed for a
// week needs 19 hours to catch up, and keeps more than it was asked to for as long. A clock that is
// set back is followed at once: then less is removed.
import type { Clock } from '../../clock/clock.js';
import { NS_PER_MS } from '../../units.js';

const SPEED = 10;

export class BelievedTime {
  readonly #clock: Clock;
  readonly #wallClockMs: () => number;
  #believedNs: bigint;
  #lookedNs: number;

  /** @param lastTimestampNs the latest time that the log tells of; 0 for a new one */
  constructor(clock: Clock, wallClockMs: () => number, lastTimestampNs: bigint) {
    this.#clock = clock;
    this.#wallClockMs = wallClockMs;
    this.#lookedNs = clock.nowNs();
    const wallNs = this.#wallNs();
    const isLater = lastTimestampNs === 0n || lastTimestampNs > wallNs;
    this.#believedNs = isLater ? wallNs : lastTimestampNs;
  }

  /** Unix ns. */
  nowNs(): bigint {
    const nowNs = this.#clock.nowNs();
    const elapsedNs = Math.max(0, Math.floor(nowNs - this.#lookedNs));
    this.#lookedNs = nowNs;
    const reachedNs = this.#believedNs + BigInt(elapsedNs * SPEED);
    const wallNs = this.#wallNs();
    this.#believedNs = reachedNs < wallNs ? reachedNs : wallNs;
    return this.#believedNs;
  }

  #wallNs(): bigint {
    return BigInt(Math.floor(this.#wallClockMs())) * BigInt(NS_PER_MS);
  }
}
