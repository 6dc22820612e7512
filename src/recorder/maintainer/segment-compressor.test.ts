import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder } from '../../../bench/harness/remove-folder.js';
import { SimulatedDisk } from '../../../test/simulation/simulated-disk.js';
import { FaultyStorage } from '../../../test/support/faulty-storage.js';
import { LogBuilder } from '../../../test/support/log-builder.js';
import { Random } from '../../cli/demo/random.js';
import { FakeClock } from '../../clock/fake-clock.js';
import { FILE_PORTS } from '../../judgement/reading-ports.js';
import { listLog } from '../../reading/log-directory.js';
import { openSegment, readSegment } from '../../reading/segment-file.js';
import { removeLeftovers } from '../../recovery/recover-log.js';
import { replayThrough } from '../../replay/replay.js';
import type { Storage } from '../../storage/storage.js';
import { KIB, MIB, PAGE_BYTES } from '../../units.js';
import { takeFrom } from '../threads/prepared-segments.js';
import { Signals } from '../threads/signals.js';
import { SegmentCompressor } from './segment-compressor.js';
import { SegmentRecycler } from './segment-recycler.js';

const DIR = '/log';
const SEGMENTS = 5;
/** Segments 1 to 3 are compressed: 4 is hot, and 5 is the last. */
const HOT = 1;
const CALLS_MAX = 2000;

const folder = mkdtempSync(join(tmpdir(), 'flashstrike-compressor-'));
after(() => removeFolder(folder));

interface BuildOptions {
  readonly segmentBytes?: number;
  readonly blocks?: number;
  readonly seals?: boolean;
}

function built({ segmentBytes = MIB, blocks = 5, seals = true }: BuildOptions = {}): LogBuilder {
  const builder = new LogBuilder(folder, { segmentBytes });
  for (let index = 1; index <= SEGMENTS; index++) {
    builder.segment();
    for (let block = 0; block < blocks; block++) builder.events(3, { payloadBytes: 20 * KIB });
    builder.watermark();
    if (seals && index < SEGMENTS) builder.seal();
  }
  return builder;
}

/** The log, durable on a disk of its own. */
function diskOf(builder: LogBuilder): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.makeDirectory(DIR);
  for (const [index, bytes] of builder.files) {
    const fd = disk.open(join(DIR, nameOf(index)), 'create');
    disk.write(fd, [bytes], 0);
    disk.sync(fd);
    disk.close(fd);
  }
  disk.syncDirectory(DIR);
  disk.syncDirectory('/');
  return disk;
}

const nameOf = (index: number): string => `000000000${index}.wal`;

class Run {
  readonly storage: FaultyStorage;
  readonly clock = new FakeClock();
  readonly errors: (Error | undefined)[] = [];
  readonly found: number[] = [];
  readonly compressor: SegmentCompressor;

  constructor(disk: Storage, dir = DIR, hotSegments = HOT) {
    this.storage = new FaultyStorage(disk);
    this.compressor = new SegmentCompressor(this.storage, this.clock, dir, hotSegments, {
      compressed: (_startNs, _index, contentBytes, fileBytes) => {
        assert.ok(fileBytes > 0 && fileBytes < contentBytes);
        this.errors.push(undefined);
      },
      found: (index) => this.found.push(index),
      failed: (_startNs, error) => this.errors.push(error),
    });
  }

  /** To its end, or to the first failure. */
  run(): this {
    for (let steps = 0; steps < CALLS_MAX; steps++) {
      const step = this.compressor.step();
      if (step === 'nothing' || step === 'failed') {
        this.compressor.close();
        return this;
      }
    }
    assert.fail('it comes to an end');
  }

  /** To the next failure, which must come. */
  runToFailure(): void {
    for (let steps = 0; this.compressor.step() !== 'failed'; steps++) {
      assert.ok(steps < CALLS_MAX, 'it fails');
    }
  }

  /** To its end, over all failures. */
  runOn(): this {
    for (let steps = 0; steps < CALLS_MAX; steps++) {
      const step = this.compressor.step();
      if (step === 'failed') this.clock.advanceNs(61e9);
      else if (step === 'nothing') return this;
    }
    assert.fail('it comes to an end');
  }
}

