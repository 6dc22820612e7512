// A log that is written faster than its maintainer can remove what is too much waits for it, before
// it begins another segment; see SizeWall. A maintainer that does nothing, or is gone, holds nobody
// up: what there is to say of that is said elsewhere.
import type { Clock } from '../../clock/clock.js';
import { NS_PER_MS } from '../../units.js';
import type { Signals } from '../threads/signals.js';

/** A step takes as long as a sync does, and comes once a second at the least. */
const PATIENCE_NS = 10_000 * NS_PER_MS;

export class RetentionBrake {
  /** What is left is written, whatever it takes. */
  isReleased = false;
  readonly #signals: Signals;
  readonly #clock: Clock;
  /** Of the maintainer, as they were counted last, and since when that is all. */
  #steps: number | undefined;
  #sinceNs = 0;

  constructor(signals: Signals, clock: Clock) {
    this.#signals = signals;
    this.#clock = clock;
  }

  /** Whether the segment of this index is not to be begun yet. */
  holds(index: number): boolean {
    const last = this.#signals.lastSegment;
    if (this.isReleased || last === 0 || index <= last) return false;
    const steps = this.#signals.get('maintainerSteps');
    const nowNs = this.#clock.nowNs();
    if (steps !== this.#steps) {
      this.#steps = steps;
      this.#sinceNs = nowNs;
    }
    return nowNs - this.#sinceNs < PATIENCE_NS;
  }
}
