// Keeps in the log what the stream may still lose: a consumer of the log acknowledges an event only
// once the stream has had it for as long as its engine may take to bring it to disks, and has then
// taken a block more: a cluster that is down keeps nothing, however long it is. And it stays before
// the last events that the stream has, so that they can be compared whenever a replicator starts.
import type { Consumer } from '../consumers/consumer.js';
import { isNoSpace, WalError } from '../errors.js';

/** Acknowledging takes a sync of its own, so it is done once in so long. */
const STEP_MS = 1_000;

interface Confirmed {
  /** The last event that may go. */
  eventId: number;
  readonly sinceMs: number;
  dueMs: number;
}

export class RetentionHold {
  readonly #consumer: Pick<Consumer, 'acknowledge' | 'close'>;
  readonly #settleMs: number;
  readonly #nowMs: () => number;
  readonly #onFailure: (error: unknown) => void;
  readonly #waiting: Confirmed[] = [];
  /** When the last block was sent that the stream has accepted: it was where it was left then. */
  #provenMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    consumer: Pick<Consumer, 'acknowledge' | 'close'>,
    settleMs: number,
    onFailure: (error: unknown) => void,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#consumer = consumer;
    this.#settleMs = settleMs;
    this.#onFailure = onFailure;
    this.#nowMs = nowMs;
  }

  /** The stream has a run of events from `firstEventId` on. */
  confirmed(firstEventId: number): void {
    const nowMs = this.#nowMs();
    const eventId = firstEventId - 1;
    if (eventId < 1) return;
    const last = this.#waiting.at(-1);
    const dueMs = nowMs + this.#settleMs;
    if (last !== undefined && nowMs - last.sinceMs < STEP_MS) {
      last.eventId = eventId;
      last.dueMs = dueMs;
    } else {
      this.#waiting.push({ eventId, sinceMs: nowMs, dueMs });
    }
    this.#timer ??= setInterval(() => this.step(), STEP_MS);
  }

  /** The stream has accepted a block that was sent then, behind all that it had confirmed. */
  proven(sentMs: number): void {
    this.#provenMs = sentMs;
  }

  /** The stream has lost events: what waits to go may be needed. */
  regressed(): void {
    this.#waiting.length = 0;
  }

  /** Acknowledges what is due. */
  step(): void {
    let due: number | undefined;
    while (this.#waiting[0] !== undefined && this.#waiting[0].dueMs <= this.#provenMs) {
      due = this.#waiting.shift()?.eventId;
    }
    if (due === undefined) return;
    const eventId = due;
    this.#running = this.#running.then(() => this.#acknowledge(eventId));
  }

  async #acknowledge(eventId: number): Promise<void> {
    try {
      await this.#consumer.acknowledge(eventId);
    } catch (error) {
      // More is kept than need be, until the next one goes well.
      if (isNoSpace(error) || (error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_IO')) {
        return;
      }
      this.#onFailure(error);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#consumer.close();
  }
}
