// A write that finds no space although its file is allocated, as on a copy-on-write file system or
// where a snapshot holds the old blocks: given up as torn, and gone on with in a segment of its
// own.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import type { StorageCall } from '../../../test/support/interposed-storage.js';
import { temporaryFolder } from '../../../test/support/log-builder.js';
import { eventIdsIn, idsTo, SteppedLog, segmentsIn } from '../../../test/support/stepped-log.js';
import { asSegment, Bench, kindsOf, LARGE_END } from '../../../test/support/writer-bench.js';
import { WalError } from '../../errors.js';
import { replay } from '../../replay/replay.js';
import { LogState } from '../../ring/ring-control.js';
import { BlockKind } from '../../segment/block-header.js';
import { nodeStorage } from '../../storage/node-storage.js';
import { verify } from '../../verification/verify.js';
import { Trouble } from '../threads/signals.js';

const isWrite = ({ kind }: StorageCall): boolean => kind === 'write';
const isBlock = (call: StorageCall): boolean => isWrite(call) && (call.offset ?? 0) >= 4096;
const isHeader = (call: StorageCall): boolean => isWrite(call) && call.offset === 0;

/** A writer that has written and synced event 1, watermark and all. */
function begun(): Bench {
  const bench = new Bench();
  bench.append();
  bench.signals.requestDurable(1);
  bench.rest();
  assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events, BlockKind.watermark]);
  return bench;
}

function assertWaits(bench: Bench): void {
  assert.equal(bench.writer.hasFailed, false);
  assert.equal(bench.state, LogState.noSpace);
  assert.equal(bench.signals.get('writerTrouble'), Trouble.noSpace);
}

function assertGoesOn(bench: Bench): void {
  assert.equal(bench.state, LogState.open);
  assert.equal(bench.signals.get('writerTrouble'), Trouble.none);
}

describe('a block of events that finds no space', () => {
  for (const code of ['ENOSPC', 'EDQUOT']) {
    for (const torn of [0, 0.1, 0.9]) {
      test(`${code}, ${torn} of it written: it goes to the next segment, and never again to this one`, () => {
        const bench = begun();
        bench.append();
        bench.settle();
        const fault = bench.storage.fail({ code, when: isBlock, times: 1, torn });
        bench.append(500);
        bench.signals.requestDurable(3);
        bench.settle();
        assert.equal(fault.hits, 1);
        assertWaits(bench);
        assert.deepEqual([bench.written, bench.durable], [2, 2], 'what was written is synced');
        assert.deepEqual(bench.settle(), [], 'without a segment nothing is tried');
        bench.prepare();
        const story = asSegment(bench.settle());
        assert.deepEqual(
          story.filter((line) => line.includes('0000000001.wal')),
          ['sync 0000000001.wal', 'close 0000000001.wal'],
        );
        assertGoesOn(bench);
        assert.deepEqual([bench.written, bench.durable], [3, 3]);
        assert.equal(bench.blocksOf(2)[0]?.firstEventId, 3);
      });
    }
  }

  test('nothing is told of it before it is written, and all that waits for room or state is woken', () => {
    const bench = begun();
    bench.signals.set('producerWaiting', 1);
    const woken = bench.signals.producerWakeCount;
    bench.storage.fail({ code: 'ENOSPC', when: isBlock });
    bench.append();
    bench.signals.requestDurable(2);
    bench.settle();
    assert.ok(bench.signals.producerWakeCount > woken);
    assert.deepEqual([bench.written, bench.durable], [1, 1]);
    assert.equal(bench.signals.failure.read(), undefined);
  });

  test('that stands there whole in spite of the error, where zeros were to come, is written', () => {
    const bench = begun();
    const fault = bench.storage.fail({ code: 'ENOSPC', when: isBlock, times: 1, torn: 1 });
    bench.append();
    bench.settle();
    assert.equal(fault.hits, 1);
    assertGoesOn(bench);
    assert.equal(bench.written, 2);
    bench.prepare();
    bench.append();
    bench.settle();
    assert.deepEqual(kindsOf(bench.blocksOf(1)), [
      BlockKind.events,
      BlockKind.watermark,
      BlockKind.events,
    ]);
    assert.equal(bench.blocksOf(2)[0]?.firstEventId, 3, 'the segment was given up all the same');
  });

  test('the sync of what was written before it fails: that is final, also for want of space', () => {
    const bench = begun();
    bench.append();
    bench.settle();
    bench.storage.fail({ code: 'ENOSPC', when: isBlock, times: 1 });
    bench.storage.fail({ code: 'ENOSPC', when: ({ kind }) => kind === 'sync', times: 1 });
    bench.append();
    bench.prepare();
    bench.settle();
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    const failure = bench.signals.failure.read();
    assert.ok(failure instanceof WalError);
    assert.equal(failure.code, 'ERR_FLASHSTRIKE_FAILED');
    assert.match(failure.message, /could not sync/);
    assert.equal(bench.durable, 1);
  });

  test('drain waits for it, and ends well with space', () => {
    const bench = begun();
    bench.storage.fail({ code: 'ENOSPC', when: isBlock, times: 2 });
    bench.append();
    for (let segment = 0; segment < 2; segment++) {
      assert.equal(bench.writer.drain(), false);
      assert.equal(bench.writer.spaceRefusal?.code, 'ERR_FLASHSTRIKE_NO_SPACE');
      bench.prepare();
    }
    assert.ok(bench.writer.drain());
    assert.equal(bench.writer.hasFailed, false);
    assert.deepEqual([bench.written, bench.durable], [2, 2]);
  });
});

