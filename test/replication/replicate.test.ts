import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { listConsumers, verify, Wal, type WalError } from '../../src/index.js';
import type { Replica } from '../../src/replication/replica.js';
import { replicate } from '../../src/replication/replicate.js';
import { StreamReading } from '../../src/replication/stream-reading.js';
import { audit, type BlockStream, restoreFrom, StreamFailure } from '../../src/replication.js';
import { MIB } from '../../src/units.js';
import { eventually, settles, staysPending } from '../support/eventually.js';
import { code } from '../support/log-content.js';
import { appendMixed, assertSame, Gate, liveStream, openLog, Place, streamOf } from './bench.js';

async function replicated(
  t: TestContext,
  engine = liveStream(),
): Promise<{ dir: string; wal: Wal; replica: Replica; place: Place; root: string }> {
  const place = new Place(t);
  const { root } = place;
  const dir = place.path('log');
  const wal = place.keep(await openLog(dir));
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  return { dir, wal, replica, place, root };
}

for (const maxBlockBytes of [512, 4096, 2 ** 20 + 64]) {
  test(`a log is replicated and restored, identical, by blocks of ${maxBlockBytes} bytes`, async (t) => {
    const engine = liveStream(maxBlockBytes);
    const { dir, wal, replica, place, root } = await replicated(t, engine);
    for (let round = 0; round < 5; round++) {
      const last = appendMixed(wal, 40);
      assert.equal(await settles('replicated', replica.replicated()), last);
      assert.equal(replica.confirmedEventId, last);
    }
    const out = join(root, 'out');
    const report = await restoreFrom(streamOf(engine), out, { segmentBytes: 65_536 });
    const { events, firstEventId, lastEventId, complete, epoch } = report;
    assert.deepEqual([events, firstEventId, lastEventId], [wal.lastEventId, 1, wal.lastEventId]);
    assert.deepEqual([complete, epoch], [true, 1]);
    assert.equal(assertSame(dir, out), wal.lastEventId);
    const { verdict, problems, notes } = await verify(out);
    assert.deepEqual([verdict, problems, notes], ['clean', [], []]);
    const found = await audit(dir, streamOf(engine));
    assert.deepEqual([found.ok, found.complete, found.events], [true, true, wal.lastEventId]);
    assert.deepEqual([found.isOwner, found.claims, found.problems], [true, 1, []]);
    const copy = await openLog(out);
    place.keep(copy);
    assert.notEqual(copy.logId, wal.logId);
    assert.equal(copy.append(new Uint8Array(1)), wal.lastEventId + 1);
  });
}

test('large events go in parts, and come back whole', async (t) => {
  const engine = liveStream(2 ** 20);
  const place = new Place(t);
  const dir = place.path('log');
  const sizes = { ringBytes: 16 * MIB, segmentBytes: 8 * MIB, maxEventBytes: 3 * MIB };
  const wal = place.keep(await Wal.open(dir, sizes));
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  for (const bytes of [3 * MIB, 5, 2 * MIB]) wal.append(Buffer.alloc(bytes, `${bytes} `));
  wal.appendBatch([Buffer.alloc(MIB, 'one'), Buffer.alloc(MIB, 'two')]);
  assert.equal(await settles('replicated', replica.replicated()), 5);
  const out = join(place.root, 'out');
  await restoreFrom(streamOf(engine), out, { segmentBytes: 65_536 });
  assert.equal(assertSame(dir, out), 5);
  const { verdict, problems } = await verify(out);
  assert.deepEqual([verdict, problems], ['clean', []]);
  assert.deepEqual((await audit(dir, streamOf(engine))).problems, []);
});

