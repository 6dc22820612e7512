// Waiting for what comes by itself, without saying how fast: the limit only ends a test that hangs,
// so it is longer than any machine takes that is merely slow.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

const LIMIT_MS = 300_000;
const POLL_MS = 5;

/** Resolves once `isTrue`; fails, naming `what`, when it never comes. */
export async function eventually(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, `it did not come about that ${what}`);
    await delay(POLL_MS);
  }
}

/** Rejects when `promise` has not settled for long: what hangs must not hang the tests. */
export async function settles<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const limit = new AbortController();
  const late = delay(LIMIT_MS, undefined, { signal: limit.signal }).then(
    () => assert.fail(`${what} never settled`),
    (error: unknown) => {
      if (!limit.signal.aborted) throw error;
      return undefined as never;
    },
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    limit.abort();
  }
}

/** Whether `promise` is still pending after `ms`: long enough for it to settle if it could. */
export async function staysPending(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const pending = Symbol('pending');
  const first = await Promise.race([promise.catch(() => undefined), delay(ms, pending)]);
  return first === pending;
}
