// What was wrong with a log, and when: what is there now, and the latest that is over.

import type { Trouble, TroubleKind } from '../diagnosis/trouble.js';
import type { Incident } from './wire.js';

const KEPT_MAX = 50;

export class Incidents {
  readonly #open = new Map<TroubleKind, Incident>();
  #over: Incident[] = [];

  /** What is wrong at the moment; the first of a kind stands for all of it. */
  update(troubles: readonly Trouble[], nowMs: number): void {
    const kinds = new Set(troubles.map(({ kind }) => kind));
    for (const [kind, incident] of this.#open) {
      if (kinds.has(kind)) continue;
      this.#open.delete(kind);
      this.#over = [{ ...incident, toMs: nowMs }, ...this.#over].slice(0, KEPT_MAX);
    }
    for (const trouble of troubles.toReversed()) {
      const fromMs = this.#open.get(trouble.kind)?.fromMs ?? nowMs;
      this.#open.set(trouble.kind, { ...trouble, fromMs });
    }
  }

  /** Those of now by how long they are there, then those that are over: the latest first. */
  latest(count: number): readonly Incident[] {
    const open = [...this.#open.values()].sort((one, other) => other.fromMs - one.fromMs);
    return [...open, ...this.#over].slice(0, count);
  }
}
