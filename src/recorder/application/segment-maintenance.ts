// What the application asks of the thread that maintains a log's finished segments: that it starts,
// and that segments go.
import { clearInterval, setInterval } from 'node:timers';
import { deserializeError, WalError } from '../../errors.js';
import { LONGEST_TIMER_MS } from '../../units.js';
import type { Deleted } from '../threads/messages.js';
import type { Signals } from '../threads/signals.js';
import type { Member } from './crew.js';

interface Waiter {
  readonly requests: number;
  readonly resolve: (firstEventId: number) => void;
  readonly reject: (error: Error) => void;
}

export class SegmentMaintenance {
  readonly #signals: Signals;
  readonly #maintain: () => Promise<Member>;
  #isHeard = false;
  #waiters: readonly Waiter[] = [];
  #closed: WalError | undefined;

  constructor(signals: Signals, maintain: () => Promise<Member>) {
    this.#signals = signals;
    this.#maintain = maintain;
  }

  /** Begins where nobody waits for it; a thread that cannot be started is told in a warning. */
  async begin(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      const { code } = error;
      const message = `The finished segments of the log are not maintained: ${error.message}`;
      if (this.#closed === undefined) process.emitWarning(message, { code });
    }
  }

  /** @throws WalError why not all of it could go */
  async deleteBefore(eventId: number): Promise<number> {
    // The process does not end while somebody waits.
    const hold = setInterval(() => {}, LONGEST_TIMER_MS);
    try {
      await this.#start();
      if (this.#closed !== undefined) throw this.#closed;
      const requests = this.#signals.requestDeletion(eventId);
      return await new Promise<number>((resolve, reject) => {
        this.#waiters = [...this.#waiters, { requests, resolve, reject }];
      });
    } finally {
      clearInterval(hold);
    }
  }

  /** The log is closing: nobody answers any more. */
  close(error: WalError): void {
    this.#closed = error;
    for (const { reject } of this.#waiters) reject(error);
    this.#waiters = [];
  }

  async #start(): Promise<void> {
    const member = await this.#maintain();
    if (this.#isHeard) return;
    this.#isHeard = true;
    member.onDeleted((answer) => this.#hear(answer));
  }

  #hear(answer: Deleted | WalError): void {
    const isAnswered = (waiter: Waiter): boolean =>
      answer instanceof WalError || waiter.requests <= answer.requests;
    for (const { resolve, reject } of this.#waiters.filter(isAnswered)) {
      if (answer instanceof WalError) reject(answer);
      else if (answer.error === undefined) resolve(answer.firstEventId);
      else reject(deserializeError(answer.error));
    }
    this.#waiters = this.#waiters.filter((waiter) => !isAnswered(waiter));
  }
}