test('a watermark that finds no space: the header of the next segment says it', () => {
  const bench = new Bench();
  bench.append();
  bench.settle();
  bench.storage.fail({ code: 'ENOSPC', when: isBlock, times: 1, torn: true });
  bench.signals.requestDurable(1);
  bench.rest();
  assertWaits(bench);
  assert.equal(bench.durable, 1);
  bench.prepare();
  bench.settle();
  assertGoesOn(bench);
  assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events]);
  assert.deepEqual(bench.blocksOf(2), []);
});

test('the last watermark finds no space: wal.meta says it, and the end is a good one', () => {
  const bench = new Bench();
  bench.append();
  bench.storage.fail({ code: 'ENOSPC', when: isBlock, from: 2, times: 1, torn: true });
  assert.ok(bench.writer.drain());
  assert.equal(bench.writer.hasFailed, false);
  assert.equal(bench.durable, 1);
  assert.equal(bench.writer.durablePoint.lastEventId, 1);
});

test('a seal that finds no space is left out', () => {
  const bench = new Bench();
  bench.appendLarge();
  bench.settle();
  const isSeal = (call: StorageCall): boolean => isWrite(call) && call.offset === LARGE_END;
  const fault = bench.storage.fail({ code: 'EDQUOT', when: isSeal, torn: true });
  bench.appendLarge();
  bench.prepare();
  bench.settle();
  assert.equal(fault.hits, 1);
  assertGoesOn(bench);
  assert.equal(bench.written, 2);
  assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events]);
});

describe('a header page that finds no space', () => {
  for (const torn of [false, true]) {
    test(`${torn ? 'a part of it is written' : 'none of it'}: the same file is tried again`, () => {
      const bench = new Bench();
      bench.appendLarge();
      bench.settle();
      const fault = bench.storage.fail({ code: 'ENOSPC', when: isHeader, times: 3, torn });
      bench.appendLarge();
      bench.prepare();
      for (let look = 1; look <= 3; look++) {
        assert.ok(bench.writer.step() > 0, 'it rests between two looks');
        assert.equal(fault.hits, look);
        assertWaits(bench);
        assert.deepEqual(
          [...bench.storage.openFiles.values()].filter((path) => path.endsWith('.wal')),
          [],
        );
        assert.equal(bench.durable, 1, 'the finished segment is durable');
      }
      bench.settle();
      assertGoesOn(bench);
      assert.equal(bench.written, 2);
      assert.equal(bench.blocksOf(2)[0]?.firstEventId, 2);
      bench.writer.close();
      assert.equal(bench.storage.openFiles.size, 0, 'no descriptor is left');
    });
  }

  test('when nothing else is to be written: it is tried again all the same, and the state ends', () => {
    const bench = new Bench();
    bench.append();
    bench.settle();
    bench.storage.fail({ code: 'ENOSPC', when: isBlock, times: 1 });
    const fault = bench.storage.fail({ code: 'ENOSPC', when: isHeader });
    bench.signals.requestDurable(1);
    bench.prepare();
    bench.rest();
    bench.settle();
    assert.ok(fault.hits > 0);
    assertWaits(bench);
    bench.storage.heal();
    bench.settle();
    assert.deepEqual(bench.blocksOf(2), []);
    assertGoesOn(bench);
  });

  test('its sync, its name and the sync of the folder are final as before', () => {
    for (const kind of ['sync', 'renameNoReplace', 'syncDirectory'] as const) {
      const bench = new Bench();
      bench.appendLarge();
      bench.settle();
      bench.prepare();
      const from = kind === 'sync' ? 2 : 1;
      bench.storage.fail({ code: 'ENOSPC', when: (call) => call.kind === kind, from, times: 1 });
      bench.appendLarge();
      bench.settle();
      assert.ok(bench.writer.hasFailed, kind);
    }
  });
});

