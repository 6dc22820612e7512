// Wakes who follows the log in another process. A store into mapped memory wakes nobody, a write(2)
// to the region's file wakes all who watch it: so a follower that is about to wait leaves in the
// region for how many commits it wants to hear one, and the writer thread, which finds that by a
// load, rings so often. In a log that nobody follows a commit costs a load more.
//
//   follower:  wish ──► look what is durable ──► sleep        (judgement/region-bell.ts)
//   writer:    publish what is durable ──► look for wishes ──► ring
//
// Each side writes first and looks then: one of the two sees the other.
import { isOperational } from '../../errors.js';
import { RINGS_MAX } from '../../ring/ring-control.js';
import type { RingMemory } from '../../ring/ring-memory.js';

export class FollowerBell {
  #memory: RingMemory;
  readonly #count = new Int32Array(1);
  #canRing = false;

  constructor(memory: RingMemory) {
    this.#memory = memory;
  }

  /** Hangs in another region; whoever listens to the one before learns that from its file. */
  moveTo(memory: RingMemory): void {
    this.#memory = memory;
  }

  /** Shows followers, by a first ring, that there is somebody who rings. */
  hang(): void {
    this.#canRing = true;
    this.#ring();
  }

  /** What is durable was published. */
  onDurable(): void {
    this.#ringFor(this.#memory.control.durableRings);
  }

  /** What is written was published. */
  onWritten(): void {
    this.#ringFor(this.#memory.control.writtenRings);
  }

  #ringFor(wish: number): void {
    if (!this.#canRing) return;
    const { words } = this.#memory;
    const wished = Atomics.load(words, wish);
    if (wished === 0) return;
    // Others write this word: whatever they put there, they are rung for a few times at most.
    const left = wished > 0 && wished <= RINGS_MAX ? wished - 1 : 0;
    // A wish that comes in between stays; its follower looks after it has made it.
    Atomics.compareExchange(words, wish, wished, left);
    this.#ring();
  }

  #ring(): void {
    const { words, control, writeThrough } = this.#memory;
    const count = this.#count;
    // 0 would say that nobody rings.
    count[0] = ((count[0] as number) + 1) | 0 || 1;
    try {
      this.#canRing = writeThrough(control.rung, count);
    } catch (error) {
      if (!isOperational(error)) throw error;
      // The log needs no bell. Who listens sees this at its next look, and looks at the files.
      this.#canRing = false;
      Atomics.store(words, control.rung, 0);
    }
  }
}
