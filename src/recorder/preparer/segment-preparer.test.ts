import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import type { CallKind, StorageCall } from '../../../test/support/interposed-storage.js';
import { FakeClock } from '../../clock/fake-clock.js';
import { systemCode, WalError } from '../../errors.js';
import {
  SegmentPreparationUpdater,
  SegmentPreparer as SegmentPreparerMetrics,
  SegmentPreparerUpdater,
} from '../../telemetry/recorder/worker/segment-preparer-metrics.js';
import { KIB, MIB, NS_PER_MS } from '../../units.js';
import { offer, type PreparedSegment, PreparedSegments } from '../threads/prepared-segments.js';
import { SEGMENT_PARTS } from '../threads/segment-growth.js';
import { Signals, Trouble } from '../threads/signals.js';
import type { Preallocation } from '../threads/wal-options.js';
import { SegmentPreparer } from './segment-preparer.js';

const DIRECTORY = '/log';
const CHUNK_NS = 3 * NS_PER_MS;

class Bench {
  readonly clock = new FakeClock();
  readonly disk = new SimulatedDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  readonly preparer: SegmentPreparer;
  readonly metrics = new SegmentPreparerMetrics();
  readonly taker = new PreparedSegments(
    this.signals,
    this.clock,
    new SegmentPreparerUpdater(this.metrics, this.clock),
  );

  constructor(
    segmentBytes = 64 * KIB,
    preparedSegments = 2,
    activeBytes = segmentBytes,
    preallocate: Preallocation = 'zero',
  ) {
    this.disk.makeDirectory(DIRECTORY);
    // Each chunk takes as long: half of it to write, half to sync.
    this.storage.onCall = ({ kind }) => {
      if (kind === 'write' || kind === 'sync') this.clock.advanceNs(CHUNK_NS / 2);
    };
    const telemetry = new SegmentPreparationUpdater(this.metrics, this.clock);
    // As large as they become, and the last part of it is being used.
    this.taker.announceActive(activeBytes);
    this.taker.announceUse(activeBytes === 0 ? 0 : SEGMENT_PARTS - 1);
    this.preparer = new SegmentPreparer(this.storage, this.clock, this.signals, telemetry, {
      directory: DIRECTORY,
      segmentBytes,
      maxBlockBytes: 64 * KIB,
      preparedSegments,
      preallocate,
      firstTicket: 7,
    });
  }

  /**
   * Steps, letting the time pass that it asks for, until it has nothing to do; no longer at most.
   */
  run(limitMs = 60_000): void {
    for (let waitedMs = 0; waitedMs < limitMs; ) {
      const waitMs = this.preparer.step();
      if (waitMs === 1000) return;
      this.clock.advanceNs(waitMs * NS_PER_MS);
      waitedMs += waitMs;
    }
  }

  take(): PreparedSegment | undefined {
    const segment = this.taker.getNextSegment();
    if (segment !== undefined) this.taker.announceTaken();
    return segment;
  }

  get ready(): number {
    return this.signals.preparedQueue.length;
  }

  get trouble(): number {
    return this.signals.get('preparerTrouble');
  }

  get names(): string[] {
    return this.disk.list(DIRECTORY).map(({ name }) => name);
  }

  story(...kinds: readonly CallKind[]): string[] {
    return this.storage.story(...kinds);
  }
}

const of =
  (kind: string) =>
  (call: StorageCall): boolean =>
    call.kind === kind;

