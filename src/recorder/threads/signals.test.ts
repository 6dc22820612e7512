import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { THREAD_NAMES } from '../../telemetry/heartbeats.js';
import { Doorbell } from './doorbell.js';
import { Signals, SignalsLayout } from './signals.js';

/** Runs `body` on a thread that shares `signals`; resolves with what it posts last. */
function onThread(signals: Signals, body: string): Promise<unknown> {
  const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const modules = `[import(${module('./signals.js')}), import(${module('./doorbell.js')})]`;
  const worker = new Worker(
    `Promise.all(${modules}).then(([{ Signals }, { Doorbell }]) => {
      const { parentPort, workerData } = require('node:worker_threads');
      const signals = new Signals(workerData);
      const bellOf = (thread) => new Doorbell(workerData.bells[thread]);
      parentPort.postMessage((() => { ${body} })());
    });`,
    { eval: true, workerData: signals.handle },
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
      const bell = bellOf('preparer');
      const seen = bell.rings;
      signals.wake('preparer');
      bell.sleep(seen, ${AN_HOUR_MS});
      return 'awake';`;
    assert.equal(await onThread(new Signals(), body), 'awake');
  });

  test('is woken from its sleep, by two threads in turn, every time', options, async () => {
    const signals = new Signals();
    // The ball is in a word that nobody else uses here: segmentsTaken counts the strokes.
    const player = (me: string, other: string, parity: number): string => `
      const bell = bellOf('${me}');
      for (let stroke = 0; stroke < 10_000; ) {
        const seen = bell.rings;
        const count = signals.get('segmentsTaken');
        if (count >= 10_000) break;
        if (count % 2 === ${parity}) {
          signals.set('segmentsTaken', count + 1);
          signals.wake('${other}');
          stroke = count + 1;
        } else bell.sleep(seen, ${AN_HOUR_MS});
      }
      return signals.get('segmentsTaken');`;
    const players = [player('writer', 'preparer', 0), player('preparer', 'writer', 1)];
    const strokes = await Promise.all(players.map((body) => onThread(signals, body)));
    assert.deepEqual(strokes, [10_000, 10_000]);
  });

  test('wakes by itself when its time is over', options, async () => {
    const body = `
      const bell = bellOf('writer');
      bell.sleep(bell.rings, 1);
      return 'awake';`;
    assert.equal(await onThread(new Signals(), body), 'awake');
  });

  test('ends its sleep when it is asked to stop', options, async () => {
    const signals = new Signals();
    const ended = onThread(
      signals,
      `const bell = bellOf('housekeeping');
      while (!signals.stopRequested('housekeeping')) {
        const seen = bell.rings;
        signals.set('regionNameLost', 1);
        if (!signals.stopRequested('housekeeping')) {
          bell.sleep(seen, ${AN_HOUR_MS});
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
  assert.equal(new Signals(signals.handle).durableRequest, 2 ** 53 - 2);
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

test('a wait for a thread counts each slice of it once', (t) => {
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

describe('logs that are served by one thread', () => {
  test('ring the same bell, and which was meant stands with each', () => {
    const bell = new Doorbell();
    const [one, other] = [new Signals(), new Signals()];
    for (const signals of [one, other]) signals.connect('writer', bell);
    one.wake('writer');
    assert.deepEqual([bell.rings, one.wakeCount('writer'), other.wakeCount('writer')], [1, 1, 0]);
    new Signals(other.handle).wake('writer');
    assert.deepEqual([bell.rings, one.wakeCount('writer'), other.wakeCount('writer')], [2, 1, 1]);
    other.wake('preparer');
    assert.equal(bell.rings, 2, 'another thread has another bell');
  });
});
