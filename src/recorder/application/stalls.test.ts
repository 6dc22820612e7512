import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '../../clock/clock.js';
import { WalError } from '../../errors.js';
import { RingConsumer } from '../../ring/ring-consumer.js';
import { RingControlLayout } from '../../ring/ring-control.js';
import { RingProducer } from '../../ring/ring-producer.js';
import { ringOfSections } from '../../ring/ring-snapshot.js';
import { FrameKind } from '../../segment/frame.js';
import { Manager, ManagerUpdater } from '../../telemetry/recorder/manager-metrics.js';
import { KIB } from '../../units.js';
import { Signals, Trouble } from '../threads/signals.js';
import { Stalls } from './stalls.js';

/** Moves a tenth of a millisecond with every look, so that nothing here really waits for long. */
class QuickClock implements Clock {
  #nowNs = 0;

  nowNs(): number {
    this.#nowNs += 100_000;
    return this.#nowNs;
  }

  stopFor(stoppedNs: number): void {
    this.#nowNs += stoppedNs;
  }
}

const SPAN = 1_024;

class Bench {
  readonly signals = new Signals();
  readonly memory = ringOfSections(
    new Uint8Array(RingControlLayout.size),
    new Uint8Array(64 * KIB),
  );
  readonly producer = new RingProducer(this.memory, 1);
  readonly metrics = new Manager();
  readonly stalls: Stalls;
  readonly clock = new QuickClock();

  constructor(timeoutMs = 150, neighbours?: ConstructorParameters<typeof Stalls>[6]) {
    const { clock } = this;
    this.stalls = new Stalls(
      this.signals,
      clock,
      this.producer,
      '/log',
      timeoutMs,
      new ManagerUpdater(this.metrics, clock),
      neighbours,
    );
    while (this.producer.reserve(SPAN)) {
      this.producer.put(new Uint8Array(1_000), 1_000, FrameKind.event, 0, 0, 0);
      this.producer.publish();
    }
  }

  /** What the writer thread does. */
  release(): void {
    const consumer = new RingConsumer(this.memory, 1);
    assert.ok(consumer.gather(2 * SPAN, 2 * SPAN));
    consumer.release();
  }
}

test('what is not durable in time: the disk is slow, or full, as far as is known', () => {
  const { signals, stalls } = new Bench();
  const { code, message } = stalls.notDurable(7, 5, 20);
  assert.equal(code, 'ERR_FLASHSTRIKE_STALLED');
  assert.match(message, /^\/log: event 7 was not durable after 20 ms \(durable up to 5\)/);
  // While the active segment takes what waits, a segment that cannot be made keeps nobody waiting.
  signals.set('preparerTrouble', Trouble.noSpace);
  assert.equal(stalls.notDurable(7, 5, 20).code, 'ERR_FLASHSTRIKE_STALLED');
  signals.set('takerWaiting', 1);
  assert.equal(stalls.notDurable(7, 5, 20).code, 'ERR_FLASHSTRIKE_NO_SPACE');
  signals.set('takerWaiting', 0);
  signals.set('writerTrouble', Trouble.noSpace);
  assert.match(stalls.notDurable(7, 5, 20).message, /no space on the disk for it/);
});

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof WalError, String(error));
    return error.code;
  }
  return 'none';
};