const BUILT = built();
const EVENTS = SEGMENTS * 15;

/** Every event is there, and each segment has the bytes that it had, however it is kept. */
function assertWhole(disk: Storage): void {
  let events = 0;
  for (const event of replayThrough({ ...FILE_PORTS, storage: disk }, DIR)) {
    events++;
    assert.equal(event.eventId, events);
  }
  assert.equal(events, EVENTS);
  for (const [index, bytes] of BUILT.files) {
    const file = openSegment(disk, join(DIR, nameOf(index)), { index });
    assert.ok(file !== undefined);
    const content = new Uint8Array(file.bytes);
    assert.equal(readSegment(disk, file, content, 0), content.length);
    assert.equal(Buffer.compare(content, bytes.subarray(0, content.length)), 0);
    assert.ok(bytes.subarray(content.length).every((byte) => byte === 0));
    disk.close(file.fd);
  }
}

const names = (disk: Storage): string[] => disk.list(DIR).map(({ name }) => name);
const COMPRESSED = [1, 2, 3].map((index) => `${nameOf(index)}.lz4`);
const EXPECTED = [...COMPRESSED, nameOf(4), nameOf(5)];

test('all but the newest finished segments, oldest first, in bounded steps', () => {
  const disk = diskOf(BUILT);
  const run = new Run(disk).run();
  assert.deepEqual(names(disk), EXPECTED);
  assert.deepEqual(run.errors, [undefined, undefined, undefined]);
  assert.deepEqual([...run.storage.openFiles], []);
  const removed = run.storage.story('unlink', 'renameNoReplace');
  assert.deepEqual(removed.slice(0, 2), [
    'renameNoReplace 0000000001.wal.lz4.tmp 0000000001.wal.lz4',
    'unlink 0000000001.wal',
  ]);
  assertWhole(disk);
});

test('each is synced, proven, named and named durably before its original goes', () => {
  const run = new Run(diskOf(BUILT)).run();
  const story = run.storage
    .story('create' as never, 'sync', 'syncDirectory', 'renameNoReplace', 'unlink', 'read')
    .map((call) => call.replace(/@\d+/, ''))
    .filter((call, at, all) => call !== all[at - 1]);
  const end = story.indexOf('unlink 0000000001.wal');
  const compared = [
    'read 0000000001.wal.lz4.tmp',
    'read 0000000001.wal',
    'read 0000000001.wal.lz4.tmp',
  ];
  assert.deepEqual(story.slice(story.indexOf('sync 0000000001.wal.lz4.tmp'), end + 2), [
    'sync 0000000001.wal.lz4.tmp',
    ...story.slice(story.indexOf('sync 0000000001.wal.lz4.tmp') + 1, end - 2),
    'renameNoReplace 0000000001.wal.lz4.tmp 0000000001.wal.lz4',
    'syncDirectory log',
    'unlink 0000000001.wal',
    'syncDirectory log',
  ]);
  const middle = story.slice(story.indexOf('sync 0000000001.wal.lz4.tmp') + 1, end - 2);
  assert.deepEqual([...new Set(middle)].sort(), [...new Set(compared)].sort());
});

test('a segment without a seal, or with the rest of a torn write, is kept to its pin', () => {
  const disk = diskOf(built({ seals: false }));
  new Run(disk).run();
  assert.deepEqual(names(disk), EXPECTED);
});

test('the next one is found as soon as a segment is finished', () => {
  const builder = built();
  const disk = diskOf(builder);
  const away = join(DIR, nameOf(5));
  disk.rename(away, '/away');
  const run = new Run(disk);
  run.run();
  assert.deepEqual(names(disk), [COMPRESSED[0], COMPRESSED[1], nameOf(3), nameOf(4)]);
  disk.rename('/away', away);
  assert.equal(run.compressor.step(), 'working');
  run.run();
  assert.deepEqual(names(disk), EXPECTED);
});

