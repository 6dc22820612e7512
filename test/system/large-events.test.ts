// Events of more than the 1 MiB that a block usually has: they come back whole from everything that
// reads, and after a crash whole or not at all. Logs that do not ask for them are as they were.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  backup,
  follow,
  followBlocks,
  openCursor,
  replay,
  restore,
  salvageTo,
  verify,
  Wal,
} from '../../src/index.js';
import { isDefect } from '../../src/segment/defect.js';
import { decodeSegmentHeader, LARGE_BLOCKS_FLAG } from '../../src/segment/segment-header.js';
import { KIB, MIB } from '../../src/units.js';
import { cannotMap, mappedOptions, onBothAdapters, type Variant } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { LogBuilder, temporaryFolder } from '../support/log-builder.js';
import { assertSound, code, segmentFiles } from '../support/log-content.js';

const LARGEST = 5 * MIB;
/** The largest payload of a block of 1 MiB. */
const USUAL = MIB - 88;
const OPTIONS = {
  maxEventBytes: LARGEST,
  ringBytes: 32 * MIB,
  segmentBytes: 16 * MIB,
  stallTimeoutMs: 300_000,
} as const;
/** Around what a block, a read, and this log can hold. */
const SIZES = [0, 100, USUAL, USUAL + 1, 5, 2 * MIB - 88, 2 * MIB, 7, 2 * MIB + 1, LARGEST, 9];

interface Event {
  readonly eventId: number;
  readonly payload: Uint8Array;
}

const sizeOf = (eventId: number): number => SIZES[(eventId - 1) % SIZES.length] ?? -1;
const contentOf = (eventId: number): Buffer => Buffer.alloc(sizeOf(eventId), `event ${eventId} `);

function appendSome(wal: Wal, count = SIZES.length): number {
  for (let left = count; left > 0; left--) wal.append(contentOf(wal.lastEventId + 1));
  return wal.lastEventId;
}

/** All of `first` … `last`, each as it was appended. */
function assertEvents(events: Iterable<Event>, last: number, first = 1): void {
  let expected = first;
  for (const { eventId, payload } of events) {
    assert.equal(eventId, expected);
    assert.equal(Buffer.compare(payload, contentOf(eventId)), 0, `event ${eventId}`);
    expected++;
  }
  assert.equal(expected - 1, last, 'the last event');
}

function flagsOf(path: string): number {
  const header = decodeSegmentHeader(readFileSync(path).subarray(0, 4096));
  assert.ok(!isDefect(header));
  return header.incompatibleFlags;
}

const flagsIn = (directory: string): number[] =>
  segmentFiles(directory).map((name) => flagsOf(join(directory, name)));

function* stepped(directory: string, readAhead: boolean): Generator<Event> {
  const cursor = openCursor(directory, { readAhead });
  try {
    while (cursor.next()) {
      const { eventId, payloadBytes } = cursor;
      yield { eventId, payload: cursor.block.subarray(0, payloadBytes) };
    }
  } finally {
    cursor.close();
  }
}

/** A closed log of `rounds` times SIZES. */
async function writtenLog(directory: string, rounds: number, options = {}): Promise<number> {
  await using wal = await Wal.open(directory, { ...OPTIONS, ...options });
  for (let round = 0; round < rounds; round++) appendSome(wal);
  return wal.durable();
}

async function liveReaders(directory: string, v: Variant): Promise<void> {
  await using wal = await Wal.open(directory, { ...v.options, ...OPTIONS });
  appendSome(wal);
  await wal.durable();
  const last = appendSome(wal);
  assertEvents(wal.replay(), last);
  await wal.durable();
  const followed: Event[] = [];
  for await (const event of follow(directory)) {
    followed.push(event);
    if (event.eventId === last) break;
  }
  assertEvents(followed, last);
  let large = 0;
  for await (const { bytes, lastEventId } of followBlocks(directory, { reuse: true })) {
    if (bytes.length > MIB) large++;
    if (lastEventId === last) break;
  }
  assert.equal(large, 2 * SIZES.filter((bytes) => bytes > USUAL).length);
}

onBothAdapters('large events come back whole from every reader', async (t, v) => {
  const directory = temporaryFolder(t);
  await liveReaders(directory, v);
  const last = 2 * SIZES.length;
  for (const reuse of [false, true]) {
    for (const readAhead of [false, true]) {
      assertEvents(replay(directory, { reuse, readAhead }), last);
    }
  }
  for (const from of [4, 7, 10, 11, last]) assertEvents(replay(directory, { from }), last, from);
  const tenth = [...replay(directory, { from: 10, to: 10 })][0];
  assert.ok(tenth !== undefined);
  assertEvents(replay(directory, { fromTime: tenth.timestampNs }), last, 10);
  for (const readAhead of [false, true]) assertEvents(stepped(directory, readAhead), last);
  await assertSound(directory);
});