test('it goes on where the stream ends, in this process or for another one', async (t) => {
  const engine = liveStream();
  const { dir, wal, replica, place } = await replicated(t, engine);
  const last = appendMixed(wal, 30);
  await replica.replicated(last);
  await replica.close();
  assert.equal(replica.state, 'stopped');
  appendMixed(wal, 30);
  await wal.durable();
  const again = await replicate(dir, { stream: streamOf(engine) });
  place.keep(again);
  assert.equal(await again.claimed(), 2);
  await again.replicated(wal.lastEventId);
  const argument = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  await assert.rejects(again.replicated(), argument, 'a folder has no last event to wait for');
  await assert.rejects(again.replicated(Number.NaN), argument);
  assert.equal(again.counts.events, wal.lastEventId - last);
  const locked = code('ERR_FLASHSTRIKE_LOCKED');
  await assert.rejects(replicate(wal, { stream: streamOf(engine) }), locked);
});

test('append waits for no engine; replicated() does, and is told when it ends without', async (t) => {
  const engine = liveStream();
  engine.trouble = 200;
  const { wal, replica } = await replicated(t, engine);
  const last = appendMixed(wal, 10);
  assert.equal(await wal.durable(), last);
  const pending = replica.replicated(last);
  assert.ok(await staysPending(pending, 50));
  await eventually('it waits', () => replica.state === 'waiting' || replica.state === 'claiming');
  assert.notEqual(replica.lastTrouble, undefined);
  engine.trouble = 0;
  assert.equal(await settles('replicated', pending), last);
  engine.trouble = 200;
  const lost = replica.replicated(appendMixed(wal, 1));
  await replica.close();
  await assert.rejects(lost, code('ERR_FLASHSTRIKE_REPLICATION_STOPPED', /confirmed up to/));
  await assert.rejects(replica.replicated(), code('ERR_FLASHSTRIKE_REPLICATION_STOPPED'));
});

test('a standby takes over; the deposed log is refused for good, with and without takeover', async (t) => {
  const engine = liveStream();
  const { dir, wal, replica, place, root } = await replicated(t, engine);
  await replica.replicated(appendMixed(wal, 20));
  const out = join(root, 'standby');
  await restoreFrom(streamOf(engine), out);
  const standby = await openLog(out);
  place.keep(standby);
  const refused = await replicate(standby, { stream: streamOf(engine) });
  await assert.rejects(refused.claimed(), code('ERR_FLASHSTRIKE_FENCED', /takeover/));
  assert.equal(refused.state, 'fenced');
  const taken = await replicate(standby, { stream: streamOf(engine), takeover: true });
  place.keep(taken);
  assert.equal(await taken.claimed(), 2);
  await taken.replicated(appendMixed(standby, 5, 1));
  const late = replica.replicated(appendMixed(wal, 5));
  await assert.rejects(late, code('ERR_FLASHSTRIKE_FENCED'));
  await assert.rejects(replica.ended(), code('ERR_FLASHSTRIKE_FENCED'));
  assert.equal(replica.state, 'fenced');
  const again = await replicate(dir, { stream: streamOf(engine) });
  await assert.rejects(again.claimed(), code('ERR_FLASHSTRIKE_FENCED'));
  const forced = await replicate(dir, { stream: streamOf(engine), takeover: true });
  await assert.rejects(forced.claimed(), code('ERR_FLASHSTRIKE_DIVERGED', /others than in/));
  const found = await audit(dir, streamOf(engine));
  assert.deepEqual([found.ok, found.isOwner], [false, false]);
  assert.ok(found.problems.every((problem) => problem.code === 'ERR_FLASHSTRIKE_DIVERGED'));
  assert.equal((await audit(out, streamOf(engine))).ok, true);
});

test('of standbys that take over at the same moment one does, and the others are told', async (t) => {
  const engine = liveStream();
  const { wal, replica, place } = await replicated(t, engine);
  await replica.replicated(appendMixed(wal, 20));
  await replica.close();
  // All of them see the stream as the first writer left it.
  const places = new Gate();
  let asked = 0;
  const together = (stream: BlockStream): BlockStream => {
    let isFirst = true;
    const position = async () => {
      const found = await stream.position();
      if (isFirst && ++asked === 4) places.open();
      isFirst = false;
      await places.opened;
      return found;
    };
    return { ...stream, position };
  };
  const claims = [1, 2, 3, 4].map(async (number) => {
    const out = place.path(`standby-${number}`);
    await restoreFrom(streamOf(engine), out, { segmentBytes: 65_536 });
    const stream = together(streamOf(engine));
    const standby = place.keep(await replicate(out, { stream, takeover: true }));
    return standby.claimed().catch((error: WalError) => error.code);
  });
  const outcomes = await Promise.all(claims);
  assert.deepEqual(outcomes.sort(), [
    2,
    'ERR_FLASHSTRIKE_FENCED',
    'ERR_FLASHSTRIKE_FENCED',
    'ERR_FLASHSTRIKE_FENCED',
  ]);
});

