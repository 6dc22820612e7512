// The stream that holds the log, as each process of the example uses it.
import { setTimeout as delay } from 'node:timers/promises';
import { type BlockStream, natsStream } from '../../src/nats.js';

export const STREAM = 'orders';

/** Each call takes one of its own. */
export const streamOn = (addresses: readonly string[]): BlockStream =>
  natsStream({ servers: addresses, stream: STREAM, create: {}, timeoutMs: 2_000 });

/** Servers that were killed, or are busy, answer late, or know less than others: asked again. */
export async function insist<Value>(ask: (attempt: number) => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(attempt);
    } catch (error) {
      if (attempt === 60) throw error;
      await delay(500);
    }
  }
}
