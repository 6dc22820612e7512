// Answers of servers that are killed in the same test.
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again while there is no answer, or another one: servers that were killed, or that are slow,
 * elect anew, and a follower may be behind.
 */
export async function insist<Value>(ask: () => Promise<Value>): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (tries === 60) throw error;
      await delay(500);
    }
  }
}
