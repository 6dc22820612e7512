import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  asSegment,
  Bench,
  claimsOf,
  kindsOf,
  RING_BYTES,
} from '../../../test/support/writer-bench.js';
import { readNumber } from '../../memory/sequence-latch.js';
import { RingConsumer } from '../../ring/ring-consumer.js';
import { LogState, RingControlLayout } from '../../ring/ring-control.js';
import { RingProducer } from '../../ring/ring-producer.js';
import { durablePointOf, ringOfSections } from '../../ring/ring-snapshot.js';
import { BLOCK_HEADER_BYTES, BlockKind } from '../../segment/block-header.js';
import { FRAME_HEADER_BYTES, FrameKind } from '../../segment/frame.js';
import { KIB, MIB, NS_PER_MS, PAGE_BYTES } from '../../units.js';

const FIRST_BLOCK = 'write 0000000001.wal@4096';
const SYNC = 'sync 0000000001.wal';

describe('events that were appended', () => {
  test('are written as one block, then synced when someone waits, then proven by a watermark', () => {
    const bench = new Bench();
    for (let event = 0; event < 3; event++) bench.append();
    assert.deepEqual(asSegment(bench.settle()), [FIRST_BLOCK]);
    assert.deepEqual([bench.written, bench.durable], [3, 0]);

    bench.signals.requestDurable(3);
    const watermark = 4096 + BLOCK_HEADER_BYTES + 3 * 40;
    assert.deepEqual(asSegment(bench.rest()), [SYNC, `write 0000000001.wal@${watermark}`]);
    assert.deepEqual([bench.written, bench.durable], [3, 3]);
    assert.deepEqual(bench.rest(), [], 'and nothing more');

    const blocks = bench.blocksOf(1);
    assert.deepEqual(kindsOf(blocks), [BlockKind.events, BlockKind.watermark]);
    assert.deepEqual(claimsOf(blocks), [0, 3]);
  });

  test('are not called durable while the sync runs, only after it', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    const seen: number[] = [];
    bench.storage.onCall = ({ kind }) => {
      if (kind === 'sync') seen.push(bench.durable);
    };
    bench.settle();
    assert.deepEqual(seen, [0]);
    assert.equal(bench.durable, 1);
  });

  test('are not called written before the write has returned', () => {
    const bench = new Bench();
    bench.append();
    const seen: number[] = [];
    bench.storage.onCall = ({ kind }) => {
      if (kind === 'write') seen.push(bench.written);
    };
    bench.settle();
    assert.deepEqual(seen, [0]);
    assert.equal(bench.written, 1);
  });

  test('that were written during a sync are not covered by it', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    bench.storage.onCall = ({ kind }) => {
      if (kind !== 'sync') return;
      bench.append();
      bench.storage.onCall = () => {};
    };
    bench.settle();
    assert.deepEqual([bench.written, bench.durable], [2, 1]);
    // The block of event 2 was written after the sync: it may claim event 1, and does.
    assert.deepEqual(claimsOf(bench.blocksOf(1)), [0, 1]);
  });

  test('release their room in the ring only when they are written', () => {
    const bench = new Bench();
    while (bench.producer.reserve(20_000)) bench.append(20_000 - FRAME_HEADER_BYTES);
    assert.equal(bench.producer.reserve(20_000), false);
    bench.step();
    assert.ok(bench.producer.reserve(20_000));
  });

  test('of a batch go into one block even where it is larger than the blocks aim at', () => {
    const bench = new Bench({ segmentBytes: 512 * KIB });
    for (let event = 0; event < 40; event++) bench.append(1000);
    bench.settle();
    const [first] = bench.blocksOf(1);
    assert.equal(first?.eventCount, 40);
  });
});

