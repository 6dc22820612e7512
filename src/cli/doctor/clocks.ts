// The clocks, and whether the processor is there when it is needed.

const READINGS = 2_000;
const WINDOWS = 20;
const NS_PER_MS = 1e6;

/** What one reading of the monotonic clock costs here at best. */
export function clockReadingNs(): number {
  let bestNs = Number.POSITIVE_INFINITY;
  for (let window = 0; window < WINDOWS; window++) {
    const startMs = performance.now();
    let lastMs = startMs;
    for (let reading = 0; reading < READINGS; reading++) lastMs = performance.now();
    bestNs = Math.min(bestNs, ((lastMs - startMs) * NS_PER_MS) / READINGS);
  }
  return bestNs;
}

/** The longest gap between two looks at the clock, in `forMs` of nothing but looks. */
export function longestPauseNs(forMs: number): number {
  const endMs = performance.now() + forMs;
  let longestMs = 0;
  let lastMs = performance.now();
  while (lastMs < endMs) {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  return longestMs * NS_PER_MS;
}

/** A pair of looks that was interrupted in between says nothing about the clocks. */
const CLOSE_MS = 0.5;

/** Watches the wall clock against the monotonic one. */
export class StepWatch {
  #lastOffsetMs: number | undefined;
  /** The largest change from one look to the next, so that slow corrections do not add up. */
  largestMs = 0;

  look(): void {
    const beforeMs = performance.now();
    const wallMs = Date.now();
    if (performance.now() - beforeMs > CLOSE_MS) return;
    const offsetMs = wallMs - beforeMs;
    const step = Math.abs(offsetMs - (this.#lastOffsetMs ?? offsetMs));
    this.largestMs = Math.max(this.largestMs, step);
    this.#lastOffsetMs = offsetMs;
  }
}
