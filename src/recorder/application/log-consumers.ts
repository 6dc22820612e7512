// The consumers that an open log has handed out: they are closed with it.
import { Consumer } from '../../consumers/consumer.js';
import {
  checkConsumerName,
  checkConsumerOptions,
  type RegisterConsumerOptions,
} from '../../consumers/consumer-options.js';
import type { ConsumerPlace } from '../../consumers/consumer-place.js';
import { type ConsumerStatus, listConsumersThrough } from '../../consumers/consumers.js';
import { register, remove } from '../../consumers/registration.js';
import { WalError } from '../../errors.js';

export class LogConsumers {
  readonly #place: ConsumerPlace;
  readonly #durableEventId: () => number;
  readonly #open = new Set<Consumer>();
  readonly #registering = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(place: ConsumerPlace, durableEventId: () => number) {
    this.#place = place;
    this.#durableEventId = durableEventId;
  }

  register(name: string, options: RegisterConsumerOptions): Promise<Consumer> {
    const registering = this.#register(name, options);
    this.#registering.add(registering);
    const done = (): boolean => this.#registering.delete(registering);
    registering.then(done, done);
    return registering;
  }

  async #register(name: string, options: RegisterConsumerOptions): Promise<Consumer> {
    checkConsumerName(name);
    checkConsumerOptions(options, 'register');
    this.#checkOpen();
    const store = await register(this.#place, name, options, true);
    const consumer = new Consumer(store, this.#place, () => this.#open.delete(consumer));
    this.#open.add(consumer);
    return consumer;
  }

  list(): readonly ConsumerStatus[] {
    this.#checkOpen();
    const { ports, dir } = this.#place;
    return listConsumersThrough(ports, dir, this.#durableEventId());
  }

  async remove(name: string): Promise<void> {
    checkConsumerName(name);
    this.#checkOpen();
    await remove(this.#place, name);
  }

  /** Once all that is being acknowledged is on disk, or has failed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([...this.#registering]);
    await Promise.all([...this.#open].map((consumer) => consumer.close()));
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    const path = this.#place.dir;
    const message = `${path}: the log is closed. Open it again to continue.`;
    throw new WalError('ERR_FLASHSTRIKE_CLOSED', message, { path });
  }
}
