// A state and the one place where it changes: `apply`, event after event.
import { invalidArgument, type WalError } from '../errors.js';
import type { LoggedEvent } from '../reading/events.js';
import { isAbandoned } from './abandoned-promise.js';
import type { EventIntake } from './event-intake.js';
import { applyFailed, applyIsAsync } from './machine-failure.js';
import type { AppliedEvent, MachineDefinition } from './machine-options.js';

export class Runner<State extends object, Result, Event extends AppliedEvent> {
  readonly #dir: string;
  readonly #apply: MachineDefinition<State, Result, Event>['apply'];
  readonly #intake: EventIntake<Event>;
  readonly #state: State;
  #eventId: number;
  /** The function of the application that is running. */
  #within: 'apply' | 'snapshot' | 'hash' | undefined;
  #failure: WalError | undefined;

  constructor(
    dir: string,
    definition: MachineDefinition<State, Result, Event>,
    intake: EventIntake<Event>,
    state: State,
    eventId: number,
  ) {
    this.#dir = dir;
    this.#apply = definition.apply;
    this.#intake = intake;
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

  get failure(): WalError | undefined {
    return this.#failure;
  }

  /** Ends it for good. */
  fail(error: WalError): WalError {
    this.#failure ??= error;
    return this.#failure;
  }

  /** @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED, now and at each further call */
  apply(event: Event): Result {
    if (this.#failure !== undefined) throw this.#failure;
    this.#within = 'apply';
    let result: Result;
    let isPromise: boolean;
    try {
      result = this.#apply(this.#state, event);
      isPromise = isAbandoned(result);
    } catch (error) {
      throw this.fail(applyFailed(this.#dir, event.eventId, error));
    } finally {
      this.#within = undefined;
    }
    if (isPromise) throw this.fail(applyIsAsync(this.#dir, event.eventId));
    this.#eventId = event.eventId;
    return result;
  }

  /**
   * Applies an event that is recorded; false for one that is none of the application's. What it is
   * given may be used again afterwards.
   * @throws WalError as `apply`; ERR_FLASHSTRIKE_SCHEMA
   */
  replay(logged: LoggedEvent): boolean {
    const event = this.#intake.of(logged);
    if (event === undefined) return false;
    this.apply(event);
    return true;
  }

  /** What `run` calls of the application may look at the state, and do nothing else. */
  within<Value>(name: 'snapshot' | 'hash', run: () => Value): Value {
    this.#within = name;
    try {
      return run();
    } finally {
      this.#within = undefined;
    }
  }

  /** @throws WalError in a call that one of the application's functions makes */
  refuseWithin(call: string): void {
    if (this.#within === undefined) return;
    const what = this.#within === 'apply' ? 'changes the state' : 'looks at the state';
    throw invalidArgument(
      `${call}() was called by ${this.#within}, which ${what} and does nothing else.`,
    );
  }
}
