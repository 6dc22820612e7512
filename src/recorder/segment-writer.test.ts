// The writer stepped by hand: no threads, a clock that stands still, a disk in memory that records
// every call.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FaultyStorage, systemError } from '../../test/support/faulty-storage.js';
import { MemoryDisk } from '../../test/support/memory-disk.js';
import { FakeClock } from '../clock/fake-clock.js';
import { TimestampSource } from '../clock/timestamp-source.js';
import { WalError } from '../errors.js';
import { readNumber } from '../memory/sequence-latch.js';
import { openSegment } from '../recovery/segment-file.js';
import { SegmentReader } from '../recovery/segment-reader.js';
import { walkSegment } from '../recovery/segment-walk.js';
import { RingConsumer } from '../ring/ring-consumer.js';
import { LogState, RingControlLayout } from '../ring/ring-control.js';
import { RingProducer } from '../ring/ring-producer.js';
import { durablePointOf, ringOfSections } from '../ring/ring-snapshot.js';
import { BLOCK_HEADER_BYTES, type BlockHeader, BlockKind } from '../segment/block-header.js';
import { preparedFileName, segmentFileName } from '../segment/file-names.js';
import { FRAME_HEADER_BYTES, FrameKind, frameSpan } from '../segment/frame.js';
import { decodeSeal, SealEntryLayout, SealTotalsLayout } from '../segment/seal.js';
import { KIB } from '../units.js';
import type { SyncMode } from './options.js';
import { offer, PreparedSegments } from './prepared-segments.js';
import { BUSY, NO_PREDECESSOR, SegmentWriter } from './segment-writer.js';
import { Signals, Trouble } from './signals.js';

const DIRECTORY = '/log';
const SEGMENT_BYTES = 64 * KIB;
const RING_BYTES = 1024 * KIB;
const LOG_ID = 0x1234n;
const NS_PER_MS = 1e6;
/** Two of these do not fit into one segment. */
const LARGE_BYTES = 27 * KIB;
/** Where the first block ends when it holds one of these. */
const LARGE_END = 4096 + BLOCK_HEADER_BYTES + FRAME_HEADER_BYTES + LARGE_BYTES;

/** Where the seal behind one such block and a watermark ends. */
const SEAL_END = LARGE_END + 2 * BLOCK_HEADER_BYTES + SealTotalsLayout.size + SealEntryLayout.size;

interface BenchOptions {
  readonly mode?: SyncMode;
  readonly intervalMs?: number;
  readonly segmentBytes?: number;
}

/** A writer with everything around it that the threads would bring. */
class Bench {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly storage = new FaultyStorage(this.disk);
  readonly signals = new Signals();
  readonly memory = ringOfSections(
    new Uint8Array(RingControlLayout.size),
    new Uint8Array(RING_BYTES),
  );
  readonly producer = new RingProducer(this.memory, 1);
  readonly writer: SegmentWriter;
  readonly #segmentBytes: number;
  #ticket = 0;

  constructor({
    mode = 'manual',
    intervalMs = 10,
    segmentBytes = SEGMENT_BYTES,
  }: BenchOptions = {}) {
    this.#segmentBytes = segmentBytes;
    this.disk.makeDirectory(DIRECTORY);
    this.disk.syncDirectory('/');
    const anchor = { unixNs: 1_700_000_000_000_000_000n, monotonicNs: this.clock.nowNs() };
    this.writer = new SegmentWriter(
      {
        storage: this.storage,
        clock: this.clock,
        timestamps: new TimestampSource(this.clock, anchor),
        prepared: new PreparedSegments(this.signals, this.clock),
        signals: this.signals,
      },
      { directory: DIRECTORY, logId: LOG_ID, sync: { mode, intervalMs } },
      { active: undefined, predecessor: NO_PREDECESSOR, nextEventId: 1, durableEventId: 0 },
      this.memory,
      new RingConsumer(this.memory, 1),
    );
    this.prepare();
    this.writer.beginSegment();
    this.writer.open();
    this.storage.calls.length = 0;
  }

