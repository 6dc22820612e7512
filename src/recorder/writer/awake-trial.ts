// Whether the writer should wait awake for the next commit. Awake it sees a request at once, where
// the kernel wakes a thread some 50 µs late; but it takes a core, which on a crowded machine is the
// one that the application needs. No reading of the machine's load tells which it is (other
// processes, quotas and neighbours of a virtual machine count), so both ways are tried in turns,
// and what the application needed from one commit to the next request decides.
import { NS_PER_US } from '../../units.js';

/** A trial has so many commits; the way that was found better keeps so many between two trials. */
const TRIAL_COMMITS = 32;
const KEPT_COMMITS = 1024;
/** The first commits of a trial still show the other way. */
const SETTLING_COMMITS = 4;
/** A core is worth that a commit comes sooner by so much, and by this share of the gap. */
const WORTH_NS = 15 * NS_PER_US;
const WORTH_SHARE = 0.1;

/** Sums of gaps of one way. */
class Tally {
  #sumNs = 0;
  #count = 0;

  add(gapNs: number): void {
    this.#sumNs += gapNs;
    this.#count++;
  }

  get meanNs(): number {
    return this.#sumNs / this.#count;
  }

  clear(): void {
    this.#sumNs = 0;
    this.#count = 0;
  }
}

export class AwakeTrial {
  readonly #awake = new Tally();
  readonly #asleep = new Tally();
  #isAwake = false;
  #commit = 0;

  /** Whether to wait awake for the next request. */
  get isAwake(): boolean {
    return this.#isAwake;
  }

  /** A request came so long after the commit before it. */
  onGap(gapNs: number): void {
    const commit = this.#commit++;
    if (commit >= 2 * TRIAL_COMMITS) {
      if (commit < 2 * TRIAL_COMMITS + KEPT_COMMITS) return;
      this.restart();
      return;
    }
    if (commit % TRIAL_COMMITS >= SETTLING_COMMITS) {
      (this.#isAwake ? this.#awake : this.#asleep).add(gapNs);
    }
    if (commit === TRIAL_COMMITS - 1) this.#isAwake = true;
    if (commit === 2 * TRIAL_COMMITS - 1) this.#decide();
  }

  /** What was found no longer counts: the pattern of requests has changed. */
  restart(): void {
    this.#commit = 0;
    this.#isAwake = false;
    this.#awake.clear();
    this.#asleep.clear();
  }

  #decide(): void {
    const asleepNs = this.#asleep.meanNs;
    const savedNs = asleepNs - this.#awake.meanNs;
    this.#isAwake = savedNs > Math.max(WORTH_NS, WORTH_SHARE * asleepNs);
  }
}
