import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { THREAD_NAMES } from '../../telemetry/heartbeats.js';
import { Signals, SignalsLayout } from './signals.js';

/** Runs `body` on a thread that shares `signals`; resolves with what it posts last. */
function onThread(signals: Signals, body: string): Promise<unknown> {
  const module = JSON.stringify(new URL('./signals.js', import.meta.url).href);
  const worker = new Worker(
    `import(${module}).then(({ Signals }) => {
      const { parentPort, workerData } = require('node:worker_threads');
      const signals = new Signals(workerData);
      parentPort.postMessage((() => { ${body} })());
    });`,
    { eval: true, workerData: signals.buffer },
  );
  return new Promise((resolve, reject) => {
    let answer: unknown;
    worker.on('message', (message) => {
      answer = message;
    });
    worker.once('error', reject);
    worker.once('exit', () => resolve(answer));
  });
}

const AN_HOUR_MS = 3_600_000;
/** A wake-up that is lost shows as a thread that sleeps on: the test then ends by its timeout. */
const options = { timeout: 300_000 };

describe('a thread that looks for work and then sleeps', () => {
  test('does not sleep when it was woken between the look and the sleep', options, async () => {
    const body = `
      const seen = signals.wakeCount('preparer');
      signals.wake('preparer');
      signals.sleep('preparer', seen, ${AN_HOUR_MS});
      return 'awake';`;
    assert.equal(await onThread(new Signals(), body), 'awake');
  });

  test('is woken from its sleep, by two threads in turn, every time', options, async () => {
    const signals = new Signals();
    // The ball is in a word that nobody else uses here: segmentsTaken counts the strokes.
    const player = (me: string, other: string, parity: number): string => `
      for (let stroke = 0; stroke < 10_000; ) {
        const seen = signals.wakeCount('${me}');
        const count = signals.get('segmentsTaken');
        if (count >= 10_000) break;
        if (count % 2 === ${parity}) {
          signals.set('segmentsTaken', count + 1);
          signals.wake('${other}');
          stroke = count + 1;
        } else signals.sleep('${me}', seen, ${AN_HOUR_MS});
      }
      return signals.get('segmentsTaken');`;
    const players = [player('writer', 'preparer', 0), player('preparer', 'writer', 1)];
    const strokes = await Promise.all(players.map((body) => onThread(signals, body)));
    assert.deepEqual(strokes, [10_000, 10_000]);
  });

  test('wakes by itself when its time is over', options, async () => {
    const body = `
      signals.sleep('writer', signals.wakeCount('writer'), 1);
      return 'awake';`;
    assert.equal(await onThread(new Signals(), body), 'awake');
  });

  test('ends its sleep when it is asked to stop', options, async () => {
    const signals = new Signals();
    const ended = onThread(
      signals,
      `while (!signals.stopRequested('housekeeping')) {
        const seen = signals.wakeCount('housekeeping');
        signals.set('regionNameLost', 1);
        if (!signals.stopRequested('housekeeping')) {
          signals.sleep('housekeeping', seen, ${AN_HOUR_MS});
        }
      }
      return 'stopped';`,
    );
    while (signals.get('regionNameLost') === 0) await new Promise(setImmediate);
    signals.requestStop('housekeeping');
    assert.equal(await ended, 'stopped');
  });
});

describe('the end of a thread', () => {
  test('is waited for, blocking', options, async () => {
    const signals = new Signals();
    const ended = onThread(signals, `signals.announceEnd('writer');`);
    assert.equal(signals.waitForEnd('writer', 240_000), true);
    await ended;
    assert.equal(signals.waitForEnd('writer', 0), true, 'also when it is long over');
  });

  test('that does not come is told', () => {
    assert.equal(new Signals().waitForEnd('preparer', 1), false);
  });

  test('is each thread by itself', () => {
    for (const thread of THREAD_NAMES) {
      const signals = new Signals();
      signals.requestStop(thread);
      signals.announceEnd(thread);
      for (const other of THREAD_NAMES) {
        assert.equal(signals.stopRequested(other), other === thread);
        assert.equal(signals.waitForEnd(other, 0), other === thread);
      }
    }
  });
});

