// The telemetry of a log that is replicated by its own process: fed by what the replicator does,
// with a lag that whoever looks computes.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StreamFailure } from '../../src/replication/block-stream.js';
import { replicate } from '../../src/replication/replicate.js';
import type { BlockStream } from '../../src/replication.js';
import { eventually, settles } from '../support/eventually.js';
import { appendMixed, Gate, liveStream, openLog, Place, streamOf } from './bench.js';

test('it tells how far the stream is behind, and that it has caught up', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const { replication } = wal.telemetry;
  assert.deepEqual([replication.fedStreams, replication.lagEvents], [0, 0]);
  const gate = new Gate();
  const stream = streamOf(liveStream());
  let appends = 0;
  const held: BlockStream = {
    ...stream,
    append: async (block, expected) => {
      if (++appends > 2) await gate.opened;
      return stream.append(block, expected);
    },
  };
  const replica = place.keep(await replicate(wal, { stream: held }));
  place.keep(gate);
  const first = appendMixed(wal, 1);
  await settles('replicated', wal.replicated());
  assert.equal(replication.fedStreams, 1);
  assert.deepEqual([replication.confirmedEventId, replication.streamEpoch], [first, 1]);
  assert.deepEqual([replication.lagEvents, replication.lagBytes, replication.lagAge], [0, 0, 0]);
  const { acknowledge, acknowledgeHistogram, confirmedEvents, confirmedBytes } = replication;
  assert.deepEqual([acknowledge.samples, acknowledgeHistogram.count], [1, 1]);
  assert.equal(confirmedEvents, first);
  assert.ok(confirmedBytes > 24);
  const last = appendMixed(wal, 9);
  await wal.durable();
  await eventually('the next run is on its way', () => appends > 2);
  assert.equal(replication.lagEvents, last - first);
  const mean = Math.round(confirmedBytes / confirmedEvents);
  assert.equal(replication.confirmedEventBytes, mean);
  assert.equal(replication.lagBytes, (last - first) * mean);
  await eventually('its age is told', () => replication.lagAge > 0);
  gate.open();
  await settles('replicated', wal.replicated());
  assert.deepEqual([replication.lagEvents, replication.lagAge], [0, 0]);
  assert.ok(replication.engineAnswerAge > 0);
  await replica.close();
  await eventually('nothing is fed', () => replication.fedStreams === 0);
  appendMixed(wal, 1);
  await wal.durable();
  assert.equal(replication.lagEvents, 0, 'nobody is behind');
});

test('it counts what happens on the way, and for how long the engine is waited for', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const engine = liveStream();
  const { replication } = wal.telemetry;
  const replica = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await settles('replicated', wal.replicated(appendMixed(wal, 10)));
  assert.equal(replication.engineWaitAge, 0);
  engine.trouble = 200;
  const pending = wal.replicated(appendMixed(wal, 1));
  await eventually('the engine is waited for', () => replication.engineWaitAge > 0);
  engine.trouble = 0;
  await settles('replicated', pending);
  assert.equal(replication.engineWaitAge, 0);
  assert.ok(replication.engineWait.samples > 0);
  engine.throwBack(1);
  await settles('replicated', wal.replicated(appendMixed(wal, 1)));
  const { failures, claims, foundStored, regressions, regressedEvents } = replica.counts;
  const told = [replication.conflicts, replication.fullStreams, replication.timeouts];
  assert.deepEqual(told, [failures.conflict, failures.full, failures.timeout]);
  assert.equal(replication.unavailabilities, failures.unavailable);
  assert.deepEqual([replication.claims, replication.foundStored], [claims, foundStored]);
  assert.deepEqual([regressions, replication.regressions], [1, 1]);
  assert.ok(regressedEvents > 0);
  assert.equal(replication.regressedEvents, regressedEvents);
  assert.equal(replication.streamEpoch, replica.epoch);
});

/** A log whose first run of events is sent through `append`; all else goes to the engine. */
async function sentThrough(
  t: TestContext,
  append: (attempt: number, pass: () => Promise<number>) => Promise<number>,
) {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const engine = liveStream();
  const stream = streamOf(engine);
  let appends = 0;
  const held: BlockStream = {
    ...stream,
    append: (block, expected) => {
      const pass = (): Promise<number> => stream.append(block, expected);
      // The first one is the claim.
      return ++appends === 1 ? pass() : append(appends - 1, pass);
    },
  };
  const replica = place.keep(await replicate(wal, { stream: held }));
  const last = appendMixed(wal, 1);
  await settles('replicated', replica.replicated(last));
  const { runs } = engine.runs();
  assert.equal(
    runs.reduce((sum, { eventCount }) => sum + eventCount, 0),
    last,
    'each once',
  );
  const { conflicts, timeouts, foundStored, claims } = wal.telemetry.replication;
  return { conflicts, timeouts, foundStored, claims };
}

const noAnswer = (): never => {
  throw new StreamFailure('timeout', 'no answer');
};

test('a block whose answer was lost is found stored, and not sent again', async (t) => {
  const told = await sentThrough(t, async (attempt, pass) => {
    assert.equal(attempt, 1);
    await pass();
    return noAnswer();
  });
  assert.deepEqual(told, { conflicts: 0, timeouts: 1, foundStored: 1, claims: 1 });
});

test('an append that was given up and comes late is counted, and its events are there once', async (t) => {
  let late: (() => Promise<number>) | undefined;
  const told = await sentThrough(t, async (attempt, pass) => {
    if (attempt === 1) {
      late = pass;
      return noAnswer();
    }
    // It is there before the second attempt.
    await late?.();
    return pass();
  });
  assert.deepEqual(told, { conflicts: 1, timeouts: 1, foundStored: 1, claims: 1 });
});
