// When the writer is asked for a sync. A sync, with the wake-ups around it, costs more processor
// time than the commits that it covers, so many should share one; but nobody should wait for
// commits that do not come, and the disk should work while the application does.
//
// - An application that waits for one commit at a time is answered at once.
// - Where several calls wait, those that follow gather until a turn of the event loop brings none:
//   then the application is waiting, and can do nothing more before it is answered.
// - A busy application is never waiting: of all calls that may wait at once, a share is asked for
//   while the application works on the rest. The share is what a sync covers; it grows until the
//   application has nothing more to do, and is half of what waited then.
// - What has gathered for as long as eight syncs take is asked for by the next call, or at the end
//   of the turn.
import { setImmediate } from 'node:timers';
import type { Clock } from '../../clock/clock.js';
import { NS_PER_US } from '../../units.js';
import { LONGEST_GATHERING_NS, type Signals } from '../threads/signals.js';

/** So many times as long as a sync takes are calls gathered at the most, and never for longer. */
const LONGEST_GATHERING_SYNCS = 8;
/** Work that takes less is sooner done than a sync of its own for the half of it. */
const SHORTEST_GATHERING_SYNCS = 0.5;
/** The share grows by 1 in so many. */
const GROWTH = 16;
/** As it is at load: an application that fakes its timers must not stop commits. */
const afterTurn = setImmediate;

export class CommitDemand {
  readonly #signals: Signals;
  readonly #clock: Clock;
  /** How many calls of `durable()` wait, whether asked for or not. */
  readonly #countWaiting: () => number;
  /** The highest id that someone waits for. */
  #wanted = 0;
  /** The highest id that the writer was asked for. */
  #asked = 0;
  /** Calls since the writer was last asked, and when the first of them began. */
  #gathered = 0;
  #sinceNs = 0;
  /** As many as there were when the last turn of the event loop ended. */
  #gatheredLastTurn = 0;
  #share = 1;
  #willLook = false;

  constructor(signals: Signals, clock: Clock, countWaiting: () => number) {
    this.#signals = signals;
    this.#clock = clock;
    this.#countWaiting = countWaiting;
  }

  /**
   * One more is about to wait for `eventId`, since `startNs`, which is now. Part of the
   * application's call, and so may be cut short anywhere: then nobody has its promise.
   */
  onWait(eventId: number, startNs: number): void {
    if (eventId <= this.#asked) return;
    if (eventId > this.#wanted) this.#wanted = eventId;
    if (this.#gathered === 0) this.#sinceNs = startNs;
    this.#gathered++;
    const isAlone = this.#share === 1 && this.#countWaiting() === 0;
    if (isAlone || this.#isEnough(startNs)) this.#ask();
  }

  /** Sees to it that what has gathered is asked for. For the event loop, which is not cut short. */
  lookLater(): void {
    if (this.#willLook || this.#wanted <= this.#asked) return;
    this.#willLook = true;
    afterTurn(this.#look);
  }

  /** Asks for `eventId`, and all that has gathered, at once. */
  askFor(eventId: number): void {
    if (eventId > this.#wanted) this.#wanted = eventId;
    if (this.#wanted > this.#asked) this.#ask();
  }

  #isEnough(nowNs: number): boolean {
    const gatheringNs = nowNs - this.#sinceNs;
    const syncNs = this.#signals.get('syncTimeUs') * NS_PER_US;
    const longestNs = Math.min(syncNs * LONGEST_GATHERING_SYNCS, LONGEST_GATHERING_NS);
    if (gatheringNs >= longestNs) return true;
    const share = this.#share;
    if (gatheringNs < syncNs * SHORTEST_GATHERING_SYNCS || this.#gathered < share) return false;
    this.#share = share + Math.ceil(share / GROWTH);
    return true;
  }

  readonly #look = (): void => {
    this.#willLook = false;
    if (this.#wanted <= this.#asked) return;
    if (this.#gathered === this.#gatheredLastTurn) {
      this.#share = Math.max(1, this.#countWaiting() >> 1);
      this.#ask();
    } else if (this.#isEnough(this.#clock.nowNs())) {
      this.#ask();
    } else {
      this.#gatheredLastTurn = this.#gathered;
      this.lookLater();
    }
  };

  #ask(): void {
    const wanted = this.#wanted;
    this.#signals.requestDurable(wanted);
    this.#signals.wake('writer');
    this.#gathered = 0;
    this.#gatheredLastTurn = 0;
    // Last: a call that is cut short before has asked for nothing, as far as is known here.
    this.#asked = wanted;
  }
}
