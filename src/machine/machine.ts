// A durable state machine: a state that is what the events of a log have made of it. `submit`
// records an event, applies it, and waits until it is durable; `openMachine` comes back to the same
// state from the newest snapshot and the events behind it.
import { payloadBytesOf } from '../recorder/application/payload.js';
import type { Wal, WalInside } from '../recorder/application/wal.js';
import { Fork } from './fork.js';
import { type Applied, MachineBase, type MachineParts } from './machine-base.js';
import type { MachineEvent } from './machine-options.js';
import { PayloadCopies } from './payload-copies.js';

/**
 * A state that survives: made by `openMachine`. All changes go through `submit` or `applyNow`.
 *
 * @example
 * import { openMachine } from 'flashstrike';
 *
 * await using accounts = await openMachine('./accounts', {
 *   initial: () => ({ balance: 0 }),
 *   apply: (state, { payload }) => (state.balance += Number(Buffer.from(payload).toString())),
 *   snapshot: (state) => JSON.stringify(state),
 *   restore: (content) => JSON.parse(content.text()) as { balance: number },
 * });
 * console.log(await accounts.submit(Buffer.from('100')));
 */
export class Machine<State extends object, Result = unknown> extends MachineBase<State, Result> {
  readonly #wal: Wal;
  readonly #inside: WalInside;
  readonly #copies = new PayloadCopies();

  /** @internal */
  constructor(parts: MachineParts<State, Result, MachineEvent>) {
    super(parts);
    this.#wal = parts.wal;
    this.#inside = parts.inside;
  }

  /**
   * Records an event, applies it, and resolves with what `apply` returned once the event is
   * durable. The state has it before that: a read of `state` in between sees what a power cut may
   * still take back.
   * @param payload copied; may be changed or detached afterwards
   * @param type a tag of your own, 0 … 65535
   * @throws WalError ERR_FLASHSTRIKE_APPLY_FAILED once `apply` has failed, and at each call from
   * then on; _DURABILITY_UNKNOWN; what `wal.append` throws, and then nothing was applied
   */
  submit(payload: Uint8Array, type = 0): Promise<Result> {
    try {
      return this.durably(this.applyNow(payload, type));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Records an event and applies it, and does not wait: nobody outside may hear of it before
   * `machine.wal.durable(eventId)` resolves.
   * @throws WalError as `submit`
   */
  applyNow(payload: Uint8Array, type = 0): Applied<Result> {
    this.checkRunning('submit');
    // What is appended and what is applied are the same bytes, whatever the caller does to his.
    const own = this.#copies.of(payload, payloadBytesOf(payload));
    const eventId = this.#wal.append(own, type);
    this.recorded(eventId);
    const timestampNs = this.#inside.lastTimestampNs();
    return this.applied({ eventId, type, timestampNs, payload: own });
  }

  /**
   * A machine of its own in memory, with the state that this one had behind event `atId` (default:
   * has now), for what-if: what is applied to it is written nowhere.
   * @param atId 0 … the last event that was applied
   * @throws WalError ERR_FLASHSTRIKE_OUT_OF_RANGE; _NO_SNAPSHOT where no snapshot at or before that
   * event is left, and the events before it neither; _CLOSED
   */
  async fork(atId: number = this.eventId): Promise<Fork<State, Result>> {
    return new Fork(await this.stateAt(atId));
  }
}