  /** What the preparer would do; its calls are not told. */
  prepare(): void {
    const segmentBytes = this.#segmentBytes;
    const told = this.storage.calls.length;
    const ticket = ++this.#ticket;
    const fd = this.storage.open(`${DIRECTORY}/${preparedFileName(ticket)}`, 'create');
    this.storage.allocate(fd, segmentBytes);
    assert.ok(offer(this.signals, { ticket, fd, segmentBytes, zeroedBytes: segmentBytes }));
    this.storage.calls.length = told;
  }

  /** What the preparer closes at the end: segments that nobody took. */
  closeSpares(): void {
    const left = new PreparedSegments(this.signals, this.clock);
    for (let spare = left.take(); spare !== undefined; spare = left.take()) {
      this.storage.close(spare.fd);
    }
  }

  append(payloadBytes = 16, kind: number = FrameKind.event): number {
    const span = frameSpan(FRAME_HEADER_BYTES + payloadBytes);
    assert.ok(this.producer.reserve(span), 'the ring has room');
    const payload = new Uint8Array(payloadBytes).fill(this.producer.lastEventId + 1);
    const id = this.producer.put(payload, kind, 0, this.producer.lastEventId + 1, 5);
    this.producer.publish();
    return id;
  }

  /** One event that alone fills most of a segment. */
  appendLarge(): number {
    return this.append(LARGE_BYTES);
  }

  /** Steps until there is nothing left to do at once; returns what was done to the disk. */
  settle(limit = 100): string[] {
    const told = this.storage.calls.length;
    let steps = 0;
    while (this.writer.step() === BUSY && !this.writer.hasFailed) {
      assert.ok(++steps < limit, 'the writer never comes to rest');
    }
    return this.story(told);
  }

  /** The same, and what is put off for a moment in case that more comes: the watermark. */
  rest(): string[] {
    const story = this.settle();
    this.clock.advanceNs(2 * NS_PER_MS);
    return [...story, ...this.settle()];
  }

  /** One step; what it did to the disk. */
  step(): string[] {
    const told = this.storage.calls.length;
    this.writer.step();
    return this.story(told);
  }

  story(from = 0): string[] {
    return this.storage.story().slice(from);
  }

  get written(): number {
    return readNumber(this.memory.words, this.memory.control.writtenEventId);
  }

  get durable(): number {
    return durablePointOf(this.memory).lastEventId;
  }

  get state(): number {
    return Atomics.load(this.memory.words, this.memory.control.state);
  }

  /** The blocks of a segment, as the reading side sees them. */
  blocksOf(segmentIndex: number): BlockHeader[] {
    const path = `${DIRECTORY}/${segmentFileName(segmentIndex)}`;
    const file = openSegment(this.disk, path, { index: segmentIndex, logId: LOG_ID });
    assert.ok(file !== undefined);
    const blocks: BlockHeader[] = [];
    walkSegment(new SegmentReader(this.disk, file), undefined, ({ block }) => {
      if (block !== undefined) blocks.push(block);
    });
    return blocks;
  }
}

const kindsOf = (blocks: readonly BlockHeader[]): number[] => blocks.map(({ kind }) => kind);
const claimsOf = (blocks: readonly BlockHeader[]): number[] =>
  blocks.map(({ durableEventId }) => durableEventId);

const FIRST_BLOCK = 'write 0000000001.wal@4096';
const SYNC = 'sync 0000000001.wal';

/** Calls on a descriptor are told under the name that it was opened by: that before the rename. */
const asSegment = (story: readonly string[]): string[] =>
  story.map((line) =>
    line.replace(
      /^((?:write|sync|close|read|statusOf) )prepared-(\d+)\.tmp/,
      (_, call, ticket) => `${call}${segmentFileName(Number(ticket))}`,
    ),
  );

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