describe('a segment made ahead', () => {
  test('is allocated, then zero-written and synced in chunks of at most 2 MiB', () => {
    const bench = new Bench(5 * MIB);
    bench.run();
    assert.deepEqual(bench.story(), [
      'open prepared-7.tmp',
      'statusOf prepared-7.tmp',
      'allocate prepared-7.tmp',
      'write prepared-7.tmp@0',
      'sync prepared-7.tmp',
      'write prepared-7.tmp@2097152',
      'sync prepared-7.tmp',
      'write prepared-7.tmp@4194304',
      'sync prepared-7.tmp',
      'close prepared-7.tmp',
    ]);
    const written = bench.storage.calls.filter(of('write')).map(({ bytes }) => bytes);
    assert.deepEqual(written, [2 * MIB, 2 * MIB, MIB]);
    const segment = bench.take();
    const inode = bench.storage.statusAt('/log/prepared-7.tmp')?.inode;
    const made = { writtenBytes: 5 * MIB, isRecycled: false };
    assert.deepEqual(segment, { ticket: 7, inode, segmentBytes: 5 * MIB, ...made });
    assert.equal(bench.metrics.hurriedSegments, 0);
  });

  test('is handed over closed, by the thread that opened it', () => {
    const bench = new Bench();
    bench.run();
    assert.equal(bench.storage.story().at(-1), 'close prepared-7.tmp');
    assert.deepEqual([...bench.storage.openFiles], []);
    assert.notEqual(bench.take(), undefined);
  });

  test('gives way to the commits: after each chunk it rests for as long as that took', () => {
    const bench = new Bench(5 * MIB);
    assert.equal(bench.preparer.step(), 0);
    assert.equal(bench.preparer.step(), CHUNK_NS / NS_PER_MS);
    bench.clock.advanceNs(CHUNK_NS - NS_PER_MS);
    assert.equal(bench.preparer.step(), 1);
    assert.equal(bench.storage.calls.filter(of('sync')).length, 1);
    bench.clock.advanceNs(NS_PER_MS);
    assert.equal(bench.preparer.step(), 0);
    assert.equal(bench.storage.calls.filter(of('sync')).length, 2);
  });

  test('is one step of bounded work at a time', () => {
    const bench = new Bench(64 * MIB);
    for (let step = 0; step < 20; step++) {
      const told = bench.storage.calls.length;
      bench.clock.advanceNs(CHUNK_NS);
      bench.preparer.step();
      const syncs = bench.storage.calls.slice(told).filter(of('sync'));
      assert.ok(syncs.length <= 1);
    }
  });

  test('has a name of its own each time: tickets count up', () => {
    const bench = new Bench();
    bench.run();
    bench.clock.advanceNs(3600e9);
    bench.take();
    bench.run();
    assert.deepEqual(bench.names, ['prepared-7.tmp', 'prepared-8.tmp']);
  });
});

