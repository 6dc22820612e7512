// How late it is, for the age of events. A clock that is set forward, or was wrong when the log was
// opened, must not make all events old at once: nobody could bring back what then is removed. So
// the time that is believed begins where the log's last event stood before the open, and follows
// the wall clock at ten times its speed at most: after an hour with a clock that is wrong by years,
// events are removed that are ten hours younger than they should be, and not all. A log that was
// closed for a week needs 19 hours to catch up, and keeps more than it was asked to for as long. A
// clock that is set back is followed at once: then less is removed.
//
// The last event may itself be of a time when the clock was wrong. So an open alone makes nothing
// old: whoever asks what is older than an age begins at most where the oldest segment is just so
// old, and from there on time is as slow. What was recorded in an hour takes six minutes to go.
import type { Clock } from '../../clock/clock.js';
import { unixNsOf } from '../../clock/wall-clock.js';
import { NS_PER_MS } from '../../units.js';

const SPEED = 10n;

export class BelievedTime {
  readonly #clock: Clock;
  readonly #wallClockMs: () => number;
  #believedNs: bigint;
  #lookedNs: number;
  #oldest: { readonly newestNs: bigint; readonly metNs: number } | undefined;

  /**
   * @param recoveredNs the latest time that the log told of before the open wrote anything; 0 for
   * a new one
   */
  constructor(clock: Clock, wallClockMs: () => number, recoveredNs: bigint) {
    this.#clock = clock;
    this.#wallClockMs = wallClockMs;
    this.#lookedNs = clock.nowNs();
    const wallNs = unixNsOf(this.#wallClockMs);
    const isLater = recoveredNs === 0n || recoveredNs > wallNs;
    this.#believedNs = isLater ? wallNs : recoveredNs;
  }

  /** Follows the clock. To be called again and again: what passed between two calls is believed. */
  look(): void {
    const nowNs = this.#clock.nowNs();
    const reachedNs = this.#believedNs + fastNs(this.#lookedNs, nowNs);
    this.#lookedNs = nowNs;
    const wallNs = unixNsOf(this.#wallClockMs);
    this.#believedNs = reachedNs < wallNs ? reachedNs : wallNs;
  }

  /** Whoever looks at the oldest finished segment tells when its last event was. */
  meetOldest(newestNs: bigint): void {
    this.#oldest ??= { newestNs, metNs: this.#clock.nowNs() };
  }

  /** Unix ns, for who asks what is older than `ageMs`. */
  nowNs(ageMs: number): bigint {
    this.look();
    if (this.#oldest === undefined) return this.#believedNs;
    const { newestNs, metNs } = this.#oldest;
    const reachedNs = newestNs + BigInt(ageMs) * BigInt(NS_PER_MS) + fastNs(metNs, this.#lookedNs);
    return reachedNs < this.#believedNs ? reachedNs : this.#believedNs;
  }
}

/** How far time goes at most between two looks at the clock. */
const fastNs = (fromNs: number, toNs: number): bigint =>
  BigInt(Math.max(0, Math.floor(toNs - fromNs))) * SPEED;