describe('rotation', () => {
  /** What a rotation does; the seal stands behind the last event or watermark block. */
  const rotationAt = (sealOffset: number): string[] => [
    `write 0000000001.wal@${sealOffset}`,
    'sync 0000000001.wal',
    'close 0000000001.wal',
    'write 0000000002.wal@0',
    'sync 0000000002.wal',
    'renameNoReplace prepared-2.tmp 0000000002.wal',
    'syncDirectory log',
    'write 0000000002.wal@4096',
  ];

  for (const [mode, sealOffset] of [
    ['manual', LARGE_END],
    ['interval', LARGE_END],
    ['every-block', LARGE_END + BLOCK_HEADER_BYTES],
  ] as const) {
    test(`${mode}: last block, seal, sync; header, sync; name; folder; first block`, () => {
      const bench = new Bench({ mode });
      bench.appendLarge();
      bench.rest();
      bench.prepare();
      bench.appendLarge();
      const expected = rotationAt(sealOffset);
      assert.deepEqual(asSegment(bench.settle()).slice(0, expected.length), expected);
      assert.equal(bench.written, 2);
    });
  }

  test('makes the finished segment durable whole, and says so', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.settle();
    bench.prepare();
    bench.appendLarge();
    bench.settle();
    assert.deepEqual([bench.written, bench.durable], [2, 1]);
    bench.disk.cutPower();
    const first = bench.blocksOf(1);
    assert.deepEqual(kindsOf(first), [BlockKind.events, BlockKind.seal]);
    assert.deepEqual(bench.blocksOf(2), [], 'the name is durable, the block was not synced');
  });

  test('pins the last event or watermark block of the segment before, not its seal', () => {
    const bench = new Bench({ mode: 'every-block' });
    bench.append();
    bench.rest();
    const pinned = bench.blocksOf(1).at(-1);
    assert.equal(pinned?.kind, BlockKind.watermark);
    bench.prepare();
    bench.append(28 * KIB - 200);
    bench.settle();
    const path = `${DIRECTORY}/${segmentFileName(2)}`;
    const header = openSegment(bench.disk, path, { index: 2 })?.header;
    assert.equal(header?.previousBlockChecksum, pinned?.headerChecksum);
    const end = 4096 + BLOCK_HEADER_BYTES + 40 + BLOCK_HEADER_BYTES;
    assert.equal(header?.previousEndOffset, end);
    assert.equal(header?.previousLastEventId, 1);
    assert.equal(header?.firstEventId, 2);
  });

  test('seals with the totals of the segment', () => {
    const bench = new Bench();
    for (let block = 0; block < 3; block++) {
      bench.append(4 * KIB);
      bench.append(4 * KIB);
      bench.settle();
    }
    bench.prepare();
    bench.appendLarge();
    bench.settle();
    const path = `${DIRECTORY}/${segmentFileName(1)}`;
    const file = openSegment(bench.disk, path, { index: 1 });
    assert.ok(file !== undefined);
    const reader = new SegmentReader(bench.disk, file);
    while (reader.next() && reader.block?.kind !== BlockKind.seal);
    const seal = decodeSeal(reader.bytes.subarray(reader.payloadStart, reader.payloadEnd));
    assert.ok('totals' in seal);
    const { firstEventId, lastEventId, eventCount, eventBlocks, watermarkBlocks } = seal.totals;
    assert.deepEqual(
      { firstEventId, lastEventId, eventCount, eventBlocks, watermarkBlocks },
      { firstEventId: 1, lastEventId: 6, eventCount: 6, eventBlocks: 3, watermarkBlocks: 0 },
    );
    assert.equal(seal.totals.firstTimestampNs, (5n << 32n) + 1n);
    assert.equal(seal.totals.highestTimestampNs, (5n << 32n) + 6n);
  });

  test('waits while no segment is prepared, says so, and goes on with the next one', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.appendLarge();
    bench.settle();
    assert.ok(bench.writer.step() > 0, 'it waits outside of step()');
    assert.equal(bench.written, 1);
    assert.equal(bench.signals.get('takerWaiting'), 1);
    assert.equal(bench.signals.get('segmentWaits'), 1);
    bench.clock.advanceNs(5 * NS_PER_MS);
    bench.settle();
    bench.prepare();
    bench.settle();
    assert.equal(bench.written, 2);
    assert.equal(bench.signals.get('takerWaiting'), 0);
    assert.equal(bench.signals.get('segmentWaits'), 1, 'one wait, however often it looked');
    assert.equal(bench.signals.get('segmentWaitUs'), 5_000);
  });

  test('a request is served while it waits for a segment', () => {
    const bench = new Bench();
    bench.appendLarge();
    bench.appendLarge();
    bench.signals.requestDurable(2);
    bench.settle();
    assert.equal(bench.durable, 1, 'all that could be written is synced');
    assert.equal(bench.written, 1);
  });

  test('asks for more spares once half of the segment is used, and not any more in a new one', () => {
    const bench = new Bench({ segmentBytes: 128 * KIB });
    for (let event = 0; event < 2; event++) bench.append(20 * KIB);
    bench.settle();
    assert.equal(bench.signals.get('halfUsed'), 0);
    bench.append(20 * KIB);
    bench.settle();
    assert.equal(bench.signals.get('halfUsed'), 1);
    bench.prepare();
    bench.append(40 * KIB);
    bench.settle();
    assert.equal(bench.signals.get('halfUsed'), 0);
  });

  test('a segment that has no room for a watermark goes without', () => {
    const bench = new Bench({ mode: 'every-block' });
    // 28,672 bytes of room: the block takes all of them but 40.
    const payloadBytes = 28_672 - 40 - BLOCK_HEADER_BYTES - FRAME_HEADER_BYTES;
    bench.append(payloadBytes);
    bench.settle();
    assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events]);
    assert.equal(bench.durable, 1);
    bench.prepare();
    bench.append();
    bench.settle();
    assert.deepEqual(kindsOf(bench.blocksOf(1)), [BlockKind.events, BlockKind.seal]);
    assert.deepEqual(claimsOf(bench.blocksOf(1)), [0, 1]);
  });

  test('an event that no segment of this opening can hold is a bug, not a rotation for ever', () => {
    const bench = new Bench();
    bench.append(60 * KIB);
    for (let ticket = 0; ticket < 3; ticket++) bench.prepare();
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    assert.match(bench.signals.failure.read()?.message ?? '', /do not fit into a new segment/);
  });

  test('a block never reaches into the room of the seal, whatever waits in the ring', () => {
    const bench = new Bench();
    for (let event = 0; event < 60; event++) bench.append(2_000);
    for (let ticket = 0; ticket < 3; ticket++) bench.prepare();
    bench.settle();
    for (let index = 1; index <= 4; index++) {
      const events = bench.blocksOf(index).filter(({ kind }) => kind === BlockKind.events);
      const bytes = events.reduce((sum, each) => sum + BLOCK_HEADER_BYTES + each.payloadBytes, 0);
      assert.ok(bytes <= SEGMENT_BYTES - 36 * KIB, `${bytes} bytes in segment ${index}`);
      assert.ok(bytes > 20 * KIB, 'and it is used');
    }
  });
});