test('a copy of the folder that went its own way is refused: same log, other events', async (t) => {
  const engine = liveStream();
  const { dir, wal, replica, place, root } = await replicated(t, engine);
  await replica.replicated(appendMixed(wal, 20));
  await replica.close();
  await wal.close();
  const copy = join(root, 'copy');
  cpSync(dir, copy, { recursive: true });
  const other = await openLog(copy);
  appendMixed(other, 10, 1);
  await other.close();
  const again = await openLog(dir);
  const first = await replicate(again, { stream: streamOf(engine) });
  place.keep(again);
  place.keep(first);
  await first.replicated(appendMixed(again, 10));
  await first.close();
  const strange = await replicate(copy, { stream: streamOf(engine) });
  await assert.rejects(strange.claimed(), code('ERR_FLASHSTRIKE_DIVERGED', /others than in/));
  assert.equal(strange.state, 'failed');
});

test('a log that lacks what the stream has is refused', async (t) => {
  const engine = liveStream();
  const { dir, wal, replica, place, root } = await replicated(t, engine);
  await replica.replicated(appendMixed(wal, 5));
  await replica.close();
  const old = join(root, 'old');
  await wal.close();
  cpSync(dir, old, { recursive: true });
  const again = await openLog(dir);
  const more = await replicate(again, { stream: streamOf(engine) });
  place.keep(again);
  place.keep(more);
  await more.replicated(appendMixed(again, 5));
  await more.close();
  const strange = await replicate(old, { stream: streamOf(engine) });
  await assert.rejects(strange.claimed(), code('ERR_FLASHSTRIKE_DIVERGED', /ends before/));
});

test('the log keeps what the stream may lose, and goes on when it has lost it', async (t) => {
  const engine = liveStream();
  const place = new Place(t);
  const { root } = place;
  const wal = await openLog(join(root, 'log'));
  const options = { settleMs: 0, checkpointMs: 20 };
  const replica = await replicate(wal, { stream: streamOf(engine), ...options });
  place.keep(wal);
  place.keep(replica);
  for (let round = 0; round < 12; round++) await replica.replicated(appendMixed(wal, 60));
  const [holder] = listConsumers(wal.directory);
  assert.equal(holder?.name, 'replica-memory');
  engine.throwBack(engine.blocks.length - 3);
  await eventually('it is told', () => replica.counts.regressions === 1);
  await eventually('all is there again', () => replica.confirmedEventId === wal.lastEventId);
  assert.ok(replica.counts.regressedEvents > 0);
  await eventually(
    'segments may go',
    () => (listConsumers(wal.directory)[0]?.acknowledgedEventId ?? 0) > 0,
  );
  assert.equal((await audit(wal.directory, streamOf(engine))).ok, true);
});

test('events that neither the stream nor the log has are a gap, and end it', async (t) => {
  const engine = liveStream();
  const place = new Place(t);
  const { root } = place;
  const wal = await openLog(join(root, 'log'));
  const options = { settleMs: 0, checkpointMs: 20 };
  const replica = await replicate(wal, { stream: streamOf(engine), ...options });
  place.keep(wal);
  place.keep(replica);
  for (let round = 0; round < 12; round++) await replica.replicated(appendMixed(wal, 60));
  await eventually(
    'segments may go',
    () => (listConsumers(wal.directory)[0]?.acknowledgedEventId ?? 0) > wal.lastEventId / 2,
  );
  const first = await wal.deleteBefore(wal.lastEventId);
  assert.ok(first > 1);
  const claimsBefore = replica.counts.claims;
  engine.throwBack(2);
  await assert.rejects(
    replica.ended(),
    code('ERR_FLASHSTRIKE_REPLICA_GAP', /first one in the log/),
  );
  assert.equal(replica.state, 'failed');
  assert.equal(replica.counts.claims, claimsBefore, 'nobody was told of that claim');
});

