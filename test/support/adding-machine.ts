// A state machine for tests: it adds up what it is given, and remembers how many there were.
import type { MachineOptions } from '../../src/index.js';

export interface Sum {
  total: number;
  count: number;
  /** Of all events in order: another order, or another event, is another state. */
  trace: number;
}

const fresh = (): Sum => ({ total: 0, count: 0, trace: 17 });

/** A payload is one number, as text. */
export const adding = (amount: number): Uint8Array => Buffer.from(String(amount));

export const amountOf = (payload: Uint8Array): number => Number(Buffer.from(payload).toString());

export const addingMachine = (
  options: Partial<MachineOptions<Sum, number>> = {},
): MachineOptions<Sum, number> => ({
  initial: fresh,
  apply: (state, { eventId, payload, type }) => {
    const amount = amountOf(payload);
    state.total += amount;
    state.count++;
    state.trace = (state.trace * 31 + amount * 7 + eventId + type) % 1_000_003;
    return state.total;
  },
  snapshot: (state) => JSON.stringify(state),
  restore: (content) => JSON.parse(content.text()) as Sum,
  hash: (state) => `${state.total} ${state.count} ${state.trace}`,
  snapshots: { everyEvents: 0 },
  ...options,
});

/** What the machine comes to by adding 1, 2, … `count`. */
export function sumOf(count: number): Sum {
  const state = fresh();
  const { apply } = addingMachine();
  for (let eventId = 1; eventId <= count; eventId++) {
    apply(state, { eventId, type: 0, timestampNs: 0n, payload: adding(eventId) });
  }
  return state;
}