describe('the first failure is the last operation', () => {
  interface Case {
    readonly name: string;
    readonly hit: Parameters<FaultyStorage['fail']>[0];
    readonly offset: number;
    readonly durable: number;
  }
  const nth = (from: number) => ({ from, times: 1 });
  const of = (kind: string) => (call: { kind: string }) => call.kind === kind;
  // From here on: block 1, sync, watermark, [rotation:] seal, sync, header, sync, name, folder, block.
  const CASES: readonly Case[] = [
    {
      name: 'block write',
      hit: { code: 'EIO', when: of('write'), ...nth(1) },
      offset: 4096,
      durable: 0,
    },
    {
      name: 'torn block write',
      hit: { code: 'EIO', when: of('write'), torn: true, ...nth(1) },
      offset: 4096,
      durable: 0,
    },
    {
      name: 'full disk at a block',
      hit: { code: 'ENOSPC', when: of('write'), ...nth(1) },
      offset: 4096,
      durable: 0,
    },
    {
      name: 'quota at a block',
      hit: { code: 'EDQUOT', when: of('write'), ...nth(1) },
      offset: 4096,
      durable: 0,
    },
    {
      name: 'sync',
      hit: { code: 'EIO', when: of('sync'), ...nth(1) },
      offset: LARGE_END,
      durable: 0,
    },
    {
      name: 'full disk at a sync',
      hit: { code: 'ENOSPC', when: of('sync'), ...nth(1) },
      offset: LARGE_END,
      durable: 0,
    },
    {
      name: 'watermark write',
      hit: { code: 'EIO', when: of('write'), ...nth(2) },
      offset: LARGE_END,
      durable: 1,
    },
    {
      name: 'seal write',
      hit: { code: 'EIO', when: of('write'), ...nth(3) },
      offset: LARGE_END + BLOCK_HEADER_BYTES,
      durable: 1,
    },
    {
      name: 'sync of the seal',
      hit: { code: 'EIO', when: of('sync'), ...nth(2) },
      offset: SEAL_END,
      durable: 1,
    },
    {
      name: 'header page',
      hit: { code: 'EIO', when: of('write'), ...nth(4) },
      offset: 0,
      durable: 1,
    },
    {
      name: 'sync of the header page',
      hit: { code: 'EIO', when: of('sync'), ...nth(3) },
      offset: 0,
      durable: 1,
    },
    { name: 'rename', hit: { code: 'EIO', when: of('renameNoReplace') }, offset: 0, durable: 1 },
    {
      name: 'name is taken',
      hit: { code: 'EEXIST', when: of('renameNoReplace') },
      offset: 0,
      durable: 1,
    },
    {
      name: 'sync of the folder',
      hit: { code: 'EIO', when: of('syncDirectory') },
      offset: 0,
      durable: 1,
    },
    {
      name: 'first block of the new segment',
      hit: { code: 'EIO', when: of('write'), ...nth(5) },
      offset: 4096,
      durable: 1,
    },
  ];

  for (const { name, hit, offset, durable } of CASES) {
    test(`${name}: no later call, nothing called durable, the cause readable`, () => {
      const bench = new Bench();
      const fault = bench.storage.fail(hit);
      bench.appendLarge();
      bench.signals.requestDurable(1);
      bench.rest();
      bench.prepare();
      bench.appendLarge();
      bench.signals.requestDurable(2);
      bench.rest();
      assert.equal(fault.hits, 1, 'the fault was met');
      assert.ok(bench.writer.hasFailed);
      assert.equal(bench.state, LogState.failed);
      assert.equal(bench.durable, durable);

      const failure = bench.signals.failure.read();
      assert.ok(failure instanceof WalError);
      assert.equal(failure.code, 'ERR_FLASHSTRIKE_FAILED');
      assert.match(failure.path ?? '', /^\/log\/000000000[12]\.wal$/);
      assert.ok(failure.message.startsWith(`${failure.path}: `), failure.message);
      assert.ok(failure.message.includes(`(${hit.code})`), failure.message);
      assert.equal(failure.offset, offset);

      bench.storage.heal();
      const told = bench.storage.calls.length;
      bench.append();
      bench.signals.requestDurable(3);
      bench.clock.advanceNs(1e12);
      for (let step = 0; step < 10; step++) assert.ok(bench.writer.step() > 0);
      assert.ok(bench.writer.drain(), 'there is nothing left to drain for');
      assert.deepEqual(bench.story(told), []);
      assert.equal(bench.durable, durable);

      bench.writer.close();
      bench.closeSpares();
      assert.deepEqual([...bench.storage.openFiles.values()], [], 'no descriptor is left');
    });
  }

  test('it wakes all who wait: for a durable id and for room in the ring', () => {
    const bench = new Bench();
    const { words, durableWakeWord } = bench.signals;
    bench.signals.set('producerWaiting', 1);
    const durable = Atomics.load(words, durableWakeWord);
    const room = bench.signals.producerWakeCount;
    bench.storage.fail({ code: 'EIO', when: of('write') });
    bench.append();
    bench.settle();
    assert.equal(Atomics.load(words, durableWakeWord), durable + 1);
    assert.equal(bench.signals.producerWakeCount, room + 1);
  });

  test('a sync that fails is not tried again, although a second one would return', () => {
    const bench = new Bench({ mode: 'every-block' });
    const fault = bench.storage.fail({
      code: 'EIO',
      when: of('sync'),
      times: 1,
      before: () => bench.disk.loseDirtyPages(),
    });
    bench.append();
    bench.settle();
    for (let step = 0; step < 5; step++) bench.writer.step();
    bench.writer.drain();
    assert.equal(fault.hits, 1);
    assert.equal(bench.storage.calls.filter(({ kind }) => kind === 'sync').length, 1);
    assert.equal(bench.durable, 0);
  });

  test('a damaged ring is one', () => {
    const bench = new Bench();
    bench.append();
    bench.memory.frames[2] = 77;
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    assert.match(bench.signals.failure.read()?.message ?? '', /event 77, expected event 1/);
    assert.deepEqual(bench.story(), []);
  });

  test('a LOCK that is another file by now is one: nothing is written beside another writer', () => {
    const bench = new Bench();
    bench.append();
    bench.signals.set('lockNameLost', 1);
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    const failure = bench.signals.failure.read();
    assert.ok(failure instanceof WalError);
    assert.deepEqual([failure.code, failure.path], ['ERR_FLASHSTRIKE_LOCKED', '/log/LOCK']);
    assert.deepEqual(bench.story(), []);
  });

  test('so is a preparer that has given up, once its segment is needed', () => {
    const bench = new Bench();
    const message = '/log/prepared-2.tmp: a segment could not be prepared (EIO).';
    bench.signals.preparerError.write(new WalError('ERR_FLASHSTRIKE_IO', message));
    bench.signals.set('preparerTrouble', Trouble.error);
    bench.append();
    bench.settle();
    assert.equal(bench.writer.hasFailed, false, 'not as long as it has a segment');
    bench.appendLarge();
    bench.appendLarge();
    bench.settle();
    assert.ok(bench.writer.hasFailed);
    assert.equal(bench.signals.failure.read()?.message, message);
  });
});