test('a log without its beginning is replicated from there on, and restored as such', async (t) => {
  const engine = liveStream();
  const place = new Place(t);
  const { root } = place;
  const wal = await openLog(join(root, 'log'));
  place.keep(wal);
  for (let round = 0; round < 6; round++) {
    appendMixed(wal, 60);
    await wal.durable();
  }
  const first = await wal.deleteBefore(wal.lastEventId);
  const replica = await replicate(wal, { stream: streamOf(engine) });
  place.keep(replica);
  await replica.replicated();
  const out = join(root, 'out');
  const report = await restoreFrom(streamOf(engine), out);
  assert.deepEqual([report.firstEventId, report.lastEventId], [first, wal.lastEventId]);
  assert.deepEqual((await verify(out)).problems, []);
});

test('a warm standby takes what comes, and is a log once it is told to stop', async (t) => {
  const engine = liveStream();
  const { dir, wal, replica, root } = await replicated(t, engine);
  await replica.replicated(appendMixed(wal, 10));
  const stop = new AbortController();
  const out = join(root, 'standby');
  const restoring = restoreFrom(streamOf(engine), out, { follow: true, signal: stop.signal });
  for (let round = 0; round < 3; round++) await replica.replicated(appendMixed(wal, 20));
  engine.trouble = 30;
  await replica.replicated(appendMixed(wal, 20));
  engine.trouble = 0;
  stop.abort();
  const { complete, lastEventId } = await settles('restore', restoring);
  assert.deepEqual([complete, lastEventId], [true, wal.lastEventId]);
  assert.equal(assertSame(dir, out), wal.lastEventId);
});

test('a restore ends at an event or a time, and never inside of a batch', async (t) => {
  const engine = liveStream();
  const { wal, replica, root } = await replicated(t, engine);
  await replica.replicated(appendMixed(wal, 3));
  const to = (name: string, options: object) =>
    restoreFrom(streamOf(engine), join(root, name), options);
  assert.equal((await to('two', { toId: 2 })).lastEventId, 2);
  await assert.rejects(
    to('cut', { toId: 4 }),
    code('ERR_FLASHSTRIKE_INVALID_ARGUMENT', /events 3 to 5/),
  );
  await assert.rejects(to('far', { toId: 6 }), code('ERR_FLASHSTRIKE_OUT_OF_RANGE'));
  assert.equal(existsSync(join(root, 'far')), false);
  assert.equal((await to('time', { toTime: new Date(Date.now() + 1000) })).lastEventId, 5);
  await assert.rejects(
    to('past', { toTime: 5n }),
    code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /up to that time/),
  );
  const stopped = await to('stop', { signal: AbortSignal.abort() });
  assert.equal(stopped.complete, false);
  assert.equal((await verify(join(root, 'stop'))).ok, false);
});

test('any damage to a stream is told with its place, by restore, audit and replicate', async (t) => {
  const engine = liveStream();
  const { dir, wal, replica, root } = await replicated(t, engine);
  for (let round = 0; round < 4; round++) await replica.replicated(appendMixed(wal, 5));
  await replica.close();
  const sound = engine.blocks.map((bytes) => bytes.slice());
  const corrupt = code('ERR_FLASHSTRIKE_CORRUPT', /Stream memory, block 3: /);
  const damages: Record<string, () => void> = {
    flipped: () =>
      engine.blocks.splice(
        2,
        1,
        sound[2]?.map((byte, at) => (at === 70 ? byte ^ 1 : byte)) ?? new Uint8Array(),
      ),
    missing: () => engine.blocks.splice(2, 1),
    repeated: () => engine.blocks.splice(2, 0, sound[1] ?? new Uint8Array()),
    replaced: () => engine.blocks.splice(2, 1, sound[3] ?? new Uint8Array()),
    empty: () => engine.blocks.splice(2, 1, new Uint8Array()),
  };
  for (const [name, damage] of Object.entries(damages)) {
    engine.blocks = sound.map((bytes) => bytes.slice());
    damage();
    const out = join(root, name);
    await assert.rejects(restoreFrom(streamOf(engine), out), corrupt, name);
    await assert.rejects(Wal.open(out), { name: 'WalError' }, 'what was restored opens for nobody');
    const found = await audit(dir, streamOf(engine));
    assert.deepEqual([found.ok, found.complete], [false, false]);
    assert.deepEqual(
      found.problems.map(({ sequence }) => sequence),
      [3],
    );
  }
  engine.blocks = sound.slice(0, 3);
  (engine.blocks[2] as Uint8Array)[5] = 0xff;
  const strange = await replicate(wal, { stream: streamOf(engine) });
  await assert.rejects(strange.claimed(), corrupt);
});

