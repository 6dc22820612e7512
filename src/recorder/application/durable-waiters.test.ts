import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { settles, staysPending } from '../../../test/support/eventually.js';
import { monotonicClock } from '../../clock/clock.js';
import { Signals } from '../threads/signals.js';
import { DurableWaiters } from './durable-waiters.js';

class Bench {
  readonly signals = new Signals();
  durable = 0;
  failure: Error | undefined;
  /** The starts of waits that have ended. */
  readonly waited: number[] = [];
  /** Since when the oldest waits, each time that this changed. */
  readonly since: number[] = [];
  readonly waiters = new DurableWaiters(this.signals, monotonicClock, {
    durableEventId: () => this.durable,
    refusal: (eventId) => this.failure && new Error(`event ${eventId}: ${this.failure.message}`),
    waited: (startNs) => this.waited.push(startNs),
    waitsSince: (sinceNs) => this.since.push(sinceNs),
  });

  /** What the writer thread does after a sync. */
  advance(durable: number): void {
    this.durable = durable;
    this.signals.announceDurable();
  }

  fail(message: string): void {
    this.failure = new Error(message);
    this.signals.announceDurable();
  }
}

describe('a promise for an event id', () => {
  test('resolves with the durable id once that has reached it', async () => {
    const bench = new Bench();
    const waiting = bench.waiters.wait(5, 1234);
    bench.advance(4);
    assert.ok(await staysPending(waiting, 20));
    assert.deepEqual(bench.waited, []);
    bench.advance(9);
    assert.equal(await settles('the wait', waiting), 9);
    assert.deepEqual(bench.waited, [1234], 'and the wait is told once');
    bench.waiters.close();
  });

  test('tells since when the oldest waits, at once, whoever settles first', async () => {
    const bench = new Bench();
    const waiting = [
      [7, 100],
      [2, 200],
      [9, 300],
    ].map(([eventId = 0, startNs = 0]) => bench.waiters.wait(eventId, startNs));
    assert.deepEqual(bench.since, [100], 'before the event loop turns');
    for (const [index, durable] of [2, 7, 9].entries()) {
      bench.advance(durable);
      await settles('the wait', waiting[[1, 0, 2][index] ?? 0] as Promise<number>);
    }
    assert.deepEqual(bench.since, [100, 300, 0]);
    const last = bench.waiters.wait(20, 400);
    bench.fail('the disk is gone');
    await assert.rejects(last);
    assert.deepEqual(bench.since, [100, 300, 0, 400, 0]);
    bench.waiters.close();
  });

  test('forgets those that have settled, however many wait one after the other', async () => {
    const bench = new Bench();
    const first = bench.waiters.wait(1_000_000, 1);
    for (let eventId = 1; eventId <= 5000; eventId++) {
      const waiting = bench.waiters.wait(eventId, eventId + 1);
      bench.advance(eventId);
      await waiting;
    }
    assert.deepEqual(bench.since, [1]);
    bench.advance(1_000_000);
    await first;
    assert.deepEqual(bench.since, [1, 0]);
    bench.waiters.close();
  });

  test('resolves when the id became durable before anyone listened', async () => {
    const bench = new Bench();
    bench.durable = 3;
    assert.equal(await settles('the wait', bench.waiters.wait(3, 0)), 3);
    bench.waiters.close();
  });

  test('resolves in order of ids, whatever the order of the calls', async () => {
    const bench = new Bench();
    const order: number[] = [];
    const waiting = [7, 2, 9, 4, 4].map((eventId) =>
      bench.waiters.wait(eventId, 0).then(() => order.push(eventId)),
    );
    for (const durable of [2, 4, 8, 9]) {
      bench.advance(durable);
      await new Promise(setImmediate);
    }
    await settles('all waits', Promise.all(waiting));
    assert.deepEqual(order, [2, 4, 4, 7, 9]);
    bench.waiters.close();
  });

  test('a thousand of them resolve with one announcement', async () => {
    const bench = new Bench();
    const waiting = Array.from({ length: 1_000 }, (_, at) => bench.waiters.wait(at + 1, 0));
    bench.advance(1_000);
    const settled = await settles('all waits', Promise.all(waiting));
    assert.deepEqual(new Set(settled), new Set([1_000]));
    bench.waiters.close();
  });

  test('rejects when nothing more will become durable, each with an error of its own', async () => {
    const bench = new Bench();
    const waiting = [bench.waiters.wait(3, 0), bench.waiters.wait(8, 0)];
    const settled = Promise.allSettled(waiting);
    bench.fail('the disk is gone');
    const [first, second] = await settles('the waits', settled);
    assert.ok(first?.status === 'rejected' && second?.status === 'rejected');
    assert.equal(first.reason.message, 'event 3: the disk is gone');
    assert.equal(second.reason.message, 'event 8: the disk is gone');
    bench.waiters.close();
  });

  test('resolves for what was durable before the failure, rejects for the rest', async () => {
    const bench = new Bench();
    const settled = Promise.allSettled([bench.waiters.wait(3, 0), bench.waiters.wait(4, 0)]);
    bench.durable = 3;
    bench.fail('the disk is gone');
    const statuses = (await settles('the waits', settled)).map(({ status }) => status);
    assert.deepEqual(statuses, ['fulfilled', 'rejected']);
    bench.waiters.close();
  });

  test('rejects at once when the log has failed already', async () => {
    const bench = new Bench();
    bench.failure = new Error('the disk is gone');
    await assert.rejects(
      settles('the wait', bench.waiters.wait(1, 0)),
      /event 1: the disk is gone/,
    );
    bench.waiters.close();
  });

  test('a second round of waits works as the first', async () => {
    const bench = new Bench();
    for (let round = 1; round <= 50; round++) {
      const waiting = bench.waiters.wait(round, 0);
      bench.advance(round);
      assert.equal(await settles(`round ${round}`, waiting), round);
    }
    bench.waiters.close();
  });

  test('what is settled at the close is settled, and the close may come twice', async () => {
    const bench = new Bench();
    const waiting = bench.waiters.wait(1, 0);
    bench.durable = 1;
    bench.waiters.close();
    bench.waiters.close();
    assert.equal(await settles('the wait', waiting), 1);
  });
});

