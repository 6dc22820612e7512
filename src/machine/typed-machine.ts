// A durable state machine whose events are typed.
import type { AppendableDefinition } from '../events/any-definition.js';
import type { EventOf } from '../events/define-event.js';
import type { TypedEvent } from '../events/event-decoder.js';
import type { WalInside } from '../recorder/application/wal.js';
import { checkEventOf, TypedFork } from './fork.js';
import { type Applied, MachineBase, type MachineParts } from './machine-base.js';

/**
 * A state that survives, and is changed by typed events: made by `openMachine` with the option
 * `events`.
 *
 * @example
 * import { defineEvent, openMachine } from 'flashstrike';
 *
 * const Deposit = defineEvent('deposit', { account: 'u32', amount: 'safeI64' }, { version: 1 });
 * await using bank = await openMachine('./bank', {
 *   events: [Deposit],
 *   initial: () => new Map<number, number>(),
 *   apply: (balances, { value: { account, amount } }) => {
 *     const balance = (balances.get(account) ?? 0) + amount;
 *     balances.set(account, balance);
 *     return balance;
 *   },
 *   snapshot: (balances) => JSON.stringify([...balances]),
 *   restore: (content) => new Map(JSON.parse(content.text()) as [number, number][]),
 * });
 * console.log(await bank.submit(Deposit, { account: 7, amount: 100 }));
 */
export class TypedMachine<
  State extends object,
  Result = unknown,
  Definition extends AppendableDefinition = AppendableDefinition,
> extends MachineBase<State, Result, TypedEvent<Definition>> {
  readonly #inside: WalInside;
  readonly #definitions: ReadonlySet<unknown>;

  /** @internal */
  constructor(parts: MachineParts<State, Result, TypedEvent<Definition>>) {
    super(parts);
    this.#inside = parts.inside;
    this.#definitions = new Set(parts.resolved.events);
  }

  /**
   * Records an event, applies it, and resolves with what `apply` returned once the event is
   * durable. The state has it before that: a read of `state` in between sees what a power cut may
   * still take back.
   * @param event one of the option `events`
   * @param values its fields, or its JSON
   * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED once `apply` has failed, and at each call from
   * then on; _DURABILITY_UNKNOWN; what `wal.appendEvent` throws, and then nothing was applied
   */
  submit<Event extends Definition>(event: Event, values: EventOf<Event>): Promise<Result> {
    try {
      return this.durably(this.applyNow(event, values));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Records an event and applies it, and does not wait: nobody outside may hear of it before
   * `machine.wal.durable(eventId)` resolves.
   * @throws WalError as `submit`
   */
  applyNow<Event extends Definition>(event: Event, values: EventOf<Event>): Applied<Result> {
    this.checkRunning('submit');
    checkEventOf(this.#definitions, event);
    const { eventId, value } = this.#inside.appendShown(event, values);
    this.recorded(eventId);
    const timestampNs = this.#inside.lastTimestampNs();
    const shown: unknown = { name: event.name, eventId, timestampNs, value };
    return this.applied(shown as TypedEvent<Definition>);
  }

  /**
   * A machine of its own in memory, with the state that this one had behind event `atId` (default:
   * has now), for what-if: what is applied to it is written nowhere.
   * @param atId 0 … the last event that was applied
   * @throws WalError ERR_FLASHSTRIKE_OUT_OF_RANGE; _NO_SNAPSHOT where no snapshot at or before that
   * event is left, and the events before it neither; _CLOSED
   */
  async fork(atId: number = this.eventId): Promise<TypedFork<State, Result, Definition>> {
    return new TypedFork(await this.stateAt(atId), this.#definitions);
  }
}
