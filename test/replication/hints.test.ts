// What an engine answers is a hint: what a replicator, a log and a standby make of wrong ones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REGION_PORTS } from '../../src/judgement/region-ports.js';
import { FileLog } from '../../src/replication/local-log.js';
import { replicate } from '../../src/replication/replicate.js';
import { StreamReading } from '../../src/replication/stream-reading.js';
import { type BlockStream, restoreFrom, StreamFailure } from '../../src/replication.js';
import { eventually, settles } from '../support/eventually.js';
import { code } from '../support/log-content.js';
import { appendMixed, liveStream, openLog, Place, streamOf } from './bench.js';

test('events are looked up anew from where the files of the log were removed', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  for (let round = 0; round < 12; round++) {
    appendMixed(wal, 60);
    await wal.durable();
  }
  const log = new FileLog(REGION_PORTS, wal.directory);
  assert.ok(typeof log.frames(1, 1) === 'object');
  const first = await wal.deleteBefore(wal.lastEventId);
  assert.ok(first > 500);
  assert.ok(typeof log.frames(wal.lastEventId, 1) === 'object', 'it is there, far behind the gap');
  assert.ok(typeof log.frames(first, 1) === 'object');
  assert.equal(log.frames(1, 1), 'expired');
  log.close();
});

test('a claim that a full stream refuses is tried again as it is', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const engine = liveStream();
  const writer = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await writer.replicated(appendMixed(wal, 20));
  await writer.close();
  const refused: Uint8Array[] = [];
  let isFull = true;
  const stream = streamOf(engine);
  const full: BlockStream = {
    ...stream,
    append: async (block, expected) => {
      if (!isFull) return stream.append(block, expected);
      refused.push(block);
      throw new StreamFailure('full', 'no room');
    },
  };
  const replica = place.keep(await replicate(wal, { stream: full }));
  await eventually('it was refused', () => refused.length >= 4);
  assert.equal(new Set(refused).size, 1, 'one claim, of one epoch');
  isFull = false;
  assert.equal(await settles('claimed', replica.claimed()), 2);
  await settles('replicated', replica.replicated(appendMixed(wal, 5)));
});

test('who has taken over is not ended by a hint of before that', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const engine = liveStream();
  const writer = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  await writer.replicated(appendMixed(wal, 20));
  const out = place.path('standby');
  await restoreFrom(streamOf(engine), out, { segmentBytes: 65_536 });
  const standby = place.keep(await openLog(out));
  const stream = streamOf(engine);
  const before = await stream.position();
  let hints = 0;
  let failsNext = false;
  const stale: BlockStream = {
    ...stream,
    position: async () => {
      const position = await stream.position();
      if (hints === 0) return position;
      hints--;
      return before;
    },
    append: async (block, expected) => {
      if (failsNext) {
        failsNext = false;
        hints = 1;
        throw new StreamFailure('timeout', 'no answer');
      }
      return stream.append(block, expected);
    },
  };
  const taken = place.keep(await replicate(standby, { stream: stale, takeover: true }));
  await settles('claimed', taken.claimed());
  await settles('replicated', taken.replicated(appendMixed(standby, 5)));
  failsNext = true;
  await settles('replicated', taken.replicated(appendMixed(standby, 5)));
  assert.equal(hints, 0, 'the hint was given');
});

test('a standby that is promoted reads on through failures, and sees what was lost', async (t) => {
  const place = new Place(t);
  const wal = place.keep(await openLog(place.path('log')));
  const engine = liveStream();
  const writer = place.keep(await replicate(wal, { stream: streamOf(engine) }));
  for (let round = 0; round < 4; round++) await writer.replicated(appendMixed(wal, 5));
  await writer.close();
  const stream = streamOf(engine);
  let failures = 0;
  const flaky: BlockStream = {
    ...stream,
    read: (from) => {
      if (failures === 0) return stream.read(from);
      failures--;
      throw new StreamFailure('unavailable', 'no answer');
    },
  };
  const read = async (onPromoted: () => void): Promise<number> => {
    const stop = new AbortController();
    const options = { follow: true, signal: stop.signal };
    const reading = new StreamReading(flaky, options, () => new Promise(setImmediate));
    const end = await reading.end();
    let last = 0;
    for await (const { firstEventId, eventCount } of reading.runs(end)) {
      last = firstEventId + eventCount - 1;
      if (last < wal.lastEventId) continue;
      stop.abort();
      onPromoted();
    }
    return last;
  };
  const promoted = read(() => {
    failures = 5;
  });
  assert.equal(await settles('reading', promoted), wal.lastEventId);
  assert.equal(failures, 0);
  const lost = read(() => engine.throwBack(2));
  const why = code('ERR_FLASHSTRIKE_STREAM_UNAVAILABLE', /ends with block 2, and has had block/);
  await assert.rejects(settles('reading', lost), why);
});