describe('group commit', () => {
  test('covers all requests so far, over several blocks, with one sync', () => {
    // Blocks aim at 256 KiB: 36 events of 20 KiB take three.
    const bench = new Bench({ segmentBytes: 1024 * KIB });
    for (let event = 0; event < 36; event++) bench.append(20 * KIB);
    bench.signals.requestDurable(5);
    bench.signals.requestDurable(36);
    const story = bench.settle();
    assert.equal(story.filter((line) => line.startsWith('sync')).length, 1);
    assert.equal(bench.durable, 36);
    const events = bench.blocksOf(1).filter(({ kind }) => kind === BlockKind.events);
    assert.equal(events.length, 3);
    assert.deepEqual(new Set(claimsOf(events)), new Set([0]));
  });

  test('does not wait until the ring is empty, only until what was asked for is written', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    bench.step();
    const durable = bench.durable;
    for (let event = 0; event < 5; event++) bench.append();
    assert.equal(durable, 1);
  });

  test('does not sync for an id that is durable already', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    bench.settle();
    bench.append();
    assert.deepEqual(
      bench.settle().filter((line) => line.startsWith('sync')),
      [],
    );
  });

  test('is in the metrics before anyone learns of it', () => {
    const bench = new Bench();
    const { segmentWriter } = bench.telemetry;
    bench.append();
    bench.settle();
    assert.equal(segmentWriter.unsyncedEvents, 1);
    assert.equal(segmentWriter.unsyncedBytes, BLOCK_HEADER_BYTES + 40);
    const seen: number[][] = [];
    bench.signals.announceDurable = () => {
      const { sync, durableLag, unsyncedEvents, unsyncedAge } = segmentWriter;
      seen.push([bench.durable, sync.samples, durableLag.samples, unsyncedEvents, unsyncedAge]);
    };
    bench.signals.requestDurable(1);
    bench.settle();
    assert.deepEqual(seen, [[1, 1, 1, 0, 0]]);
  });

  test('tells those who wait, once for each sync', () => {
    const bench = new Bench();
    const { words, durableWakeWord } = bench.signals;
    const before = Atomics.load(words, durableWakeWord);
    bench.append();
    bench.signals.requestDurable(1);
    bench.settle();
    assert.equal(Atomics.load(words, durableWakeWord), before + 1);
  });
});

describe('without a request, blocks are synced', () => {
  test('every-block: after each block', () => {
    const bench = new Bench({ mode: 'every-block' });
    for (let block = 1; block <= 3; block++) {
      bench.append();
      bench.step();
      assert.deepEqual([bench.written, bench.durable], [block, block]);
    }
  });

  test('interval: once the first block that is not synced is as old as that', () => {
    const bench = new Bench({ mode: 'interval', intervalMs: 10 });
    bench.append();
    bench.settle();
    bench.clock.advanceNs(6 * NS_PER_MS);
    bench.append();
    bench.settle();
    assert.equal(bench.durable, 0);
    bench.clock.advanceNs(4 * NS_PER_MS - 1);
    bench.settle();
    assert.equal(bench.durable, 0, 'a nanosecond too early');
    bench.clock.advanceNs(1);
    bench.settle();
    assert.equal(bench.durable, 2, 'and then all of them');
    bench.append();
    bench.settle();
    assert.equal(bench.durable, 2, 'the interval begins again with the next block');
    bench.clock.advanceNs(10 * NS_PER_MS);
    bench.settle();
    assert.equal(bench.durable, 3);
  });

  test('interval: it begins behind a sync for what came while that ran', () => {
    const bench = new Bench({ mode: 'interval', intervalMs: 10 });
    const { sync } = bench.disk;
    bench.append();
    bench.settle();
    bench.clock.advanceNs(10 * NS_PER_MS);
    bench.disk.sync = (fd) => {
      bench.disk.sync = sync;
      bench.append();
      bench.clock.advanceNs(30 * NS_PER_MS);
      sync.call(bench.disk, fd);
    };
    bench.settle();
    assert.deepEqual([bench.written, bench.durable], [2, 1]);
    bench.clock.advanceNs(10 * NS_PER_MS - 1);
    bench.settle();
    assert.equal(bench.durable, 1);
    bench.clock.advanceNs(1);
    bench.settle();
    assert.equal(bench.durable, 2, 'a sync of 30 ms and an interval after it was appended');
  });

  test('manual: never, except on request', () => {
    const bench = new Bench({ mode: 'manual' });
    bench.append();
    bench.settle();
    bench.clock.advanceNs(3_600_000 * NS_PER_MS);
    bench.settle();
    assert.equal(bench.durable, 0);
    bench.signals.requestDurable(1);
    bench.settle();
    assert.equal(bench.durable, 1);
  });

  test('never when there is nothing to sync', () => {
    for (const mode of ['interval', 'every-block', 'manual'] as const) {
      const bench = new Bench({ mode });
      bench.clock.advanceNs(1e12);
      assert.deepEqual(bench.settle(), []);
    }
  });
});

