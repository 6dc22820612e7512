// The stalls of a log that the dashboard has seen: those of the last hour that its region has. They
// are gone there when the log is closed, and stay here.

import type { RecentStall } from '../diagnosis/look.js';
import { causesOf, namedCause, REMEDIES, whereItWent, whoWaited } from '../stalls/stall-words.js';
import type { StallNow } from './wire.js';

/** As many as a log has of them. */
const KEPT_MAX = 40;

export class SeenStalls {
  #over: StallNow[] = [];
  #lasting: StallNow | undefined;

  /** @param stalls of the last hour, the oldest first */
  update(stalls: readonly RecentStall[]): void {
    const lasting = stalls.findLast(({ end }) => end === 'lasts');
    this.#lasting = lasting === undefined ? undefined : shown(lasting);
    // What is known is not put into words again at each look.
    const seen = new Set(this.#over.map(({ startMs }) => startMs));
    const fresh = stalls.filter(({ startMs, end }) => end !== 'lasts' && !seen.has(startMs));
    if (fresh.length === 0) return;
    this.#over = [...fresh.map(shown), ...this.#over]
      .sort((one, other) => other.startMs - one.startMs)
      .slice(0, KEPT_MAX);
  }

  /** The latest first. */
  latest(count: number): readonly StallNow[] {
    const lasting = this.#lasting === undefined ? [] : [this.#lasting];
    return [...lasting, ...this.#over].slice(0, count);
  }
}

function shown(stall: RecentStall): StallNow {
  const { startMs, durationMs, end } = stall;
  return {
    startMs,
    durationMs,
    lasts: end === 'lasts',
    waited: whoWaited(stall),
    cause: namedCause(stall),
    wentTo: whereItWent(stall),
    remedy: causesOf(stall)
      .map((cause) => `${REMEDIES[cause]}.`)
      .join(' '),
  };
}
