// A log is made of objects and a stream: of what both have together, of nothing that is damaged.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import lz4 from 'lz4-napi';
import { verify, type Wal } from '../../../src/index.js';
import type { BlockStream } from '../../../src/replication/block-stream.js';
import { ObjectFailure } from '../../../src/replication/objects/object-store.js';
import { archive, replicate, restoreFrom } from '../../../src/replication.js';
import { MIB } from '../../../src/units.js';
import { settles } from '../../support/eventually.js';
import { code } from '../../support/log-content.js';
import { type FrameForgery, frameOf } from '../../support/lz4-frames.js';
import { appendMixed, liveStream, openLog, streamOf } from '../bench.js';
import type { MemoryStream } from '../memory-stream.js';
import { assertHas, grow, recorded, withoutFirst } from './bench.js';
import { MemoryObjects } from './memory-objects.js';

interface Kept extends Awaited<ReturnType<typeof recorded>> {
  readonly store: MemoryObjects;
  readonly engine: MemoryStream;
  /** The last event in the objects. */
  readonly archived: number;
}

/** A log that is archived and replicated, and goes on a little. */
async function kept(t: TestContext): Promise<Kept> {
  const log = await recorded(t, 3);
  const { dir, wal, place } = log;
  const store = new MemoryObjects();
  const { lastEventId: archived } = await archive(dir, store);
  appendMixed(wal, 5);
  const engine = liveStream(4096);
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await settles('replicated', replica.replicated());
  return { ...log, store, engine, archived };
}

/** So many blocks at the beginning of a stream hold events before `eventId` only. */
function blocksBefore(engine: MemoryStream, eventId: number): number {
  const { runs } = engine.runs();
  const before = runs.findLast((run) => run.firstEventId + run.eventCount <= eventId);
  return before?.sequence ?? 0;
}

const firstIn = async (stream: BlockStream): Promise<number> => {
  for await (const { bytes } of stream.read((await stream.position()).firstSequence)) {
    const first = Number(Buffer.from(bytes).readBigUInt64LE(24));
    return first;
  }
  return 0;
};

test('objects give what they have, and the stream the rest, wherever it begins', async (t) => {
  const { place, dir, wal, store, engine, archived } = await kept(t);
  const ends = [0, blocksBefore(engine, archived / 2), blocksBefore(engine, archived + 1)];
  assert.ok((ends[2] ?? 0) > (ends[1] ?? 0) && (ends[1] ?? 0) > 0, `${ends}`);
  for (const [at, dropped] of ends.entries()) {
    const stream = withoutFirst(engine, dropped);
    const out = place.path(`out-${at}`);
    const seen: number[] = [];
    const onProgress = (eventId: number): number => seen.push(eventId);
    const report = await restoreFrom(stream, out, { objects: store, onProgress });
    assert.deepEqual([report.firstEventId, report.lastEventId], [1, wal.lastEventId]);
    assert.deepEqual([report.complete, report.events], [true, wal.lastEventId]);
    assert.ok(report.objects > 0 && report.blocks > 0);
    assertHas(out, dir, 1, wal.lastEventId);
    const { verdict, problems, notes } = await verify(out);
    assert.deepEqual([verdict, problems, notes], ['clean', [], []]);
    assert.deepEqual(
      readdirSync(out).filter((name) => name.startsWith('copying-')),
      [],
    );
  }
});

