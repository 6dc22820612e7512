// A consumer in use: it acknowledges what it has dealt with, and what it has not is kept for it.
import { unixNsOf } from '../clock/wall-clock.js';
import { assert, invalidArgument, outOfRange, WalError } from '../errors.js';
import { checkEventId, checkOptions } from '../reading/event-range.js';
import type { FollowOptions, LoggedEvent, ReusedEvent, Reusing } from '../reading/events.js';
import { followThrough } from '../replay/follow.js';
import type { ConsumerPlace } from './consumer-place.js';
import type { ConsumerStore } from './consumer-store.js';
import { checkUsable } from './registration.js';

/** Options of `consumer.follow`. */
export type ConsumerFollowOptions = Omit<
  FollowOptions,
  'from' | 'fromTime' | 'undurable' | 'logId' | 'waitForLog'
>;

/**
 * A named reader of a log for which the log keeps what it has not acknowledged. It survives this
 * process: registered or opened again, it goes on behind the last event that it acknowledged.
 *
 * @example
 * import { Wal } from 'flashstrike';
 *
 * await using wal = await Wal.open('./orders');
 * await using billing = await wal.registerConsumer('billing');
 * for await (const event of billing.follow({ signal: AbortSignal.timeout(60_000) })) {
 *   await billing.acknowledge(event.eventId);
 * }
 */
export class Consumer {
  readonly #store: ConsumerStore;
  readonly #place: ConsumerPlace;
  readonly #onClosed: (consumer: Consumer) => void;
  /** The highest id that a call has asked for. */
  #wanted: number;
  /** The write that is under way. */
  #running: Promise<void> | undefined;
  /** The one after it, for all who call meanwhile. */
  #next: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #acknowledged: number;

  /** @internal */
  constructor(
    store: ConsumerStore,
    place: ConsumerPlace,
    onClosed: (consumer: Consumer) => void = () => {},
  ) {
    this.#store = store;
    this.#place = place;
    this.#onClosed = onClosed;
    this.#acknowledged = store.slot.acknowledgedEventId;
    this.#wanted = this.#acknowledged;
  }

  /** The name that it was registered with. */
  get name(): string {
    return this.#store.name;
  }

  /** The last event that it has acknowledged, and that no crash takes back; 0 before the first. */
  get acknowledgedEventId(): number {
    return this.#acknowledged;
  }

  /**
   * Says that events up to `eventId` are needed no more; resolves once that is on disk. An id
   * that is not above the last one changes nothing. Calls that overlap share syncs.
   * @throws WalError ERR_FLASHSTRIKE_OUT_OF_RANGE for an id above the durable one; _EXPIRED if the
   * consumer was dropped; _FILE_LOST if its file is gone; _CLOSED, _NO_SPACE, _IO …
   */
  async acknowledge(eventId: number): Promise<void> {
    if (checkEventId('eventId', eventId) === undefined || eventId < 0) {
      throw invalidArgument('eventId must be an event id, a whole number from 0.');
    }
    this.#checkOpen();
    if (eventId <= this.#acknowledged) {
      this.#checkKept();
      return;
    }
    // What a crash takes back comes again under the same id: another event, never delivered.
    if (!this.#place.isDurable(eventId)) {
      throw outOfRange(
        `acknowledge() takes an id up to the durable one; ${eventId} is not durable yet.`,
      );
    }
    if (eventId > this.#wanted) this.#wanted = eventId;
    this.#next ??= this.#write(this.#running);
    await this.#next;
  }

  /**
   * Iterates over the events behind the last one acknowledged as they become durable, without end;
   * see `follow`. Nothing is acknowledged by itself.
   * @throws WalError ERR_FLASHSTRIKE_EXPIRED if the consumer was dropped; _CLOSED
   */
  follow(options: ConsumerFollowOptions & Reusing): AsyncGenerator<ReusedEvent, undefined, void>;
  follow(options?: ConsumerFollowOptions): AsyncGenerator<LoggedEvent, undefined, void>;
  follow(options: ConsumerFollowOptions = {}): AsyncGenerator<LoggedEvent, undefined, void> {
    checkOptions(options);
    this.#checkOpen();
    this.#checkKept();
    const { ports, dir, logId } = this.#place;
    const from = this.#acknowledged + 1;
    return followThrough(ports, dir, { ...options, from, undurable: false, logId });
  }

  /** Waits for what is being acknowledged, and lets go of the file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // Whoever asked for it is told how it went.
    await Promise.allSettled([this.#running, this.#next]);
    this.#store.close();
    this.#onClosed(this);
  }

  /** Behind the write before it, and behind all calls of this turn. */
  async #write(before: Promise<void> | undefined): Promise<void> {
    await Promise.allSettled([before]);
    assert(this.#next !== undefined, 'a write that begins was announced');
    this.#running = this.#next;
    this.#next = undefined;
    this.#checkKept();
    const acknowledgedEventId = this.#wanted;
    const { maxLagBytes, maxLagMs, policy } = this.#store.slot;
    const timestampNs = unixNsOf(this.#place.wallClockMs);
    const leash = { maxLagBytes, maxLagMs, policy };
    await this.#store.put({ acknowledgedEventId, timestampNs, ...leash });
    this.#acknowledged = acknowledgedEventId;
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    const { name, path } = this.#store;
    const message = `Consumer ${name} is closed. Register or open it again to continue.`;
    throw new WalError('ERR_FLASHSTRIKE_CLOSED', message, { path });
  }

  #checkKept(): void {
    checkUsable(this.#place, this.#store);
  }
}
