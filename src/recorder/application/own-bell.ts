// What a follower waits by on the thread that has the log open: the writer thread announces what is
// durable in the signals, for durable() as well. No region is needed for it.
import type { Bell, BellFor } from '../../judgement/bell.js';
import { readNumber } from '../../memory/sequence-latch.js';
import type { RingMemory } from '../../ring/ring-memory.js';
import { durablePointOf } from '../../ring/ring-snapshot.js';
import type { Signals } from '../threads/signals.js';

export class OwnBell implements Bell {
  readonly #signals: Signals;
  /** Undefined once the log is closed. */
  readonly #memory: () => RingMemory | undefined;
  readonly #kind: BellFor;
  readonly #onRing: () => void;
  /** A wait is under way that will end with the next announcement. */
  #isArmed = false;
  #isClosed = false;

  constructor(
    signals: Signals,
    memory: () => RingMemory | undefined,
    kind: BellFor,
    onRing: () => void,
  ) {
    this.#signals = signals;
    this.#memory = memory;
    this.#kind = kind;
    this.#onRing = onRing;
    if (kind === 'written') signals.count('writtenWaiting', 1);
  }

  listen(): number | undefined {
    const memory = this.#memory();
    if (memory === undefined || this.#isClosed) return undefined;
    // Before the look: what is announced in between ends the wait.
    this.#arm();
    return this.#kind === 'durable'
      ? durablePointOf(memory).lastEventId
      : readNumber(memory.words, memory.control.writtenEventId);
  }

  #arm(): void {
    if (this.#isArmed) return;
    const { words, durableWakeWord, writtenWakeWord } = this.#signals;
    const word = this.#kind === 'durable' ? durableWakeWord : writtenWakeWord;
    const waiting = Atomics.waitAsync(words, word, Atomics.load(words, word));
    this.#isArmed = true;
    // Where it has moved since it was loaded, there may be more at once.
    const rung = waiting.async ? waiting.value : Promise.resolve();
    void rung.then(() => {
      this.#isArmed = false;
      if (!this.#isClosed) this.#onRing();
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#kind === 'written') this.#signals.count('writtenWaiting', -1);
  }
}
