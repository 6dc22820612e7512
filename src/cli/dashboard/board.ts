// All logs of the dashboard, looked at together: twice a second while somebody watches, else once.
// While nothing happens in any of them, who watches is told once a second.

import { buildInfo } from '../../telemetry.js';
import { logNames } from '../serving/log-names.js';
import { SampledLog } from './sampled-log.js';
import type { Push } from './wire.js';

const WATCHED_MS = 500;
const UNWATCHED_MS = 1_000;
/** Pages that come and go cause no more than one look in that time. */
const LOOKS_APART_MS = 100;

/** Somebody who is told of each look. */
export interface Watcher {
  /**
   * @param push what it is to be told, as JSON, if it knows all seconds up to `known`
   * @param through the last second that it knows then
   */
  tell(push: (known: number | undefined) => string, through: number): void;
}

export class Board {
  readonly #logs: readonly SampledLog[];
  readonly #watchers = new Set<Watcher>();
  /** Unix milliseconds when `performance.now()` was 0: steps of the wall clock are not followed. */
  readonly #originMs = Date.now() - performance.now();
  #timer: NodeJS.Timeout | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** The second at which all who watch were told last; undefined: one of them was told nothing. */
  #toldSecond: number | undefined;

  readonly #fails: (error: unknown) => void;

  /** @param fails is called with an error that is none of a log's own: it looks no more */
  constructor(dirs: readonly string[], fails: (error: unknown) => void) {
    this.#fails = fails;
    const names = logNames(dirs);
    this.#logs = dirs.map((dir) => new SampledLog(dir, names.get(dir) ?? dir));
  }

  /** @throws WalError ERR_FLASHSTRIKE_NOT_A_LOG: a path is mistyped */
  start(): void {
    for (const log of this.#logs) log.attach();
    this.#sample();
  }

  add(watcher: Watcher): void {
    this.#watchers.add(watcher);
    this.#toldSecond = undefined;
    // At once, or with others that have just come; and from now on more often.
    const waitMs = this.#lookedAtMs + LOOKS_APART_MS - performance.now();
    if (waitMs <= 0) {
      this.#sample();
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#sample, waitMs);
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  readonly #sample = (): void => {
    clearTimeout(this.#timer);
    this.#lookedAtMs = performance.now();
    const atMs = this.#nowMs();
    // What is seen now happened before: half a look ago, in the middle.
    const second = Math.floor((atMs - WATCHED_MS / 2) / 1000);
    try {
      // All of them.
      const hasHappened = this.#logs.map((log) => log.sample(atMs, second)).some(Boolean);
      if (hasHappened || second !== this.#toldSecond) this.#tellAll(atMs, second - 1);
      this.#toldSecond = second;
    } catch (error) {
      this.#fails(error);
      return;
    }
    const intervalMs = this.#watchers.size > 0 ? WATCHED_MS : UNWATCHED_MS;
    this.#timer = setTimeout(this.#sample, intervalMs - (this.#nowMs() % intervalMs));
  };

  #nowMs(): number {
    return this.#originMs + performance.now();
  }

  /** @param through the last second that is over */
  #tellAll(atMs: number, through: number): void {
    // Those who know the same are told the same.
    const texts = new Map<number | undefined, string>();
    const push = (known: number | undefined): string => {
      const text = texts.get(known) ?? JSON.stringify(this.#push(atMs, known));
      texts.set(known, text);
      return text;
    };
    for (const watcher of this.#watchers) watcher.tell(push, through);
  }

  #push(atMs: number, through: number | undefined): Push {
    const logs = this.#logs.flatMap((log) => log.push(through) ?? []);
    return { atMs: Math.round(atMs), version: buildInfo.version, logs };
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const log of this.#logs) log.close();
  }
}