test('what neither has is named, from which event to which, and nothing opens with less', async (t) => {
  const { place, dir, wal, store, engine, archived } = await kept(t);
  const [last = ''] = store.keys('.header').slice(-1);
  store.kept.delete(last);
  const { lastEventId: has } = await restoreFrom(undefined, place.path('short'), {
    objects: store,
  });
  assert.ok(has < archived);
  const dropped = blocksBefore(engine, archived + 1);
  const first = await firstIn(withoutFirst(engine, dropped));
  const gap = code(
    'ERR_FLASHSTRIKE_REPLICA_GAP',
    new RegExp(`Objects memory and stream memory lack events ${has + 1} to ${first - 1}\\.`),
  );
  const out = place.path('out');
  await assert.rejects(restoreFrom(withoutFirst(engine, dropped), out, { objects: store }), gap);
  const { ok } = await verify(out);
  assert.equal(ok, false);
  const none = new MemoryObjects();
  const lacks = code('ERR_FLASHSTRIKE_REPLICA_GAP', new RegExp(`lack events 1 to ${first - 1}\\.`));
  const given = { objects: none };
  await assert.rejects(restoreFrom(withoutFirst(engine, dropped), place.path('a'), given), lacks);
  // A stream that has all needs no objects yet.
  const whole = await restoreFrom(streamOf(engine), place.path('b'), given);
  assert.deepEqual([whole.lastEventId, whole.objects], [wal.lastEventId, 0]);
  assertHas(place.path('b'), dir, 1, wal.lastEventId);
});

test('it ends at an event or a time in the objects or in the stream, never inside of a batch', async (t) => {
  const { place, dir, wal, store, engine, archived } = await kept(t);
  let outs = 0;
  for (const toId of [1, archived - 1, archived, archived + 1, wal.lastEventId]) {
    const out = place.path(`out-${++outs}`);
    const given = { objects: store, toId };
    const result = await restoreFrom(streamOf(engine), out, given).then(
      ({ lastEventId }) => lastEventId,
      (error: unknown) => error,
    );
    if (typeof result !== 'number') {
      code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /inside of a batch/)(result);
      continue;
    }
    assert.equal(result, toId);
    assertHas(out, dir, 1, toId);
  }
  const beyond = { objects: store, toId: wal.lastEventId + 1 };
  const range = code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /Objects memory and stream memory end before/);
  const nowhere = place.path('nowhere');
  await assert.rejects(restoreFrom(streamOf(engine), nowhere, beyond), range);
  const early = { objects: store, toTime: new Date(0) };
  await assert.rejects(
    restoreFrom(undefined, place.path('early'), early),
    code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /no event up to that time/),
  );
  const empty = code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /hold no segment/);
  await assert.rejects(restoreFrom(undefined, nowhere, { objects: new MemoryObjects() }), empty);
  assert.equal(existsSync(nowhere), false);
});

test('a standby begins with objects, and goes on with the stream', async (t) => {
  const { place, dir, wal, store, engine, archived } = await kept(t);
  const out = place.path('standby');
  const stop = new AbortController();
  const stream = withoutFirst(engine, blocksBefore(engine, archived + 1));
  const options = { objects: store, follow: true, signal: stop.signal };
  const standby = restoreFrom(stream, out, options);
  appendMixed(wal, 20);
  await settles('replicated', wal.replicated());
  stop.abort();
  const { lastEventId, complete } = await settles('standby', standby);
  assert.deepEqual([lastEventId, complete], [wal.lastEventId, true]);
  assertHas(out, dir, 1, wal.lastEventId);
  const promoted = place.keep(await openLog(out));
  const taken = place.keep(await replicate(promoted, { stream: streamOf(engine), takeover: true }));
  assert.equal(await settles('claimed', taken.claimed()), 2);
});

/** The log is taken over by a standby that has other events from `from` on. */
async function takenOver({ place, wal, engine }: Kept): Promise<{ standby: Wal; from: number }> {
  const out = place.path('taken');
  await restoreFrom(streamOf(engine), out);
  const from = wal.lastEventId + 1;
  const standby = place.keep(await openLog(out));
  const replica = await replicate(standby, { stream: streamOf(engine), takeover: true });
  place.keep(replica);
  await settles('claimed', replica.claimed());
  appendMixed(standby, 6, 1);
  await settles('replicated', standby.replicated());
  return { standby, from };
}

