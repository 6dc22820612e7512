// What a follower waits by on the thread that has the log open: the writer thread announces what is
// durable in the signals, for durable() as well. No region is needed for it.
import type { Bell, BellFor } from '../../judgement/bell.js';
import { readNumber } from '../../memory/sequence-latch.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import type { Signals } from '../threads/signals.js';

/**
 * The announcements of a log. However many wait for one, a single wait of the engine's is under
 * way: that cannot be taken back, and would keep whoever has left until the next announcement.
 */
export class Announcements {
  readonly kind: BellFor;
  readonly #signals: Signals;
  /** Those who wait for the next one. */
  #waiting = new Set<() => void>();
  /** A wait is under way that will end with the next announcement. */
  #isArmed = false;

  constructor(signals: Signals, kind: BellFor) {
    this.#signals = signals;
    this.kind = kind;
  }

  /** The next announcement calls it, once. */
  add(onRing: () => void): void {
    this.#waiting.add(onRing);
    this.#arm();
  }

  delete(onRing: () => void): void {
    this.#waiting.delete(onRing);
  }

  #arm(): void {
    if (this.#isArmed) return;
    // Of what is written nothing is announced while nobody waits.
    if (this.kind === 'written') this.#signals.count('writtenWaiting', 1);
    const { words, durableWakeWord, writtenWakeWord } = this.#signals;
    const word = this.kind === 'durable' ? durableWakeWord : writtenWakeWord;
    const waiting = Atomics.waitAsync(words, word, Atomics.load(words, word));
    this.#isArmed = true;
    // Where it has moved since it was loaded, there may be more at once.
    const rung = waiting.async ? waiting.value : Promise.resolve();
    void rung.then(() => this.#ring());
  }

  #ring(): void {
    this.#isArmed = false;
    if (this.kind === 'written') this.#signals.count('writtenWaiting', -1);
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const onRing of waiting) onRing();
  }
}

export class OwnBell implements Bell {
  readonly #announcements: Announcements;
  /** Undefined once the log is closed. */
  readonly #memory: () => RingMemory | undefined;
  readonly #onRing: () => void;
  #isClosed = false;

  /** @param onRing another function for each bell */
  constructor(
    announcements: Announcements,
    memory: () => RingMemory | undefined,
    onRing: () => void,
  ) {
    this.#announcements = announcements;
    this.#memory = memory;
    this.#onRing = onRing;
  }

  listen(): number | undefined {
    const memory = this.#memory();
    if (memory === undefined || this.#isClosed) return undefined;
    // Before the look: what is announced in between ends the wait.
    this.#announcements.add(this.#onRing);
    return this.#announcements.kind === 'durable'
      ? durablePointOf(memory).lastEventId
      : readNumber(memory.words, memory.control.writtenEventId);
  }

  close(): void {
    this.#isClosed = true;
    this.#announcements.delete(this.#onRing);
  }
}
