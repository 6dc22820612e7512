import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { monotonicClock } from './clock.js';
import { FakeClock } from './fake-clock.js';

test('the monotonic clock never goes backwards', () => {
  let last = monotonicClock.nowNs();
  for (let reading = 0; reading < 100_000; reading++) {
    const nowNs = monotonicClock.nowNs();
    assert.ok(nowNs >= last, `${nowNs} after ${last}`);
    last = nowNs;
  }
});

test('all threads read one clock: a reading elsewhere lies between two readings here', async () => {
  const module = new URL('./clock.js', import.meta.url).href;
  const worker = new Worker(
    `import(${JSON.stringify(module)}).then(({ monotonicClock }) => {
      const { parentPort } = require('node:worker_threads');
      parentPort.once('message', () => parentPort.postMessage(monotonicClock.nowNs()));
      parentPort.postMessage('ready');
    });`,
    { eval: true },
  );
  const message = () => new Promise((resolve) => worker.once('message', resolve));
  try {
    await message();
    const before = monotonicClock.nowNs();
    const answer = message();
    worker.postMessage('read');
    const there = (await answer) as number;
    const after = monotonicClock.nowNs();
    // Each thread's origin is measured to a few microseconds; the thread itself started later than
    // this one by much more than the allowance, which is what a clock of its own would show.
    const allowanceNs = 1e6;
    assert.ok(there >= before - allowanceNs, `${there} before ${before}`);
    assert.ok(there <= after + allowanceNs, `${there} after ${after}`);
  } finally {
    await worker.terminate();
  }
});

test('the monotonic clock cannot be replaced', () => {
  assert.ok(Object.isFrozen(monotonicClock));
});

test('a fake clock stands still until it is moved', () => {
  const clock = new FakeClock(5);
  assert.equal(clock.nowNs(), 5);
  assert.equal(clock.nowNs(), 5);
  clock.advanceNs(10);
  assert.equal(clock.nowNs(), 15);
});
