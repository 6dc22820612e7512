// A write that finds no space is no failure of the log: what it was to bring is still in the ring,
// and goes to another segment once there is space. Until then the refusal is kept here.
import type { WalError } from '../../errors.js';
import { type Signals, Trouble } from '../threads/signals.js';
import { isOutOfSpace } from './segment-failure.js';

export class SpaceRefusal {
  readonly #signals: Signals;
  #error: WalError | undefined;

  constructor(signals: Signals) {
    this.#signals = signals;
  }

  /** Why a block or a header was not written; undefined once a segment was begun behind that. */
  get error(): WalError | undefined {
    return this.#error;
  }

  /** Runs a write; false where it found no space: it is made up for in another segment, later. */
  hasSpaceFor(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      this.note(error);
      return false;
    }
  }

  /** Throws what is anything else. */
  note(error: unknown): void {
    if (!isOutOfSpace(error)) throw error;
    this.#set(error);
  }

  clear(): void {
    this.#set(undefined);
  }

  #set(error: WalError | undefined): void {
    this.#error = error;
    this.#signals.set('writerTrouble', error === undefined ? Trouble.none : Trouble.noSpace);
  }
}
