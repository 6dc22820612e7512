// A state and the one place where it changes: `apply`, event after event.
import { invalidArgument, type WalError } from '../errors.js';
import { applyFailed, applyIsAsync } from './machine-failure.js';
import type { MachineDefinition, MachineEvent } from './machine-options.js';

export class Runner<State extends object, Result> {
  readonly #dir: string;
  readonly #apply: MachineDefinition<State, Result>['apply'];
  readonly #state: State;
  #eventId: number;
  #isApplying = false;
  #failure: WalError | undefined;

  constructor(
    dir: string,
    definition: MachineDefinition<State, Result>,
    state: State,
    eventId: number,
  ) {
    this.#dir = dir;
    this.#apply = definition.apply;
    this.#state = state;
    this.#eventId = eventId;
  }

  /** The last event that the state has. */
  get eventId(): number {
    return this.#eventId;
  }

  /** @throws WalError where `apply` has failed half-way: nobody may go by such a state */
  get state(): State {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#state;
  }

  get isApplying(): boolean {
    return this.#isApplying;
  }

  get failure(): WalError | undefined {
    return this.#failure;
  }

  /** Ends it for good. */
  fail(error: WalError): WalError {
    this.#failure ??= error;
    return this.#failure;
  }

  /** @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED, now and at each further call */
  apply(event: MachineEvent): Result {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isApplying = true;
    let result: Result;
    try {
      result = this.#apply(this.#state, event);
    } catch (error) {
      throw this.fail(applyFailed(this.#dir, event.eventId, error));
    } finally {
      this.#isApplying = false;
    }
    if (isPromise(result)) {
      // Nobody waits for it any more: what it comes to is no failure of its own.
      result.then(undefined, () => undefined);
      throw this.fail(applyIsAsync(this.#dir, event.eventId));
    }
    this.#eventId = event.eventId;
    return result;
  }

  /** @throws WalError in a call that `apply` makes */
  refuseWithin(call: string): void {
    if (!this.#isApplying) return;
    throw invalidArgument(
      `${call}() was called by apply, which changes the state and nothing else.`,
    );
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';