describe('a full disk in preparation is no failure', () => {
  test('it is the state no-space, and over when space is back', () => {
    const bench = new Bench();
    bench.signals.set('preparerTrouble', Trouble.noSpace);
    bench.settle();
    assert.equal(bench.state, LogState.noSpace);
    bench.appendLarge();
    bench.settle();
    assert.equal(bench.written, 1, 'what still fits is written');
    bench.signals.set('preparerTrouble', Trouble.none);
    bench.settle();
    assert.equal(bench.state, LogState.open);
  });

  test('a producer that waits is woken to see it, once nothing can be written', () => {
    const bench = new Bench();
    bench.signals.set('producerWaiting', 1);
    bench.signals.set('preparerTrouble', Trouble.noSpace);
    bench.appendLarge();
    bench.appendLarge();
    bench.settle();
    const before = bench.signals.producerWakeCount;
    bench.settle();
    assert.ok(bench.signals.producerWakeCount > before);
  });

  test('in the meta store too', () => {
    const bench = new Bench();
    bench.signals.set('metaTrouble', Trouble.noSpace);
    bench.settle();
    assert.equal(bench.state, LogState.noSpace);
    bench.signals.set('metaTrouble', Trouble.error);
    bench.settle();
    assert.equal(bench.state, LogState.open, 'other trouble of the meta store is only counted');
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
    producer.put(new Uint8Array(16), FrameKind.event, 0, 0, 5);
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

test('an idle log looks at its ring less and less often', () => {
  const bench = new Bench({ mode: 'interval', intervalMs: 20 });
  bench.append();
  bench.settle();
  assert.equal(bench.writer.step(), 1);
  bench.clock.advanceNs(10e9);
  bench.settle();
  assert.equal(bench.writer.step(), 20);
  const slow = new Bench({ mode: 'interval', intervalMs: 3_600_000 });
  slow.clock.advanceNs(10e9);
  assert.equal(slow.writer.step(), 50, 'but often enough for events to leave the ring');
});

test('the fault of these tests is the system error that it should be', () => {
  assert.deepEqual({ ...systemError('EIO', 'write') }, { code: 'EIO' });
});
