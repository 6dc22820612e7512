// What an open log makes of its streams: who asks it is told once a quorum has an event, and a log
// whose stream another one has taken over takes no more events, unless it is to go on.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { replay, verify, type Wal } from '../../src/index.js';
import type { Replica } from '../../src/replication/replica.js';
import { type ReplicateOptions, replicate } from '../../src/replication/replicate.js';
import { type BlockStream, restoreFrom } from '../../src/replication.js';
import { eventually, settles, staysPending } from '../support/eventually.js';
import { code } from '../support/log-content.js';
import { appendMixed, Gate, liveStream, openLog, Place, streamOf } from './bench.js';

const FENCED = code('ERR_FLASHSTRIKE_FENCED');
const STOPPED = code('ERR_FLASHSTRIKE_REPLICATION_STOPPED');

async function logOf(t: TestContext): Promise<{ place: Place; wal: Wal; dir: string }> {
  const place = new Place(t);
  const dir = place.path('log');
  return { place, dir, wal: place.keep(await openLog(dir)) };
}

/** A log, its replica, and a standby that has taken the stream over. */
async function deposed(t: TestContext, options: Partial<ReplicateOptions> = {}) {
  const { place, wal, dir } = await logOf(t);
  const engine = liveStream();
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine), ...options }));
  await settles('replicated', wal.replicated(appendMixed(wal, 10)));
  const out = place.path('standby');
  await restoreFrom(streamOf(engine), out);
  const standby = place.keep(await openLog(out));
  const taken = place.keep(await replicate(standby, { stream: streamOf(engine), takeover: true }));
  await settles('claimed', taken.claimed());
  return { place, wal, dir, engine, replica, standby, taken };
}

/** Appends until the replica has learnt that it was deposed. */
async function learns(wal: Wal, replica: Replica): Promise<number> {
  const last = appendMixed(wal, 2);
  await assert.rejects(settles('ended', replica.ended()), FENCED);
  return last;
}

/** A stream of another name, whose appends wait for a gate. */
function gated(stream: BlockStream, name: string, gate: Gate): BlockStream {
  return {
    name,
    position: () => stream.position(),
    append: async (block, expected) => {
      await gate.opened;
      return stream.append(block, expected);
    },
    read: (from) => stream.read(from),
    close: () => stream.close(),
  };
}

test('wal.replicated() resolves once each stream is known to have the event', async (t) => {
  const { place, wal } = await logOf(t);
  const gate = new Gate();
  const slow = gated(streamOf(liveStream()), 'slow', gate);
  await assert.rejects(wal.replicated(), code('ERR_FLASHSTRIKE_REPLICATION_STOPPED', /no stream/));
  const fast = place.keep(await replicate(wal, { stream: streamOf(liveStream()) }));
  const last = appendMixed(wal, 5);
  assert.equal(await settles('replicated', wal.replicated()), last);
  const other = place.keep(await replicate(wal, { stream: slow }));
  place.keep(gate);
  const pending = wal.replicated(last);
  assert.ok(await staysPending(pending, 50), 'the slow one has nothing');
  assert.equal(await settles('replicated', fast.replicated(last)), last);
  gate.open();
  assert.equal(await settles('replicated', pending), last);
  assert.equal(other.confirmedEventId, last);
  const range = code('ERR_FLASHSTRIKE_OUT_OF_RANGE', /replicated\(\) takes an id/);
  await assert.rejects(wal.replicated(last + 1), range);
  await assert.rejects(wal.replicated(Number.NaN), range);
  await other.close();
  assert.equal(await settles('replicated', wal.replicated()), last, 'one that was closed is gone');
  await fast.close();
  await assert.rejects(wal.replicated(), STOPPED);
});

test('wal.replicated() asks for the sync, as durable() does', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log'), { sync: { mode: 'manual' } }));
  place.keep(await replicate(wal, { stream: streamOf(liveStream()) }));
  assert.equal(await settles('replicated', wal.replicated(appendMixed(wal, 1))), 1);
});

