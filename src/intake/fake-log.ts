// A log with room for so many events as a test says, and no disk.
import { WalError } from '../errors.js';
import type { TakingLog } from './appender.js';

export class FakeLog implements TakingLog {
  readonly payloads: string[] = [];
  readonly types: (number | undefined)[] = [];
  /** Events that still find room. */
  free = Number.POSITIVE_INFINITY;
  durableEventId = 0;
  state: TakingLog['state'] = 'open';
  /** Calls of `room` that wait. */
  waiting = 0;
  blockingAppends = 0;
  isDurableAtOnce = true;
  #wake: (() => void)[] = [];

  tryAppend(payload: Uint8Array, type?: number): number | undefined {
    this.#checkState();
    if (payload.length > 1_048_488) throw new WalError('ERR_FLASHSTRIKE_EVENT_TOO_LARGE', 'large');
    if (this.free === 0) return undefined;
    this.free--;
    this.types.push(type);
    return this.payloads.push(Buffer.from(payload).toString('latin1'));
  }

  append(payload: Uint8Array, type?: number): number {
    this.blockingAppends++;
    this.free = Math.max(1, this.free);
    return this.tryAppend(payload, type) as number;
  }

  async room(_bytes: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.waiting++;
    for (;;) {
      signal?.throwIfAborted();
      this.#checkState();
      if (this.free > 0) break;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.waiting--;
  }

  async durable(eventId = this.payloads.length): Promise<number> {
    while (!this.isDurableAtOnce && this.durableEventId < eventId) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    this.durableEventId = Math.max(this.durableEventId, eventId);
    return this.durableEventId;
  }

  /** Whoever waits looks again. */
  change(what: Partial<Pick<FakeLog, 'free' | 'durableEventId' | 'state'>>): void {
    Object.assign(this, what);
    for (const wake of this.#wake.splice(0)) wake();
  }

  #checkState(): void {
    if (this.state === 'failed') throw new WalError('ERR_FLASHSTRIKE_FAILED', 'it has failed');
    if (this.state === 'closed') throw new WalError('ERR_FLASHSTRIKE_CLOSED', 'it is closed');
  }
}