test('a reader that reads ahead goes on by itself from the first large event', async (t) => {
  const directory = temporaryFolder(t);
  const last = await writtenLog(directory, 4);
  assertEvents(stepped(directory, true), last);
});

test('a large batch survives whole, and counts as much as the largest event', async (t) => {
  const directory = temporaryFolder(t);
  const part = Buffer.alloc(64 * KIB, 'part');
  const most = Math.floor((LARGEST + 24) / (part.length + 24));
  {
    await using wal = await Wal.open(directory, OPTIONS);
    wal.appendBatch(Array.from({ length: most }, () => part));
    const tooMany = Array.from({ length: most + 1 }, () => part);
    assert.throws(() => wal.appendBatch(tooMany), code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE'));
    const tiny = Array.from({ length: 100_000 }, () => Buffer.from('tiny'));
    assert.equal(wal.appendBatch(tiny), most + 1, 'more events than a block of 1 MiB has');
  }
  let count = 0;
  for (const { payload } of replay(directory)) {
    const start = Buffer.from(payload.subarray(0, 4)).toString();
    assert.equal(start, count < most ? 'part' : 'tiny');
    count++;
  }
  assert.equal(count, most + 100_000);
});

test('an event of 64 MiB, the largest that there is', async (t) => {
  const directory = temporaryFolder(t);
  const size = { ringBytes: 512 * MIB, segmentBytes: 65 * MIB, maxEventBytes: 64 * MIB };
  const payload = Buffer.alloc(size.maxEventBytes, 'a picture ');
  {
    await using wal = await Wal.open(directory, { ...size, stallTimeoutMs: 300_000 });
    wal.append(payload);
    wal.append(Buffer.from('small'));
    assert.throws(
      () => wal.append(Buffer.concat([payload, Buffer.from('!')])),
      code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE', /No options allow more than 67108864 bytes/),
    );
  }
  const [first, second] = replay(directory);
  assert.ok(first !== undefined && Buffer.compare(first.payload, payload) === 0);
  assert.equal(Buffer.from(second?.payload ?? []).toString(), 'small');
  await assertSound(directory);
});

test('a log that does not ask for them has none, and says what to ask for', async (t) => {
  const directory = temporaryFolder(t);
  await using wal = await Wal.open(directory, { ringBytes: 64 * MIB });
  wal.append(Buffer.alloc(USUAL));
  let remedy = '';
  const isRefused = code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE', /maxEventBytes 2097152 or more/);
  assert.throws(
    () => wal.append(Buffer.alloc(2 * MIB)),
    (error: Error) => {
      remedy = error.message;
      return isRefused(error);
    },
  );
  assert.doesNotMatch(remedy, /ringBytes|segmentBytes/, 'what is large enough is not named');
  await wal.durable();
  assert.deepEqual(new Set(flagsIn(directory)), new Set([0]), 'earlier versions read it');
});

test('a log goes on with larger events, and without, from one opening to the next', async (t) => {
  const directory = temporaryFolder(t);
  const usual = { ...OPTIONS, maxEventBytes: USUAL };
  {
    await using wal = await Wal.open(directory, usual);
    appendSome(wal, 2);
  }
  {
    await using wal = await Wal.open(directory, OPTIONS);
    appendSome(wal, SIZES.length - 2);
  }
  const grown = segmentFiles(directory).length;
  assert.ok(grown > 1, 'a segment that says nothing of large blocks gets none');
  assert.equal(flagsIn(directory)[0], 0);
  assert.deepEqual(new Set(flagsIn(directory).slice(1)), new Set([LARGE_BLOCKS_FLAG]));
  {
    await using wal = await Wal.open(directory, usual);
    appendSome(wal, 2);
    assert.throws(() => appendSome(wal, 2), code('ERR_FLASHSTRIKE_EVENT_TOO_LARGE'));
  }
  assertEvents(replay(directory), SIZES.length + 3);
  await assertSound(directory);
});

test('compressed, backed up, restored up to each event, and salvaged', async (t) => {
  const folder = temporaryFolder(t);
  const [directory, target, copy] = ['log', 'backup', 'salvaged'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const compressing = { compression: 'lz4', hotSegments: 1 } as const;
  const last = await writtenLog(directory, 2, compressing);
  {
    await using wal = await Wal.open(directory, { ...OPTIONS, ...compressing });
    // The active one, and one that is kept as it is.
    await eventually('segments are compressed', () => segmentFiles(directory).length === 2);
    assertEvents(wal.replay(), last);
    await wal.backup(target);
  }
  assertEvents(replay(directory), last);
  await assertSound(directory);
  await backup(directory, target);
  assertEvents(replay(target), last);
  for (const toId of [9, 10]) {
    const restored = join(folder, `to-${toId}`);
    await restore(target, restored, { toId });
    assertEvents(replay(restored), toId);
    await assertSound(restored);
  }
  await salvageTo(directory, copy);
  assertEvents(replay(copy), last);
  await assertSound(copy);
});

test('a large event that is cut or damaged anywhere is told, and nothing before it is lost', async (t) => {
  const directory = temporaryFolder(t);
  const sizes = { ringBytes: 16 * MIB, segmentBytes: 4 * MIB, maxEventBytes: 3 * MIB };
  {
    await using wal = await Wal.open(directory, sizes);
    wal.append(Buffer.from('before'));
    await wal.durable();
    wal.append(Buffer.alloc(3 * MIB, 'large '));
  }
  const path = join(directory, segmentFiles(directory).at(-1) ?? '');
  const whole = readFileSync(path);
  const begin = whole.indexOf('large ') - 88;
  assert.ok(begin >= 4096, 'the block of it');
  const assertTold = async (what: string): Promise<void> => {
    const { ok } = await verify(directory);
    assert.equal(ok, false, what);
    assert.equal([...replay(directory, { to: 1 })].length, 1, what);
    assert.throws(() => [...replay(directory)], code('ERR_FLASHSTRIKE_CORRUPT'), what);
    await assert.rejects(Wal.open(directory, sizes), code('ERR_FLASHSTRIKE_CORRUPT'), what);
  };
  for (const kept of [0, 63, 64, 88, 4096, MIB, 2 * MIB, 3 * MIB]) {
    writeFileSync(path, whole.subarray(0, begin + kept));
    await assertTold(`cut after ${kept} bytes`);
  }
  for (const at of [1, 5, 40, 64, 88, 100_000, 2 * MIB, 3 * MIB]) {
    const bytes = Buffer.from(whole);
    bytes[begin + at] = (bytes[begin + at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await assertTold(`byte ${at} is another`);
  }
  writeFileSync(path, whole);
  await assertSound(directory);
});

test('a segment that has room, and says nothing of large blocks, gets none', async (t) => {
  const directory = temporaryFolder(t);
  const [most, more] = [Buffer.alloc(USUAL, 'usual '), Buffer.alloc(USUAL + 1, 'larger ')];
  {
    await using wal = await Wal.open(directory, { ...OPTIONS, maxEventBytes: USUAL });
    for (let event = 0; event < 12; event++) wal.append(most);
  }
  const before = segmentFiles(directory).length;
  {
    await using wal = await Wal.open(directory, OPTIONS);
    wal.append(Buffer.from('there is room for this'));
    await wal.durable();
    assert.equal(segmentFiles(directory).length, before);
    wal.append(more);
  }
  assert.ok(segmentFiles(directory).length > before);
  const sizes = Array.from(replay(directory), ({ payload }) => payload.length);
  assert.deepEqual(sizes.slice(12), [22, USUAL + 1]);
  await assertSound(directory);
});

test('what a killed process left in its ring is recovered by an opening that asks for less', {
  skip: cannotMap,
}, async (t) => {
  const options = { ...mappedOptions(t), ...OPTIONS, sync: { mode: 'manual' } as const };
  const { maxEventBytes: _less, ...usual } = options;
  // The last large event is left there only where the writer thread has not come to it.
  let wasLeft = false;
  for (let attempt = 0; attempt < 50 && !wasLeft; attempt++) {
    const directory = temporaryFolder(t);
    const child = Script.start(
      t,
      `const wal = await Wal.open(directory, options);
         const events = ${JSON.stringify(SIZES)}.map((bytes, at) =>
           Buffer.alloc(bytes, 'event ' + (at + 1) + ' '));
         for (const event of events) wal.append(event);
         process.kill(process.pid, 'SIGKILL');`,
      directory,
      options,
    );
    await child.ended;
    {
      await using wal = await Wal.open(directory, { ...usual, ringBytes: 64 * KIB });
      assert.equal(wal.lastEventId, SIZES.length);
      wasLeft = wal.recovery.eventsFromRing > 1;
    }
    assertEvents(replay(directory), SIZES.length);
    await assertSound(directory);
  }
  assert.ok(wasLeft, 'the writer thread always was as fast as append');
});

test('a block of more than 1 MiB counts only where its segment says so', async (t) => {
  const directory = temporaryFolder(t);
  for (const largeBlocks of [true, false]) {
    const builder = new LogBuilder(join(directory, `${largeBlocks}`), { segmentBytes: 4 * MIB });
    mkdirSync(builder.dir);
    builder
      .segment({ largeBlocks })
      .events(1)
      .events(1, { payloadBytes: 2 * MIB });
    builder.events(1, { durableEventId: 2 }).write();
    const ids = () => Array.from(replay(builder.dir), ({ eventId }) => eventId);
    if (largeBlocks) assert.deepEqual(ids(), [1, 2, 3]);
    else assert.throws(ids, code('ERR_FLASHSTRIKE_CORRUPT', /offset 4/));
  }
});