describe('how many are kept ready', () => {
  test('none while the log needs none for some seconds; one when it comes to the last eighth', () => {
    const bench = new Bench(64 * MIB, 3);
    bench.taker.announceActive(64 * MIB);
    bench.run();
    assert.equal(bench.preparer.step(), 1000);
    bench.taker.announceUse(SEGMENT_PARTS - 2);
    bench.clock.advanceNs(3600e9);
    bench.run();
    assert.deepEqual(bench.names, [], 'used slowly');
    bench.clock.advanceNs(3600e9);
    bench.taker.announceUse(SEGMENT_PARTS - 1);
    bench.run();
    assert.equal(bench.ready, 1);
  });

  test('those that the log could use in some seconds, and as many as asked for at most', () => {
    const bench = new Bench(MIB, 3);
    bench.taker.announceActive(MIB);
    bench.preparer.step();
    // 128 KiB in 330 ms: 1.5 MiB in 4 s, of which 896 KiB are there.
    bench.clock.advanceNs(330 * NS_PER_MS);
    bench.taker.announceUse(1);
    bench.run();
    assert.equal(bench.ready, 1);
    bench.clock.advanceNs(10 * NS_PER_MS);
    bench.taker.announceUse(2);
    bench.run();
    assert.equal(bench.ready, 3);
    bench.run();
    assert.equal(bench.ready, 3, 'and no more');
  });

  test('no more than there are when the log is used slowly again', () => {
    const bench = new Bench(64 * KIB, 2);
    bench.clock.advanceNs(NS_PER_MS);
    bench.taker.announceUse(SEGMENT_PARTS);
    bench.run();
    assert.equal(bench.ready, 2);
    bench.clock.advanceNs(3600e9);
    bench.take();
    bench.run();
    assert.equal(bench.ready, 1);
  });

  test('one more each time a taker had to wait, four at most, as far as they are needed', () => {
    const bench = new Bench(64 * KIB, 1);
    useFast(bench);
    assert.equal(bench.metrics.preparedSegmentsLimit, 1, 'the option');
    const found: [number, number][] = [];
    for (let waits = 0; waits < 5; waits++) {
      while (bench.take() !== undefined);
      // The preparer sees the wait and ends it.
      bench.run();
      assert.notEqual(bench.take(), undefined);
      useFast(bench);
      found.push([bench.ready, bench.metrics.preparedSegmentsLimit]);
    }
    assert.deepEqual(found, [
      [2, 2],
      [3, 3],
      [4, 4],
      [4, 4],
      [4, 4],
    ]);
    assert.equal(bench.metrics.getNextSegmentWaited, 5);
    // Used slowly again: what is there is used up, and then there is one.
    bench.clock.advanceNs(3600e9);
    for (let taken = 0; taken < 4; taken++) bench.take();
    bench.clock.advanceNs(3600e9);
    bench.taker.announceUse(SEGMENT_PARTS - 1);
    bench.run();
    assert.equal(bench.ready, 1, 'a deep queue costs an idle log nothing');
  });

  /** Uses a segment within a millisecond. */
  const useFast = (bench: Bench): void => {
    bench.clock.advanceNs(NS_PER_MS);
    bench.taker.announceUse(0);
    bench.preparer.step();
    bench.clock.advanceNs(NS_PER_MS);
    bench.taker.announceUse(SEGMENT_PARTS);
    bench.run(2000);
  };

  test('without space for one more than was asked for there is enough: no trouble is told', () => {
    const bench = new Bench(64 * KIB, 1);
    const fault = bench.storage.fail({
      code: 'ENOSPC',
      when: ({ kind }) => kind === 'allocate' && bench.ready >= 1,
    });
    useFast(bench);
    while (bench.take() !== undefined);
    bench.run();
    assert.deepEqual([fault.hits, bench.ready, bench.trouble], [1, 1, Trouble.none]);
    assert.notEqual(bench.take(), undefined);
    for (let uses = 0; uses < 3; uses++) useFast(bench);
    assert.equal(fault.hits, 1, 'the deeper queue was tried, once');
    assert.deepEqual([bench.ready, bench.trouble], [1, Trouble.none]);
    assert.equal(bench.metrics.preparedSegmentsLimit, 1);
  });

  test('a wait for space makes it no deeper: more of them would fill the disk again', () => {
    const bench = new Bench(64 * KIB, 1);
    useFast(bench);
    bench.storage.fail({ code: 'ENOSPC', when: of('allocate') });
    while (bench.take() !== undefined);
    for (let waits = 0; waits < 3; waits++) {
      bench.run(2000);
      assert.equal(bench.trouble, Trouble.noSpace);
      bench.taker.giveUp();
      assert.equal(bench.take(), undefined);
    }
    bench.storage.heal();
    bench.run();
    assert.deepEqual([bench.ready, bench.metrics.preparedSegmentsLimit], [1, 1]);
  });

  test('a wait while segments grow makes it no deeper: one is ready then, at any depth', () => {
    const bench = new Bench(64 * MIB, 2, MIB);
    assert.equal(bench.take(), undefined);
    bench.run();
    assert.notEqual(bench.take(), undefined);
    assert.equal(bench.metrics.preparedSegmentsLimit, 2);
  });

  test('a wait that is over before the preparer looks counts as well', () => {
    const bench = new Bench();
    bench.run();
    bench.take();
    assert.equal(bench.take(), undefined);
    bench.taker.giveUp();
    bench.run();
    assert.equal(bench.metrics.preparedSegmentsLimit, 3);
  });

  test('a taker wakes the preparer, and so does each part that is used', () => {
    const bench = new Bench();
    bench.taker.announceActive(64 * KIB);
    const before = bench.signals.wakeCount('preparer');
    bench.taker.announceTaken();
    assert.equal(bench.signals.wakeCount('preparer'), before + 1);
    bench.taker.announceUse(1);
    assert.equal(bench.signals.wakeCount('preparer'), before + 2);
    bench.taker.announceUse(1);
    assert.equal(bench.signals.wakeCount('preparer'), before + 2, 'once');
  });
});

