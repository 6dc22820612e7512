// What the page knows: the logs as they are, their last hour, and what of it is to be seen.

import type { Bucket } from '../bucket.js';
import { COARSE_SECONDS, History } from '../history.js';
import type { LogNow, Push } from '../wire.js';

/** Up to here the seconds are kept; further back ten of them are one. */
const FINE_RANGE_SECONDS = 300;

export interface ShownLog {
  readonly now: LogNow;
  readonly history: History;
}

/** What charts are drawn from. */
export interface Window {
  readonly buckets: readonly Bucket[];
  readonly fromSeconds: number;
  readonly toSeconds: number;
  /** Length of a bucket. */
  readonly stepSeconds: number;
}

export class Model {
  #logs: ShownLog[] = [];
  #atMs = 0;
  #frozenAtMs: number | undefined;
  #chosen: string | undefined;
  rangeSeconds = 300;

  get logs(): readonly ShownLog[] {
    return this.#logs;
  }

  get chosen(): ShownLog | undefined {
    return this.#logs.find(({ now }) => now.name === this.#chosen) ?? this.#logs[0];
  }

  choose(name: string): void {
    this.#chosen = name;
  }

  /** Time stands still for who looks; what comes meanwhile is kept. */
  freeze(isFrozen: boolean): void {
    this.#frozenAtMs = isFrozen ? this.#atMs : undefined;
  }

  take({ atMs, logs }: Push): void {
    this.#atMs = atMs;
    this.#logs = logs.map(({ now, fine, coarse }, index) => {
      if (coarse !== undefined) return { now, history: new History(fine, coarse) };
      const history = this.#logs[index]?.history ?? new History();
      for (const bucket of fine) history.add(bucket);
      return { now, history };
    });
  }

  windowOf({ history }: ShownLog): Window {
    const isFine = this.rangeSeconds <= FINE_RANGE_SECONDS;
    const stepSeconds = isFine ? 1 : COARSE_SECONDS;
    // The second that has not passed has no bucket yet.
    const toSeconds = Math.floor((this.#frozenAtMs ?? this.#atMs) / 1000 - 0.25);
    const fromSeconds = toSeconds - this.rangeSeconds;
    const buckets = (isFine ? history.fine : history.coarse).filter(
      ({ at }) => at > fromSeconds - stepSeconds && at <= toSeconds,
    );
    return { buckets, fromSeconds, toSeconds, stepSeconds };
  }
}
