import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock } from '../../clock/fake-clock.js';
import { NS_PER_MS } from '../../units.js';
import { Signals } from '../threads/signals.js';
import { CommitDemand } from './commit-demand.js';

const SYNC_NS = NS_PER_MS;

let signals: Signals;
let demand: CommitDemand;
let clock: FakeClock;
let lastId: number;
/** Calls that wait; nothing becomes durable here but by `settle`. */
let waiting: number;

beforeEach(() => {
  signals = new Signals();
  signals.set('syncTimeUs', 1000);
  waiting = 0;
  lastId = 0;
  clock = new FakeClock();
  clock.advanceNs(1e9);
  demand = new CommitDemand(signals, clock, () => waiting);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** So many calls of `durable()`, each `workNs` behind the other. */
function call(calls: number, workNs = 0): void {
  for (let index = 0; index < calls; index++) {
    clock.advanceNs(workNs);
    demand.onWait(++lastId, clock.nowNs());
    waiting++;
  }
  demand.lookLater();
}

const settle = (): void => {
  waiting = 0;
};

describe('one commit at a time', () => {
  test('is asked for at once, and the writer woken', () => {
    const woken = signals.wakeCount('writer');
    for (let commit = 1; commit <= 3; commit++) {
      call(1);
      assert.equal(signals.durableRequest, commit);
      assert.equal(signals.wakeCount('writer'), woken + commit);
      settle();
    }
  });

  test('is asked for once, whoever else waits for the same id', () => {
    call(1);
    const woken = signals.wakeCount('writer');
    for (let again = 0; again < 5; again++) {
      demand.onWait(1, clock.nowNs());
      waiting++;
    }
    assert.equal(signals.wakeCount('writer'), woken);
  });
});

describe('several calls in one turn of the event loop', () => {
  test('are asked for together, once a turn brings no more', async () => {
    call(1);
    call(7);
    assert.equal(signals.durableRequest, 1, 'the first alone');
    await turn();
    call(2);
    await turn();
    assert.equal(signals.durableRequest, 1, 'while more come');
    await turn();
    await turn();
    assert.equal(signals.durableRequest, 10);
    const woken = signals.wakeCount('writer');
    await turn();
    await turn();
    assert.equal(signals.wakeCount('writer'), woken, 'and nobody looks any more');
  });

  test('wait for the highest id among them, whatever their order', async () => {
    waiting = 4;
    for (const eventId of [7, 2, 9, 4]) demand.onWait(eventId, clock.nowNs());
    demand.lookLater();
    for (let turns = 0; turns < 4; turns++) await turn();
    assert.equal(signals.durableRequest, 9);
  });
});

describe('a busy application', () => {
  /** It ran dry with so many calls waiting. */
  async function runDry(calls: number): Promise<void> {
    call(calls);
    for (let turns = 0; turns < 4; turns++) await turn();
    assert.equal(signals.durableRequest, lastId);
    settle();
  }

  test('has half of its calls asked for while it works on the other half', async () => {
    await runDry(64);
    const before = lastId;
    call(31, SYNC_NS / 8);
    assert.equal(signals.durableRequest, before);
    call(1, SYNC_NS / 8);
    assert.equal(signals.durableRequest, before + 32);
  });

  test('gets no sync for work that is shorter than one', async () => {
    await runDry(64);
    const before = lastId;
    call(64, SYNC_NS / 1000);
    assert.equal(signals.durableRequest, before, 'one for all is sooner than two');
    for (let turns = 0; turns < 3; turns++) await turn();
    assert.equal(signals.durableRequest, before + 64);
  });

  test('shares syncs among more and more calls until it runs dry again', async () => {
    await runDry(64);
    const covered: number[] = [];
    for (let commit = 0; commit < 20; commit++) {
      const from = signals.durableRequest;
      while (signals.durableRequest === from) call(1, SYNC_NS / 8);
      covered.push(signals.durableRequest - from);
      settle();
    }
    assert.equal(covered[0], 32);
    assert.ok(
      covered.every((share, at) => share >= (covered[at - 1] ?? 0)),
      `${covered}`,
    );
    assert.equal(covered.at(-1), 65, 'as much as gathers while eight syncs would run');
    await runDry(10);
    const before = lastId;
    call(5, SYNC_NS);
    assert.equal(signals.durableRequest, before + 5);
  });

  test('that is never idle waits no longer than eight syncs', async () => {
    await runDry(1000);
    const before = lastId;
    for (let turns = 0; turns < 8; turns++) {
      call(1, SYNC_NS * 0.999);
      await turn();
      assert.equal(signals.durableRequest, before);
    }
    call(1, 1.1 * SYNC_NS);
    assert.equal(signals.durableRequest, before + 9);
  });

  test('that gathers in one long turn is asked for at its end', async () => {
    await runDry(1000);
    const before = lastId;
    call(2);
    clock.advanceNs(9 * SYNC_NS);
    await turn();
    assert.equal(signals.durableRequest, before + 2);
  });

  test('gathers no longer than 20 ms, however slow the disk is', async () => {
    signals.set('syncTimeUs', 5_000_000);
    await runDry(1000);
    const before = lastId;
    call(1);
    clock.advanceNs(19 * NS_PER_MS);
    call(1);
    assert.equal(signals.durableRequest, before);
    call(1, NS_PER_MS);
    assert.equal(signals.durableRequest, before + 3);
  });

  test('that always has two calls more is not kept waiting from the start', async () => {
    call(1);
    for (let turns = 0; turns < 50; turns++) {
      call(2, SYNC_NS / 2);
      await turn();
      const left = lastId - signals.durableRequest;
      assert.ok(left <= (turns < 5 ? 4 : 20), `turn ${turns}: ${left}`);
    }
  });
});

describe('a call that blocks its thread', () => {
  test('is asked for at once, with all that has gathered', () => {
    call(5);
    demand.askFor(3);
    assert.equal(signals.durableRequest, 5);
  });

  test('never takes a request back', () => {
    call(5);
    demand.askFor(9);
    waiting = 1;
    demand.onWait(8, clock.nowNs());
    demand.askFor(7);
    assert.equal(signals.durableRequest, 9);
  });
});