describe('how large they are', () => {
  const nextAfter = (activeBytes: number, usedNs: number, limitBytes = 64 * MIB): number => {
    const bench = new Bench(limitBytes);
    bench.taker.announceActive(activeBytes);
    bench.preparer.step();
    for (let part = 1; part < SEGMENT_PARTS; part++) {
      bench.clock.advanceNs(usedNs / SEGMENT_PARTS);
      bench.taker.announceUse(part);
      bench.preparer.step();
    }
    bench.run();
    return bench.take()?.segmentBytes ?? 0;
  };

  test('a log begins with a small one, or with the only one that it may have', () => {
    for (const [limitBytes, expected] of [
      [64 * MIB, 256 * KIB],
      [64 * KIB, 64 * KIB],
    ] as const) {
      const bench = new Bench(limitBytes, 2, 0);
      bench.run();
      assert.equal(bench.ready, 1);
      assert.equal(bench.take()?.segmentBytes, expected);
    }
  });

  test('the next is twice as large, four times where the log is quick', () => {
    assert.equal(nextAfter(2 * MIB, 3600e9), 4 * MIB);
    assert.equal(nextAfter(2 * MIB, 1e6), 8 * MIB);
    // 2 MiB in 2.5 s: 3.2 MiB in 4 s.
    assert.equal(nextAfter(2 * MIB, 2.5e9), 4 * MIB);
    // 2 MiB in 1.6 s: 5 MiB in 4 s.
    assert.equal(nextAfter(2 * MIB, 1.6e9), 5 * MIB);
  });

  test('never larger than the limit, and each but the first holds the largest event', () => {
    assert.equal(nextAfter(32 * MIB, 1e6), 64 * MIB);
    assert.equal(nextAfter(64 * MIB, 1e6), 64 * MIB);
    assert.equal(nextAfter(256 * KIB, 3600e9), MIB + 36 * KIB);
    assert.equal(nextAfter(256 * KIB, 3600e9, 256 * KIB), 256 * KIB);
    assert.equal(nextAfter(4096, 3600e9, 512 * KIB), 512 * KIB);
  });

  test('one at a time while they grow', () => {
    const bench = new Bench(64 * MIB, 4);
    bench.taker.announceActive(MIB);
    bench.preparer.step();
    bench.clock.advanceNs(NS_PER_MS);
    bench.taker.announceUse(4);
    bench.run();
    assert.equal(bench.ready, 1);
  });
});

