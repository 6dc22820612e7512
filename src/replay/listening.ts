// How a follower learns that there is more: by a bell, where somebody rings one. A log is closed
// and opened again, by this or another process, and each opening has a bell of its own: so it is
// looked for again and again, but seldom.
import { monotonicClock } from '../clock/clock.js';
import type { Bell, BellFor } from '../judgement/bell.js';
import type { ReadingPorts } from '../judgement/reading-ports.js';
import { NS_PER_MS } from '../units.js';

/** Looking for a bell takes some 30 system calls. */
const SEARCH_NS = 1000 * NS_PER_MS;

export class Listening {
  readonly #ports: ReadingPorts;
  readonly #dir: string;
  readonly #kind: BellFor;
  readonly #onRing: () => void;
  #bell: Bell | undefined;
  /** The last event that was told of. */
  #told = 0;
  #searchedNs = Number.NEGATIVE_INFINITY;

  constructor(ports: ReadingPorts, dir: string, kind: BellFor, onRing: () => void) {
    this.#ports = ports;
    this.#dir = dir;
    this.#kind = kind;
    this.#onRing = onRing;
  }

  /** Looks for a bell, if there is none and none was looked for lately. */
  search(logId: bigint | undefined): void {
    if (this.#bell !== undefined) return;
    const nowNs = monotonicClock.nowNs();
    if (nowNs - this.#searchedNs < SEARCH_NS) return;
    this.#searchedNs = nowNs;
    this.#bell = this.#ports.bell(this.#dir, logId, this.#kind, this.#onRing);
  }

  /** Whether that event is there; if not, it rings once it is. Undefined: nobody tells. */
  reaches(eventId: number): boolean | undefined {
    if (this.#bell === undefined) return undefined;
    if (eventId <= this.#told) return true;
    const told = this.#bell.listen();
    if (told === undefined) {
      this.close();
      return undefined;
    }
    this.#told = told;
    return eventId <= told;
  }

  /** Also for a bell that did not ring for what was found without it: there may be another. */
  close(): void {
    this.#bell?.close();
    this.#bell = undefined;
    this.#told = 0;
  }
}
