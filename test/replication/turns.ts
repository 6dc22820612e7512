// The order in which everything that is under way goes on, drawn from a seed: a history is repeated
// exactly by its number.
import assert from 'node:assert/strict';
import { setImmediate as settled } from 'node:timers/promises';
import { randomOf } from '../crash/random.js';

const LONG_MS = 10_000;

export class Turns {
  readonly #random: () => number;
  readonly #jobs: (() => void)[] = [];
  /** Long pauses, which are seldom over before all else has had its turn. */
  readonly #slow: (() => void)[] = [];
  #steps = 0;

  constructor(seed: number) {
    // Neighbouring seeds begin far apart.
    this.#random = randomOf(Math.imul(seed, 0x9e37_79b1));
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  /** True in about `percent` of 100 calls. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  add(job: () => void): void {
    this.#jobs.push(job);
  }

  later(): Promise<void> {
    return new Promise((resolve) => this.add(resolve));
  }

  /** As a pause of some length: it is over when its turn comes, or with the signal. */
  readonly pause = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const jobs = ms >= LONG_MS ? this.#slow : this.#jobs;
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const job = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        const at = jobs.indexOf(job);
        if (at >= 0) jobs.splice(at, 1);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      jobs.push(job);
    });

  /** Takes turns until `isOver`. */
  async until(what: string, isOver: () => boolean, most = 20_000): Promise<void> {
    for (const end = this.#steps + most; ; this.#steps++) {
      await settled();
      if (isOver()) return;
      assert.ok(this.#steps < end, `${what}: not after ${most} turns`);
      const isLong = this.#jobs.length === 0 || this.chance(3);
      const jobs = isLong && this.#slow.length > 0 ? this.#slow : this.#jobs;
      assert.ok(jobs.length > 0, `${what}: nothing is under way any more`);
      const [job] = jobs.splice(this.below(jobs.length), 1);
      job?.();
    }
  }
}