describe('a taker that waits', () => {
  test('gets the file as it is, at once, and the writer is woken', () => {
    const bench = new Bench(64 * MIB);
    bench.preparer.step();
    assert.equal(bench.ready, 0);
    bench.take();
    const woken = bench.signals.wakeCount('writer');
    // It rests between two chunks: that is cut short.
    assert.equal(bench.preparer.step(), 0);
    assert.equal(bench.ready, 1);
    assert.equal(bench.signals.wakeCount('writer'), woken + 1);
    const { inode: _, ...segment } = bench.take() ?? {};
    const written = { writtenBytes: 2 * MIB, isRecycled: false };
    assert.deepEqual(segment, { ticket: 7, segmentBytes: 64 * MIB, ...written });
    assert.equal(bench.metrics.hurriedSegments, 1);
  });

  test('gets an allocated file that was not zeroed at all when none was begun', () => {
    const bench = new Bench(64 * MIB);
    bench.take();
    bench.preparer.step();
    assert.deepEqual(bench.story(), [
      'open prepared-7.tmp',
      'statusOf prepared-7.tmp',
      'allocate prepared-7.tmp',
      'close prepared-7.tmp',
    ]);
    assert.equal(bench.take()?.writtenBytes, 0);
  });

  test('is counted and timed once, however often it looks', () => {
    const bench = new Bench();
    assert.equal(bench.take(), undefined);
    bench.clock.advanceNs(2 * NS_PER_MS);
    assert.equal(bench.take(), undefined);
    assert.equal(bench.metrics.getNextSegment.samples, 0, 'the call has not ended');
    bench.clock.advanceNs(3 * NS_PER_MS);
    bench.preparer.step();
    assert.ok(bench.take() !== undefined);
    const { samples, totalNs } = bench.metrics.getNextSegment;
    assert.deepEqual({ samples, totalNs }, { samples: 1, totalNs: 5 * NS_PER_MS });
    assert.equal(bench.metrics.getNextSegmentWaited, 1);
    assert.equal(bench.metrics.getNextSegmentReady, 0);
    assert.equal(bench.signals.get('takerWaiting'), 0);
  });

  test('in vain, because the log ends: the call has failed', () => {
    const bench = new Bench();
    assert.equal(bench.take(), undefined);
    bench.clock.advanceNs(3 * NS_PER_MS);
    bench.taker.giveUp();
    bench.taker.giveUp();
    assert.equal(bench.metrics.getNextSegmentFailed, 1);
    assert.equal(bench.metrics.getNextSegment.totalNs, 3 * NS_PER_MS);
    assert.equal(bench.signals.get('takerWaiting'), 0);
  });

  test('none: a segment that is ready is handed over at once, and that is told apart', () => {
    const bench = new Bench();
    bench.run();
    assert.ok(bench.take() !== undefined);
    const { getNextSegmentReady: ready, getNextSegmentWaited: waited } = bench.metrics;
    assert.deepEqual({ ready, waited }, { ready: 1, waited: 0 });
    assert.equal(bench.metrics.preparedSegmentsLow, 1);
    assert.equal(bench.metrics.preparedSegments, 1);
  });

  test('none waits, yet segments go faster than they can be zeroed: zeroing gives way', () => {
    const bench = new Bench(16 * MIB, 4);
    // 12 MiB in 750 ms; 16 MiB are zeroed in 48 ms.
    bench.taker.announceActive(16 * MIB);
    bench.preparer.step();
    bench.clock.advanceNs(750 * NS_PER_MS);
    bench.taker.announceUse(6);
    bench.run();
    assert.deepEqual([bench.ready, bench.metrics.hurriedSegments], [4, 0]);
    for (let taken = 0; taken < 3; taken++) {
      bench.clock.advanceNs(CHUNK_NS);
      bench.take();
      bench.preparer.step();
    }
    bench.run();
    assert.equal(bench.ready, 4);
    assert.ok(bench.metrics.hurriedSegments > 0);
    // Used slowly again: there is time to zero.
    bench.clock.advanceNs(60e9);
    const hurried = bench.metrics.hurriedSegments;
    bench.take();
    bench.clock.advanceNs(60e9);
    bench.run();
    assert.equal(bench.ready, 3, 'and none is made before it is needed');
    assert.equal(bench.metrics.hurriedSegments, hurried);
  });
});