describe('a producer that waits for room', () => {
  test('is not woken, at no cost, while it does not wait', () => {
    const signals = new Signals();
    signals.announceRoom();
    assert.equal(signals.producerWakeCount, 0);
  });

  test('does not sleep when room came between the look and the sleep', options, async () => {
    const body = `
      signals.set('producerWaiting', 1);
      const seen = signals.producerWakeCount;
      signals.announceRoom();
      signals.waitForRoom(seen, ${AN_HOUR_MS});
      return 'awake';`;
    assert.equal(await onThread(new Signals(), body), 'awake');
  });

  test('is woken from its sleep', options, async () => {
    const signals = new Signals();
    const awake = onThread(
      signals,
      `const seen = signals.producerWakeCount;
      signals.set('producerWaiting', 1);
      signals.waitForRoom(seen, ${AN_HOUR_MS});
      return 'awake';`,
    );
    while (signals.get('producerWaiting') === 0) await new Promise(setImmediate);
    signals.announceRoom();
    assert.equal(await awake, 'awake');
  });
});

test('a waiting durable() hears of every announcement', async () => {
  const signals = new Signals();
  const { words, durableWakeWord } = signals;
  const seen = Atomics.load(words, durableWakeWord);
  const waiting = Atomics.waitAsync(words, durableWakeWord, seen);
  assert.ok(waiting.async);
  signals.announceDurable();
  assert.equal(await waiting.value, 'ok');
  assert.equal(Atomics.waitAsync(words, durableWakeWord, seen).async, false, 'not a stale one');
});

test('requested ids are told beyond 32 bits', () => {
  const signals = new Signals();
  assert.equal(signals.durableRequest, 0);
  signals.requestDurable(2 ** 53 - 2);
  assert.equal(new Signals(signals.buffer).durableRequest, 2 ** 53 - 2);
});

test('counters start over at 2^32 instead of stopping', () => {
  const signals = new Signals();
  signals.set('metaRequests', 2 ** 31 - 1);
  signals.count('metaRequests', 1);
  assert.equal(signals.get('metaRequests'), -(2 ** 31));
});

test('what different threads write stands 128 bytes apart', () => {
  const lines = SignalsLayout.fields.map(({ offset }) => offset);
  for (const offset of lines) assert.equal(offset % 128, 0, `${offset}`);
});

describe('what a thread must not be disturbed in', () => {
  test('is waited for by the end of the process, within bounds', () => {
    const signals = new Signals();
    for (const thread of THREAD_NAMES) {
      signals.set('processEnds', 0);
      assert.equal(
        signals.undisturbed(thread, () => signals.endUndisturbed(1)),
        false,
      );
      assert.equal(signals.endUndisturbed(1), true);
    }
  });

  test('is waited for as long as the waiting thread runs: each slice counts once', (t) => {
    const signals = new Signals();
    let slices = 0;
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    // Each of them took an hour by the clock: the process was stopped.
    t.mock.method(Atomics, 'wait', () => {
      nowMs += 3_600_000;
      return ++slices < 100 ? 'timed-out' : 'ok';
    });
    assert.equal(signals.waitForEnd('writer', 10_000), true);
    assert.equal(slices, 100);
    slices = 0;
    assert.equal(signals.waitForEnd('writer', 9_800), false);
    assert.equal(slices, 98);
  });

  test('is over when it throws', () => {
    const signals = new Signals();
    const fail = (): never => {
      throw new RangeError('the call failed');
    };
    assert.throws(() => signals.undisturbed('writer', fail), RangeError);
    assert.equal(signals.endUndisturbed(1), true);
  });

  test('does not begin once the process ends: the thread waits for its own end', (t) => {
    const signals = new Signals();
    assert.equal(signals.endUndisturbed(1), true);
    t.mock.method(Atomics, 'wait', () => {
      throw new Error('waits');
    });
    assert.throws(() => signals.undisturbed('writer', () => assert.fail('it has begun')), /waits/);
  });
});
