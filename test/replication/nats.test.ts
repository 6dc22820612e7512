// Against three real servers: what an engine in memory cannot show.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Wal, WalError } from '../../src/index.js';
import { audit, type BlockStream, natsStream, replicate, restoreFrom } from '../../src/nats.js';
import { eventually, settles, staysPending } from '../support/eventually.js';
import { code } from '../support/log-content.js';
import { appendMixed, assertSame, openLog, Place } from './bench.js';
import { ChaosLife, leaderOf } from './chaos-life.js';
import { insist } from './insist.js';
import { NatsCluster, NO_SERVER } from './nats-cluster.js';

describe('a cluster of three', { skip: NO_SERVER }, () => {
  let cluster: NatsCluster;
  before(async () => {
    cluster = await NatsCluster.start();
  });
  after(() => cluster.stop());

  const streamOf = (stream: string, more: object = {}): BlockStream =>
    natsStream({ servers: cluster.servers, stream, create: {}, timeoutMs: 2_000, ...more });

  async function proveSame(place: Place, wal: Wal, stream: string): Promise<void> {
    let tries = 0;
    const out = await insist(async () => {
      const folder = place.path(`out-${stream}-${++tries}`);
      const restored = await settles('restore', restoreFrom(place.keep(streamOf(stream)), folder));
      assert.deepEqual([restored.complete, restored.lastEventId], [true, wal.lastEventId]);
      return folder;
    });
    assert.equal(assertSame(wal.directory, out), wal.lastEventId);
    await insist(async () => {
      const report = await settles('audit', audit(wal.directory, place.keep(streamOf(stream))));
      assert.deepEqual([report.ok, report.events, report.problems], [true, wal.lastEventId, []]);
    });
  }

  test('a log is replicated, restored and audited; the largest event goes in parts', async (t) => {
    const place = new Place(t);
    const wal = place.keep(
      await openLog(place.path('log'), { segmentBytes: 4 << 20, ringBytes: 8 << 20 }),
    );
    const replica = place.keep(await replicate(wal, { stream: streamOf('plain') }));
    assert.equal(await settles('claimed', replica.claimed()), 1);
    assert.match(replica.notes.join(), /^$|cannot sync each block/);
    for (let round = 0; round < 4; round++) {
      appendMixed(wal, 30);
      if (round === 2) wal.append(new Uint8Array(1_048_488).fill(7));
      await settles('replicated', replica.replicated());
    }
    await proveSame(place, wal, 'plain');
  });

  test('leader, replicator, recorder and another leader are killed: each event once', async (t) => {
    const life = new ChaosLife(t, new Place(t), cluster, 'chaos');
    const victims = ['leader', 'replicator', 'recorder', 'leader'] as const;
    const { events, promisedEventId, epoch, kills } = await life.live(victims, () => 0);
    assert.deepEqual(kills, { leader: 2, replicator: 1, recorder: 1 });
    assert.ok(events >= promisedEventId && promisedEventId > 0);
    assert.ok(epoch > 1);
  });

  test('a machine is lost with its folder: rebuilt from the stream, it goes on', async (t) => {
    const place = new Place(t);
    const wal = await openLog(place.path('log'));
    const replica = await replicate(wal, { stream: streamOf('lost') });
    const confirmed = await settles('replicated', replica.replicated(appendMixed(wal, 60)));
    await replica.close();
    await wal.close();
    rmSync(wal.directory, { recursive: true });
    const rebuilt = await insist(async () => {
      const folder = place.path(`rebuilt-${Math.random()}`);
      const source = place.keep(streamOf('lost'));
      const report = await restoreFrom(source, folder, { segmentBytes: 65_536 });
      assert.equal(report.lastEventId, confirmed);
      return folder;
    });
    const next = place.keep(await openLog(rebuilt));
    const options = { stream: streamOf('lost'), takeover: true };
    const taken = place.keep(await replicate(next, options));
    assert.ok((await settles('claimed', taken.claimed())) >= 2);
    assert.equal(next.lastEventId, confirmed);
    await settles('replicated', next.replicated(appendMixed(next, 10)));
    await proveSame(place, next, 'lost');
  });

  test('without a quorum appends go on; when it is back so does replication', async (t) => {
    const place = new Place(t);
    const wal = place.keep(await openLog(place.path('log')));
    const replica = place.keep(await replicate(wal, { stream: streamOf('quorum') }));
    await settles('replicated', replica.replicated(appendMixed(wal, 5)));
    const [first = '', second = ''] = cluster.names;
    await Promise.all([cluster.kill(first), cluster.kill(second)]);
    const last = appendMixed(wal, 50);
    assert.equal(await wal.durable(), last);
    const pending = replica.replicated(last);
    assert.ok(await staysPending(pending, 200));
    await eventually('it waits', () => replica.state === 'waiting');
    cluster.start(first);
    cluster.start(second);
    assert.equal(await settles('replicated', pending), last);
    await proveSame(place, wal, 'quorum');
  });

  test('a leader that has lost its disk comes back: what it answers is not believed', async (t) => {
    const place = new Place(t);
    const wal = place.keep(await openLog(place.path('log')));
    const replica = place.keep(await replicate(wal, { stream: streamOf('disk') }));
    await settles('replicated', replica.replicated(appendMixed(wal, 30)));
    const leader = await leaderOf(cluster, 'disk');
    await cluster.kill(leader);
    cluster.loseDisk(leader);
    cluster.start(leader);
    for (let round = 0; round < 3; round++) {
      await settles('replicated', replica.replicated(appendMixed(wal, 10)));
    }
    await proveSame(place, wal, 'disk');
  });

  test('a full stream is waited for, and goes on when it has room', async (t) => {
    const place = new Place(t);
    const wal = place.keep(await openLog(place.path('log')));
    const stream = streamOf('full', { create: { maxBytes: 65_536 } });
    const replica = place.keep(await replicate(wal, { stream }));
    await settles('claimed', replica.claimed());
    const last = appendMixed(wal, 200);
    const pending = replica.replicated(last);
    await eventually('it is full', () => replica.counts.failures.full > 0);
    assert.ok(replica.confirmedEventId < last);
    const nc = await connect({ servers: cluster.servers });
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    await insist(() => jsm.streams.update('full', { max_bytes: 10_000_000 }));
    await nc.close();
    assert.equal(await settles('replicated', pending), last);
    await proveSame(place, wal, 'full');
  });

  test('four standbys take over at once from a writer that does not know of it, which is fenced', async (t) => {
    const place = new Place(t);
    const wal = place.keep(await openLog(place.path('log')));
    const replica = place.keep(await replicate(wal, { stream: streamOf('race') }));
    await settles('replicated', replica.replicated(appendMixed(wal, 20)));
    const standbys = await Promise.all(
      [1, 2, 3, 4].map(async (number) => {
        const out = place.path(`standby-${number}`);
        const source = place.keep(streamOf('race'));
        await settles('restore', restoreFrom(source, out, { segmentBytes: 65_536 }));
        const stream = streamOf('race');
        await insist(() => stream.position());
        return { out, stream };
      }),
    );
    const outcomes = await Promise.all(
      standbys.map(async ({ out, stream }) => {
        const standby = place.keep(await replicate(out, { stream, takeover: true }));
        return settles('claimed', standby.claimed()).catch((error: WalError) => error.code);
      }),
    );
    // Who looks only after another one has claimed takes over from that one.
    const refused = outcomes.filter((outcome) => outcome === 'ERR_FLASHSTRIKE_FENCED');
    assert.ok(refused.length < 4 && outcomes.length - refused.length >= 1, outcomes.join());
    appendMixed(wal, 1);
    await assert.rejects(settles('ended', replica.ended()), code('ERR_FLASHSTRIKE_FENCED'));
  });

  test('a stream that cannot keep the promises is refused', async (t) => {
    const place = new Place(t);
    const wal = place.keep(await openLog(place.path('log')));
    const refused = async (stream: string, more: object, why: RegExp): Promise<void> => {
      const replica = await replicate(wal, { stream: streamOf(stream, more) });
      const claimed = settles('claimed', replica.claimed());
      await assert.rejects(claimed, code('ERR_FLASHSTRIKE_INVALID_OPTION', why));
    };
    await refused('none', { create: undefined }, /There is no stream none/);
    const one = place.keep(await replicate(wal, { stream: streamOf('one', { replicas: 1 }) }));
    await settles('claimed', one.claimed());
    await one.close();
    await refused('one', {}, /kept on 1 servers, not on 3/);
    await refused('one', { replicas: 1, subject: 'other' }, /has the subjects flashstrike.one/);
    const nc = await connect({ servers: cluster.servers });
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const wrong = { subjects: ['flashstrike.memory'], num_replicas: 3 };
    const add = (name: string, limits: object) =>
      insist(() =>
        jsm.streams.add({ name, subjects: [`flashstrike.${name}`], num_replicas: 3, ...limits }),
      );
    await insist(() => jsm.streams.add({ name: 'memory', storage: 'memory', ...wrong }));
    await add('few', { max_msgs: 100 });
    await add('each', { max_msgs_per_subject: 100, discard: 'new' });
    await nc.close();
    await refused('memory', {}, /kept in memory/);
    await refused('few', {}, /drops old blocks when it is full/);
    await refused('each', {}, /max_msgs_per_subject/);
  });
});
