import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ownThreadId, timesOfThread } from './thread-times.js';

const isTold = existsSync('/proc/thread-self/schedstat');

describe('times of threads', { skip: isTold ? false : 'the system tells none' }, () => {
  test('are those that the system counts', () => {
    const threadId = ownThreadId();
    assert.equal(threadId, process.pid, 'the main thread has the number of the process');
    const told = (): number[] =>
      readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ').map(Number);
    const [ranBefore = 0, readyBefore = 0] = told();
    const { runNs, readyNs } = timesOfThread(threadId) ?? assert.fail();
    const [ranAfter = 0, readyAfter = 0] = told();
    assert.ok(ranBefore <= runNs && runNs <= ranAfter, `${ranBefore} ${runNs} ${ranAfter}`);
    assert.ok(readyBefore <= readyNs && readyNs <= readyAfter);
  });

  test('are read again once they are some milliseconds old', () => {
    const threadId = ownThreadId();
    const before = timesOfThread(threadId)?.runNs ?? assert.fail();
    let runNs = before;
    for (let turn = 0; turn < 1e9 && runNs === before; turn++) {
      runNs = timesOfThread(threadId)?.runNs ?? assert.fail();
    }
    assert.ok(runNs > before);
  });

  test('of a thread that is not there, or not known, there are none', () => {
    assert.equal(timesOfThread(0), undefined);
    // Thread numbers end below 2^22.
    for (let turn = 0; turn < 100; turn++) assert.equal(timesOfThread(2 ** 30 + turn), undefined);
    assert.notEqual(timesOfThread(ownThreadId()), undefined);
  });
});