describe('files of removed segments', () => {
  /** What the maintainer has made of a removed segment, handed over. */
  function handOver(bench: Bench, index: number, fileBytes = 64 * KIB): string {
    const ticket = 2 ** 31 + index;
    const name = `prepared-${ticket}.tmp`;
    const fd = bench.disk.open(`${DIRECTORY}/${name}`, 'create');
    bench.disk.write(fd, [new Uint8Array(fileBytes).fill(0xab)], 0);
    const { inode } = bench.disk.statusOf(fd);
    bench.disk.close(fd);
    const segment = { ticket, inode, segmentBytes: 64 * KIB, writtenBytes: fileBytes };
    assert.ok(offer(bench.signals.recycledQueue, { ...segment, isRecycled: true }));
    return name;
  }
  const recycling = (preparedSegments = 1): Bench =>
    new Bench(64 * KIB, preparedSegments, 64 * KIB, 'recycle');
  const wishOf = (bench: Bench): number => bench.signals.get('recycledPages');

  test('are prepared ones as they are: not made, not filled with zeros', () => {
    const bench = recycling();
    const name = handOver(bench, 1);
    bench.run();
    assert.deepEqual(bench.names, [name]);
    assert.deepEqual(bench.story('allocate', 'write', 'sync', 'unlink'), []);
    assert.deepEqual([...bench.storage.openFiles], []);
    const { inode: _, ...segment } = bench.take() ?? {};
    const written = { writtenBytes: 64 * KIB, isRecycled: true };
    assert.deepEqual(segment, { ticket: 2 ** 31 + 1, segmentBytes: 64 * KIB, ...written });
    const { preparedSegments, recycledSegments, hurriedSegments } = bench.metrics;
    assert.deepEqual([preparedSegments, recycledSegments, hurriedSegments], [1, 1, 0]);
  });

  test('are made as long as they were, and only what was cut is filled with zeros', () => {
    const bench = recycling();
    const name = handOver(bench, 1, 40 * KIB);
    bench.run();
    assert.deepEqual(bench.story('allocate', 'write', 'sync'), [
      `allocate ${name}`,
      `write ${name}@${40 * KIB}`,
      `sync ${name}`,
    ]);
    assert.equal(bench.take()?.isRecycled, true);
    assert.equal(bench.disk.statusAt(`${DIRECTORY}/${name}`)?.bytes, 64 * KIB);
  });

  test('one more is asked for than would be made, so that none has to be made', () => {
    const bench = recycling();
    bench.preparer.step();
    assert.equal(wishOf(bench), 16, 'of 64 KiB');
    bench.run();
    assert.equal(bench.ready, 1);
    bench.preparer.step();
    assert.equal(wishOf(bench), 16, 'one is ready, and one more may come');
    handOver(bench, 1);
    bench.run();
    assert.equal(bench.ready, 2);
    bench.preparer.step();
    assert.equal(wishOf(bench), 0);
    const created = bench.metrics.prepareCreate.samples;
    for (let index = 2; index < 10; index++) {
      assert.notEqual(bench.take(), undefined);
      bench.run();
      assert.equal(wishOf(bench), 16);
      handOver(bench, index);
      bench.run();
    }
    assert.equal(bench.metrics.prepareCreate.samples, created, 'a log that removes what it adds');
    assert.equal(bench.ready, 2);
  });

  test('none is asked for in another mode, nor while segments grow by another size', () => {
    const bench = new Bench();
    bench.preparer.step();
    assert.equal(wishOf(bench), 0);
    const growing = new Bench(64 * MIB, 2, MIB, 'recycle');
    growing.preparer.step();
    assert.equal(wishOf(growing), 512);
  });

  test('that came too late, or with another size, are removed', () => {
    const bench = recycling();
    bench.run();
    for (const index of [1, 2]) handOver(bench, index);
    bench.run();
    assert.equal(bench.ready, 2);
    assert.deepEqual(bench.names, [`prepared-${2 ** 31 + 1}.tmp`, 'prepared-7.tmp']);
    const growing = new Bench(64 * MIB, 1, MIB, 'recycle');
    growing.run();
    handOver(growing, 1);
    growing.run();
    assert.deepEqual(growing.names, ['prepared-7.tmp']);
  });

  test('that are not there any more, or another file, are passed over', () => {
    const bench = recycling();
    const name = handOver(bench, 1);
    bench.disk.unlink(`${DIRECTORY}/${name}`);
    bench.disk.close(bench.disk.open(`${DIRECTORY}/${name}`, 'create'));
    bench.run();
    assert.deepEqual(bench.names, [name, 'prepared-7.tmp']);
    assert.equal(bench.take()?.isRecycled, false);
  });

  test('with a second name are given up, and not touched', () => {
    const bench = recycling();
    const name = handOver(bench, 1, 40 * KIB);
    bench.disk.link(`${DIRECTORY}/${name}`, '/snapshot');
    bench.run();
    assert.deepEqual(bench.names, ['prepared-7.tmp']);
    assert.equal(bench.disk.contentOf('/snapshot').length, 40 * KIB);
  });

  test('are removed at the end, taken or not', () => {
    const bench = recycling();
    handOver(bench, 1);
    bench.run();
    handOver(bench, 2);
    bench.preparer.close();
    assert.deepEqual(bench.names, []);
    assert.deepEqual([...bench.storage.openFiles], []);
  });

  for (const kind of ['open', 'allocate', 'write', 'sync']) {
    test(`without space at ${kind}: it goes, and another one is made`, () => {
      const bench = recycling();
      const name = handOver(bench, 1, 40 * KIB);
      bench.storage.fail({ code: 'ENOSPC', when: of(kind), times: 1 });
      bench.run();
      assert.equal(bench.disk.statusAt(`${DIRECTORY}/${name}`), undefined);
      assert.equal(bench.take()?.isRecycled, false);
      assert.deepEqual([...bench.storage.openFiles], []);
    });
  }
});