test('what cannot be meant is refused before anything is begun', async (t) => {
  const engine = liveStream();
  const place = new Place(t);
  const { root } = place;
  const dir = join(root, 'log');
  const option = code('ERR_FLASHSTRIKE_INVALID_OPTION');
  const argument = code('ERR_FLASHSTRIKE_INVALID_ARGUMENT');
  await assert.rejects(
    replicate(dir, { stream: streamOf(engine) }),
    code('ERR_FLASHSTRIKE_NOT_A_LOG'),
  );
  const wal = await openLog(dir);
  place.keep(wal);
  const stream = streamOf(engine);
  await assert.rejects(replicate(wal, {} as never), option);
  await assert.rejects(replicate(wal, { stream, settle: 1 } as never), option);
  await assert.rejects(replicate(wal, { stream, settleMs: -1 }), option);
  await assert.rejects(replicate(wal, { stream, takeover: 1 as never }), argument);
  await assert.rejects(replicate(wal, { stream: { ...stream, name: 'a b' } }), option);
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.endsWith('.consumer')),
    [],
  );
  await assert.rejects(restoreFrom(stream, dir), code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /is empty/));
  await assert.rejects(restoreFrom(stream, dir, { follow: true }), argument);
  await assert.rejects(restoreFrom(stream, dir, { segmentBytes: 1 }), argument);
  await assert.rejects(restoreFrom(stream, dir, { toID: 1 } as never), option);
  const small = liveStream(100);
  const replica = await replicate(wal, { stream: streamOf(small) });
  await assert.rejects(replica.claimed(), code('ERR_FLASHSTRIKE_INVALID_OPTION', /too little/));
  await (await replicate(wal, { stream, signal: AbortSignal.abort() })).ended();
  const fed = await replicate(wal, { stream });
  await fed.replicated(appendMixed(wal, 1));
  await fed.close();
  const full = join(root, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'x'), '');
  await assert.rejects(restoreFrom(stream, full), argument);
});

test('an engine that is not there is told so, and what it throws beside that ends replication', async (t) => {
  const place = new Place(t);
  const { root } = place;
  const gone: BlockStream = {
    name: 'gone',
    position: () => Promise.reject(new StreamFailure('unavailable', 'no servers')),
    append: () => Promise.reject(new StreamFailure('unavailable', 'no servers')),
    read: () => {
      throw new StreamFailure('unavailable', 'no servers');
    },
    close: () => Promise.resolve(),
  };
  const unavailable = code('ERR_FLASHSTRIKE_STREAM_UNAVAILABLE', /no servers \(30 attempts\)/);
  let pausedMs = 0;
  const reading = new StreamReading(gone, {}, async (ms) => {
    pausedMs += ms;
  });
  await assert.rejects(reading.end(), unavailable);
  assert.ok(pausedMs > 20_000 && pausedMs < 60_000, 'an election takes less');
  const broken = { ...gone, position: () => Promise.reject(new TypeError('a bug')) };
  const wal = await openLog(join(root, 'log'));
  place.keep(wal);
  const replica = await replicate(wal, { stream: broken });
  await assert.rejects(replica.ended(), new TypeError('a bug'));
  assert.equal(replica.state, 'failed');
});