test('the file of an original is offered as a prepared one, which nobody has open', () => {
  const disk = diskOf(BUILT);
  const signals = new Signals();
  signals.set('recycledPages', MIB / PAGE_BYTES);
  const storage = new FaultyStorage(disk);
  const recycler = new SegmentRecycler(storage, signals, () => assert.fail('no failure'));
  const inode = disk.statusAt(join(DIR, nameOf(1)))?.inode;
  const ignored = { compressed() {}, found() {}, failed: () => assert.fail('no failure') };
  const clock = new FakeClock();
  const compressor = new SegmentCompressor(storage, clock, DIR, 3, ignored, recycler);
  while (compressor.step() !== 'nothing') {}
  const offered = takeFrom(signals.recycledQueue);
  assert.ok(offered !== undefined);
  assert.deepEqual([offered.inode, offered.segmentBytes, offered.isRecycled], [inode, MIB, true]);
  assert.deepEqual([...storage.openFiles], []);
  assertWhole(disk);
  const story = storage.story('renameNoReplace', 'syncDirectory', 'write').slice(-4);
  assert.deepEqual(
    story.map((call) => call.replace(/prepared-\d+/, 'prepared').replace(/@\d+.*/, '')),
    [
      'syncDirectory log',
      'renameNoReplace 0000000001.wal prepared.tmp',
      'syncDirectory log',
      'write prepared.tmp',
    ],
  );
});

test('a failure of any call leaves the original, and is made good for later', () => {
  let failures = 0;
  for (const code of ['EIO', 'ENOSPC']) {
    for (let from = 1; from < CALLS_MAX; from++) {
      const disk = diskOf(BUILT);
      const run = new Run(disk);
      const fault = run.storage.fail({ code, from, times: 1, torn: 0.5 });
      run.runOn();
      if (fault.hits === 0) break;
      failures++;
      run.compressor.close();
      assert.deepEqual([...run.storage.openFiles], [], `call ${from}`);
      assert.deepEqual(names(disk), EXPECTED, `call ${from}`);
      assertWhole(disk);
    }
  }
  assert.ok(failures > 100, `${failures}`);
});

test('calls that fail for good leave every original, and nothing else', () => {
  const kinds = ['write', 'sync', 'renameNoReplace', 'allocate'] as const;
  for (const kind of kinds.slice(0, 3)) {
    const disk = diskOf(BUILT);
    const run = new Run(disk);
    run.storage.fail({ code: 'EIO', when: (call) => call.kind === kind });
    for (let round = 0; round < 3; round++) {
      run.runToFailure();
      assert.equal(run.compressor.step(), 'nothing', 'it waits');
      run.clock.advanceNs(61e9);
    }
    run.compressor.close();
    assert.equal(run.errors.length, 3);
    const originals = [1, 2, 3, 4, 5].map(nameOf);
    assert.deepEqual(names(disk), originals);
    assertWhole(disk);
  }
});

for (const how of ['kill', 'power cut', 'power cut that keeps some'] as const) {
  test(`a ${how} at any call leaves every segment whole, and the next run goes on`, () => {
    let crashes = 0;
    for (let from = 1; from < CALLS_MAX; from++) {
      const disk = diskOf(BUILT);
      const run = new Run(disk);
      // Nothing reaches the disk any more: what the process would clean up stays.
      const fault = run.storage.fail({ code: 'EIO', from, torn: 0.3 });
      run.run();
      if (fault.hits === 0) break;
      crashes++;
      if (how === 'kill') disk.kill();
      else if (how === 'power cut') disk.cutPower();
      else disk.crash(new Random(from));
      assertWhole(disk);
      removeLeftovers(disk, DIR);
      assert.ok(listLog(disk, DIR).compressing.length === 0);
      new Run(disk).run();
      assert.deepEqual(names(disk), EXPECTED, `call ${from}`);
      assertWhole(disk);
    }
    assert.ok(crashes > 50, `${crashes}`);
  });
}