describe('meta is flushed', () => {
  const requests = (bench: Bench): number => bench.signals.get('metaRequests');

  test('at each roll', () => {
    const bench = new Bench();
    const before = requests(bench);
    bench.appendLarge();
    bench.settle();
    bench.prepare();
    bench.appendLarge();
    bench.settle();
    assert.equal(requests(bench), before + 1);
  });

  test('once the log has been idle and durable, not on the way of a commit', () => {
    const bench = new Bench();
    const before = requests(bench);
    bench.append();
    bench.signals.requestDurable(1);
    bench.settle();
    assert.equal(requests(bench), before);
    bench.clock.advanceNs(200 * NS_PER_MS);
    bench.settle();
    assert.equal(requests(bench), before + 1);
    bench.clock.advanceNs(1e12);
    bench.settle();
    assert.equal(requests(bench), before + 1, 'once');
  });

  test('not for events that are not durable', () => {
    const bench = new Bench();
    const before = requests(bench);
    bench.append();
    bench.settle();
    bench.clock.advanceNs(1e12);
    bench.settle();
    assert.equal(requests(bench), before);
  });
});

describe('draining, at the end', () => {
  test('writes all, syncs it, and leaves the proof in the file, synced too', () => {
    const bench = new Bench();
    for (let event = 0; event < 5; event++) bench.append();
    assert.ok(bench.writer.drain());
    assert.deepEqual([bench.written, bench.durable], [5, 5]);
    bench.disk.cutPower();
    assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events, BlockKind.watermark]);
    assert.deepEqual(claimsOf(bench.blocksOf(1)), [0, 5]);
    const end = 4096 + 2 * BLOCK_HEADER_BYTES + 5 * 40;
    assert.deepEqual(durablePointOf(bench.memory), {
      segmentIndex: 1,
      offset: end,
      lastEventId: 5,
    });
  });

  test('syncs a watermark that was written while the log was idle: meta will vouch for it', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.requestDurable(1);
    bench.rest();
    assert.ok(bench.writer.drain());
    bench.disk.cutPower();
    const { offset } = durablePointOf(bench.memory);
    assert.equal(bench.blocksOf(1).length, 2);
    assert.equal(offset, 4096 + 2 * BLOCK_HEADER_BYTES + 40);
  });

  test('touches nothing when all is on disk already', () => {
    const bench = new Bench();
    bench.append();
    bench.writer.drain();
    const told = bench.storage.calls.length;
    assert.ok(bench.writer.drain());
    assert.deepEqual(bench.story(told), []);
  });

  test('says when it has to wait for a segment, and goes on from there', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.appendLarge();
    assert.equal(bench.writer.drain(), false);
    assert.equal(bench.signals.get('takerWaiting'), 1);
    bench.prepare();
    assert.ok(bench.writer.drain());
    assert.equal(bench.durable, 2);
  });

  test('rotates as often as it must', () => {
    const bench = new Bench();
    for (let event = 0; event < 4; event++) bench.appendLarge();
    for (let ticket = 0; ticket < 3; ticket++) bench.prepare();
    assert.ok(bench.writer.drain());
    assert.equal(bench.durable, 4);
    bench.disk.cutPower();
    for (let index = 1; index <= 4; index++) assert.ok(bench.blocksOf(index).length > 0);
  });
});

describe('the ring is exchanged', () => {
  test('with all that was published told to the new one', () => {
    const bench = new Bench();
    bench.append();
    bench.writer.drain();
    const memory = ringOfSections(
      new Uint8Array(RingControlLayout.size),
      new Uint8Array(RING_BYTES),
    );
    bench.writer.attach(memory, new RingConsumer(memory, 2));
    assert.equal(readNumber(memory.words, memory.control.writtenEventId), 1);
    assert.deepEqual(durablePointOf(memory), durablePointOf(bench.memory));
    assert.equal(Atomics.load(memory.words, memory.control.state), LogState.open);
    const producer = new RingProducer(memory, 2);
    assert.ok(producer.reserve(40));
    producer.put(new Uint8Array(16), 16, FrameKind.event, 0, 0, 5);
    producer.publish();
    bench.settle();
    assert.equal(bench.writer.writtenEventId, 2);
  });

  test('only when the old one is empty', () => {
    const bench = new Bench();
    bench.append();
    const other = ringOfSections(
      new Uint8Array(RingControlLayout.size),
      new Uint8Array(RING_BYTES),
    );
    assert.throws(
      () => bench.writer.attach(other, new RingConsumer(other, 1)),
      /before it is empty/,
    );
  });
});