test('events that a deposed log has archived are not mixed with those that took their place', async (t) => {
  const log = await kept(t);
  const { place, dir, wal, store, engine } = log;
  const { standby, from } = await takenOver(log);
  // What it has of before is the same.
  const both = place.path('both');
  await restoreFrom(streamOf(engine), both, { objects: store });
  assertHas(both, standby.directory, 1, standby.lastEventId);
  await wal.close();
  const deposed = place.keep(await openLog(dir));
  await grow(deposed, 2);
  await archive(dir, store);
  const diverged = code('ERR_FLASHSTRIKE_DIVERGED');
  const out = place.path('out');
  await assert.rejects(restoreFrom(streamOf(engine), out, { objects: store }), diverged);
  assert.equal(existsSync(out), false);
  // Where the stream has gone further than the objects, too.
  await grow(standby, 4);
  await settles('replicated', standby.replicated());
  await assert.rejects(restoreFrom(streamOf(engine), out, { objects: store }), diverged);
  const before = { objects: store, toId: from - 1 };
  const { lastEventId } = await restoreFrom(streamOf(engine), place.path('before'), before);
  assert.equal(lastEventId, from - 1);
});

/** Where its blocks begin. */
function blocksOf(segment: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 4096; segment.subarray(at, at + 2).toString() === 'FB'; ) {
    offsets.push(at);
    at += 64 + segment.readUInt32LE(at + 4);
  }
  return offsets;
}

interface Harmed {
  readonly store: MemoryObjects;
  /** The keys of the segments, and of the header pages. */
  readonly segments: readonly string[];
  readonly pages: readonly string[];
  /** A store with another log. */
  readonly other: MemoryObjects;
}

const flip = (store: MemoryObjects, key = '', at = 0): void =>
  store.change(key, (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ 4;
    return undefined;
  });

/** In place of the second segment its frame, forged. */
function forged({ store, segments }: Harmed, forgery: FrameForgery): void {
  const key = segments[1] ?? '';
  store.kept.set(`${key}.lz4`, frameOf(store.kept.get(key) ?? new Uint8Array(0), forgery));
  store.kept.delete(key);
}

/** A block that unpacks to 64 MiB. */
const bomb = (): Uint8Array => new Uint8Array(lz4.compressSync(Buffer.alloc(64 * MIB)).subarray(4));