describe('a full ring', () => {
  test('is waited for until there is room, and the wait is counted and timed', () => {
    const bench = new Bench();
    let looks = 0;
    bench.stalls.waitForRoom(SPAN, () => {
      if (++looks === 3) bench.release();
      return false;
    });
    assert.ok(bench.producer.reserve(SPAN));
    assert.equal(bench.metrics.ringStall.samples, 1);
    assert.ok(bench.metrics.ringStall.totalNs > 0);
    assert.equal(bench.signals.get('producerWaiting'), 0);
  });

  test('that stays full for stallTimeoutMs ends the wait with a code', () => {
    const bench = new Bench();
    assert.equal(
      codeOf(() => bench.stalls.waitForRoom(SPAN, () => false)),
      'ERR_FLASHSTRIKE_STALLED',
    );
    assert.equal(bench.signals.get('producerWaiting'), 0);
    assert.equal(bench.metrics.ringStall.samples, 1);
  });

  test("while the process was stopped for an hour is not the writer thread's fault", () => {
    const bench = new Bench();
    let looks = 0;
    bench.stalls.waitForRoom(SPAN, () => {
      if (++looks === 2) bench.clock.stopFor(3_600e9);
      if (looks === 4) bench.release();
      return false;
    });
    assert.equal(looks, 4);
  });

  test('is looked at once even when no time is given', () => {
    const bench = new Bench(0);
    assert.equal(
      codeOf(() => bench.stalls.waitForRoom(SPAN, () => false)),
      'ERR_FLASHSTRIKE_STALLED',
    );
    bench.release();
    bench.stalls.waitForRoom(SPAN, () => false);
  });

  test('and a disk without room for a segment: told at once, with the cause', () => {
    const bench = new Bench(3_600_000);
    bench.signals.set('takerWaiting', 1);
    bench.signals.set('preparerTrouble', Trouble.noSpace);
    bench.signals.preparerError.write(new WalError('ERR_FLASHSTRIKE_NO_SPACE', 'full (ENOSPC)'));
    assert.throws(
      () => bench.stalls.waitForRoom(SPAN, () => true),
      (error: WalError) => {
        assert.equal(error.code, 'ERR_FLASHSTRIKE_NO_SPACE');
        assert.equal(error.path, '/log');
        assert.equal((error.cause as Error).message, 'full (ENOSPC)');
        return true;
      },
    );
    const { ringStall, ringStallAge } = bench.metrics;
    assert.deepEqual([ringStall.samples, ringStallAge], [0, 0], 'it is the disk that is full');
  });

  test('and a disk without room for a block: told at once, though a segment is prepared', () => {
    const bench = new Bench(3_600_000);
    bench.signals.set('writerTrouble', Trouble.noSpace);
    assert.throws(
      () => bench.stalls.waitForRoom(SPAN, () => true),
      (error: WalError) => error.code === 'ERR_FLASHSTRIKE_NO_SPACE',
    );
  });

  test('and no space for wal.meta alone: waited for, a segment is being made', () => {
    const bench = new Bench(3_600_000);
    bench.signals.set('takerWaiting', 1);
    bench.signals.set('metaTrouble', Trouble.noSpace);
    let looks = 0;
    bench.stalls.waitForRoom(SPAN, () => {
      if (++looks === 2) bench.release();
      return true;
    });
    assert.ok(looks >= 2);
  });

  test('and no space for later segments: waited for, while the active one still takes events', () => {
    const bench = new Bench(3_600_000);
    bench.signals.set('preparerTrouble', Trouble.noSpace);
    let looks = 0;
    bench.stalls.waitForRoom(SPAN, () => {
      if (++looks === 2) bench.release();
      return true;
    });
    assert.ok(looks >= 2);
  });

  test('and a log that has failed: the wait ends with that error', () => {
    const bench = new Bench(3_600_000);
    const error = new Error('the log has failed');
    const check = (): boolean => {
      throw error;
    };
    assert.throws(() => bench.stalls.waitForRoom(SPAN, check), error);
    assert.equal(bench.signals.get('producerWaiting'), 0);
    assert.equal(bench.metrics.ringStall.samples, 1, 'a wait that failed is counted too');
  });

  test('wakes the writer thread, which may be asleep', () => {
    const bench = new Bench();
    const before = bench.signals.wakeCount('writer');
    bench.release();
    bench.stalls.waitForRoom(SPAN, () => false);
    assert.ok(bench.signals.wakeCount('writer') > before);
  });
});

test('what is true already is not waited for', () => {
  const bench = new Bench();
  let looks = 0;
  bench.stalls.waitUntil(
    () => ++looks > 0,
    () => assert.fail('it looked at the state'),
  );
  assert.equal(looks, 1);
  assert.equal(bench.metrics.ringStall.samples, 0, 'and it is no stall');
});

describe('a thread that serves other logs', () => {
  /** At another log in so many looks of four. */
  const busy = (thread: string, share: number) => {
    let looks = 0;
    let told = 0;
    const elsewhere = { directory: '/other', logId: 1n, sinceMs: 0 };
    const at = (asked: string) => (asked === thread && looks++ % 4 < share ? elsewhere : undefined);
    return { at, longAt: at, tell: () => told++, told: () => told };
  };
  const stalled = (bench: Bench): string => {
    try {
      bench.stalls.waitForRoom(SPAN, () => false);
    } catch (error) {
      assert.ok(error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_STALLED');
      return error.message;
    }
    return assert.fail('there is no room');
  };

  test('is what a full ring waits for, where it is at them most of the time', () => {
    const neighbours = busy('writer', 3);
    const message = stalled(new Bench(150, neighbours));
    assert.match(message, /the writer thread serves other logs as well, and was at them for 7\d %/);
    assert.match(message, /at last at \/other\. .*threads: 'own'/);
    assert.doesNotMatch(message, /cannot keep up/);
    assert.ok(neighbours.told() > 2, 'who looks from outside learns it meanwhile');
  });

  test('is none of its trouble where it mostly is at this one', () => {
    const message = stalled(new Bench(150, busy('writer', 1)));
    assert.match(message, /the disk cannot keep up/);
    assert.doesNotMatch(message, /other/);
  });

  test('may be the preparer, where the writer waits for that', () => {
    const bench = new Bench(150, busy('preparer', 4));
    assert.match(stalled(bench), /the disk cannot keep up/);
    bench.signals.set('takerWaiting', 1);
    assert.match(stalled(bench), /the preparer thread serves other logs as well/);
  });

  test('is named by who waits for the disk', () => {
    const { stalls } = new Bench(150, busy('writer', 4));
    const { code, message } = stalls.notDurable(7, 5, 20);
    assert.equal(code, 'ERR_FLASHSTRIKE_STALLED');
    assert.match(message, /the writer thread serves other logs as well, and has been at \/other/);
    assert.match(message, /for \d+ ms\. .* The event stays appended; wait again\.$/);
  });
});
