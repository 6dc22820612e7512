// When the writer is asked for a sync. A sync, with the wake-ups around it, costs more processor
// time than the commits that it covers, so many should share one; but nobody should wait for
// commits that do not come, and the disk should work while the application does.
//
// - An application that waits for one commit at a time is answered at once.
// - Where several calls wait, those that follow gather until a turn of the event loop brings none:
//   then the application is waiting, and can do nothing more before it is answered.
// - A busy application is never waiting: of all calls that may wait at once, a share is asked for
//   while the application works on the rest. The share is what a sync covers; it grows until the
//   application runs dry, and is half of what waited then.
// - In any case what has gathered is asked for after so long as eight syncs take.
import { setImmediate } from 'node:timers';
import { NS_PER_US } from '../../units.js';
import type { Signals } from '../threads/signals.js';

/** So many times as long as a sync takes are calls gathered at the most. */
const LONGEST_GATHERING_SYNCS = 8;
/** The share grows by 1 in so many. */
const GROWTH = 16;

export class CommitDemand {
  readonly #signals: Signals;
  /** How many calls of `durable()` wait, whether asked for or not. */
  readonly #countWaiting: () => number;
  /** The highest id that someone waits for. */
  #wanted = 0;
  /** The highest id that the writer was asked for. */
  #asked = 0;
  /** Calls since the writer was last asked, and when the first of them began. */
  #gathered = 0;
  #sinceNs = 0;
  /** Of them, those that the last turn of the event loop knew. */
  #known = 0;
  #share = 1;
  #willLook = false;

  constructor(signals: Signals, countWaiting: () => number) {
    this.#signals = signals;
    this.#countWaiting = countWaiting;
  }

  /**
   * Somebody waits for `eventId` since `startNs`, which is now. Part of the application's call, and
   * so may be cut short: then nobody has this promise, and the next look goes on from here.
   */
  onWait(eventId: number, startNs: number): void {
    if (eventId <= this.#asked) return;
    if (eventId > this.#wanted) this.#wanted = eventId;
    if (this.#gathered === 0) this.#sinceNs = startNs;
    this.#gathered++;
    if (this.#isEnough(startNs)) this.#ask();
    else if (!this.#willLook) this.#lookAfterTurn();
  }

  /** Asks for `eventId`, and all that has gathered, at once. */
  askFor(eventId: number): void {
    if (eventId > this.#wanted) this.#wanted = eventId;
    if (this.#wanted > this.#asked) this.#ask();
  }

  #isEnough(nowNs: number): boolean {
    const share = this.#share;
    if (share === 1 && this.#countWaiting() === 1) return true;
    const gatheringNs = nowNs - this.#sinceNs;
    const syncNs = this.#signals.get('syncTimeUs') * NS_PER_US;
    if (gatheringNs < syncNs) return false;
    if (this.#gathered < share) return gatheringNs >= syncNs * LONGEST_GATHERING_SYNCS;
    this.#share = share + Math.ceil(share / GROWTH);
    return true;
  }

  #lookAfterTurn(): void {
    setImmediate(this.#look);
    // Behind it: where the engine cuts the call short in between, one look more is made.
    this.#willLook = true;
  }

  readonly #look = (): void => {
    this.#willLook = false;
    if (this.#wanted <= this.#asked) return;
    if (this.#gathered !== this.#known) {
      this.#known = this.#gathered;
      this.#lookAfterTurn();
      return;
    }
    this.#share = Math.max(1, this.#countWaiting() >> 1);
    this.#ask();
  };

  #ask(): void {
    const wanted = this.#wanted;
    this.#signals.requestDurable(wanted);
    this.#signals.wake('writer');
    this.#gathered = 0;
    this.#known = 0;
    // Last: until then the next look asks again.
    this.#asked = wanted;
  }
}