/** Each way to harm what is in a store, and the error that restoring ends with. */
const HARMS: Readonly<Record<string, readonly [(given: Harmed) => void, string, RegExp]>> = {
  'a flipped bit in an event': [
    ({ store, segments }) => flip(store, segments[1], 9000),
    'CORRUPT',
    /0000000002-/,
  ],
  'a flipped bit in the first page': [
    ({ store, segments }) => flip(store, segments[1], 50),
    'CORRUPT',
    /0000000002-/,
  ],
  'a segment that is cut in the middle': [
    ({ store, segments: [, key = ''] }) => store.change(key, (bytes) => bytes.subarray(0, 20_000)),
    'CORRUPT',
    /0000000002-/,
  ],
  'a segment that is cut between two blocks': [
    ({ store, segments }) =>
      store.change(segments.at(-1) ?? '', (bytes) => bytes.subarray(0, blocksOf(bytes).at(-3))),
    'CORRUPT',
    /are lost/,
  ],
  'an empty object': [
    ({ store, segments: [, key = ''] }) => store.kept.set(key, new Uint8Array(0)),
    'CORRUPT',
    /0000000002-/,
  ],
  'an object that has no end': [
    ({ store, segments: [, key = ''] }) => store.kept.set(key, new Uint8Array(MIB)),
    'CORRUPT',
    /longer than 131072 bytes/,
  ],
  'a segment that is missing': [
    ({ store, segments: [, key = ''] }) => store.kept.delete(key),
    'CORRUPT',
    /0000000002-.*it is missing, with events \d+ to \d+/,
  ],
  'another segment in its place': [
    ({ store, segments: [one = '', two = ''] }) => {
      store.kept.set(two, store.kept.get(one) ?? new Uint8Array(0));
    },
    'CORRUPT',
    /contains segment 1/,
  ],
  'a segment of another log in its place': [
    ({ store, other, segments: [, key = ''] }) => {
      store.kept.set(key, other.kept.get(other.keys('.wal')[1] ?? '') ?? new Uint8Array(0));
    },
    'WRONG_LOG',
    /0000000002-/,
  ],
  'a header page that is missing': [
    ({ store, pages: [key = ''] }) => store.kept.delete(key),
    'CORRUPT',
    /0000000002\.header: it is missing, and 0000000003\.wal is there/,
  ],
  'a header page that is damaged': [
    ({ store, pages }) => flip(store, pages[0], 40),
    'CORRUPT',
    /0000000002\.header/,
  ],
  'a header page of another segment': [
    ({ store, pages: [one = '', two = ''] }) => {
      store.kept.set(one, store.kept.get(two) ?? new Uint8Array(0));
    },
    'CORRUPT',
    /0000000002\.header: it does not follow/,
  ],
  'a header page that has no end': [
    ({ store, pages: [key = ''] }) => store.kept.set(key, new Uint8Array(MIB)),
    'CORRUPT',
    /longer than a header page/,
  ],
  'the first page of another log': [
    ({ store, other }) => store.kept.set('log', other.kept.get('log') ?? new Uint8Array(0)),
    'OUT_OF_RANGE',
    /hold no segment/,
  ],
  'a frame that says that it is larger than a segment': [
    (given) => forged(given, { contentBytes: 2n ** 30n }),
    'CORRUPT',
    /0000000002-/,
  ],
  'a frame of which a block unpacks to much more': [
    (given) => forged(given, { packed: { 1: bomb() } }),
    'CORRUPT',
    /0000000002-/,
  ],
  'a frame with another checksum of its content': [
    (given) => forged(given, { contentChecksum: 7 }),
    'CORRUPT',
    /0000000002-/,
  ],
};

test('nothing that is damaged, missing or of another log is taken, and it is named', async (t) => {
  const { place, dir, store } = await kept(t);
  const other = new MemoryObjects();
  const elsewhere = place.path('elsewhere');
  const foreign = place.keep(await openLog(elsewhere));
  await grow(foreign, 3);
  await archive(elsewhere, other);
  for (const [index, [what, [harm, expected, told]]] of Object.entries(HARMS).entries()) {
    const harmed = store.copy();
    harm({ store: harmed, segments: store.keys('.wal'), pages: store.keys('.header'), other });
    const out = place.path(`out-${index}`);
    await assert.rejects(
      restoreFrom(undefined, out, { objects: harmed }),
      code(`ERR_FLASHSTRIKE_${expected}`, told),
      what,
    );
    if (existsSync(out)) assert.equal((await verify(out)).ok, false, what);
  }
  // A copy beside it that is sound will do.
  const both = store.copy();
  const [, key = ''] = store.keys('.wal');
  both.kept.set(`${key}.lz4`, frameOf(store.kept.get(key) ?? new Uint8Array(0)));
  flip(both, key, 9000);
  const out = place.path('both');
  const { lastEventId } = await restoreFrom(undefined, out, { objects: both });
  assertHas(out, dir, 1, lastEventId);
});

test('a store that fails now and then is asked again; one that is gone is told', async (t) => {
  const { place, dir, store, archived } = await kept(t);
  store.trouble = 25;
  const out = place.path('out');
  const { lastEventId } = await restoreFrom(undefined, out, { objects: store });
  assert.equal(lastEventId, archived);
  assertHas(out, dir, 1, archived);
  const stop = new AbortController();
  let calls = 0;
  store.onCall = () => {
    if (++calls === 3) stop.abort();
    throw new ObjectFailure('timeout', 'no answer');
  };
  const none = restoreFrom(undefined, place.path('x'), { objects: store, signal: stop.signal });
  await assert.rejects(
    none,
    code('ERR_FLASHSTRIKE_OBJECTS_UNAVAILABLE', /no answer \(3 attempts\)/),
  );
});
