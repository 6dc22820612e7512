// A machine in memory, for what-if.
import { invalidArgument } from '../errors.js';
import type { AppendableDefinition } from '../events/any-definition.js';
import type { EventOf } from '../events/define-event.js';
import type { TypedEvent } from '../events/event-decoder.js';
import { payloadBytesOf } from '../recorder/application/payload.js';
import type { AppliedEvent, MachineEvent } from './machine-options.js';
import type { Runner } from './runner.js';

class ForkBase<State extends object, Result, Event extends AppliedEvent> {
  readonly #runner: Runner<State, Result, Event>;

  constructor(runner: Runner<State, Result, Event>) {
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

  /** @internal */
  protected applied(event: Event): Result {
    return this.#runner.apply(event);
  }
}

const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** A state that a machine had, to be gone on with: nothing of it is written. */
export class Fork<State extends object, Result = unknown> extends ForkBase<
  State,
  Result,
  MachineEvent
> {
  /**
   * Applies an event that was never recorded, under the id that comes next; returns what `apply`
   * returns.
   * @param timestampNs the time that `apply` sees, nanoseconds since the Unix epoch; default: now
   * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED
   */
  apply(payload: Uint8Array, type = 0, timestampNs = nowNs()): Result {
    const own = new Uint8Array(payloadBytesOf(payload));
    own.set(payload);
    return this.applied({ eventId: this.eventId + 1, type, timestampNs, payload: own });
  }
}

/** @throws WalError ERR_FLASHSTRIKE_INVALID_ARGUMENT for what the machine was not opened with */
export function checkEventOf(definitions: ReadonlySet<unknown>, event: unknown): void {
  if (definitions.has(event)) return;
  const { name } = Object(event) as { readonly name?: unknown };
  const what = typeof name === 'string' ? `the event ${name.slice(0, 100)}` : 'bytes';
  throw invalidArgument(
    `This machine was opened with typed events, and ${what} is none of them: submit(event, ` +
      'values) takes a definition of the option events.',
  );
}

/** A state that a machine with typed events had, to be gone on with: nothing of it is written. */
export class TypedFork<
  State extends object,
  Result = unknown,
  Definition extends AppendableDefinition = AppendableDefinition,
> extends ForkBase<State, Result, TypedEvent<Definition>> {
  readonly #definitions: ReadonlySet<unknown>;

  /** @internal */
  constructor(
    runner: Runner<State, Result, TypedEvent<Definition>>,
    definitions: ReadonlySet<unknown>,
  ) {
    super(runner);
    this.#definitions = definitions;
  }

  /**
   * Applies an event that was never recorded, under the id that comes next; returns what `apply`
   * returns.
   * @param timestampNs the time that `apply` sees, nanoseconds since the Unix epoch; default: now
   * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED; _INVALID_ARGUMENT for a value that its field
   * cannot hold
   */
  apply<Event extends Definition>(
    event: Event,
    values: EventOf<Event>,
    timestampNs = nowNs(),
  ): Result {
    checkEventOf(this.#definitions, event);
    const { name, type } = event;
    const eventId = this.eventId + 1;
    // As it would be read from a log.
    const value = event.decode({ eventId, type, payload: event.encode(values as never) });
    const shown: unknown = { name, eventId, timestampNs, value };
    return this.applied(shown as TypedEvent<Definition>);
  }
}
