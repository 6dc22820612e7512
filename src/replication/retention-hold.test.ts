import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { WalError } from '../errors.js';
import { RetentionHold } from './retention-hold.js';

function held(t: TestContext, settleMs: number) {
  const state = {
    nowMs: 0,
    acknowledged: [] as number[],
    fails: undefined as WalError | undefined,
  };
  const failures: unknown[] = [];
  const consumer = {
    acknowledge: async (eventId: number): Promise<void> => {
      if (state.fails !== undefined) throw state.fails;
      state.acknowledged.push(eventId);
    },
    close: async (): Promise<void> => {},
  };
  const onFailure = (error: unknown): number => failures.push(error);
  const hold = new RetentionHold(consumer, settleMs, onFailure, () => state.nowMs);
  t.after(() => hold.close());
  const at = async (nowMs: number): Promise<readonly number[]> => {
    state.nowMs = nowMs;
    hold.proven(nowMs);
    hold.step();
    await turn();
    return state.acknowledged;
  };
  return { hold, at, state, failures };
}

test('an event may go once the stream has settled, and the last run of events stays', async (t) => {
  const { hold, at, state } = held(t, 5_000);
  hold.confirmed(1);
  assert.deepEqual(await at(60_000), [], 'nothing is before the first run');
  hold.confirmed(11);
  state.nowMs = 60_400;
  hold.confirmed(21);
  assert.deepEqual(await at(65_000), [], 'what came within a second settles together');
  assert.deepEqual(await at(65_400), [20]);
  state.nowMs = 70_000;
  hold.confirmed(31);
  state.nowMs = 72_000;
  hold.confirmed(41);
  assert.deepEqual(await at(75_000), [20, 30]);
  assert.deepEqual(await at(77_000), [20, 30, 40]);
});

test('no time releases what the stream is not known to have still', async (t) => {
  const { hold, at, state } = held(t, 1_000);
  hold.proven(0);
  hold.confirmed(11);
  hold.proven(999);
  state.nowMs = 3_600_000;
  hold.step();
  await turn();
  assert.deepEqual(state.acknowledged, [], 'the cluster was down for an hour');
  assert.deepEqual(await at(3_600_000), [10]);
});

test('what a stream has lost does not go', async (t) => {
  const { hold, at } = held(t, 1_000);
  hold.confirmed(11);
  hold.regressed();
  assert.deepEqual(await at(10_000), []);
  hold.confirmed(5);
  assert.deepEqual(await at(11_000), [4]);
});

test('a full disk is waited for; a consumer that is gone is told', async (t) => {
  const { hold, at, state, failures } = held(t, 0);
  state.fails = new WalError('ERR_FLASHSTRIKE_NO_SPACE', 'full');
  hold.confirmed(11);
  assert.deepEqual(await at(10), []);
  state.fails = undefined;
  hold.confirmed(21);
  assert.deepEqual(await at(2_000), [20]);
  state.fails = new WalError('ERR_FLASHSTRIKE_EXPIRED', 'dropped');
  hold.confirmed(31);
  await at(4_000);
  assert.deepEqual(failures, [state.fails]);
});