describe('a wait that a signal ends', () => {
  const reason = new Error('enough');
  const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

  test('rejects with the reason, is told as a wait, and nobody waits any more', async () => {
    const bench = new Bench();
    const stop = new AbortController();
    const waiting = bench.waiters.waitUnless(stop.signal, 5, 100);
    const other = bench.waiters.wait(7, 200);
    await new Promise(setImmediate);
    stop.abort(reason);
    await assert.rejects(settles('the wait', waiting), reason);
    assert.deepEqual([bench.waited, bench.since], [[100], [100, 200]]);
    bench.advance(9);
    assert.equal(await settles('the other', other), 9);
    assert.deepEqual(
      [bench.waited, bench.since],
      [
        [100, 200],
        [100, 200, 0],
      ],
    );
    assert.equal(listenersOf(stop.signal), 0);
    bench.waiters.close();
  });

  test('does so before the event loop has turned', async () => {
    const bench = new Bench();
    const stop = new AbortController();
    const waiting = bench.waiters.waitUnless(stop.signal, 5, 100);
    stop.abort(reason);
    await assert.rejects(settles('the wait', waiting), reason);
    assert.deepEqual([bench.waited, bench.since], [[100], [100, 0]]);
    bench.waiters.close();
    assert.deepEqual(bench.waited, [100]);
  });

  test('that comes to its end knows the signal no more', async () => {
    const bench = new Bench();
    const stop = new AbortController();
    const waiting = bench.waiters.waitUnless(stop.signal, 5, 100);
    bench.advance(6);
    assert.equal(await settles('the wait', waiting), 6);
    assert.equal(listenersOf(stop.signal), 0);
    stop.abort(reason);
    await new Promise(setImmediate);
    assert.deepEqual([bench.waited, bench.since], [[100], [100, 0]]);
    bench.waiters.close();
  });
});

describe('a wait that blocks its thread', () => {
  const LONG_MS = 60_000;

  test('returns the durable id, and is told as a wait', () => {
    const bench = new Bench();
    bench.durable = 7;
    assert.equal(bench.waiters.block(5, 1234, LONG_MS), 7);
    assert.deepEqual(bench.waited, [1234]);
    bench.waiters.close();
  });

  test('asks the writer, and tells since when it waits only as long as it does', () => {
    const bench = new Bench();
    assert.equal(bench.waiters.block(5, 1234, 1), 0, 'not durable yet');
    assert.equal(bench.signals.durableRequest, 5);
    assert.deepEqual(bench.since, [1234, 0], 'before the event loop turns');
    bench.waiters.close();
  });

  test('throws when the log has failed', () => {
    const bench = new Bench();
    bench.failure = new Error('the disk is gone');
    assert.throws(() => bench.waiters.block(5, 0, LONG_MS), /event 5: the disk is gone/);
    bench.waiters.close();
  });

  test('leaves the promises of others to the event loop', async () => {
    const bench = new Bench();
    const waiting = bench.waiters.wait(3, 100);
    bench.durable = 9;
    assert.equal(bench.waiters.block(9, 200, LONG_MS), 9);
    assert.equal(await settles('the wait', waiting), 9);
    assert.deepEqual(bench.waited.toSorted(), [100, 200]);
    assert.equal(bench.since.at(-1), 0);
    bench.waiters.close();
  });
});

/** Runs a module of its own: whether a process ends is a matter of the whole process. */
function exitOf(body: string): { status: number | null; stdout: string } {
  const at = (module: string): string => JSON.stringify(new URL(module, import.meta.url).href);
  const script = `
    import { DurableWaiters } from ${at('./durable-waiters.js')};
    import { Signals } from ${at('../threads/signals.js')};
    import { monotonicClock } from ${at('../../clock/clock.js')};
    const signals = new Signals();
    let durable = 0;
    const source = { durableEventId: () => durable, refusal: () => undefined, waited: () => {} };
    const waiters = new DurableWaiters(signals, monotonicClock, source);
    ${body}`;
  const args = ['--input-type=module', '--eval', script];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 300_000,
  });
  return { status, stdout };
}

describe('the process', () => {
  test('is held while someone waits, and ends by itself when the wait is over', () => {
    const body = `
      setTimeout(() => { durable = 1; signals.announceDurable(); }, 50).unref();
      waiters.wait(1, 0).then((id) => console.log('durable', id));`;
    assert.deepEqual(exitOf(body), { status: 0, stdout: 'durable 1\n' });
  });

  test('is held no longer by a wait that a signal has ended', () => {
    const body = `
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error('enough')), 50).unref();
      waiters.waitUnless(stop.signal, 1, 0).catch(({ message }) => console.log(message));`;
    assert.deepEqual(exitOf(body), { status: 0, stdout: 'enough\n' });
  });

  test('is not held by waiters for whom nobody waits', () => {
    assert.deepEqual(exitOf(`console.log('end');`), { status: 0, stdout: 'end\n' });
  });
});