test('with `allocate` nothing is written: that is no hurry', () => {
  const bench = new Bench(5 * MIB, 1, 5 * MIB, 'allocate');
  bench.run();
  assert.deepEqual(bench.story('allocate', 'write', 'sync'), ['allocate prepared-7.tmp']);
  assert.equal(bench.take()?.writtenBytes, 0);
  assert.equal(bench.metrics.hurriedSegments, 0);
});

describe('a full disk', () => {
  for (const code of ['ENOSPC', 'EDQUOT']) {
    for (const kind of ['open', 'allocate', 'write', 'sync']) {
      test(`${code} at ${kind}: the partial file goes, no-space is told, work resumes`, () => {
        const bench = new Bench();
        const fault = bench.storage.fail({ code, when: of(kind) });
        bench.run(500);
        assert.ok(fault.hits > 1, 'it was tried again');
        assert.equal(bench.trouble, Trouble.noSpace);
        assert.equal(bench.taker.isOutOfSpace, true);
        assert.equal(bench.taker.error, undefined, 'no error for a taker');
        assert.deepEqual(bench.names, []);
        assert.deepEqual([...bench.storage.openFiles], []);
        const told = bench.signals.preparerError.read();
        assert.ok(told instanceof WalError);
        assert.equal(told.code, 'ERR_FLASHSTRIKE_NO_SPACE');
        assert.match(told.path ?? '', /^\/log\/prepared-\d+\.tmp$/);
        assert.equal(systemCode(told.cause), code);
        bench.storage.heal();
        bench.run();
        assert.equal(bench.trouble, Trouble.none);
        assert.equal(bench.ready, 1);
      });
    }
  }

  test('a failed allocation leaves a partial file behind: it is removed at once', () => {
    const bench = new Bench(64 * KIB);
    bench.disk.capacityBytes = 40 * KIB;
    bench.preparer.step();
    assert.deepEqual(bench.story('allocate', 'close', 'unlink'), [
      'allocate prepared-7.tmp',
      'close prepared-7.tmp',
      'unlink prepared-7.tmp',
    ]);
    assert.deepEqual(bench.names, []);
    bench.disk.capacityBytes = 64 * KIB;
    bench.run();
    assert.equal(bench.ready, 1);
  });

  test('is tried again less and less often, twice a second in the end', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'ENOSPC', when: of('allocate') });
    const waits: number[] = [];
    for (let step = 0; step < 20; step++) {
      const waitMs = bench.preparer.step();
      if (waitMs > 0) waits.push(waitMs);
      bench.clock.advanceNs(waitMs * NS_PER_MS);
    }
    assert.deepEqual(waits.slice(0, 8), [10, 20, 40, 80, 160, 320, 500, 500]);
  });

  test('a taker that waits does not make it try without pause', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'ENOSPC', when: of('allocate') });
    bench.take();
    bench.preparer.step();
    assert.equal(bench.preparer.step(), 10);
    bench.run(30_000);
    assert.equal(bench.trouble, Trouble.noSpace, 'it never becomes an error for the taker');
  });
});