test('replicated() stays pending until the block that has the event is confirmed', async (t) => {
  const { place, wal } = await logOf(t);
  const gate = new Gate();
  const engine = liveStream();
  const stream = streamOf(engine);
  let appends = 0;
  const held: BlockStream = {
    ...stream,
    append: async (block, expected) => {
      // The claim passes.
      if (++appends > 1) await gate.opened;
      return stream.append(block, expected);
    },
  };
  const replica = place.keep(await replicate(wal, { stream: held }));
  place.keep(gate);
  await settles('claimed', replica.claimed());
  const id = appendMixed(wal, 1);
  const pending = wal.replicated(id);
  await eventually('the block is sent', () => appends > 1);
  assert.ok(await staysPending(pending, 50));
  assert.equal(engine.lastEventId, 0);
  gate.open();
  assert.equal(await settles('replicated', pending), id);
  assert.equal(engine.lastEventId, id);
});

test('a log that was deposed takes no more events; what it has stays, and becomes durable', async (t) => {
  const { wal, dir, replica } = await deposed(t);
  const waiting = wal.replicated(appendMixed(wal, 1));
  const rejected = assert.rejects(settles('replicated', waiting), FENCED);
  await assert.rejects(settles('ended', replica.ended()), FENCED);
  await rejected;
  assert.deepEqual([replica.state, wal.state], ['fenced', 'fenced']);
  const last = wal.lastEventId;
  const told = code('ERR_FLASHSTRIKE_FENCED', /no event can be appended.*since epoch 2/);
  assert.throws(() => wal.append(new Uint8Array(1)), told);
  assert.throws(() => wal.tryAppend(new Uint8Array(1)), FENCED);
  assert.throws(() => wal.appendBatch([new Uint8Array(1)]), FENCED);
  await assert.rejects(wal.room(1), FENCED);
  assert.equal(wal.lastEventId, last);
  assert.equal(await settles('durable', wal.durable()), last);
  await assert.rejects(wal.replicated(), FENCED);
  assert.equal(wal.failure, undefined);
  assert.equal(wal.telemetry.manager.appendEvent.failures, 3);
  await wal.close();
  assert.equal(wal.state, 'closed');
  assert.throws(() => wal.append(new Uint8Array(1)), code('ERR_FLASHSTRIKE_CLOSED'));
  const { verdict, lastEventId } = await verify(dir);
  assert.deepEqual([verdict, lastEventId], ['clean', last]);
  assert.equal([...replay(dir)].length, last);
});

test("onFenced: 'continue' lets a log that was deposed go on", async (t) => {
  const { wal, replica } = await deposed(t, { onFenced: 'continue' });
  const last = await learns(wal, replica);
  assert.deepEqual([replica.state, wal.state], ['fenced', 'open']);
  assert.equal(wal.append(new Uint8Array(1)), last + 1);
  assert.equal(await settles('durable', wal.durable()), last + 1);
  await assert.rejects(wal.replicated(), FENCED);
});

test('a takeover that is accepted ends it: the log has the stream', async (t) => {
  const { place, wal, engine } = await deposed(t);
  const out = place.path('next');
  await restoreFrom(streamOf(engine), out);
  const next = place.keep(await openLog(out));
  const refused = await replicate(next, { stream: streamOf(engine) });
  await assert.rejects(settles('claimed', refused.claimed()), FENCED);
  assert.equal(next.state, 'fenced');
  assert.throws(() => next.append(new Uint8Array(1)), FENCED);
  const taken = place.keep(await replicate(next, { stream: streamOf(engine), takeover: true }));
  await settles('claimed', taken.claimed());
  assert.equal(next.state, 'open');
  assert.equal(
    await settles('replicated', next.replicated(appendMixed(next, 3))),
    next.lastEventId,
  );
  assert.equal(wal.state, 'open', 'which has not learnt of it yet');
});

test('what cannot be is refused: a folder has no appends to refuse', async (t) => {
  const { wal, dir } = await logOf(t);
  const stream = streamOf(liveStream());
  const option = code('ERR_FLASHSTRIKE_INVALID_OPTION', /onFenced/);
  await assert.rejects(replicate(dir, { stream, onFenced: 'refuse-appends' }), option);
  const nonsense = { stream, onFenced: 'panic' } as unknown as ReplicateOptions;
  await assert.rejects(replicate(wal, nonsense), option);
});