/** A log some of whose writes find no space, for as long as `steps` say. */
function troubled(storage: FaultyStorage, dir: string): SteppedLog {
  const log = new SteppedLog({ storage }, dir);
  log.write(3);
  log.commit();
  for (const torn of [0, 0.5, 0.99]) {
    storage.fail({ code: 'ENOSPC', when: isBlock, times: 2, torn });
    log.write(5, 200);
    log.commit();
    storage.heal();
    storage.fail({ code: 'EDQUOT', when: isHeader, times: 2, torn });
    log.write(40, 2000);
    log.commit();
    storage.heal();
  }
  return log;
}

test('segments without a block, given up one behind the other, are sound for all who read', async (t) => {
  const dir = temporaryFolder(t);
  const log = troubled(new FaultyStorage(nodeStorage), dir);
  const last = log.producer.lastEventId;
  log.close();
  assert.deepEqual(eventIdsIn(nodeStorage, dir), idsTo(last));
  const report = await verify(dir);
  assert.deepEqual([report.verdict, report.problems, report.lastEventId], ['clean', [], last]);
  for (const from of [1, 2, 4, 5, 9, last]) {
    assert.equal([...replay(dir, { from })].length, last - from + 1);
  }
  const again = new SteppedLog({ storage: nodeStorage }, dir);
  assert.equal(again.recovery.verdict, 'clean');
  again.write(1);
  again.close();
  assert.deepEqual(eventIdsIn(nodeStorage, dir), idsTo(last + 1));
});

for (const end of ['kill', 'cutPower'] as const) {
  test(`a crash (${end}) before any of its calls: a prefix with all that was durable`, () => {
    const disk = new SimulatedDisk();
    const storage = new FaultyStorage(disk);
    const states: { disk: SimulatedDisk; durable: number }[] = [];
    let log: SteppedLog | undefined;
    storage.onCall = ({ kind }) => {
      const { calls } = storage;
      if (log === undefined || kind.startsWith('status') || calls.length % 3 !== 0) return;
      states.push({ disk: disk.copy(), durable: log.durableEventId });
    };
    disk.makeDirectory('/log');
    disk.syncDirectory('/');
    log = new SteppedLog({ storage }, '/log');
    log.write(3);
    log.commit();
    for (const torn of [0, 0.5]) {
      storage.fail({ code: 'ENOSPC', when: isBlock, times: 2, torn });
      storage.fail({ code: 'EDQUOT', when: isHeader, times: 2, torn });
      log.write(5, 200);
      log.commit();
      storage.heal();
    }
    assert.ok(states.length > 20);
    for (const state of states) {
      state.disk[end]();
      const again = new SteppedLog({ storage: state.disk }, '/log');
      const { lastEventId } = again.recovery;
      assert.ok(lastEventId >= state.durable, `${lastEventId} of ${state.durable} durable`);
      again.write(2);
      again.close();
      assert.deepEqual(eventIdsIn(state.disk, '/log'), idsTo(lastEventId + 2));
      assert.ok(segmentsIn(state.disk, '/log').length > 0);
    }
  });
}

test('an open that finds no space for its first header is refused, and leaves no descriptor', () => {
  const disk = new SimulatedDisk();
  disk.makeDirectory('/log');
  const storage = new FaultyStorage(disk);
  const isSegmentHeader = (call: StorageCall): boolean =>
    isHeader(call) && call.bytes === 4096 && call.path.endsWith('.tmp');
  const fault = storage.fail({ code: 'ENOSPC', when: isSegmentHeader });
  assert.throws(
    () => new SteppedLog({ storage }, '/log'),
    (error) => error instanceof WalError && error.code === 'ERR_FLASHSTRIKE_NO_SPACE',
  );
  assert.equal(fault.hits, 1);
  assert.deepEqual([...storage.openFiles.values()], []);
});