describe('another error', () => {
  test('is tried again while nobody waits, without trouble for the log', () => {
    const bench = new Bench();
    const fault = bench.storage.fail({ code: 'EIO', when: of('sync') });
    bench.run(30_000);
    assert.ok(fault.hits > 20);
    assert.equal(bench.trouble, Trouble.none);
    assert.deepEqual(bench.names, [], 'and no file is left over');
    bench.storage.heal();
    bench.run();
    assert.equal(bench.ready, 1);
  });

  test('reaches a taker that waits when it has come five times', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'EACCES', when: of('open') });
    bench.take();
    for (let attempt = 1; attempt <= 4; attempt++) {
      bench.preparer.step();
      assert.equal(bench.taker.error, undefined, `after ${attempt}`);
      bench.clock.advanceNs(500 * NS_PER_MS);
    }
    bench.preparer.step();
    assert.equal(bench.trouble, Trouble.error);
    const { error } = bench.taker;
    assert.ok(error instanceof WalError);
    assert.equal(error.code, 'ERR_FLASHSTRIKE_IO');
    assert.match(error.message, /^\/log\/prepared-\d+\.tmp: .*\(EACCES\)/);
    assert.equal(systemCode(error.cause), 'EACCES');
  });

  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM']) {
    test(`${code} is waited for: somebody else gives back what is missing`, () => {
      const bench = new Bench();
      bench.storage.fail({ code, when: of('open'), times: 20 });
      bench.signals.set('takerWaiting', 1);
      while (bench.signals.preparedQueue.length === 0) {
        bench.preparer.step();
        assert.equal(bench.signals.get('preparerTrouble'), Trouble.none);
        bench.clock.advanceNs(500 * NS_PER_MS);
      }
    });
  }

  test('that passes in time never reaches the taker', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'EIO', when: of('open'), times: 4 });
    bench.take();
    bench.run();
    assert.equal(bench.trouble, Trouble.none);
    assert.equal(bench.ready, 1);
  });

  test('failures that a success divides do not add up', () => {
    const bench = new Bench(4 * MIB);
    bench.storage.fail({ code: 'EIO', when: of('sync'), times: 3 });
    bench.run();
    assert.equal(bench.ready, 1);
    bench.take();
    const fault = bench.storage.fail({ code: 'EIO', when: of('open'), times: 4 });
    bench.take();
    for (let step = 0; step < 20; step++) {
      bench.clock.advanceNs(bench.preparer.step() * NS_PER_MS);
      assert.notEqual(bench.trouble, Trouble.error);
    }
    assert.equal(fault.hits, 4);
  });

  test('also of the removal: it does not end the thread, and the file goes later', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'ENOSPC', when: of('allocate'), times: 1 });
    const removal = bench.storage.fail({ code: 'EIO', when: of('unlink'), times: 3 });
    bench.preparer.step();
    assert.deepEqual(bench.names, ['prepared-7.tmp']);
    bench.run();
    assert.equal(removal.hits, 3);
    assert.deepEqual(bench.names, ['prepared-8.tmp']);
    assert.equal(bench.ready, 1);
  });

  test('a partial file that someone else has removed is no trouble', () => {
    const bench = new Bench();
    bench.storage.fail({ code: 'EIO', when: of('sync'), times: 1 });
    bench.storage.fail({
      code: 'EIO',
      when: of('unlink'),
      times: 1,
      before: ({ path }) => bench.disk.unlink(path),
    });
    bench.run();
    assert.equal(bench.ready, 1);
    assert.deepEqual(bench.names, ['prepared-8.tmp']);
  });
});

describe('at the end', () => {
  test('spares and the one in the making are closed and removed; what was taken stays', () => {
    const bench = new Bench(4 * MIB, 2);
    bench.clock.advanceNs(100 * NS_PER_MS);
    bench.taker.announceUse(SEGMENT_PARTS);
    bench.run();
    assert.equal(bench.ready, 2);
    bench.clock.advanceNs(600 * NS_PER_MS);
    assert.equal(bench.take()?.ticket, 7);
    bench.preparer.step();
    assert.deepEqual(bench.names, ['prepared-7.tmp', 'prepared-8.tmp', 'prepared-9.tmp']);
    bench.preparer.close();
    assert.deepEqual(bench.names, ['prepared-7.tmp']);
    assert.deepEqual([...bench.storage.openFiles.values()], []);
    assert.equal(bench.ready, 0);
  });

  test('closing twice is closing once', () => {
    const bench = new Bench();
    bench.run();
    bench.preparer.close();
    bench.preparer.close();
    assert.deepEqual(bench.names, []);
  });

  test('descriptors are closed even where a file cannot be removed, and that is told', () => {
    const bench = new Bench(64 * KIB, 3);
    bench.clock.advanceNs(NS_PER_MS);
    bench.taker.announceUse(SEGMENT_PARTS);
    bench.run();
    bench.storage.fail({ code: 'EROFS', when: of('unlink') });
    assert.throws(() => bench.preparer.close(), { code: 'EROFS' });
    assert.deepEqual([...bench.storage.openFiles], []);
  });
});
