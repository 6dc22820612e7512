// A machine in memory, for what-if.
import { payloadBytesOf } from '../recorder/application/payload.js';
import type { Runner } from './runner.js';

/** A state that a machine had, to be gone on with: nothing of it is written. */
export class Fork<State extends object, Result = unknown> {
  readonly #runner: Runner<State, Result>;

  /** @internal */
  constructor(runner: Runner<State, Result>) {
    this.#runner = runner;
  }

  /** The state; nobody else's. */
  get state(): State {
    return this.#runner.state;
  }

  /** The last event that was applied to it. */
  get eventId(): number {
    return this.#runner.eventId;
  }

  /**
   * Applies an event that was never recorded, under the id that comes next; returns what `apply`
   * returns.
   * @param timestampNs the time that `apply` sees, nanoseconds since the Unix epoch; default: now
   * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED
   */
  apply(payload: Uint8Array, type = 0, timestampNs = BigInt(Date.now()) * 1_000_000n): Result {
    const own = new Uint8Array(payloadBytesOf(payload));
    own.set(payload);
    const eventId = this.#runner.eventId + 1;
    return this.#runner.apply({ eventId, type, timestampNs, payload: own });
  }
}