test('a folder whose sync fails once: no power cut behind that takes a segment away', () => {
  for (let from = 1; from <= 2 * COMPRESSED.length; from++) {
    for (let seed = 1; seed <= 8; seed++) {
      const random = new Random(100 * from + seed);
      const disk = diskOf(BUILT);
      const run = new Run(disk);
      const fault = run.storage.fail({
        code: 'EIO',
        when: ({ kind }) => kind === 'syncDirectory',
        // The kernel takes the names for written that the disk does not have.
        before: ({ path }) => disk.failSyncDirectory(path, random),
        from,
        times: 1,
      });
      run.runOn();
      assert.equal(fault.hits, 1);
      assert.deepEqual(names(disk), EXPECTED);
      disk.crash(random);
      assertWhole(disk);
    }
  }
});

test('a file that reads back as something else is not trusted: the original stays', () => {
  const disk = diskOf(BUILT);
  const run = new Run(disk);
  let isWritten = false;
  run.storage.onCall = ({ kind, path }) => {
    if (kind !== 'sync' || !path.endsWith('.tmp') || isWritten) return;
    isWritten = true;
    const fd = disk.open(path, 'write');
    // In the content of a block, with checksums of no block and of no content any more.
    const byte = new Uint8Array(1);
    disk.read(fd, byte, 5000);
    disk.write(fd, [Uint8Array.of((byte[0] ?? 0) ^ 1)], 5000);
    disk.close(fd);
  };
  run.runToFailure();
  assert.match(run.errors[0]?.message ?? '', /differs from it at offset/);
  assert.deepEqual(names(disk), [1, 2, 3, 4, 5].map(nameOf));
  run.clock.advanceNs(61e9);
  run.runOn();
  assertWhole(disk);
});

test('a damaged segment is never compressed: it stays as it is, and the others go on', () => {
  const builder = built();
  const { offset } = builder.blockOf(2, 1);
  const bytes = builder.fileOf(2);
  bytes[offset + 100] = (bytes[offset + 100] ?? 0) ^ 1;
  const disk = diskOf(builder);
  const run = new Run(disk).runOn();
  assert.deepEqual(names(disk), [COMPRESSED[0], nameOf(2), COMPRESSED[2], nameOf(4), nameOf(5)]);
  assert.match(run.errors[1]?.message ?? '', /0000000002.wal was not compressed, and stays/);
});

for (const [what, bytes] of [
  ['nothing', new Uint8Array(0)],
  ['zeros', new Uint8Array(10_000)],
] as const) {
  test(`a compressed file of ${what} beside the original is made anew`, () => {
    const disk = diskOf(BUILT);
    const fd = disk.open(join(DIR, COMPRESSED[0] ?? ''), 'create');
    disk.write(fd, [bytes], 0);
    disk.close(fd);
    new Run(disk).run();
    assert.deepEqual(names(disk), EXPECTED);
    assertWhole(disk);
  });
}

test('closed half-way, it leaves nothing behind', () => {
  for (let steps = 1; steps < 12; steps++) {
    const disk = diskOf(BUILT);
    const run = new Run(disk);
    for (let step = 0; step < steps; step++) run.compressor.step();
    run.compressor.close();
    run.compressor.close();
    assert.deepEqual([...run.storage.openFiles], []);
    assert.ok(!names(disk).some((name) => name.endsWith('.tmp')));
    assertWhole(disk);
  }
});

const hasProgram = spawnSync('lz4', ['--version']).status === 0;
test('the program lz4 gives back what was compressed', {
  skip: hasProgram ? false : 'the program lz4 is not installed',
}, () => {
  const disk = diskOf(BUILT);
  new Run(disk).run();
  for (const [at, name] of COMPRESSED.entries()) {
    const fd = disk.open(join(DIR, name), 'read');
    const bytes = new Uint8Array(disk.statusOf(fd).bytes);
    disk.read(fd, bytes, 0);
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const maxBuffer = 4 * MIB;
    const content = execFileSync('lz4', ['-d', '-c', path], { maxBuffer, stdio: 'pipe' });
    const original = BUILT.fileOf(at + 1).subarray(0, content.length);
    assert.equal(Buffer.compare(content, original), 0);
  }
});