test('each step keeps the coarse time fresh', () => {
  const bench = new Bench();
  const { doubles, control } = bench.memory;
  for (const elapsedNs of [5, 1e9, 1e15]) {
    bench.clock.advanceNs(elapsedNs);
    const expected = (doubles[control.coarseOffsetNs] ?? 0) + elapsedNs;
    bench.writer.step();
    assert.equal(doubles[control.coarseOffsetNs], expected);
  }
});

describe('the ring of a log in use', () => {
  /** For how long the writer sleeps after each of so many looks that find nothing. */
  const sleeps = (bench: Bench, looks: number): number[] =>
    Array.from({ length: looks }, () => {
      const sleepMs = bench.writer.step();
      bench.clock.advanceNs(sleepMs * NS_PER_MS);
      return sleepMs;
    });

  /** An event that nobody asks for, for longer than commits gather. */
  const unasked = (bench: Bench): void => {
    bench.append();
    bench.settle();
    bench.clock.advanceNs(21 * NS_PER_MS);
    bench.settle();
  };

  test('has a millisecond to fill behind a block of a few events, where nobody waits for them', () => {
    const bench = new Bench({ mode: 'manual' });
    bench.append();
    assert.deepEqual([bench.writer.step(), bench.writer.writtenEventId], [1, 1]);
    bench.append(5 * KIB);
    assert.deepEqual([bench.writer.step(), bench.writer.writtenEventId], [0, 2]);
    bench.append();
    bench.signals.set('writtenWaiting', 1);
    assert.deepEqual([bench.writer.step(), bench.writer.writtenEventId], [0, 3]);
    bench.signals.set('writtenWaiting', 0);
    bench.append();
    bench.signals.requestDurable(4);
    assert.deepEqual([bench.writer.step(), bench.durable], [0, 4]);
  });

  test('is looked at again at once behind any block where its looks are the clock', () => {
    const bench = new Bench({ mode: 'manual', keepsTime: true });
    bench.append();
    assert.deepEqual([bench.writer.step(), bench.writer.writtenEventId], [0, 1]);
    assert.equal(bench.writer.step(), 1);
  });

  test('is looked at every millisecond while something is found there, then less often', () => {
    const bench = new Bench({ mode: 'manual' });
    unasked(bench);
    for (let event = 0; event < 3; event++) {
      bench.append();
      assert.deepEqual([bench.writer.step(), bench.writer.step()], [1, 1]);
    }
    assert.deepEqual(sleeps(bench, 6), [1, 1, 2, 4, 8, 8]);
    bench.append();
    assert.deepEqual([bench.writer.step(), bench.writer.step()], [1, 1]);
  });

  test('is not looked at more often for what durable() asks for, or soon may', () => {
    const bench = new Bench({ mode: 'manual' });
    for (let commit = 1; commit <= 10; commit++) {
      for (let event = 0; event < 2; event++) {
        bench.append();
        bench.settle();
        assert.equal(bench.writer.step(), 8);
        bench.clock.advanceNs(9 * NS_PER_MS);
      }
      bench.signals.requestDurable(2 * commit);
      bench.settle();
      assert.equal(bench.writer.step(), 8);
    }
    unasked(bench);
    bench.append();
    bench.settle();
    assert.equal(bench.writer.step(), 1);
  });

  test('is looked at in time for the sync of what is written', () => {
    const bench = new Bench({ mode: 'interval', intervalMs: 10 });
    unasked(bench);
    bench.append();
    bench.settle();
    assert.deepEqual(sleeps(bench, 5), [1, 1, 2, 4, 2]);
    assert.equal(bench.durable, 1);
    bench.settle();
    assert.equal(bench.durable, 2);
  });

  for (const options of [{ mode: 'manual', keepsTime: true }, { mode: 'every-block' }] as const) {
    test(`is looked at every millisecond with ${JSON.stringify(options)}`, () => {
      const bench = new Bench(options);
      bench.append();
      bench.settle();
      assert.deepEqual(sleeps(bench, 6), [1, 1, 1, 1, 1, 1]);
    });
  }
});

