// Looks, now and then, what others have done to the file that is being written: a file that was
// moved, replaced or cut does not give out again what is synced into it, and one with a second name
// belongs to a snapshot as well.
import type { Clock } from '../../clock/clock.js';
import { NS_PER_MS } from '../../units.js';
import type { ActiveSegment } from './active-segment.js';
import { fileLost } from './lost-files.js';

/** So often the writer looks whether the active segment still keeps what is written to it. */
const HARM_LOOK_NS = 250 * NS_PER_MS;
/** A look at the links of the active segment costs 2 µs: one a millisecond is enough. */
const LINKS_LOOK_NS = NS_PER_MS;

export class SegmentWatch {
  readonly #clock: Clock;
  #harmSeenNs: number;
  #linksSeenNs = Number.NEGATIVE_INFINITY;

  /** @param nowNs by the clock */
  constructor(clock: Clock, nowNs: number) {
    this.#clock = clock;
    this.#harmSeenNs = nowNs;
  }

  /** @throws WalError as `refuseHarm`; a look counts for a quarter of a second */
  lookForHarm(active: ActiveSegment | undefined): void {
    if (this.#clock.nowNs() - this.#harmSeenNs >= HARM_LOOK_NS) this.refuseHarm(active);
  }

  /**
   * Behind each sync and before it is told.
   * @throws WalError ERR_FLASHSTRIKE_FILE_LOST
   */
  refuseHarm(active: ActiveSegment | undefined): void {
    this.#harmSeenNs = this.#clock.nowNs();
    const harm = active?.harm;
    if (harm !== undefined) throw fileLost(active?.path ?? '', harm);
  }

  /** Gives the segment up where it has a second name; a look counts for a millisecond. */
  lookAtLinks(active: ActiveSegment | undefined): void {
    if (active?.takesBlocks !== true) return;
    const nowNs = this.#clock.nowNs();
    if (nowNs - this.#linksSeenNs < LINKS_LOOK_NS) return;
    this.#linksSeenNs = nowNs;
    if (active.isLinked) active.giveUp();
  }
}
