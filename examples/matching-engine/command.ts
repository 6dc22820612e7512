// What the engine is told, as a typed event of 32 bytes.
import { defineEvent, type EventOf } from '../../src/index.js';

export const Command = defineEvent(
  'command',
  {
    /** Of the order; 0 for a market order, which never rests. */
    id: 'safeU64',
    /** In units of 10^-4 dollars: whole numbers alone, so that sums are exact. */
    price: 'safeI64',
    /** Shares; of `modify` those that are to be open from now on. */
    quantity: 'safeU64',
    kind: { enum: ['limit', 'market', 'cancel', 'modify'] },
    side: { enum: ['buy', 'sell'] },
  },
  // A machine's log holds its commands alone.
  { version: 1, recorded: false },
);
export type Command = EventOf<typeof Command>;
