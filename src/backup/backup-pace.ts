// How long a backup rests behind each of its steps. It shares disk, memory and processors with the
// log. While that commits, most of the time is the log's; while nothing is committed, half of it,
// because that may change at any moment.
import type { Clock } from '../clock/clock.js';
import { NS_PER_MS } from '../units.js';

/** Between two looks at how far the log is durable: a look reads a few small files. */
const LOOK_NS = 100 * NS_PER_MS;
/** Of the time that the step took. */
const REST_BESIDE_COMMITS = 3;
const REST_AT_REST = 1;
/** A step takes so long only on a disk that is stuck, which a longer rest would not help. */
const REST_MAX_NS = 1000 * NS_PER_MS;

export class BackupPace {
  readonly #clock: Clock;
  readonly #durable: () => number | undefined;
  #lookedNs = Number.NEGATIVE_INFINITY;
  #seen: number | undefined;
  #isCommitting = true;

  /** @param durable how far the log is durable; undefined: nothing tells, and it may be written */
  constructor(clock: Clock, durable: () => number | undefined) {
    this.#clock = clock;
    this.#durable = durable;
  }

  /** Milliseconds to rest behind a step that began at `startNs`, and ends now. */
  restMs(startNs: number): number {
    const nowNs = this.#clock.nowNs();
    const stepNs = nowNs - startNs;
    if (nowNs - this.#lookedNs >= LOOK_NS) this.#look(nowNs);
    const part = this.#isCommitting ? REST_BESIDE_COMMITS : REST_AT_REST;
    return Math.min(stepNs * part, REST_MAX_NS) / NS_PER_MS;
  }

  #look(nowNs: number): void {
    const durable = this.#durable();
    // The first look has nothing to compare with.
    this.#isCommitting = durable === undefined || durable !== this.#seen;
    this.#seen = durable;
    this.#lookedNs = nowNs;
  }
}