for (const mode of ['manual', 'interval'] as const) {
  test(`what is written and not durable never grows beyond its limit (${mode})`, () => {
    const maxUnsyncedBytes = 64 * KIB;
    const bench = new Bench({ mode, intervalMs: 1000, maxUnsyncedBytes, segmentBytes: 1024 * KIB });
    const { segmentWriter } = bench.telemetry;
    let mostBytes = 0;
    for (let event = 0; event < 40; event++) {
      bench.append(8 * KIB);
      bench.writer.step();
      mostBytes = Math.max(mostBytes, segmentWriter.unsyncedBytes);
      if (event === 5) assert.equal(bench.durable, 0);
    }
    assert.ok(bench.durable > 24, `${bench.durable}`);
    assert.ok(mostBytes < maxUnsyncedBytes, `${mostBytes}`);
  });
}

test('the disk begins with what is written before the sync comes: whole pages, each once', (t) => {
  const bench = new Bench({ segmentBytes: 8 * MIB });
  const begun = t.mock.method(bench.disk, 'startWriteback').mock;
  const write = (events: number): void => {
    for (let event = 0; event < events; event++) {
      bench.append(100_001);
      bench.settle();
    }
  };
  write(30);
  bench.signals.requestDurable(30);
  bench.settle();
  const syncedBytes = 30 * 100_032;
  assert.equal(begun.callCount(), 1);
  write(45);
  let end = 0;
  assert.equal(begun.callCount(), 3);
  for (const {
    arguments: [, offset, bytes],
  } of begun.calls.slice(1)) {
    assert.ok(offset > syncedBytes);
    assert.ok(bytes > 2 * MIB - PAGE_BYTES && bytes < 2 * MIB + 200_000, `${bytes}`);
    assert.equal((offset + bytes) % PAGE_BYTES, 0);
    if (end > 0) assert.equal(offset, end);
    end = offset + bytes;
  }
});

test('an idle log looks at its ring less and less often', () => {
  const bench = new Bench({ mode: 'interval', intervalMs: 20 });
  bench.append();
  bench.settle();
  bench.clock.advanceNs(10e9);
  bench.settle();
  assert.equal(bench.writer.step(), 40);
  for (const mode of ['every-block', 'manual'] as const) {
    const other = new Bench({ mode, intervalMs: 20 });
    other.clock.advanceNs(10e9);
    assert.equal(other.writer.step(), 20);
  }
  const slow = new Bench({ mode: 'interval', intervalMs: 3_600_000 });
  slow.clock.advanceNs(10e9);
  assert.equal(slow.writer.step(), 50, 'but often enough for events to leave the ring');
});

describe('an event that an idle writer finds', () => {
  const idle = (): Bench => {
    const bench = new Bench({ mode: 'interval', intervalMs: 20 });
    bench.append();
    bench.settle();
    for (let looks = 0; looks < 3; looks++) {
      bench.clock.advanceNs(10e9);
      bench.settle();
    }
    assert.equal(bench.writer.step(), 40);
    return bench;
  };

  test('is synced at once when it may be as old as the interval', () => {
    const bench = idle();
    bench.append();
    bench.clock.advanceNs(40e6);
    bench.settle();
    assert.equal(bench.writer.durableEventId, 2);
  });

  test('is synced when the interval since the last look is over, and not before', () => {
    const bench = idle();
    bench.append();
    bench.clock.advanceNs(15e6);
    bench.settle();
    assert.deepEqual([bench.writer.writtenEventId, bench.writer.durableEventId], [2, 1]);
    bench.clock.advanceNs(5e6);
    bench.settle();
    assert.equal(bench.writer.durableEventId, 2);
  });

  test('does not make the events behind it older than they are', () => {
    const bench = idle();
    bench.append();
    bench.clock.advanceNs(40e6);
    bench.settle();
    bench.append();
    bench.settle();
    assert.deepEqual([bench.writer.writtenEventId, bench.writer.durableEventId], [3, 2]);
    bench.clock.advanceNs(20e6);
    bench.settle();
    assert.equal(bench.writer.durableEventId, 3);
  });
});
